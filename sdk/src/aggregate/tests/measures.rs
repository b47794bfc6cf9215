//! Removing any one unit changes what noise is added to by at most `Table::sensitivity`: the
//! promise that every scale is computed from (privacy.md section 5.5).

use std::collections::{BTreeMap, BTreeSet};

use policies::agreement::Agreement;
use proptest::prelude::*;

use super::world::{Cells, RIDER, TRIPS, World, ZONES, agreement, cells, od};

const CELLS_MAX: u32 = 2;
const PER_CELL_MAX: u32 = 3;

/// Durations in four bins of a clamp from 60 to 7,200, distances in two.
fn terms(unit: &str) -> Agreement {
    let bounds = match unit {
        "trip" => (1, 1),
        _ => (CELLS_MAX, PER_CELL_MAX),
    };
    let mut terms = agreement(unit, &[od("od", "day", bounds.0, bounds.1)]);
    terms.tables[0].histograms = serde_json::from_str(
        r#"[{"measure": "duration_s", "edges": [300, 1200, 3600]},
            {"measure": "distance_m", "edges": [5000]}]"#,
    )
    .unwrap();
    terms
}

/// A trip as its rider, day, hour, places and values; few of each, so that people meet in cells.
type Trip = (u8, u8, u8, usize, usize, u32, u32);

fn line(trip: &Trip) -> String {
    let (rider, day, hour, from, to, minutes, metres) = trip;
    let (from, to) = (ZONES[*from], ZONES[*to]);
    format!("r{rider},2023-10-0{day}T{hour:02}:30:00,{from},{to},bike,{minutes},{metres}")
}

fn trace() -> impl Strategy<Value = Vec<Trip>> {
    let trip = (
        0..4_u8,
        2..4_u8,
        0..24_u8,
        0..2_usize,
        0..2_usize,
        0..180_u32,
        0..30_000_u32,
    );
    prop::collection::vec(trip, 1..40)
}

/// What noise is added to in one cell: contributors, trips, S' of each sum, each bin vector.
fn drawn(terms: &Agreement, cell: &BTreeMap<String, i64>) -> BTreeMap<String, Vec<i64>> {
    let table = &terms.tables[0];
    let number = |name: &str| cell.get(name).copied().unwrap_or_default();
    let mut drawn = BTreeMap::new();
    for name in ["contributors", "trips"] {
        drawn.insert(name.to_owned(), vec![number(name)]);
    }
    for clamp in &table.clamps {
        let ends = i64::from(clamp.min) + i64::from(clamp.max);
        let centred = 2 * number(&clamp.measure) - ends * number("trips");
        drawn.insert(clamp.measure.clone(), vec![centred]);
    }
    for histogram in &table.histograms {
        let bins: Vec<_> = histogram.columns().map(|name| number(&name)).collect();
        assert_eq!(bins.iter().sum::<i64>(), number("trips"), "an event, a bin");
        drawn.insert(histogram.charge_name(), bins);
    }
    drawn
}

/// Cells that differ, and by how much in L1 in each number.
fn changes(terms: &Agreement, all: &Cells, less: &Cells) -> Vec<BTreeMap<String, u64>> {
    let empty = BTreeMap::new();
    let keys: BTreeSet<_> = all.keys().chain(less.keys()).collect();
    let change = |key: &&String| {
        let with = drawn(terms, all.get(*key).unwrap_or(&empty));
        let without = drawn(terms, less.get(*key).unwrap_or(&empty));
        let l1 = with.into_iter().map(|(name, a)| {
            let pairs = a.iter().zip(&without[&name]);
            (name.clone(), pairs.map(|(a, b)| a.abs_diff(*b)).sum())
        });
        l1.collect::<BTreeMap<String, u64>>()
    };
    let all = keys.iter().map(change);
    all.filter(|l1| l1.values().any(|n| *n > 0)).collect()
}

fn holds(terms: &Agreement, changed: &[BTreeMap<String, u64>]) -> Result<(), TestCaseError> {
    let table = &terms.tables[0];
    prop_assert!(changed.len() <= table.cells_max as usize);
    for l1 in changed {
        prop_assert!(l1["contributors"] <= 1);
        let measures = l1.iter().filter(|(name, _)| *name != "contributors");
        for (name, changed) in measures {
            let most = table.sensitivity(name).unwrap();
            prop_assert!(*changed <= most, "{name} changes by {changed}, over {most}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// A unit is one rider's day: removing it leaves the rider's other days.
    #[test]
    fn removing_a_persons_day_changes_no_more_than_the_sensitivity(trace in trace()) {
        let (terms, world) = (terms("person-day"), World::new());
        let mapping = format!("{TRIPS}{RIDER}");
        let count = |trips: &[Trip]| {
            let lines: Vec<_> = trips.iter().map(line).collect();
            cells(&world.trips(&terms, &mapping, &lines).0)
        };
        let all = count(&trace);
        let units: BTreeSet<_> = trace.iter().map(|trip| (trip.0, trip.1)).collect();
        for unit in units {
            let others: Vec<_> = trace.iter().copied().filter(|t| (t.0, t.1) != unit).collect();
            holds(&terms, &changes(&terms, &all, &count(&others)))?;
        }
    }

    #[test]
    fn removing_a_trip_changes_no_more_than_the_sensitivity(trace in trace()) {
        let (terms, world) = (terms("trip"), World::new());
        let count = |trips: &[Trip]| {
            let lines: Vec<_> = trips.iter().map(line).collect();
            cells(&world.trips(&terms, TRIPS, &lines).0)
        };
        let all = count(&trace);
        for unit in 0..trace.len() {
            let mut others = trace.clone();
            others.remove(unit);
            holds(&terms, &changes(&terms, &all, &count(&others)))?;
        }
    }
}

/// The bound is reached: no smaller number would do.
#[test]
fn one_person_can_change_as_much_as_the_sensitivity_says() {
    let (terms, world) = (terms("person-day"), World::new());
    let mapping = format!("{TRIPS}{RIDER}");
    let trip = (0, 2, 8, 0, 1, 0, 30_000);
    let lines: Vec<_> = [trip; 9].iter().map(line).collect();
    let all = cells(&world.trips(&terms, &mapping, &lines).0);
    let changed = changes(&terms, &all, &Cells::new());
    for (name, l1) in &changed[0] {
        let most = terms.tables[0].sensitivity(name).unwrap_or(1);
        assert_eq!(*l1, most, "{name}");
    }
}
