//! The synthetic city's companies. Their people have ids, so people are protected, not trips.

use std::path::Path;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::json;

use super::city::{self, City};
use super::company::{Company, agreement, merge};
use crate::errors::{CliError, OrFail};
use crate::output::tell;

const PEOPLE: usize = 12_000;
const ZONE: &str = "Europe/Helsinki";
const ZONING: &str = "weirton-2026";

/// Builds the city for the last whole week and describes its companies.
///
/// # Errors
/// [`CliError`] where files cannot be written.
pub fn companies(folder: &Path, seed: u64) -> Result<Vec<Company>, CliError> {
    let monday = monday_before_last(Timestamp::now().to_zoned_datetime(TimeZone::UTC).date())?;
    tell(&format!(
        "━━ Weirton, a SYNTHETIC city: {PEOPLE} invented people, seed {seed}, one week"
    ));
    let files = city::build(folder, seed, monday, PEOPLE).or_fail()?;
    let sunday = monday.checked_add(6.days()).or_fail()?;
    let covers = (monday.to_string(), sunday.to_string());
    let week =
        policies::period::Period::holding(monday, policies::period::Grain::Week).or_fail()?;
    let covers = (covers.0.as_str(), covers.1.as_str());
    let bikes = bikes(&files, covers, &week.to_string());
    let mut corrected = bikes;
    corrected.correction = Some(correction(&files.bikes)?);
    Ok(vec![
        corrected,
        taxis(&files, covers, &week.to_string()),
        telecom(&files, covers, &week.to_string()),
    ])
}

fn monday_before_last(today: Date) -> Result<Date, CliError> {
    let back = i64::from(today.weekday().since(Weekday::Monday)) + 7;
    today.checked_sub(back.days()).or_fail()
}

/// The same trips without the last hundred: what a company corrects.
fn correction(raw: &Path) -> Result<std::path::PathBuf, CliError> {
    let text = std::fs::read_to_string(raw).map_err(|e| CliError::file("read", raw, e))?;
    let lines: Vec<&str> = text.lines().collect();
    let kept = lines.len().saturating_sub(100);
    let corrected = raw.with_file_name("bikes-corrected.csv");
    let text = lines.into_iter().take(kept).collect::<Vec<_>>().join("\n");
    std::fs::write(&corrected, text).map_err(|e| CliError::file("write", &corrected, e))?;
    Ok(corrected)
}

fn bikes(files: &City, covers: (&str, &str), week: &str) -> Company {
    let terms = agreement(
        "Bike trips between districts",
        "How many people cycle between the districts of Weirton, by part of the day, and how long \
         they ride. People, not trips, are protected: everything one rider does in a day.",
        ZONE,
        covers,
    );
    let terms = merge(
        terms,
        json!({
                "population": {
            "id": "bike-riders", "description": "everyone who rents a bike in Weirton",
            "unit": "person-day", "cap": { "rho": "0.5", "delta": "0.00000001" },
        },
                "k": 10,
                "tables": [{
            "name": "od_week", "kind": "od_trips", "zoning": ZONING, "period": "week",
            "bins": [0, 6, 10, 15, 19], "categories": [{ "dimension": "mode", "values": ["bike"] }],
            "cells_max": 3, "per_cell_max": 2,
            "clamps": [
                { "measure": "duration_s", "min": 60, "max": 2400 },
                { "measure": "distance_m", "min": 100, "max": 20000 },
            ],
            "histograms": [
                { "measure": "duration_s", "edges": [200, 300, 400, 500, 600, 800, 1000, 1400, 1800] },
            ],
        }],
                "plan": [{
            "table": "od_week", "editions": 1, "due_hours": 0, "grace_hours": 720,
            "charge": {
                "selection": "0.25", "delta": "0.00000001",
                "measures": [
                    { "measure": "trips", "rho": "0.0625" },
                    { "measure": "duration_s", "rho": "0.125" },
                    { "measure": "duration_s_histogram", "rho": "0.0625" },
                ],
            },
        }],
            }),
    );
    Company {
        name: "citybikes",
        title: "City bikes: coordinates in, cells out",
        about: "Raw trips stay on the company's machine. The SDK finds the districts, cuts the day, \
                keeps at most 3 cells per rider and day, and counts distinct riders.",
        agreement: terms,
        mapping: BIKES.into(),
        inputs: vec![files.bikes.clone()],
        days: format!("{}..{}", covers.0, covers.1),
        correction: None,
        zoning_id: ZONING,
        zoning: files.zoning.clone(),
        table: "od_week",
        period: week.into(),
        question: "bike flows by part of the day",
        answer: "The preview is made from public terms alone: what it costs, how wide the error bars will \
                 be, how many people a cell needs. Then the table, drawn once, charged once: flows, and the mean \
                 and median ride of each, with error bars.",
    }
}

const BIKES: &str = r#"[source]
format = "csv"
[unit]
column = "rider"
[time]
column = "departure"
[dimensions]
origin = { lon = "from_lon", lat = "from_lat" }
destination = { lon = "to_lon", lat = "to_lat" }
mode = { const = "bike" }
[sums]
duration_s = { column = "seconds" }
distance_m = { column = "metres" }
"#;

fn taxis(files: &City, covers: (&str, &str), week: &str) -> Company {
    let terms = agreement(
        "Taxi rides between districts",
        "How many people take a taxi between the districts of Weirton in a week.",
        ZONE,
        covers,
    );
    let terms = merge(
        terms,
        json!({
                "population": {
            "id": "taxi-passengers", "description": "everyone who orders a taxi in Weirton",
            "unit": "person-day", "cap": { "rho": "1", "delta": "0.00000002" },
        },
                "k": 10,
                "tables": [{
            "name": "od_week", "kind": "od_trips", "zoning": ZONING, "period": "week",
            "bins": [0], "categories": [{ "dimension": "mode", "values": ["taxi"] }],
            "cells_max": 2, "per_cell_max": 2, "clamps": [],
        }],
                "plan": [{
            "table": "od_week", "editions": 2, "due_hours": 0, "grace_hours": 720,
            "charge": { "selection": "0.25", "delta": "0.00000001", "measures": [] },
        }],
            }),
    );
    Company {
        name: "taxis",
        title: "Taxis: few passengers, so most of it stays hidden",
        about: "The same commands, zone ids instead of coordinates.",
        agreement: terms,
        mapping: TAXIS.into(),
        inputs: vec![files.taxis.clone()],
        days: format!("{}..{}", covers.0, covers.1),
        correction: None,
        zoning_id: ZONING,
        zoning: files.zoning.clone(),
        table: "od_week",
        period: week.into(),
        question: "taxi flows",
        answer: "Few people behind each pair of districts: the table says plainly how much is withheld.",
    }
}

const TAXIS: &str = r#"[source]
format = "csv"
[unit]
column = "passenger"
[time]
column = "pickup"
[dimensions]
origin = { column = "from_zone" }
destination = { column = "to_zone" }
mode = { const = "taxi" }
"#;

fn telecom(files: &City, covers: (&str, &str), week: &str) -> Company {
    let terms = agreement(
        "People present in districts",
        "How many people are in each district of Weirton, by part of the day.",
        ZONE,
        covers,
    );
    let terms = merge(
        terms,
        json!({
                "population": {
            "id": "subscribers", "description": "subscribers of the telecom operator in Weirton",
            "unit": "person-day", "cap": { "rho": "0.5", "delta": "0.00000001" },
        },
                "k": 15,
                "tables": [{
            "name": "presence_week", "kind": "presence", "zoning": ZONING, "period": "week",
            "bins": [0, 6, 10, 15, 19],
            "categories": [{ "dimension": "category", "values": ["all"] }],
            "cells_max": 4, "per_cell_max": 1, "clamps": [],
        }],
                "plan": [{
            "table": "presence_week", "editions": 1, "due_hours": 0, "grace_hours": 720,
            "charge": { "selection": "0.5", "delta": "0.00000001", "measures": [] },
        }],
            }),
    );
    Company {
        name: "telecom",
        title: "A telecom operator: who was where becomes how many were there",
        about: "Sightings stay with the operator; distinct people per district and part of the day leave.",
        agreement: terms,
        mapping: TELECOM.into(),
        inputs: vec![files.telecom.clone()],
        days: format!("{}..{}", covers.0, covers.1),
        correction: None,
        zoning_id: ZONING,
        zoning: files.zoning.clone(),
        table: "presence_week",
        period: week.into(),
        question: "presence by part of the day",
        answer: "Many people behind each cell: nearly the whole table is published, with small error bars.",
    }
}

const TELECOM: &str = r#"[source]
format = "csv"
[unit]
column = "sim"
[time]
column = "time"
[dimensions]
zone = { column = "zone" }
category = { const = "all" }
"#;
