//! What a picture says of its numbers: per what, how exact, what is left out.

use serde_json::json;

use super::{checked, map};
use crate::picture::Wish;
use crate::testing::*;

#[test]
fn a_rate_is_a_mean_over_all_days_that_were_added_up() {
    let mut sheet = sheet();
    sheet["unit"] = "trip".into();
    let rate = |sheet: &serde_json::Value, top: &str, words: &str| {
        let picture = export_of(&released(), sheet).chart(&Wish::default());
        let picture = picture.unwrap();
        let svg = checked(&picture);
        assert!(svg.contains(&format!("{words} ·")), "{words}: {svg}");
        // 1,234 trips in 12 hours of so many days.
        assert!(svg.contains(&format!(">{top}</text>")), "{top}: {svg}");
        assert_eq!(picture.series[0].1.value, 1234, "the numbers are sums");
    };
    rate(&sheet, "100", "trips an hour");
    sheet["table"]["period"] = "month".into();
    sheet["period"] = "2026-10".into();
    rate(&sheet, "3.0", "trips an hour, mean of 31 days");
    sheet["table"]["period"] = "day".into();
    sheet["period"] = "2026-10-05".into();
    sheet["merge"] = json!({ "periods": ["2026-10-05", "2026-10-07", "2026-10-08"] });
    rate(&sheet, "30", "trips an hour, mean of 3 days");
}

#[test]
fn units_are_people_only_at_their_own_grain() {
    let mut sheet = sheet();
    let unit = |sheet: &serde_json::Value| {
        let picture = export_of(&released(), sheet).chart(&Wish::default());
        picture.unwrap().unit
    };
    assert_eq!(unit(&sheet), "people");
    sheet["table"]["period"] = "month".into();
    sheet["period"] = "2026-10".into();
    assert_eq!(unit(&sheet), "person-days");
    sheet["unit"] = "person-month".into();
    assert_eq!(unit(&sheet), "people");
}

/// Whether numbers have noise is not read off a table whose intervals happen to be narrow.
#[test]
fn only_a_mechanism_without_noise_has_none() {
    let mut sheet = sheet();
    let mut columns = released().columns().to_vec();
    columns[5] = columns[4].clone();
    columns[6] = columns[4].clone();
    let rows = arrow::array::RecordBatch::try_new(released().schema(), columns).unwrap();
    let said = |sheet: &serde_json::Value| map(&export_of(&rows, sheet)).svg;
    let noisy = said(&sheet);
    assert!(!noisy.contains("as released") && noisy.contains("± 0 (median)"));
    sheet["mechanism"] = json!({ "kind": "k_only", "k": 5 });
    assert!(said(&sheet).contains("as released"));
}

/// A sheet of `od` in trips with so many modes and parts of the day, and a row of each mode but the last.
fn modes(count: usize, parts: usize, value: impl Fn(usize) -> i64) -> crate::Export {
    let names: Vec<String> = (0..count).map(|n| format!("mode-{n:05}")).collect();
    let mut sheet = sheet();
    sheet["unit"] = "trip".into();
    sheet["table"]["categories"][0]["values"] = json!(names);
    let hours: Vec<usize> = (0..parts).map(|part| part * 24 / parts).collect();
    sheet["table"]["bins"] = json!(hours);
    sheet["domain_keys"] = (9 * parts * count).into();
    let rows = count - 1;
    let values: Vec<i64> = (0..rows).map(value).collect();
    let same = |id| texts(&vec![id; rows]);
    let names: Vec<&str> = names.iter().take(rows).map(String::as_str).collect();
    let rows = batch(vec![
        ("origin", same("00100")),
        ("destination", same(QUOTES)),
        ("start", bins(&vec![0; rows])),
        ("mode", texts(&names)),
        ("contributors", numbers(&values)),
        ("contributors_low", numbers(&values)),
        ("contributors_high", numbers(&values)),
    ]);
    export_of(&rows, &sheet)
}

#[test]
fn lines_that_have_no_colour_left_are_told() {
    let picture = modes(10, 2, |n| 100 + n as i64).chart(&Wish::default());
    let picture = picture.unwrap();
    let svg = checked(&picture);
    assert!(svg.contains("the 7 largest of 9 lines"), "{svg}");
    assert!(svg.contains(">mode-00008<") && !svg.contains(">mode-00001<"));
    assert_eq!(picture.series.len(), 18, "the numbers are all there");
}

#[test]
fn sums_beyond_all_numbers_stay_at_the_largest() {
    let export = modes(4, 2, |_| i64::MAX - 1);
    let sum = map(&export).series[0].1;
    assert_eq!((sum.value, sum.high()), (i64::MAX, i64::MAX));
    for by in [None, Some("mode".to_owned())] {
        let wish = Wish {
            by,
            ..Wish::default()
        };
        checked(&export.chart(&wish).unwrap());
    }
    let mut columns = released().columns().to_vec();
    let mut sheet = sheet();
    sheet["unit"] = "trip".into();
    sheet["table"]["categories"][0]["values"] = json!(["bike", "tram"]);
    sheet["domain_keys"] = 36.into();
    columns[3] = texts(&["bike", "bike", "tram"]);
    for values in [[i64::MIN, 1234, i64::MAX], [i64::MAX; 3]] {
        columns[4] = numbers(&values);
        columns[5] = numbers(&[0; 3]);
        columns[6] = numbers(&[i64::MAX; 3]);
        let rows = arrow::array::RecordBatch::try_new(released().schema(), columns.clone());
        let export = export_of(&rows.unwrap(), &sheet);
        checked(&export.chart(&Wish::default()).unwrap());
        checked(&map(&export));
    }
}

#[test]
fn flows_that_noise_made_nothing_are_told() {
    let mut columns = released().columns().to_vec();
    columns[4] = numbers(&[50, -3, 60]);
    columns[5] = numbers(&[40, -13, 50]);
    columns[6] = numbers(&[60, 7, 70]);
    let rows = arrow::array::RecordBatch::try_new(released().schema(), columns).unwrap();
    let mut sheet = sheet();
    sheet["unit"] = "trip".into();
    let picture = map(&export_of(&rows, &sheet));
    let svg = checked(&picture);
    assert!(
        svg.contains("the 2 largest of 3 released flows"),
        "{}",
        picture.svg
    );
    assert!(svg.contains("Not drawn: 1 released"), "{svg}");
    assert!(!map(&export()).svg.contains("Not drawn"));
}

/// Found by looking: 4 flows were called the 4 largest of 4, and the scale lay over zones and their names.
#[test]
fn all_flows_are_called_all_and_the_scale_lies_under_the_map() {
    let mut sheet = sheet();
    sheet["unit"] = "trip".into();
    let picture = map(&export_of(&released(), &sheet));
    let svg = checked(&picture);
    assert!(svg.contains("· all 3 released flows ·"), "{svg}");
    let number = |text: &str, name: &str| -> f64 {
        let value = text.split(&format!(" {name}=\"")).nth(1).unwrap();
        value.split('"').next().unwrap().parse().unwrap()
    };
    let tag = |mark: &str| {
        let tags = svg.split('<').filter(|tag| tag.starts_with("rect"));
        tags.into_iter().find(|tag| tag.contains(mark)).unwrap()
    };
    let (map, scale) = (tag("fill=\"#eaf0f4\""), tag("fill=\"#333333\""));
    assert!(number(scale, "y") >= number(map, "y") + number(map, "height"));
}

/// No profile of the day, but a category.
#[test]
fn a_table_without_times_of_the_day_has_bars() {
    let mut sheet = sheet();
    sheet["table"]["kind"] = "lodging".into();
    sheet["table"]["bins"] = json!([0]);
    sheet["table"]["clamps"] = json!([]);
    sheet["table"]["categories"] = json!([{ "dimension": "type", "values": ["room", "flat"] }]);
    sheet["domain_keys"] = 6.into();
    let rows = batch(vec![
        ("zone", texts(&["00100", QUOTES])),
        ("type", texts(&["room", "flat"])),
        ("contributors", numbers(&[120, 80])),
    ]);
    let picture = export_of(&rows, &sheet).chart(&Wish::default()).unwrap();
    let labels: Vec<&str> = picture.series.iter().map(|(of, _)| of.as_str()).collect();
    assert_eq!(labels, ["room", "flat"]);
}

/// Of a domain over a million keys nobody can count what is withheld; it is hatched all the same.
#[test]
fn what_is_withheld_of_a_domain_too_large_to_list_is_not_said_to_be_nothing() {
    let export = modes(5_000, 24, |n| if n == 7 { 500 } else { 10 });
    let listed = export.grid().domain().listed;
    assert!(!listed);
    let flows = map(&export);
    assert!(flows.svg.contains("any sum may lack withheld parts"));
    assert_eq!(flows.series[0].1.withheld, None);
    let mut by_mode = Wish {
        by: Some("mode".to_owned()),
        ..Wish::default()
    };
    let bars = export.chart(&by_mode).unwrap();
    assert_eq!(bars.series.len(), 5_000, "the one without any row included");
    by_mode.only = vec![("mode".to_owned(), "mode-00007".to_owned())];
    let bars = export.chart(&by_mode).unwrap();
    assert_eq!(bars.series.len(), 1, "no more than was asked for");
    let mut sheet = sheet();
    sheet["table"]["kind"] = "presence".into();
    sheet["table"]["bins"] = json!((0..24).collect::<Vec<_>>());
    sheet["table"]["clamps"] = json!([]);
    let many: Vec<String> = (0..20_000).map(|n| format!("m{n}")).collect();
    sheet["table"]["categories"] = json!([{ "dimension": "category", "values": many }]);
    sheet["domain_keys"] = (3 * 24 * 20_000).into();
    let rows = batch(vec![
        ("zone", texts(&["00100", QUOTES])),
        ("time", bins(&[0, 0])),
        ("category", texts(&["m0", "m0"])),
        ("contributors", numbers(&[120, 80])),
    ]);
    let zones = map(&export_of(&rows, &sheet));
    assert_eq!(zones.series.len(), 2);
    assert!(zones.series.iter().all(|(_, sum)| sum.withheld.is_none()));
    for said in ["withheld: too few", "any sum may lack withheld parts"] {
        assert!(zones.svg.contains(said), "`{said}` is not there");
    }
    assert!(!map(&presence()).svg.contains("any sum may lack"));
    assert_eq!(map(&presence()).series[0].1.withheld, Some(0));
}
