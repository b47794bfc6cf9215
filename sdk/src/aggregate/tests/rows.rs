//! What becomes of single rows: the traps of real data, and mappings that do not fit.

use std::collections::BTreeMap;

use super::world::{HEADER, RIDER, TRIPS, World, agreement, cells, od, zoning};
use crate::aggregate::{AggregateError, Reason, Report, ZoningError};

fn trip(start: &str, from: &str, to: &str, minutes: &str, metres: &str) -> String {
    format!("r1,{start},{from},{to},bike,{minutes},{metres}")
}

fn rejected(report: &Report) -> BTreeMap<&'static str, u64> {
    report.tables[0]
        .rejected
        .iter()
        .map(|(reason, rows)| (reason.as_str(), *rows))
        .collect()
}

#[test]
fn each_bad_row_is_counted_once_under_its_reason() {
    let (agreement, world) = (
        agreement("person-day", &[od("od", "week", 5, 5)]),
        World::new(),
    );
    let good = ",2023-10-05T08:00:00,00100,02100,bike,10,1000";
    let rows = [
        (format!("r1{good}"), None),
        (good.to_owned(), Some(Reason::UnitMissing)),
        (format!("anonymous{good}"), Some(Reason::UnitMissing)),
        (format!("r1{good},9"), Some(Reason::RowMalformed)),
        (
            trip("", "00100", "02100", "1", "1"),
            Some(Reason::TimeMissing),
        ),
        (
            trip("5.10.2023", "00100", "02100", "1", "1"),
            Some(Reason::TimeUnparsable),
        ),
        // 1 October 2023 is a Sunday: its week is not covered whole.
        (
            trip("2023-10-01T08:00:00", "00100", "02100", "1", "1"),
            Some(Reason::TimeOutsidePeriod),
        ),
        (
            trip("2023-11-05T08:00:00", "00100", "02100", "1", "1"),
            Some(Reason::TimeOutsidePeriod),
        ),
        (
            trip("2023-10-05", "", "02100", "1", "1"),
            Some(Reason::ZoneMissing),
        ),
        (
            trip("2023-10-05", "99999", "02100", "1", "1"),
            Some(Reason::ZoneUnknown),
        ),
        (
            trip("2023-10-05", "00100", "100", "1", "1"),
            Some(Reason::ZoneUnknown),
        ),
        (
            format!("r1{}", good.replace("bike", "")),
            Some(Reason::CategoryMissing),
        ),
        (
            format!("r1{}", good.replace("bike", "boat")),
            Some(Reason::CategoryUnknown),
        ),
        (
            trip("2023-10-05", "00100", "02100", "", "1"),
            Some(Reason::ValueMissing),
        ),
        (
            trip("2023-10-05", "00100", "02100", "-1.0", "1"),
            Some(Reason::ValueMissing),
        ),
        (
            trip("2023-10-05", "00100", "02100", "1", "far"),
            Some(Reason::ValueNotANumber),
        ),
        (
            trip("2023-10-05", "00100", "02100", "inf", "1"),
            Some(Reason::ValueNotANumber),
        ),
    ];
    let lines: Vec<String> = rows.iter().map(|(line, _)| line.clone()).collect();
    let (_, report) = world.trips(&agreement, &format!("{TRIPS}{RIDER}"), &lines);
    let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
    for reason in rows.iter().filter_map(|(_, reason)| *reason) {
        *expected.entry(reason.as_str()).or_default() += 1;
    }
    assert_eq!(rejected(&report), expected);
    assert_eq!((report.read, report.tables[0].kept), (17, 1));
    let shown = report.to_string();
    for says in [
        "rows read: 17",
        "1 rows kept, 16 rejected",
        "rejected zone.unknown: 2",
    ] {
        assert!(shown.contains(says), "{shown}");
    }
    // `100` would be known as `00100` or `0100`.
    assert!(
        shown.contains("leading zeros") && shown.contains("`to`"),
        "{shown}"
    );
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

/// Positions instead of ids, by column names that may be exchanged.
fn by_point(lon: &str, lat: &str) -> String {
    TRIPS.replace(
        "column = \"from\"",
        &format!("lon = \"{lon}\"\nlat = \"{lat}\""),
    )
}

#[test]
fn points_fall_into_zones_and_exchanged_axes_are_told() {
    let (agreement, world) = (agreement("trip", &[od("od", "day", 1, 1)]), World::new());
    let line = |x: &str, y: &str| format!("2023-10-05,{x},{y},00100,bike,1,1");
    let header = "start,x,y,to,mode,minutes,metres";
    let rows = [
        line("60.5", "24.5"), // one row exchanged by its sender is not a file exchanged
        line("24.5", "60.5"),
        line("25.5", "61.5"),
        line("24.5", "70"),
        line("", "60"),
        line("east", "60"),
    ];
    let input = [world.csv("points.csv", header, &rows)];
    let (found, report) = world.run(&agreement, &by_point("x", "y"), &input);
    let origins: Vec<String> = cells(&found).into_keys().collect();
    assert_eq!(
        origins,
        [
            "od 2023-10-05 00100 00100 00 bike",
            "od 2023-10-05 02150 00100 00 bike"
        ]
    );
    let expected = [
        ("zone.missing", 1),
        ("zone.outside", 2),
        ("zone.unparsable", 1),
    ];
    assert_eq!(rejected(&report), BTreeMap::from(expected));

    let rows = [line("24.5", "60.5"), line("24.5", "70")];
    let input = [world.csv("points.csv", header, &rows)];
    let error = world
        .try_run(&agreement, &by_point("y", "x"), &input)
        .unwrap_err();
    assert!(
        matches!(error, AggregateError::AxesSwapped { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("`y` and `x`"), "{error}");

    // All points far away, exchanged or not: no such claim.
    let far = [world.csv("far.csv", header, &[line("-70", "10")])];
    let (found, report) = world.run(&agreement, &by_point("x", "y"), &far);
    assert!(found.is_empty() && rejected(&report) == BTreeMap::from([("zone.outside", 1)]));
}

#[test]
fn a_lookup_file_places_stations_by_zone_or_by_point() {
    let (agreement, world) = (agreement("trip", &[od("od", "day", 1, 1)]), World::new());
    world.file(
        "stations.csv",
        "station;zone;x;y\n1;00100;24.5;60.5\n030;02150;25.5;61.5\n7;;;\n8;12345;0;0\n",
    );
    let lookup = |place: &str| {
        let with = format!(
            "column = \"from\"\npad = 3\nlookup = {{ file = \"stations.csv\", key = \"station\", \
             {place}, delimiter = \";\" }}"
        );
        TRIPS.replace("column = \"from\"", &with)
    };
    let stations = ["001", "1", "30", "030", "7", "8", "997"];
    let rows: Vec<String> = stations
        .iter()
        .map(|from| trip("2023-10-05", from, "0100", "1", "1"))
        .collect();
    for (place, outside) in [("zone = \"zone\"", 1), ("lon = \"x\", lat = \"y\"", 2)] {
        let (found, report) = world.trips(&agreement, &lookup(place), &rows);
        let counts: Vec<i64> = cells(&found)
            .into_values()
            .map(|cell| cell["trips"])
            .collect();
        assert_eq!(counts, [2, 2], "{report}");
        let expected = [("zone.outside", outside), ("zone.unknown", 3 - outside)];
        assert_eq!(rejected(&report), BTreeMap::from(expected));
    }
    let input = [world.csv("trips.csv", HEADER, &rows)];
    let swapped = lookup("lon = \"y\", lat = \"x\"");
    let error = world.try_run(&agreement, &swapped, &input).unwrap_err();
    assert!(error.to_string().contains("stations.csv"), "{error}");
    assert!(
        matches!(error, AggregateError::AxesSwapped { .. }),
        "{error}"
    );

    world.file(
        "stations.csv",
        "station;zone;x;y\n1;00100;0;0\n001;0100;0;0\n",
    );
    let error = world
        .try_run(&agreement, &lookup("zone = \"zone\""), &input)
        .unwrap_err();
    assert!(error.to_string().contains("key `001` two zones"), "{error}");
}

#[test]
fn lines_and_two_times_serve_as_sources() {
    let (agreement, world) = (agreement("trip", &[od("od", "day", 1, 1)]), World::new());
    let mapping = r#"
        [source]
        format = "csv"
        [time]
        column = "pickup"
        format = "%Y-%m-%d %H:%M"
        [dimensions]
        origin = { polyline = "line", at = "first" }
        destination = { polyline = "line", at = "last" }
        mode = { const = "bike" }
        [sums]
        duration_s = { from = "pickup", until = "dropoff", format = "%Y-%m-%d %H:%M" }
        distance_m = { polyline_steps = "line", scale = 15.0 }
    "#;
    let rows = [
        // Over the end of summer time: 05:00 minus 23:00 is 7 hours, clamped to 2.
        "2023-10-28 23:00,2023-10-29 05:00,\"[[24.5,60.5],[24.6,60.6],[25.5,61.5]]\"",
        "2023-10-28 23:10,2023-10-28 23:30,\"[[24.5,60.5],[25.5,61.5]]\"",
        "2023-10-28 23:10,2023-10-28 23:30,\"[]\"",
        "2023-10-28 23:10,,\"[[24.5,60.5],[25.5,61.5]]\"",
    ];
    let rows: Vec<String> = rows.iter().map(|row| (*row).to_owned()).collect();
    let input = [world.csv("taxis.csv", "pickup,dropoff,line", &rows)];
    let (found, report) = world.run(&agreement, mapping, &input);
    let cell = &cells(&found)["od 2023-10-28 00100 02150 02 bike"];
    assert_eq!(
        (cell["trips"], cell["duration_s"], cell["distance_m"]),
        (2, 7200 + 1200, 45)
    );
    let expected = BTreeMap::from([("value.missing", 1), ("zone.missing", 1)]);
    assert_eq!(rejected(&report), expected);
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
fn a_mapping_or_zoning_that_does_not_fit_is_refused() {
    let world = World::new();
    let tables = [od("od", "day", 1, 1)];
    let input = [world.csv(
        "trips.csv",
        HEADER,
        &[trip("2023-10-05", "00100", "0100", "1", "1")],
    )];
    let with = |part: &str| format!("{TRIPS}{part}");
    let without = |part: &str| TRIPS.replace(part, "");
    for (unit, mapping, says) in [
        (
            "person-day",
            TRIPS.to_owned(),
            "`unit`: the agreement protects persons",
        ),
        (
            "trip",
            with(RIDER),
            "`unit`: the agreement's unit is `trip`",
        ),
        (
            "none",
            with(RIDER),
            "`unit`: the agreement's unit is `none`",
        ),
        (
            "trip",
            without("[time]\ncolumn = \"start\"\n"),
            "`time`: table `od` needs it",
        ),
        (
            "trip",
            without("[dimensions.origin]\ncolumn = \"from\"\n"),
            "`dimensions.origin`",
        ),
        (
            "trip",
            without("[sums.distance_m]\ncolumn = \"metres\"\n"),
            "`sums.distance_m`",
        ),
        (
            "trip",
            with("[tables.of.time]\ncolumn = \"x\"\n"),
            "`tables.of`",
        ),
        (
            "trip",
            TRIPS.replace("= \"bike\"", "= \"boat\""),
            "`dimensions.mode`",
        ),
        (
            "trip",
            TRIPS.replace("\"start\"", "\"begin\""),
            "no column `begin`",
        ),
        (
            "trip",
            with("[tables.od.dimensions.mode]\nlon = \"a\"\nlat = \"b\""),
            "only a zone",
        ),
        (
            "trip",
            with("[tables.od.dimensions.origin]\nconst = \"100\""),
            "`100` is no value",
        ),
    ] {
        let agreement = agreement(unit, &tables);
        let error = world
            .try_run(&agreement, &mapping, &input)
            .unwrap_err()
            .to_string();
        assert!(error.contains(says), "{says}: {error}");
    }
    let mut agreement = agreement("trip", &tables);
    agreement.zonings[0].zones = 5;
    let error = world.try_run(&agreement, TRIPS, &input).unwrap_err();
    assert!(
        matches!(error, AggregateError::Zoning(ZoningError::Count { .. })),
        "{error}"
    );
    agreement.zonings[0].sha256 = "1".repeat(64).parse().unwrap();
    let error = world.try_run(&agreement, TRIPS, &input).unwrap_err();
    assert!(
        matches!(error, AggregateError::Zoning(ZoningError::NotGiven { .. })),
        "{error}"
    );
    assert_eq!(zoning().ids().len(), 4);
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
