//! Zones by point, by lookup file and by line; exchanged axes.

use std::collections::BTreeMap;

use super::rows::{rejected, trip};
use super::world::{HEADER, TRIPS, World, agreement, cells, od};
use crate::aggregate::AggregateError;

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
