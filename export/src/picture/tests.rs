use serde_json::json;

use super::*;
use crate::testing::*;

mod told;

/// The text parses as XML, has no other elements than ours, and no reference to anything outside of it.
fn checked(picture: &Picture) -> &str {
    let tree = resvg::usvg::roxmltree::Document::parse(&picture.svg).unwrap();
    let known = [
        "svg", "title", "desc", "defs", "pattern", "clipPath", "g", "rect", "line", "circle",
        "path", "text",
    ];
    for node in tree
        .descendants()
        .filter(resvg::usvg::roxmltree::Node::is_element)
    {
        assert!(known.contains(&node.tag_name().name()), "{node:?}");
        assert!(
            node.attributes()
                .all(|a| !a.name().contains("href") && !a.name().starts_with("on"))
        );
    }
    &picture.svg
}

fn map(export: &crate::Export) -> Picture {
    let picture = export.map(&Wish::default()).unwrap();
    let again = export.map(&Wish::default()).unwrap();
    assert!(
        picture.svg == again.svg,
        "equal releases have equal pictures"
    );
    picture
}

#[test]
fn a_map_of_zones_hatches_what_is_withheld_and_says_where_it_comes_from() {
    let picture = map(&presence());
    let svg = checked(&picture);
    // The zone `=1+1` and the legend.
    assert_eq!(svg.matches("<path d=").count(), 3);
    let hatched = svg
        .lines()
        .filter(|line| line.starts_with("<path") && line.contains("url(#withheld)"));
    let hatched: Vec<&str> = hatched.collect();
    assert_eq!(hatched.len(), 1);
    assert!(hatched[0].contains("=1+1: withheld"), "{hatched:?}");
    for said in [
        "City of Helsinki, CC BY 4.0",
        "under agreement abab",
        "per person-day",
        "withheld: too few",
        " m</text>",
        "people",
    ] {
        assert!(svg.contains(said), "`{said}` is not there");
    }
    assert_eq!(picture.series[0], ("00100".to_owned(), picture.series[0].1));
    assert_eq!(
        (picture.series[0].1.value, picture.series[0].1.half()),
        (120, 10)
    );
    assert!(picture.series[2].1.is_withheld());
}

#[test]
fn names_end_no_tag_and_no_attribute() {
    let picture = map(&presence());
    assert!(checked(&picture).contains("b&quot;&#39;&lt;&amp;&gt;"));
    assert!(!picture.svg.contains(QUOTES) && !picture.svg.contains("<&>"));
    assert_eq!(svg::escaped("a\u{0}\u{8}\u{ffff}<b"), "a&lt;b");
}

#[test]
fn a_map_of_flows_has_a_width_for_each_and_both_directions() {
    let picture = map(&export());
    let svg = checked(&picture);
    assert_eq!(
        svg.matches("stroke-width=\"15.00\"").count(),
        1,
        "the largest"
    );
    let labels: Vec<&str> = picture
        .series
        .iter()
        .map(|(label, _)| label.as_str())
        .collect();
    assert_eq!(
        labels,
        ["00100 → b\"'<&>"],
        "people do not add up over the day: the busiest time alone"
    );
    assert!(svg.contains("00:00-12:00") && svg.contains("no flow released"));
    let noon = Wish {
        only: vec![("start".into(), "12:00-24:00".into())],
        ..Wish::default()
    };
    let picture = export().map(&noon).unwrap();
    let labels: Vec<&str> = picture
        .series
        .iter()
        .map(|(label, _)| label.as_str())
        .collect();
    assert_eq!(labels, ["=1+1 → 00100", "00100 → 00100"]);
    assert!(checked(&picture).contains("inside one zone"));
}

/// Intervals of a sum are those of independent noise: squares add up.
#[test]
fn sums_have_the_interval_of_their_noise() {
    let mut sheet = sheet();
    sheet["unit"] = "trip".into();
    let picture = export_of(&released(), &sheet)
        .chart(&Wish::default())
        .unwrap();
    let halves: Vec<(i64, i64)> = picture
        .series
        .iter()
        .map(|(_, sum)| (sum.value, sum.half()))
        .collect();
    assert_eq!(
        halves,
        [(1234, 10), (110, 16)],
        "one row's own; √(11² + 11²), upwards"
    );
    let svg = checked(&picture);
    assert!(svg.contains("95 % interval") && svg.contains("local time, Europe/Helsinki"));
    assert!(svg.contains("trips an hour"));
}

#[test]
fn a_time_of_day_without_a_row_is_hatched_in_the_profile() {
    let mut sheet = sheet();
    sheet["table"]["bins"] = json!([0, 12, 18]);
    sheet["domain_keys"] = 27.into();
    let picture = export_of(&released(), &sheet)
        .chart(&Wish::default())
        .unwrap();
    assert!(picture.series[2].1.is_withheld());
    let hatched = checked(&picture)
        .lines()
        .filter(|l| l.contains("url(#withheld)"))
        .count();
    assert_eq!(hatched, 2, "the evening, and the legend");
}

/// A zone beside the one that was asked for is neither coloured nor hatched.
#[test]
fn a_zone_that_was_not_asked_for_is_not_hatched() {
    let wish = Wish {
        only: vec![("zone".to_owned(), "00100".to_owned())],
        ..Wish::default()
    };
    let picture = presence().map(&wish).unwrap();
    assert_eq!(picture.series.len(), 1);
    assert!(!checked(&picture).contains("url(#withheld)"));
}

/// What was not asked for is not withheld.
#[test]
fn a_time_of_day_that_was_not_asked_for_is_not_hatched() {
    let mut sheet = sheet();
    sheet["unit"] = "trip".into();
    let morning = Wish {
        only: vec![("start".into(), "00:00-12:00".into())],
        ..Wish::default()
    };
    let picture = export_of(&released(), &sheet).chart(&morning).unwrap();
    let labels: Vec<&str> = picture.series.iter().map(|(of, _)| of.as_str()).collect();
    assert_eq!(labels, ["00:00-12:00"]);
    assert!(!checked(&picture).contains("url(#withheld)"));
}

#[test]
fn modes_are_bars_with_shares_of_what_is_released() {
    let mut sheet = sheet();
    sheet["unit"] = "trip".into();
    sheet["table"]["categories"][0]["values"] = json!(["bike", "tram", "boat"]);
    sheet["domain_keys"] = 54.into();
    let mut columns = released().columns().to_vec();
    columns[3] = texts(&["tram", "bike", "tram"]);
    let rows = arrow::array::RecordBatch::try_new(released().schema(), columns).unwrap();
    let wish = Wish {
        by: Some("mode".into()),
        ..Wish::default()
    };
    let picture = export_of(&rows, &sheet).chart(&wish).unwrap();
    let labels: Vec<&str> = picture
        .series
        .iter()
        .map(|(label, _)| label.as_str())
        .collect();
    assert_eq!(labels, ["bike", "tram", "boat"]);
    let svg = checked(&picture);
    assert!(
        svg.contains("1,234 ± 10 (92 %)") && svg.contains(">withheld</text>"),
        "{svg}"
    );
}

#[test]
fn what_cannot_be_drawn_is_refused_with_what_can() {
    let wish = |measure: &str, only: &[(&str, &str)]| Wish {
        measure: (!measure.is_empty()).then(|| measure.to_owned()),
        only: only
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect(),
        ..Wish::default()
    };
    let said = |wish: &Wish| export().map(wish).unwrap_err().to_string();
    assert!(said(&wish("contributors_low", &[])).contains("choose one of contributors"));
    assert!(said(&wish("", &[("colour", "red")])).contains("origin, destination, start, mode"));
    assert!(said(&wish("", &[("mode", "horse")])).contains("`mode` = `horse`"));
    let nothing = wish("", &[("origin", QUOTES)]);
    assert!(said(&nothing).contains("everything is withheld"));
    assert!(matches!(
        presence().chart(&Wish::default()),
        Err(PictureError::NoChart)
    ));
}

#[test]
fn a_png_needs_a_font_and_is_twice_the_size() {
    let picture = map(&presence());
    assert!(matches!(
        png(&picture.svg, vec![b"no font".to_vec()]),
        Err(PictureError::NoFont)
    ));
    let Ok(font) = std::fs::read("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf") else {
        return policies::testing::skipped("DejaVu Sans is not here, no PNG was painted");
    };
    let png = png(&picture.svg, vec![font]).unwrap();
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    let width = u32::from_be_bytes(png[16..20].try_into().unwrap());
    assert_eq!(width, 1960);
}
