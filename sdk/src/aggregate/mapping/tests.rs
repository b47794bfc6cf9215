#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::*;

fn parse(text: &str) -> Result<Mapping, MappingError> {
    Mapping::parse(text, Path::new("."))
}

fn name(text: &str) -> TableName {
    TableName::new(text).unwrap()
}

#[test]
fn a_table_may_differ_from_the_rest() {
    let mapping = parse(
        r#"
        [source]
        format = "csv"
        [time]
        column = "Departure"
        [dimensions.mode]
        const = "bike"
        [tables.returns.time]
        column = "Return"
        format = "%d.%m.%Y %H:%M"
        "#,
    )
    .unwrap();
    let column = |table| &mapping.time(&name(table)).unwrap().column;
    assert_eq!(column("returns"), "Return");
    assert_eq!(column("departures"), "Departure");
    let mode = mapping.dimension(&name("returns"), "mode").unwrap();
    assert_eq!(*mode, DimensionSource::Constant("bike".into()));
}

#[test]
fn sentinels_may_be_numbers() {
    let mapping = parse(
        r#"
        [source]
        format = "parquet"
        [sums.distance_m]
        column = "miles"
        scale = 1609.344
        missing = [-1, 99.5, "NA"]
        "#,
    )
    .unwrap();
    let SumSource::Column { column, .. } = mapping.sum(&name("t"), "distance_m").unwrap() else {
        panic!("not a column");
    };
    let expected = [
        Sentinel::Number(-1.0),
        Sentinel::Number(99.5),
        Sentinel::Text("NA".into()),
    ];
    assert_eq!(column.missing, expected);
}

#[test]
fn a_wrong_mapping_is_refused_with_its_line() {
    for (part, says) in [
        ("[source]\nformat = \"xml\"", "xml"),
        (
            "[source]\nformat = \"csv\"\ndelimiter = \"ab\"",
            "delimiter",
        ),
        ("[source]\nformat = \"csv\"\nspeed = 1", "speed"),
        (
            "[source]\nformat = \"csv\"\n[dimensions.origin]\nlon = \"x\"",
            "`lon` and `lat`",
        ),
        (
            "[source]\nformat = \"csv\"\n[dimensions.origin]\ncolum = \"x\"",
            "colum",
        ),
        (
            "[source]\nformat = \"csv\"\n[time]\ncolumn = \"t\"\nformat = \"sometime\"",
            "sometime",
        ),
        (
            "[source]\nformat = \"csv\"\n[time]\ncolumn = \"t\"\nformat = \"%Y-%!\"",
            "%Y-%!",
        ),
        (
            "[source]\nformat = \"csv\"\n[sums.d]\ncolumn = \"x\"\nscale = 0.0",
            "scale",
        ),
        (
            "[source]\nformat = \"csv\"\n[sums.d]\ncolumn = \"x\"\nscale = inf",
            "scale",
        ),
        (
            "[source]\nformat = \"csv\"\n[aggregates.measures.p]\ncolumns = { a = 24 }",
            "hour",
        ),
        (
            "[source]\nformat = \"csv\"\n[aggregates.measures.p]\ncolumns = { a = 1, b = 1 }",
            "hour",
        ),
    ] {
        match parse(part) {
            Err(MappingError::Shape { message }) => {
                assert!(
                    message.contains(says) && message.contains("line"),
                    "{message}"
                );
            }
            other => panic!("`{part}` gave {other:?}"),
        }
    }
}

#[test]
fn the_documented_examples_are_mappings() {
    for source in [include_str!("../mapping.rs"), include_str!("aggregates.rs")] {
        let text: String = source
            .lines()
            .skip_while(|line| !line.contains("```toml"))
            .skip(1)
            .take_while(|line| !line.contains("```"))
            .map(|line| format!("{}\n", line.trim_start_matches("//!")))
            .collect();
        let text = if text.contains("[source]") {
            text
        } else {
            format!("[source]\nformat = \"csv\"\n{text}")
        };
        parse(&text).unwrap();
    }
}
