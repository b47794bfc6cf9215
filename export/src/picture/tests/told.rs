//! What a picture says of its numbers: per what, how exact, what is left out.

use arrow::array::RecordBatch;
use serde_json::json;

use super::{checked, map};
use crate::grid::Listed;
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

/// Of a domain of over a million keys, too, a picture says how many are withheld of each sum.
#[test]
fn what_is_withheld_is_counted_whatever_the_domain() {
    let export = modes(5_000, 24, |n| if n == 7 { 500 } else { 10 });
    assert_eq!(export.grid().domain(Listed::Every).keys, 9 * 24 * 5_000);
    let flows = map(&export);
    assert_eq!(flows.series.len(), 1);
    assert_eq!(flows.series[0].1.withheld, 24 * 5_000 - 4_999);
    let mut by_mode = Wish {
        by: Some("mode".to_owned()),
        ..Wish::default()
    };
    let bars = export.chart(&by_mode).unwrap();
    assert_eq!(bars.series.len(), 5_000, "the one without any row included");
    assert_eq!(bars.series[0].1.withheld, 9 * 24 - 1);
    assert_eq!(bars.series[4_999].1.withheld, 9 * 24);
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
    // People do not add up over times and categories: of the busiest ones each zone has one key.
    let withheld: Vec<u64> = zones.series.iter().map(|(_, sum)| sum.withheld).collect();
    assert_eq!(withheld, [0, 0, 1]);
    assert!(zones.svg.contains("withheld: too few"));
}

/// Numbers without a stated interval have no `± 0`, and no whiskers.
#[test]
fn no_interval_is_shown_where_none_is_stated() {
    let said = |rows: &RecordBatch| {
        let export = export_of(rows, &sheet());
        let mut wish = Wish::default();
        let flows = map(&export).svg;
        wish.by = Some("mode".to_owned());
        (flows, export.chart(&wish).unwrap().svg)
    };
    let (flows, bars) = said(&released());
    assert!(flows.contains("1,234 ± 10</title>") && bars.contains("Whiskers"));
    let bare = released().project(&[0, 1, 2, 3, 4]).unwrap();
    let (flows, bars) = said(&bare);
    assert!(flows.contains("1,234</title>"), "{flows}");
    for svg in [flows, bars] {
        assert!(!svg.contains('±') && !svg.contains("Whiskers"), "{svg}");
    }
}

/// Where several lines are drawn, a strip under the axis shows when each is withheld; one that always is, is counted.
#[test]
fn withheld_times_of_several_lines_are_hatched_and_lines_without_any_are_told() {
    let mut sheet = sheet();
    sheet["unit"] = "trip".into();
    sheet["table"]["categories"][0]["values"] = json!(["bike", "tram", "ferry"]);
    sheet["domain_keys"] = 54.into();
    let mut columns = released().columns().to_vec();
    columns[2] = bins(&[0, 1, 1]);
    columns[3] = texts(&["bike", "bike", "tram"]);
    let rows = RecordBatch::try_new(released().schema(), columns).unwrap();
    let picture = export_of(&rows, &sheet).chart(&Wish::default()).unwrap();
    let svg = checked(&picture);
    // Found by looking at it: the legend stood where the names of low lines stand.
    let legend = svg
        .split("<text x=\"")
        .find(|text| text.contains(">withheld</text>"));
    let x: f64 = legend.unwrap().split('"').next().unwrap().parse().unwrap();
    assert!(x < 806.0, "left of the names: {x}");
    assert!(svg.contains("1 more withheld throughout"), "{svg}");
    assert!(svg.contains("tram, withheld") && !svg.contains("bike, withheld"));
    let hatched = svg
        .lines()
        .filter(|line| line.starts_with("<rect") && line.contains("url(#withheld)"));
    assert_eq!(hatched.count(), 2, "the tram's morning, and the legend");
    let morning = &picture.series[0];
    assert_eq!((morning.1.rows, morning.1.withheld), (1, 8), "{morning:?}");
    assert!(picture.series.iter().any(|(_, sum)| sum.withheld == 9));
}

/// A headline stays inside the picture, however many periods were merged.
#[test]
fn a_headline_of_many_periods_counts_them() {
    let mut sheet = sheet();
    let days: Vec<String> = (5..25)
        .step_by(2)
        .map(|d| format!("2026-10-{d:02}"))
        .collect();
    sheet["merge"] = json!({ "periods": days });
    let picture = map(&export_of(&released(), &sheet));
    assert!(
        picture
            .title
            .ends_with("10 days of 2026-10-05 to 2026-10-23"),
        "{}",
        picture.title
    );
    let mut few = sheet.clone();
    few["merge"] = json!({ "periods": [days[0], days[1]] });
    let picture = map(&export_of(&released(), &few));
    assert!(picture.title.ends_with("2026-10-05, 2026-10-07"));
}
