//! Real open data: Helsinki bikes and phones on the same postal zones, New York and Porto taxis.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::city::squares;
use super::company::{Company, agreement, merge};
use crate::errors::{CliError, OrFail};
use crate::output::tell;

const HELSINKI: &str = "helsinki-postal-2024";

/// The folder with the data sets, as an absolute path.
///
/// # Errors
/// [`CliError`] where it is not there.
pub fn find(data: &Path) -> Result<PathBuf, CliError> {
    data.canonicalize()
        .map_err(|e| CliError::file("find", data, e))
}

/// Describes the companies behind the data sets in `data`.
///
/// # Errors
/// [`CliError`] names the file that is missing.
pub fn companies(data: &Path, folder: &Path) -> Result<Vec<Company>, CliError> {
    tell(&format!(
        "━━ Real open data from {} (attribution: SOURCE.md in each folder)",
        data.display()
    ));
    Ok(vec![
        bikes(data, folder)?,
        telecom(data, folder)?,
        new_york(data, folder)?,
        porto(data, folder)?,
    ])
}

fn file(data: &Path, name: &str) -> Result<PathBuf, CliError> {
    let path = data.join(name);
    path.canonicalize()
        .map_err(|e| CliError::file("find", &path, e))
}

/// Zones with the words that their maps have to carry, in a file of the demo's own.
fn credited(zones: &Path, credit: &str, folder: &Path) -> Result<PathBuf, CliError> {
    let bytes = std::fs::read(zones).map_err(|e| CliError::file("read", zones, e))?;
    let collection: Value =
        serde_json::from_slice(&bytes).map_err(|e| CliError::file("use", zones, e))?;
    let credited = merge(collection, json!({ "attribution": credit }));
    let path = folder.join(zones.file_name().unwrap_or_default());
    let written = std::fs::write(&path, credited.to_string());
    written.map_err(|e| CliError::file("write", &path, e))?;
    path.canonicalize()
        .map_err(|e| CliError::file("find", &path, e))
}

fn helsinki(data: &Path, folder: &Path) -> Result<PathBuf, CliError> {
    let zones = file(
        &data.join("helsinki-citybikes"),
        "zones_postal_2024.geojson",
    )?;
    credited(&zones, "HSY, postal areas 2024", folder)
}

fn trips(unit: &str, id: &str, description: &str, k: u32, cap: Value) -> Value {
    json!({
        "population": { "id": id, "description": description, "unit": unit, "cap": cap },
        "k": k,
    })
}

fn bikes(data: &Path, folder: &Path) -> Result<Company, CliError> {
    let terms = agreement(
        "Helsinki city bikes, October 2023",
        "How many bike trips go between postal areas of Helsinki and Espoo, by part of the day. The source \
         has no rider ids: one trip is protected, not one person.",
        "Europe/Helsinki",
        ("2023-10-01", "2023-10-31"),
    );
    let cap = json!({ "rho": "0.25", "delta": "0.00000002" });
    let description = "trips of City Bike Finland's riders";
    let terms = merge(terms, trips("trip", "citybike-trips", description, 10, cap));
    let mode = json!([{ "dimension": "mode", "values": ["bike"] }]);
    let clamps = json!([
        { "measure": "duration_s", "min": 10, "max": 18000 },
        { "measure": "distance_m", "min": 10, "max": 50000 },
    ]);
    let terms = merge(
        terms,
        json!({
            "tables": [
                { "name": "od_month", "kind": "od_trips", "zoning": HELSINKI, "period": "month",
                  "bins": [0, 6, 9, 15, 18], "categories": mode, "cells_max": 1, "per_cell_max": 1,
                  "clamps": clamps },
                { "name": "od_day", "kind": "od_trips", "zoning": HELSINKI, "period": "day",
                  "bins": [0], "categories": mode, "cells_max": 1, "per_cell_max": 1, "clamps": [] },
            ],
            "plan": [
                { "table": "od_month", "editions": 1, "due_hours": 24, "grace_hours": 720,
                  "charge": { "selection": "0.125", "delta": "0.00000001", "measures": [] } },
                { "table": "od_day", "editions": 1, "due_hours": 24, "grace_hours": 720,
                  "charge": { "selection": "0.125", "delta": "0.00000001", "measures": [] } },
            ],
        }),
    );
    let source = data.join("helsinki-citybikes");
    let stations = file(&source, "station_zone.csv")?;
    let trips = file(&source, "2023-10.csv.gz")?;
    Ok(Company {
        name: "citybikes",
        title: "Helsinki city bikes: 189,461 trips of October 2023",
        about: "Stations become postal areas, naive local time becomes bins across a change of DST; 1,184 km \
                trips are clamped, unknown stations counted and shown.",
        agreement: terms,
        mapping: BIKES.replace("STATIONS", &stations.display().to_string()),
        days: "2023-10-01..2023-10-31".into(),
        correction: Some(correction(&trips, folder)?),
        inputs: vec![trips],
        zoning_id: HELSINKI,
        zoning: helsinki(data, folder)?,
        table: "od_month",
        period: "2023-10".into(),
        question: "bike flows between postal areas by part of the day",
        answer: "172 × 172 pairs × 5 parts of the day: most pairs see a handful of trips and stay hidden.",
    })
}

const BIKES: &str = r#"[source]
format = "csv"
[time]
column = "Departure"
[dimensions.origin]
column = "Departure station id"
pad = 3
lookup = { file = "STATIONS", key = "station_id", zone = "zone_id" }
[dimensions.destination]
column = "Return station id"
pad = 3
lookup = { file = "STATIONS", key = "station_id", zone = "zone_id" }
[dimensions.mode]
const = "bike"
[sums.duration_s]
column = "Duration (sec.)"
[sums.distance_m]
column = "Covered distance (m)"
"#;

/// The same month without its last hundred trips: what a company corrects.
fn correction(trips: &Path, folder: &Path) -> Result<PathBuf, CliError> {
    let read = |e| CliError::file("read", trips, e);
    let mut text = String::new();
    let file = std::fs::File::open(trips).map_err(read)?;
    flate2::read::MultiGzDecoder::new(file)
        .read_to_string(&mut text)
        .map_err(read)?;
    let end = text.lines().count().saturating_sub(100);
    let kept: String = text
        .lines()
        .take(end)
        .flat_map(|line| [line, "\n"])
        .collect();
    let corrected = folder.join("2023-10-corrected.csv");
    std::fs::write(&corrected, kept).map_err(|e| CliError::file("write", &corrected, e))?;
    Ok(corrected)
}

fn telecom(data: &Path, own: &Path) -> Result<Company, CliError> {
    let terms = agreement(
        "Presence from a mobile network, Helsinki region",
        "Share of the population present in each postal area by hour and type of day, as the operator \
         published it. No unit of privacy is known, so nothing is claimed.",
        "Europe/Helsinki",
        ("2017-11-01", "2017-11-30"),
    );
    let hours: Vec<u8> = (0..24).collect();
    let days = ["workday", "saturday", "sunday"];
    let terms = merge(
        terms,
        json!({
            "population": {
                "id": "elisa-network", "unit": "none",
                "description": "devices in a mobile network; percent of the population, already aggregated",
            },
            "k": 0,
            "tables": [{
                "name": "presence", "kind": "presence", "zoning": HELSINKI, "period": "month",
                "bins": hours, "categories": [{ "dimension": "category", "values": days }],
                "cells_max": 1, "per_cell_max": 1, "clamps": [],
            }],
            "plan": [{ "table": "presence", "editions": 1, "due_hours": 24, "grace_hours": 720 }],
        }),
    );
    let folder = data.join("helsinki-telecom-presence");
    let columns: Vec<String> = hours
        .iter()
        .map(|hour| format!("H{hour} = {hour}"))
        .collect();
    let grid = file(&folder, "grid250m_2023.csv")?;
    let mut mapping = TELECOM.replace("GRID", &grid.display().to_string());
    mapping = mapping.replace("COLUMNS", &columns.join(", "));
    let mut inputs = Vec::new();
    for (part, day) in ["workdays", "sat", "sun"].into_iter().zip(days) {
        let name = format!("HMA_Dynamic_population_24H_{part}.csv.gz");
        mapping.push_str(&format!(
            "[[aggregates.files]]\nname = \"{name}\"\ndimensions = {{ category = \"{day}\" }}\n"
        ));
        inputs.push(file(&folder, &name)?);
    }
    Ok(Company {
        name: "telecom",
        title: "A telecom operator's presence table: percent per type of day",
        about: "The operator aggregated long ago and published percent, not people. No unit of privacy is \
                known, so Weir makes no claim for it and says so; the same command maps it to cells.",
        agreement: terms,
        mapping,
        inputs,
        days: "2017-11-01..2017-11-30".into(),
        correction: None,
        zoning_id: HELSINKI,
        zoning: helsinki(data, own)?,
        table: "presence",
        period: "2017-11".into(),
        question: "presence by hour",
        answer: "Values as contributed, no noise, no claim: the quality sheet says exactly that.",
    })
}

const TELECOM: &str = r#"[source]
format = "csv"
[dimensions.zone]
column = "YKR_ID"
lookup = { file = "GRID", key = "id", zone = "zone_id" }
[aggregates]
period = "2017-11"
[aggregates.measures.people]
columns = { COLUMNS }
scale = 11900.0 # percent of 1,190,000 people
"#;

fn new_york(data: &Path, own: &Path) -> Result<Company, CliError> {
    let terms = agreement(
        "New York taxis, a sample of March 2019",
        "Taxi trips between taxi zones of New York. One trip is protected, not one person.",
        "America/New_York",
        ("2019-03-01", "2019-03-31"),
    );
    let cap = json!({ "rho": "0.25", "delta": "0.00000001" });
    let terms = merge(
        terms,
        trips("trip", "taxi-trips", "a sample of taxi trips", 10, cap),
    );
    let terms = merge(
        terms,
        json!({
            "tables": [{
                "name": "od_month", "kind": "od_trips", "zoning": "nyc-taxi-zones", "period": "month",
                "bins": [0], "categories": [{ "dimension": "mode", "values": ["taxi"] }],
                "cells_max": 1, "per_cell_max": 1,
                "clamps": [{ "measure": "distance_m", "min": 0, "max": 100000 }],
            }],
            "plan": [{
                "table": "od_month", "editions": 1, "due_hours": 24, "grace_hours": 720,
                "charge": { "selection": "0.25", "delta": "0.00000001", "measures": [] },
            }],
        }),
    );
    let folder = data.join("nyc-taxi-2019");
    Ok(Company {
        name: "nyc-taxis",
        title: "New York taxis: a sample too thin to show",
        about: "6,500 trips over 260 × 260 pairs of zones; miles become metres, ids without a zone are counted.",
        agreement: terms,
        mapping: NEW_YORK.into(),
        inputs: vec![file(&folder, "taxis_raw.csv.gz")?],
        days: "2019-03-01..2019-03-31".into(),
        correction: None,
        zoning_id: "nyc-taxi-zones",
        zoning: credited(&file(&folder, "zones.geojson")?, "NYC TLC taxi zones", own)?,
        table: "od_month",
        period: "2019-03".into(),
        question: "taxi flows in New York",
        answer: "At k = 10 nearly everything is withheld. An almost empty table is the right answer, and it \
                 says so.",
    })
}

const NEW_YORK: &str = r#"[source]
format = "csv"
[time]
column = "tpep_pickup_datetime"
[dimensions]
origin = { column = "PULocationID" }
destination = { column = "DOLocationID" }
mode = { const = "taxi" }
[sums]
distance_m = { column = "trip_distance", scale = 1609.344 }
"#;

fn porto(data: &Path, folder: &Path) -> Result<Company, CliError> {
    let terms = agreement(
        "Porto taxis, 1 July 2013",
        "Where taxis pick up and set down. Drivers have ids, so drivers are protected: distinct drivers are \
         counted, not trips.",
        "Europe/Lisbon",
        ("2013-07-01", "2013-07-31"),
    );
    let cap = json!({ "rho": "1", "delta": "0.00000001" });
    let terms = merge(
        terms,
        trips(
            "person-day",
            "taxi-drivers",
            "taxi drivers of Porto",
            5,
            cap,
        ),
    );
    let terms = merge(
        terms,
        json!({
            "tables": [{
                "name": "od_day", "kind": "od_trips", "zoning": "porto-grid", "period": "day",
                "bins": [0], "categories": [{ "dimension": "mode", "values": ["taxi"] }],
                "cells_max": 2, "per_cell_max": 2, "clamps": [],
            }],
            "plan": [{
                "table": "od_day", "editions": 1, "due_hours": 24, "grace_hours": 720,
                "charge": { "selection": "1", "delta": "0.00000001", "measures": [] },
            }],
        }),
    );
    let zoning = folder.join("porto-grid.geojson");
    // The set has no zones: squares of 0.02° over the city.
    let square = |n: u32| {
        let (x, y) = (n % 12, n / 12);
        (
            format!("p{x:02}-{y:02}"),
            (-8.74 + f64::from(x) * 0.02, 41.06 + f64::from(y) * 0.02),
        )
    };
    let grid = squares((0..12 * 12).map(square), (0.02, 0.02));
    std::fs::write(&zoning, grid.to_string()).map_err(|e| CliError::file("write", &zoning, e))?;
    Ok(Company {
        name: "porto-taxis",
        title: "Porto taxis: people, where distinct people matter",
        about: "309 drivers made 999 trips: each driver counts once in a cell, however often he was there.",
        agreement: terms,
        mapping: PORTO.into(),
        inputs: vec![file(&data.join("porto-taxi"), "train.1k.csv.gz")?],
        days: "2013-07-01..2013-07-01".into(),
        correction: None,
        zoning_id: "porto-grid",
        zoning: zoning.canonicalize().or_fail()?,
        table: "od_day",
        period: "2013-07-01".into(),
        question: "taxi flows in Porto",
        answer: "A morning of 309 drivers: few cells have enough of them.",
    })
}

const PORTO: &str = r#"[source]
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
"#;
