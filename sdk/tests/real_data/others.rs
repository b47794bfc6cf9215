//! A telecom operator's own aggregate, taxis of two cities, and stations with exchanged axes.

use std::collections::BTreeMap;
use std::fs;

use sdk::aggregate::{AggregateError, Mapping, Zoning};

use crate::{Terms, aggregate, agreement, data, od, rejected, total, zoning};

const FILES: &str = "HMA_Dynamic_population_24H_";

const DAYS: [(&str, &str); 3] = [
    ("workdays", "workday"),
    ("sat", "saturday"),
    ("sun", "sunday"),
];

/// Percent of 1,190,000 people by grid square and hour, one file per type of day.
fn presence_mapping() -> String {
    let columns: Vec<String> = (0..24).map(|hour| format!("H{hour} = {hour}")).collect();
    let files = DAYS.map(|(file, category)| {
        format!(
            "\n[[aggregates.files]]\nname = \"{FILES}{file}.csv.gz\"\n\
             dimensions = {{ category = \"{category}\" }}\n"
        )
    });
    format!(
        r#"
        [source]
        format = "csv"
        [dimensions.zone]
        column = "YKR_ID"
        lookup = {{ file = "grid250m_2023.csv", key = "id", zone = "zone_id" }}
        [aggregates]
        period = "2017-11"
        [aggregates.measures.people]
        columns = {{ {} }}
        scale = 11900.0
        {}"#,
        columns.join(", "),
        files.concat()
    )
}

#[test]
fn helsinki_telecom_presence_has_no_unit() {
    let (Some(folder), Some(bikes)) = (
        data("helsinki-telecom-presence"),
        data("helsinki-citybikes"),
    ) else {
        return;
    };
    let zones = zoning(&bikes.join("zones_postal_2024.geojson"));
    let hours: Vec<String> = (0..24).map(|hour| hour.to_string()).collect();
    let tables = [format!(
        r#"{{"name": "presence", "kind": "presence", "zoning": "zones", "period": "month",
        "bins": [{}], "categories": [{{"dimension": "category",
        "values": ["workday", "saturday", "sunday"]}}],
        "cells_max": 1, "per_cell_max": 1, "clamps": []}}"#,
        hours.join(",")
    )];
    let terms = Terms {
        unit: "none",
        zone: "Europe/Helsinki",
        covers: ("2017-11-01", "2017-11-30"),
        tables: &tables,
    };
    let agreement = agreement(&terms, &zones);
    let inputs = DAYS.map(|(file, _)| folder.join(format!("{FILES}{file}.csv.gz")));
    let mapping = Mapping::parse(&presence_mapping(), &folder).unwrap();
    let (found, report) = aggregate(&agreement, &mapping, &inputs, zones).unwrap();
    println!("{report}");
    assert_eq!(report.read, 13_231 + 13_230 + 13_230);
    // 2.4 % of the squares are of an older grid, some others lie in no postal area.
    let expected = BTreeMap::from([("zone.outside", 841), ("zone.unknown", 963)]);
    assert_eq!(rejected(&report, 0), expected);
    assert_eq!(found.len(), 1);
    let names: Vec<String> = found[0]
        .cells
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    assert_eq!(names, ["zone", "time", "category", "people"]);
    assert_eq!(report.tables[0].cells, 172 * 24 * 3);
    // SOURCE.md: the zones hold 98.5 % of the total, in each of 72 hours.
    let mean = total(&found, "presence", "people") as f64 / 72.0 / 1_190_000.0;
    assert!((0.98..0.99).contains(&mean), "{mean}");
    assert_eq!(found[0].declared.active_units, None);
}

#[test]
fn new_york_taxis_by_zone_number_in_miles() {
    let Some(folder) = data("nyc-taxi-2019") else {
        return;
    };
    let zones = zoning(&folder.join("zones.geojson"));
    let clamps = r#"{"measure": "duration_s", "min": 60, "max": 10800},
        {"measure": "distance_m", "min": 0, "max": 50000}"#;
    let tables = [od("od", "day", "[0, 7, 10, 16, 19]", clamps)];
    let terms = Terms {
        unit: "trip",
        zone: "America/New_York",
        covers: ("2019-03-01", "2019-03-31"),
        tables: &tables,
    };
    let agreement = agreement(&terms, &zones);
    let mapping = r#"
        [source]
        format = "csv"
        [time]
        column = "tpep_pickup_datetime"
        [dimensions]
        origin = { column = "PULocationID" }
        destination = { column = "DOLocationID" }
        mode = { const = "taxi" }
        [sums]
        duration_s = { from = "tpep_pickup_datetime", until = "tpep_dropoff_datetime" }
        distance_m = { column = "trip_distance", scale = 1609.344 }
    "#;
    let mapping = Mapping::parse(mapping, &folder).unwrap();
    let input = [folder.join("taxis_raw.csv.gz")];
    let (found, report) = aggregate(&agreement, &mapping, &input, zones).unwrap();
    println!("{report}");
    assert_eq!(report.read, 6500);
    let rejected = rejected(&report, 0);
    assert_eq!(rejected["time.outside_period"], 1); // 28 February, 23:29
    assert_eq!(rejected["zone.unknown"], 56); // 57, 264, 265
    assert_eq!(report.tables[0].kept, 6500 - 57);
    assert!(report.notes.is_empty());
    let clamped = &report.tables[0].clamped;
    assert!(clamped["duration_s"] >= 6, "{clamped:?}");
    let metres = total(&found, "od", "distance_m") / i64::try_from(report.tables[0].kept).unwrap();
    assert!(
        (4000..6000).contains(&metres),
        "{metres} m a trip: are miles converted?"
    );
}

#[test]
fn porto_counts_people_not_trips() {
    let Some(folder) = data("porto-taxi") else {
        return;
    };
    // No zone layer is shipped: squares of 0.01 degrees.
    let mut features = Vec::new();
    for x in -880..-840 {
        for y in 4100..4140 {
            let (west, south) = (f64::from(x) / 100.0, f64::from(y) / 100.0);
            let (east, north) = (west + 0.01, south + 0.01);
            features.push(format!(
                r#"{{"type": "Feature", "properties": {{"zone_id": "{x}.{y}"}}, "geometry":
                {{"type": "Polygon", "coordinates": [[[{west}, {south}], [{east}, {south}],
                [{east}, {north}], [{west}, {north}], [{west}, {south}]]]}}}}"#
            ));
        }
    }
    let json = format!(
        r#"{{"type": "FeatureCollection", "features": [{}]}}"#,
        features.join(",")
    );
    let clamps = r#"{"measure": "duration_s", "min": 0, "max": 7200}"#;
    let zones = Zoning::parse(json.as_bytes()).unwrap();
    let tables = [od("od", "day", "[0]", clamps)];
    let terms = Terms {
        unit: "person-day",
        zone: "Europe/Lisbon",
        covers: ("2013-07-01", "2013-07-31"),
        tables: &tables,
    };
    let agreement = agreement(&terms, &zones);
    let mapping = r#"
        [source]
        format = "csv"
        [unit]
        column = "TAXI_ID"
        [time]
        column = "TIMESTAMP"
        format = "epoch_s"
        [dimensions]
        origin = { polyline = "POLYLINE", at = "first" }
        destination = { polyline = "POLYLINE", at = "last" }
        mode = { const = "taxi" }
        [sums]
        duration_s = { polyline_steps = "POLYLINE", scale = 15.0 }
    "#;
    let mapping = Mapping::parse(mapping, &folder).unwrap();
    let input = [folder.join("train.1k.csv.gz")];
    let (found, report) = aggregate(&agreement, &mapping, &input, zones).unwrap();
    println!("{report}");
    assert_eq!(report.read, 999);
    let rejected = rejected(&report, 0);
    assert_eq!(rejected["zone.missing"], 1); // the one empty line
    let declared = &found[0].declared;
    assert!(
        (300..=309).contains(&declared.active_units.unwrap()),
        "{declared:?}"
    );
    assert!(declared.truncated.unwrap().thousandths() > 0);
    let contributors = total(&found, "od", "contributors");
    assert!(contributors <= 2 * 309 && contributors == total(&found, "od", "trips"));
}

const STATIONS: &str = "stations_as_published.csv";

#[test]
fn hamburg_stations_have_exchanged_axes() {
    let Some(folder) = data("hamburg-stadtrad-od") else {
        return;
    };
    let clamps = "";
    let tables = [od("od", "day", "[0]", clamps)];
    let plz = || zoning(&folder.join("zones_plz.geojson"));
    let terms = Terms {
        unit: "trip",
        zone: "Europe/Berlin",
        covers: ("2016-05-01", "2016-05-31"),
        tables: &tables,
    };
    let agreement = agreement(&terms, &plz());
    let temporary = tempfile::tempdir().unwrap();
    let trips = temporary.path().join("trips.csv");
    fs::write(
        &trips,
        "at,station\n2016-05-04,Fischmarkt/Breite Straße\n2016-05-04,nowhere\n",
    )
    .unwrap();
    let mapping = |lon: &str, lat: &str| {
        let text = format!(
            r#"
            [source]
            format = "csv"
            [time]
            column = "at"
            [dimensions.mode]
            const = "bike"
            [dimensions.origin]
            column = "station"
            lookup = {{ file = "{STATIONS}", key = "NAME", lon = "{lon}", lat = "{lat}" }}
            [dimensions.destination]
            column = "station"
            lookup = {{ file = "{STATIONS}", key = "NAME", lon = "{lon}", lat = "{lat}" }}
            "#
        );
        Mapping::parse(&text, &folder).unwrap()
    };
    let input = [trips];
    let error =
        aggregate(&agreement, &mapping("LONGITUDE", "LATITUDE"), &input, plz()).unwrap_err();
    assert!(
        matches!(error, AggregateError::AxesSwapped { .. }),
        "{error}"
    );
    let (found, report) =
        aggregate(&agreement, &mapping("LATITUDE", "LONGITUDE"), &input, plz()).unwrap();
    assert_eq!(rejected(&report, 0), BTreeMap::from([("zone.unknown", 1)]));
    assert_eq!(total(&found, "od", "trips"), 1);
}
