//! What becomes of single rows: the traps of real data.

use std::collections::BTreeMap;

use super::world::{RIDER, TRIPS, World, agreement, cells, od};
use crate::aggregate::Report;

pub fn trip(start: &str, from: &str, to: &str, minutes: &str, metres: &str) -> String {
    format!("r1,{start},{from},{to},bike,{minutes},{metres}")
}

pub fn rejected(report: &Report) -> BTreeMap<&'static str, u64> {
    report.tables[0]
        .rejected
        .iter()
        .map(|(reason, rows)| (reason.as_str(), *rows))
        .collect()
}

/// Each line after the reason it is rejected for. 1 October 2023 is a Sunday: its week is not
/// covered whole.
const BAD: &str = "\
unit.missing ,2023-10-05,00100,02100,bike,10,1000
unit.missing anonymous,2023-10-05,00100,02100,bike,10,1000
row.malformed r1,2023-10-05,00100,02100,bike,10,1000,9
time.missing r1,,00100,02100,bike,1,1
time.unparsable r1,5.10.2023,00100,02100,bike,1,1
time.outside_period r1,2023-10-01T08:00:00,00100,02100,bike,1,1
time.outside_period r1,2023-11-05T08:00:00,00100,02100,bike,1,1
zone.missing r1,2023-10-05,,02100,bike,1,1
zone.unknown r1,2023-10-05,99999,02100,bike,1,1
zone.unknown r1,2023-10-05,00100,100,bike,1,1
category.missing r1,2023-10-05,00100,02100,,1,1
category.unknown r1,2023-10-05,00100,02100,boat,1,1
value.missing r1,2023-10-05,00100,02100,bike,,1
value.missing r1,2023-10-05,00100,02100,bike,-1.0,1
value.not_a_number r1,2023-10-05,00100,02100,bike,1,far
value.not_a_number r1,2023-10-05,00100,02100,bike,inf,1";

#[test]
fn each_bad_row_is_counted_once_under_its_reason() {
    let tables = [od("od", "week", 5, 5)];
    let (agreement, world) = (agreement("person-day", &tables), World::new());
    let mut lines = vec![trip("2023-10-05T08:00:00", "00100", "02100", "10", "1000")];
    let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
    for (reason, line) in BAD.lines().map(|line| line.split_once(' ').unwrap()) {
        *expected.entry(reason).or_default() += 1;
        lines.push(line.to_owned());
    }
    let (_, report) = world.trips(&agreement, &format!("{TRIPS}{RIDER}"), &lines);
    assert_eq!(rejected(&report), expected);
    assert_eq!((report.read, report.tables[0].kept), (17, 1));
    let shown = report.to_string();
    for says in [
        "rows read: 17",
        "1 rows kept, 16 rejected",
        "rejected zone.unknown: 2",
        // `100` would be known as `00100` or `0100`.
        "ids in `to` differ from known ones only in leading zeros",
    ] {
        assert!(shown.contains(says), "{shown}");
    }
}

#[test]
fn ids_that_look_like_the_same_number_stay_apart() {
    let (agreement, world) = (agreement("trip", &[od("od", "day", 1, 1)]), World::new());
    let rows = [
        trip("2023-10-05", "00100", "0100", "1", "1"),
        trip("2023-10-05", "0100", "00100", "1", "1"),
    ];
    let (found, report) = world.trips(&agreement, TRIPS, &rows);
    let keys: Vec<String> = cells(&found).into_keys().collect();
    assert_eq!(
        keys,
        [
            "od 2023-10-05 00100 0100 00 bike",
            "od 2023-10-05 0100 00100 00 bike"
        ]
    );
    assert!(report.notes.is_empty());
    let padded = TRIPS.replace("column = \"from\"", "column = \"from\"\npad = 5");
    let (found, report) = world.trips(
        &agreement,
        &padded,
        &[trip("2023-10-05", "100", "0100", "1", "1")],
    );
    assert_eq!(cells(&found).len(), 1, "{report}");
}

#[test]
fn an_absurd_trip_is_clamped_and_counted() {
    let (agreement, world) = (agreement("trip", &[od("od", "day", 1, 1)]), World::new());
    let rows = [
        trip("2023-10-05T08:00:00", "00100", "02100", "10", "1184750"),
        trip("2023-10-05T08:00:00", "00100", "02100", "48581", "900.4"),
        trip("2023-10-05T08:00:00", "00100", "02100", "0.01", "-5"),
        trip("2023-10-05T08:00:00", "00100", "02100", "1e300", "20000"),
    ];
    let (found, report) = world.trips(&agreement, TRIPS, &rows);
    let cell = &cells(&found)["od 2023-10-05 00100 02100 01 bike"];
    assert_eq!(cell["distance_m"], 20_000 + 900 + 20_000);
    assert_eq!(cell["duration_s"], 600 + 7200 + 60 + 7200);
    let clamped = &report.tables[0].clamped;
    assert_eq!((clamped["distance_m"], clamped["duration_s"]), (2, 3));
    let declared = &found[0].declared;
    assert_eq!(declared.clamped["distance_m"].to_string(), "0.500");
    assert_eq!(declared.clamped["duration_s"].to_string(), "0.750");
}

#[test]
fn a_day_with_a_dst_change_has_one_period_and_its_bins() {
    let (agreement, world) = (agreement("trip", &[od("od", "day", 1, 1)]), World::new());
    // 03:30 local happens twice on 29 October 2023; both instants and the bare reading share a bin.
    let starts = [
        "2023-10-29T03:30:00",
        "2023-10-29T00:30:00Z",
        "2023-10-29T01:30:00Z",
        "2023-10-28T21:00:00Z",
        "2023-10-29T21:59:59Z",
        "2023-10-29T22:00:00Z",
        "2023-10-29",
    ];
    let rows: Vec<String> = starts
        .iter()
        .map(|start| trip(start, "00100", "0100", "1", "1"))
        .collect();
    let (found, _) = world.trips(&agreement, TRIPS, &rows);
    let counts: Vec<(String, i64)> = cells(&found)
        .into_iter()
        .map(|(key, cell)| (key, cell["trips"]))
        .collect();
    let expected = [
        ("od 2023-10-29 00100 0100 00 bike", 5),
        ("od 2023-10-29 00100 0100 02 bike", 1),
        ("od 2023-10-30 00100 0100 00 bike", 1),
    ];
    assert_eq!(counts, expected.map(|(key, trips)| (key.to_owned(), trips)));
}

#[test]
fn without_a_unit_no_contributors_are_claimed() {
    let (agreement, world) = (agreement("none", &[od("od", "day", 1, 1)]), World::new());
    let rows = vec![trip("2023-10-05", "00100", "0100", "1", "1"); 3];
    let (found, _) = world.trips(&agreement, TRIPS, &rows);
    let cell = &cells(&found)["od 2023-10-05 00100 0100 00 bike"];
    assert_eq!(cell.get("contributors"), None);
    assert_eq!((cell["trips"], cell["duration_s"]), (3, 180));
    assert_eq!(
        (found[0].declared.active_units, found[0].declared.truncated),
        (None, None)
    );
}

#[test]
fn a_mapping_may_serve_only_some_tables() {
    let tables = [od("od", "day", 1, 1), od("od_month", "month", 1, 1)];
    let (agreement, world) = (agreement("trip", &tables), World::new());
    let rows = [trip("2023-10-05", "00100", "0100", "1", "1")];
    let mapping = format!("only = [\"od_month\"]\n{TRIPS}");
    let (found, _) = world.trips(&agreement, &mapping, &rows);
    assert_eq!(
        cells(&found).into_keys().collect::<Vec<_>>(),
        ["od_month 2023-10 00100 0100 00 bike"]
    );
}
