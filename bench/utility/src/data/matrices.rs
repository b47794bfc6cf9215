//! Two matrices that were counted already: one line is many units.

use std::path::Path;

use policies::agreement::Unit;
use policies::coarse::Zones;

use super::{Numbers, rows, text};
use crate::Failed;
use crate::set::{Event, Grain, Rung, Set};

const BY_MODE: [&str; 4] = ["bicycle", "foot", "car_driver", "train"];

/// A commuter has one home, one workplace and one mode, so L0 is 1, and a sum of commuters is one of
/// people; the product's unit `trip` is used for exactly that. Pairs below 20 are not in the file.
pub(super) fn bristol(folder: &Path) -> Result<Set, Failed> {
    let (names, rows) = rows(&folder.join("od.csv"))?;
    let (mut zones, mut events) = (Numbers::default(), Vec::new());
    for row in &rows {
        let text = |name: &str| text(&names, row, name);
        let number = |name: &str| -> Result<u64, Failed> { Ok(text(name)?.parse::<f64>()? as u64) };
        let (from, to) = (zones.of(text("o")?), zones.of(text("d")?));
        let mut rest = number("all")?;
        let mut add = |mode: u32, units: u64| {
            if units > 0 {
                events.push(Event {
                    unit: 0,
                    key: [from, to, 0, mode, 0],
                    units,
                });
            }
        };
        for (mode, name) in (0..).zip(BY_MODE) {
            let units = number(name)?;
            rest = rest.saturating_sub(units);
            add(mode, units);
        }
        add(4, rest);
    }
    Ok(Set {
        name: "Bristol commuters",
        unit: Unit::Trip,
        unit_is: "one commuter (each has one journey)",
        grain: "MSOA pair × mode, census 2011".into(),
        bins: 1,
        categories: 5,
        parents: Vec::new(),
        cells_max: 1,
        days: 1,
        rungs: vec![Rung {
            grain: Grain {
                categories: true,
                ..Grain::FINE
            },
            share: 25,
            cells_max: 1,
        }],
        profile: Some(Rung {
            grain: Grain {
                zones: Zones::All,
                ..Grain::FINE
            },
            share: 5,
            cells_max: 1,
        }),
        events,
    })
}

/// Four years of trips between stations, without time: the ladder goes from station to postal district.
pub(super) fn hamburg(folder: &Path) -> Result<Set, Failed> {
    let (names, rows) = rows(&folder.join("od_station_long.csv.gz"))?;
    let mut stations = Numbers::default();
    let mut events = Vec::new();
    for row in &rows {
        let text = |name: &str| text(&names, row, name);
        let from = stations.of(text("start_station")?.trim());
        let to = stations.of(text("end_station")?.trim());
        let units = text("trips")?.parse::<f64>()? as u64;
        if units > 0 {
            events.push(Event {
                unit: 0,
                key: [from, to, 0, 0, 0],
                units,
            });
        }
    }
    Ok(Set {
        name: "Hamburg bikes",
        unit: Unit::Trip,
        unit_is: "one trip (no rider ids)",
        grain: "station pair, about 4 years".into(),
        bins: 1,
        categories: 1,
        parents: districts(folder, &mut stations)?,
        cells_max: 1,
        days: 1,
        rungs: vec![Rung {
            grain: Grain {
                zones: Zones::Parent,
                ..Grain::FINE
            },
            share: 40,
            cells_max: 1,
        }],
        profile: None,
        events,
    })
}

/// The postal district of each station; one that lies in none is a district of its own.
fn districts(folder: &Path, stations: &mut Numbers) -> Result<Vec<u32>, Failed> {
    let (names, rows) = rows(&folder.join("station_zone.csv"))?;
    let mut districts = Numbers::default();
    let mut of = std::collections::BTreeMap::new();
    for row in &rows {
        let text = |name: &str| text(&names, row, name);
        let (station, district) = (stations.of(text("station")?.trim()), text("zone_id")?);
        let own = format!("station {station}");
        of.insert(
            station,
            districts.of(if district.is_empty() { &own } else { district }),
        );
    }
    let count = of.keys().last().map_or(0, |last| last + 1);
    let mut list = Vec::new();
    for station in 0..count {
        let own = || districts.of(&format!("station {station}"));
        list.push(of.get(&station).copied().unwrap_or_else(own));
    }
    Ok(list)
}
