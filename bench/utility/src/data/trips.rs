//! Two sets of single trips.

use std::collections::HashMap;
use std::path::Path;

use policies::agreement::Unit;
use policies::coarse::Zones;

use super::{Numbers, SHAPE, rows, text};
use crate::Failed;
use crate::set::{Event, Grain, Rung, Set};

const DAY: Grain = Grain {
    bins: true,
    ..Grain::FINE
};
const WEEK: Grain = Grain { days: true, ..DAY };
const CITY: Grain = Grain {
    zones: Zones::All,
    ..Grain::FINE
};

/// Days of October that are read: a week, to keep the bench short.
const DAYS: u32 = 7;

/// Each day is a period; trips whose station is in no zone are left out.
pub(super) fn helsinki(folder: &Path) -> Result<Set, Failed> {
    let (names, stations) = rows(&folder.join("station_zone.csv"))?;
    let mut zones = Numbers::default();
    let mut zone_of = HashMap::new();
    for row in &stations {
        let text = |name: &str| text(&names, row, name);
        // `001` and `1` are one station.
        let id: u32 = text("station_id")?.parse()?;
        zone_of.insert(id, zones.of(text("zone_id")?));
    }
    let (names, rows) = rows(&folder.join("2023-10.csv.gz"))?;
    let mut events = Vec::new();
    for row in &rows {
        let text = |name: &str| text(&names, row, name);
        let zone = |name: &str| -> Result<Option<u32>, Failed> {
            let id: Option<u32> = text(name)?.parse().ok();
            Ok(id.and_then(|id| zone_of.get(&id).copied()))
        };
        let departure = text("Departure")?;
        // A date alone is midnight.
        let day: u32 = departure.get(8..10).ok_or(SHAPE)?.parse()?;
        let hour: u32 = departure.get(11..13).unwrap_or("00").parse()?;
        let ends = (zone("Departure station id")?, zone("Return station id")?);
        let (Some(from), Some(to)) = ends else {
            continue;
        };
        if day <= DAYS {
            events.push(Event {
                unit: 0,
                key: [from, to, hour, 0, day - 1],
                units: 1,
            });
        }
    }
    Ok(Set {
        name: "Helsinki bikes",
        unit: Unit::Trip,
        unit_is: "one trip (no rider ids)",
        grain: format!("postal zone pair × hour, each of {DAYS} days"),
        bins: 24,
        categories: 1,
        parents: Vec::new(),
        cells_max: 1,
        days: DAYS,
        rungs: vec![
            Rung {
                grain: DAY,
                share: 25,
                cells_max: 1,
            },
            Rung {
                grain: WEEK,
                share: 40,
                cells_max: 1,
            },
        ],
        profile: Some(Rung {
            grain: CITY,
            share: 15,
            cells_max: 1,
        }),
        events,
    })
}

/// Cells of 0.01° where a ride starts, by hour: the places of `TAXI_ID`s, which are drivers, not riders.
pub(super) fn porto(folder: &Path) -> Result<Set, Failed> {
    let (names, rows) = rows(&folder.join("train.1k.csv.gz"))?;
    let (mut drivers, mut zones, mut events) = (Numbers::default(), Numbers::default(), Vec::new());
    for row in &rows {
        let text = |name: &str| text(&names, row, name);
        let line: Vec<(f64, f64)> = serde_json::from_str(text("POLYLINE")?)?;
        let Some((lon, lat)) = line.first() else {
            continue;
        };
        let square = format!("{} {}", (lon * 100.0).floor(), (lat * 100.0).floor());
        let seconds: u32 = text("TIMESTAMP")?.parse()?;
        events.push(Event {
            unit: drivers.of(text("TAXI_ID")?),
            key: [zones.of(&square), 0, seconds / 3600 % 24, 0, 0],
            units: 1,
        });
    }
    Ok(Set {
        name: "Porto taxis",
        unit: Unit::PersonDay,
        unit_is: "a driver's day (riders have no ids)",
        grain: "0.01° square × hour of 1 July 2013".into(),
        bins: 24,
        categories: 1,
        parents: Vec::new(),
        cells_max: 3,
        days: 1,
        rungs: vec![Rung {
            grain: DAY,
            share: 55,
            cells_max: 2,
        }],
        profile: Some(Rung {
            grain: CITY,
            share: 15,
            cells_max: 3,
        }),
        events,
    })
}
