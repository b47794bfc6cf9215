//! Real data, where it is there: `WEIR_DATA`, or `../shared/data` beside the repository. Its traps are
//! facts of `shared/reference/data.md` and the folders' SOURCE.md. Without it every test says so aloud.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use arrow::datatypes::{Int64Type, UInt64Type};
use policies::agreement::Agreement;
use sdk::aggregate::{AggregateError, Aggregated, Mapping, Options, Report, Secret, Zoning, run};

fn data(folder: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let root = std::env::var_os("WEIR_DATA").map_or(beside, PathBuf::from);
    let path = root.join(folder);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!(
        "SKIPPED: no real data at `{}`; set WEIR_DATA to test with it",
        path.display()
    );
    None
}

fn zoning(path: &Path) -> Zoning {
    Zoning::parse(&fs::read(path).unwrap()).unwrap()
}

struct Terms<'a> {
    unit: &'a str,
    zone: &'a str,
    covers: (&'a str, &'a str),
    tables: &'a [String],
}

fn agreement(terms: &Terms<'_>, zoning: &Zoning) -> Agreement {
    let Terms {
        unit,
        zone,
        covers: (from, until),
        tables,
    } = terms;
    let name = |table: &String| {
        let table: serde_json::Value = serde_json::from_str(table).unwrap();
        let name = table["name"].as_str().unwrap().to_owned();
        format!(r#"{{"table": "{name}", "editions": 1, "due_hours": 1, "grace_hours": 1}}"#)
    };
    let plan: Vec<String> = tables.iter().map(name).collect();
    let key = "0".repeat(64);
    let json = format!(
        r#"{{"form": "weir/agreement/1", "title": "t", "public_summary": "s",
        "provider": {{"org": "bikes", "key": "{key}"}}, "planner": {{"org": "city", "key": "{key}"}},
        "recipients": ["city"], "purposes": ["dpv:PublicPolicyMaking"],
        "valid": {{"from": "{from}", "until": "{until}"}},
        "covers": {{"from": "{from}", "until": "{until}"}}, "retention_days": 30,
        "population": {{"id": "riders", "description": "d", "unit": "{unit}"}}, "time_zone": "{zone}",
        "zonings": [{{"id": "zones", "sha256": "{}", "zones": {}}}], "k": 10,
        "tables": [{}], "plan": [{}]}}"#,
        zoning.sha256(),
        zoning.ids().len(),
        tables.join(","),
        plan.join(",")
    );
    Agreement::parse(json.as_bytes()).unwrap()
}

fn od(name: &str, period: &str, bins: &str, clamps: &str) -> String {
    format!(
        r#"{{"name": "{name}", "kind": "od_trips", "zoning": "zones", "period": "{period}",
        "bins": {bins}, "categories": [{{"dimension": "mode", "values": ["bike", "taxi"]}}],
        "cells_max": 2, "per_cell_max": 1, "clamps": [{clamps}]}}"#
    )
}

const BIKE_CLAMPS: &str = r#"{"measure": "duration_s", "min": 0, "max": 18000},
    {"measure": "distance_m", "min": 0, "max": 50000}"#;

fn aggregate(
    agreement: &Agreement,
    mapping: &Mapping,
    inputs: &[PathBuf],
    zoning: Zoning,
) -> Result<(Vec<Aggregated>, Report), AggregateError> {
    let options = Options::new(Secret::from_bytes(&[1; 32]));
    let found = run(agreement, mapping, inputs, &[zoning], &options, &mut |_| {})?;
    for table in &found.1.tables {
        assert_eq!(
            table.kept + table.rejected_total(),
            found.1.read,
            "{}",
            found.1
        );
    }
    Ok(found)
}

fn rejected(report: &Report, table: usize) -> BTreeMap<&'static str, u64> {
    let rejected = report.tables[table].rejected.iter();
    rejected
        .map(|(reason, rows)| (reason.as_str(), *rows))
        .collect()
}

fn total(found: &[Aggregated], table: &str, column: &str) -> i64 {
    let parts = found.iter().filter(|part| part.table.as_str() == table);
    parts
        .map(|part| {
            let column = part.cells.column_by_name(column).unwrap();
            match column.as_primitive_opt::<UInt64Type>() {
                Some(counts) => counts
                    .values()
                    .iter()
                    .map(|n| i64::try_from(*n).unwrap())
                    .sum(),
                None => column
                    .as_primitive::<Int64Type>()
                    .values()
                    .iter()
                    .sum::<i64>(),
            }
        })
        .sum()
}

const BIKES: &str = r#"
[source]
format = "csv"
[time]
column = "Departure"
[dimensions.origin]
column = "Departure station id"
pad = 3
lookup = { file = "station_zone.csv", key = "station_id", zone = "zone_id" }
[dimensions.destination]
column = "Return station id"
pad = 3
lookup = { file = "station_zone.csv", key = "station_id", zone = "zone_id" }
[dimensions.mode]
const = "bike"
[sums.duration_s]
column = "Duration (sec.)"
[sums.distance_m]
column = "Covered distance (m)"
"#;

#[test]
fn a_month_of_helsinki_city_bikes() {
    let Some(folder) = data("helsinki-citybikes") else {
        return;
    };
    let zones = zoning(&folder.join("zones_postal_2024.geojson"));
    assert_eq!((zones.ids().len(), zones.ids()[0].as_str()), (172, "00100"));
    let hours = "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23]";
    let tables = [
        od("hour", "day", hours, BIKE_CLAMPS),
        od("day", "day", "[0]", ""),
        od("month", "month", "[0]", BIKE_CLAMPS),
    ];
    let terms = Terms {
        unit: "trip",
        zone: "Europe/Helsinki",
        covers: ("2023-10-01", "2023-10-31"),
        tables: &tables,
    };
    let agreement = agreement(&terms, &zones);
    let mapping = Mapping::parse(BIKES, &folder).unwrap();
    let input = [folder.join("2023-10.csv.gz")];
    let started = std::time::Instant::now();
    let (found, report) = aggregate(&agreement, &mapping, &input, zones).unwrap();
    println!("{report}{:?}", started.elapsed());

    assert_eq!(report.read, 189_461);
    // Stations that the lookup lacks at either end, and rows without a distance.
    assert_eq!(
        rejected(&report, 1),
        BTreeMap::from([("zone.unknown", 1908)])
    );
    let expected = BTreeMap::from([("value.missing", 284), ("zone.unknown", 1908)]);
    assert_eq!(rejected(&report, 2), expected);
    for (number, table) in report.tables.iter().enumerate() {
        let kept = i64::try_from(table.kept).unwrap();
        let name = table.table.as_str();
        assert_eq!(total(&found, name, "trips"), kept, "{name}");
        assert_eq!(total(&found, name, "contributors"), kept, "{name}");
        assert_eq!(table.periods, [31, 31, 1][number]);
    }
    // Over 50 km and over 5 hours. The trip of 1,184,750 m is not among them: it ends at the workshop,
    // which is no station.
    let clamped = &report.tables[2].clamped;
    assert_eq!((clamped["distance_m"], clamped["duration_s"]), (3, 550));
    let month = found
        .iter()
        .find(|part| part.table.as_str() == "month")
        .unwrap();
    assert_eq!(month.period.to_string(), "2023-10");
    assert_eq!(month.declared.active_units, Some(report.tables[2].kept));
    // SOURCE.md counted pairs of zones by day and by month in another way.
    assert_eq!(
        (report.tables[1].cells, report.tables[2].cells),
        (35_462, 3143)
    );
}

#[test]
fn a_trip_of_1184750_metres_is_clamped_and_counted() {
    let Some(folder) = data("helsinki-citybikes") else {
        return;
    };
    let zones = zoning(&folder.join("zones_postal_2024.geojson"));
    let wide = BIKE_CLAMPS.replace("50000", "2000000");
    let tables = [
        od("od", "day", "[0]", BIKE_CLAMPS),
        od("wide", "day", "[0]", &wide),
    ];
    let terms = Terms {
        unit: "trip",
        zone: "Europe/Helsinki",
        covers: ("2023-10-25", "2023-10-25"),
        tables: &tables,
    };
    let agreement = agreement(&terms, &zones);
    // It ends at the workshop, so both ends are read from where it starts.
    let mapping = BIKES.replace("\"Return station id\"", "\"Departure station id\"");
    let mapping = Mapping::parse(&mapping, &folder).unwrap();
    let input = [folder.join("2023-10.csv.gz")];
    let (found, report) = aggregate(&agreement, &mapping, &input, zones).unwrap();
    let clamped = |table: usize| report.tables[table].clamped["distance_m"];
    assert_eq!((clamped(0), clamped(1)), (1, 0));
    let metres = |table| total(&found, table, "distance_m");
    assert_eq!(metres("wide") - metres("od"), 1_184_750 - 50_000);
}

#[test]
fn stations_without_padding_give_a_hint() {
    let Some(folder) = data("helsinki-citybikes") else {
        return;
    };
    let zones = zoning(&folder.join("zones_postal_2024.geojson"));
    let tables = [od("day", "day", "[0]", "")];
    let terms = Terms {
        unit: "trip",
        zone: "Europe/Helsinki",
        covers: ("2023-10-01", "2023-10-31"),
        tables: &tables,
    };
    let agreement = agreement(&terms, &zones);
    let mapping = Mapping::parse(&BIKES.replace("pad = 3\n", ""), &folder).unwrap();
    let input = [folder.join("2023-10.csv.gz")];
    let (_, report) = aggregate(&agreement, &mapping, &input, zones).unwrap();
    assert!(rejected(&report, 0)["zone.unknown"] > 100_000);
    assert!(
        report.notes.iter().any(|note| note.contains("`pad`")),
        "{report}"
    );
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
        "values": ["workday", "saturday", "sunday"]}}], "cells_max": 1, "per_cell_max": 1, "clamps": []}}"#,
        hours.join(",")
    )];
    let terms = Terms {
        unit: "none",
        zone: "Europe/Helsinki",
        covers: ("2017-11-01", "2017-11-30"),
        tables: &tables,
    };
    let agreement = agreement(&terms, &zones);
    let columns: Vec<String> = (0..24).map(|hour| format!("H{hour} = {hour}")).collect();
    let mut mapping = format!(
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
        scale = 11900.0 # percent of 1,190,000 people
        "#,
        columns.join(", ")
    );
    let days = [
        ("workdays", "workday"),
        ("sat", "saturday"),
        ("sun", "sunday"),
    ];
    let mut inputs = Vec::new();
    for (file, category) in days {
        let name = format!("HMA_Dynamic_population_24H_{file}.csv.gz");
        mapping.push_str(&format!(
            "\n[[aggregates.files]]\nname = \"{name}\"\ndimensions = {{ category = \"{category}\" }}\n"
        ));
        inputs.push(folder.join(name));
    }
    let mapping = Mapping::parse(&mapping, &folder).unwrap();
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
        let station = format!(
            "{{ column = \"station\", lookup = {{ file = \"stations_as_published.csv\", key = \"NAME\", \
             lon = \"{lon}\", lat = \"{lat}\" }} }}"
        );
        let text = format!(
            "[source]\nformat = \"csv\"\n[time]\ncolumn = \"at\"\n[dimensions]\norigin = {station}\n\
             destination = {station}\nmode = {{ const = \"bike\" }}\n"
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
