//! The promises to one person (DESIGN 7.1).

use std::collections::{BTreeMap, BTreeSet};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::world::{Cells, HEADER, RIDER, TRIPS, World, ZONES, agreement, cells, od};

/// A month of trips of 30 people; a few of them make most.
fn trips(seed: u64, count: usize) -> Vec<String> {
    println!("seed {seed}");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let trip = |_| {
        let rider = rng.random_range(0..30_u32).min(rng.random_range(0..30));
        let (day, hour) = (rng.random_range(1..=31), rng.random_range(0..24));
        let from = ZONES[rng.random_range(0..2)];
        let to = ZONES[rng.random_range(0..4)];
        let mode = ["bike", "walk", "bicycle"][rng.random_range(0..3)];
        let (minutes, metres) = (rng.random_range(0..200), rng.random_range(0..30_000));
        format!("r{rider},2023-10-{day:02}T{hour:02}:30:00,{from},{to},{mode},{minutes},{metres}")
    };
    (0..count).map(trip).collect()
}

/// Cells that differ, by table and period, with the difference in each column.
fn changed(all: &Cells, less: &Cells) -> BTreeMap<String, BTreeMap<String, i64>> {
    let empty = BTreeMap::new();
    let mut changed = BTreeMap::new();
    for key in all.keys().chain(less.keys()).collect::<BTreeSet<_>>() {
        let (a, b) = (
            all.get(key).unwrap_or(&empty),
            less.get(key).unwrap_or(&empty),
        );
        let columns: BTreeSet<_> = a.keys().chain(b.keys()).collect();
        let number = |of: &BTreeMap<String, i64>, column| of.get(column).copied().unwrap_or(0);
        let delta: BTreeMap<String, i64> = columns
            .into_iter()
            .map(|column| (column.clone(), number(a, column) - number(b, column)))
            .filter(|(_, delta)| *delta != 0)
            .collect();
        if !delta.is_empty() {
            changed.insert(key.clone(), delta);
        }
    }
    changed
}

/// Removes one person after the other and checks what changes; `unit_period` names the one of a
/// day.
fn removing_anyone(unit: &str, period: &str, unit_period: fn(&str) -> String) {
    const CELLS_MAX: usize = 3;
    const PER_CELL_MAX: i64 = 2;
    let agreement = agreement(unit, &[od("od", period, 3, 2)]);
    let mapping = format!("{TRIPS}{RIDER}");
    let (world, trips) = (World::new(), trips(11, 3000));
    let (all, report) = world.trips(&agreement, &mapping, &trips);
    let table = &report.tables[0];
    assert!(
        table.dropped_by_cells_max > 0 && table.dropped_by_per_cell_max > 0,
        "{report}"
    );
    let all = cells(&all);
    for rider in 0..30 {
        let own = format!("r{rider},");
        let (others, own): (Vec<_>, Vec<_>) = trips
            .iter()
            .cloned()
            .partition(|trip| !trip.starts_with(&own));
        let units: BTreeSet<String> = own
            .iter()
            .map(|trip| unit_period(trip.split([',', 'T']).nth(1).unwrap()))
            .collect();
        let less = cells(&world.trips(&agreement, &mapping, &others).0);
        let changed = changed(&all, &less);
        assert!(
            changed.len() <= CELLS_MAX * units.len(),
            "r{rider} is in {} cells",
            changed.len()
        );
        for (key, delta) in &changed {
            // One cell of a longer period holds a person's many own ones, each of which is a unit.
            let most = if unit == format!("person-{period}") {
                1
            } else {
                units.len() as i64
            };
            let bounds = [
                ("contributors", most),
                ("trips", most * PER_CELL_MAX),
                ("duration_s", most * PER_CELL_MAX * 7200),
                ("distance_m", most * PER_CELL_MAX * 20_000),
            ];
            for (column, bound) in bounds {
                let delta = delta.get(column).copied().unwrap_or(0);
                assert!(
                    (0..=bound).contains(&delta),
                    "r{rider} adds {delta} to {column} of {key}"
                );
            }
        }
        // In each of the unit's own periods the bound holds by itself.
        if unit == format!("person-{period}") {
            let mut per_unit: BTreeMap<String, usize> = BTreeMap::new();
            for key in changed.keys() {
                let period = key.split(' ').nth(1).unwrap().to_owned();
                *per_unit.entry(period).or_default() += 1;
            }
            assert!(
                per_unit.values().all(|cells| *cells <= CELLS_MAX),
                "{per_unit:?}"
            );
        }
    }
}

fn itself(day: &str) -> String {
    day.to_owned()
}

fn week(day: &str) -> String {
    let day: jiff::civil::Date = day.parse().unwrap();
    format!("{}", day.iso_week_date().week())
}

fn month(day: &str) -> String {
    day[..7].to_owned()
}

#[test]
fn removing_a_person_changes_few_cells_a_day() {
    removing_anyone("person-day", "day", itself);
}

#[test]
fn removing_a_person_changes_few_cells_a_week() {
    removing_anyone("person-week", "week", week);
}

#[test]
fn removing_a_person_changes_few_cells_a_month() {
    removing_anyone("person-month", "month", month);
}

#[test]
fn removing_a_person_changes_few_cells_for_each_of_its_days_in_a_longer_period() {
    removing_anyone("person-day", "week", itself);
    removing_anyone("person-day", "month", itself);
}

/// A run over one day cannot know what the rest of the week gave.
#[test]
fn a_table_shorter_than_the_units_period_is_refused() {
    let world = World::new();
    for (unit, period) in [
        ("person-week", "day"),
        ("person-month", "week"),
        ("person-week", "month"),
    ] {
        let agreement = agreement(unit, &[od("od", period, 3, 2)]);
        let input = [world.csv("trips.csv", HEADER, &trips(1, 1))];
        let error = world
            .try_run(&agreement, &format!("{TRIPS}{RIDER}"), &input)
            .unwrap_err();
        assert!(
            error.to_string().contains("whole periods of the unit"),
            "{error}"
        );
    }
}

#[test]
fn what_the_broker_can_check_holds() {
    let agreement = agreement(
        "person-day",
        &[od("od", "day", 3, 2), od("od_month", "month", 3, 2)],
    );
    let world = World::new();
    let (aggregated, report) = world.trips(&agreement, &format!("{TRIPS}{RIDER}"), &trips(5, 4000));
    for part in &aggregated {
        let cells = cells(std::slice::from_ref(part));
        let mut contributors = 0;
        for (key, cell) in &cells {
            let (units, trips) = (cell["contributors"], cell["trips"]);
            assert!(
                units >= 1 && units <= trips && trips <= 2 * units,
                "{key}: {cell:?}"
            );
            assert!(
                (60 * trips..=7200 * trips).contains(&cell["duration_s"]),
                "{key}: {cell:?}"
            );
            assert!(
                (0..=20_000 * trips).contains(&cell["distance_m"]),
                "{key}: {cell:?}"
            );
            contributors += units;
        }
        let active = i64::try_from(part.declared.active_units.unwrap()).unwrap();
        assert!(contributors >= active && contributors <= 3 * active);
        assert!(part.declared.clamped["duration_s"].thousandths() > 0);
    }
    let parts = aggregated
        .iter()
        .filter(|part| part.table.as_str() == "od")
        .count();
    assert_eq!((parts, aggregated.len()), (31, 32), "{report}");
}

/// With bounds nobody reaches, cells are a plain group-by.
#[test]
fn loose_bounds_count_like_a_group_by() {
    let trips = trips(3, 2000);
    let mut expected: BTreeMap<String, (BTreeSet<String>, i64, i64, i64)> = BTreeMap::new();
    for trip in &trips {
        let fields: Vec<&str> = trip.split(',').collect();
        let [rider, start, from, to, mode, minutes, metres] = fields[..] else {
            panic!("{trip}");
        };
        let hour: u32 = start[11..13].parse().unwrap();
        let bin = [7, 16].iter().filter(|from| hour >= **from).count();
        let mode = if mode == "bicycle" { "bike" } else { mode };
        let key = format!("od {} {from} {to} {bin:02} {mode}", &start[..10]);
        let cell = expected.entry(key).or_default();
        cell.0.insert(rider.to_owned());
        cell.1 += 1;
        cell.2 += (minutes.parse::<i64>().unwrap() * 60).clamp(60, 7200);
        cell.3 += metres.parse::<i64>().unwrap().clamp(0, 20_000);
    }
    let world = World::new();
    let tables = [od("od", "day", 1000, 1000)];
    let agreement = agreement("person-day", &tables);
    let (found, report) = world.trips(&agreement, &format!("{TRIPS}{RIDER}"), &trips);
    assert_eq!(
        report.tables[0].dropped_by_cells_max + report.tables[0].dropped_by_per_cell_max,
        0
    );
    let found = cells(&found);
    assert_eq!(found.len(), expected.len());
    for (key, (riders, trips, seconds, metres)) in expected {
        let cell = &found[&key];
        assert_eq!(
            cell["contributors"],
            i64::try_from(riders.len()).unwrap(),
            "{key}"
        );
        assert_eq!(
            (cell["trips"], cell["duration_s"]),
            (trips, seconds),
            "{key}"
        );
        assert_eq!(cell["distance_m"], metres, "{key}");
    }
}

#[test]
fn another_secret_keeps_other_cells_but_as_many() {
    let agreement = agreement("person-day", &[od("od", "day", 1, 1)]);
    let (mut world, trips) = (World::new(), trips(5, 2000));
    let mapping = format!("{TRIPS}{RIDER}");
    let (first, first_report) = world.trips(&agreement, &mapping, &trips);
    world.options.secret = crate::aggregate::Secret::from_bytes(&[8; 32]);
    let (second, second_report) = world.trips(&agreement, &mapping, &trips);
    assert_ne!(cells(&first), cells(&second));
    let total = |cells: &Cells| cells.values().map(|cell| cell["contributors"]).sum::<i64>();
    assert_eq!(
        total(&cells(&first)),
        total(&cells(&second)),
        "{first_report} {second_report}"
    );
}

/// Were the kept cell the same for everybody, the others would be empty.
#[test]
fn people_of_the_same_trips_keep_different_cells() {
    let agreement = agreement("person-day", &[od("od", "day", 1, 1)]);
    let world = World::new();
    let trips: Vec<String> = (0..40)
        .flat_map(|rider| {
            ["00100", "0100"].map(|to| format!("r{rider},2023-10-05,00100,{to},bike,1,1"))
        })
        .collect();
    let (found, _) = world.trips(&agreement, &format!("{TRIPS}{RIDER}"), &trips);
    let counts: Vec<i64> = cells(&found)
        .values()
        .map(|cell| cell["contributors"])
        .collect();
    assert_eq!((counts.len(), counts.iter().sum::<i64>()), (2, 40));
    // Out of 40 fair coins, fewer than 8 heads fall in 4 of 100,000 worlds; this one is fixed.
    assert!(counts.iter().all(|count| *count >= 8), "{counts:?}");
}

#[test]
fn a_trip_is_its_own_unit() {
    let agreement = agreement("trip", &[od("od", "day", 1, 1)]);
    let world = World::new();
    let trip = "r1,2023-10-05T08:00:00,00100,02100,bike,10,1000".to_owned();
    let (found, report) = world.trips(&agreement, TRIPS, &vec![trip; 5]);
    let found_cells = cells(&found);
    let cell = &found_cells["od 2023-10-05 00100 02100 01 bike"];
    assert_eq!(
        (cell["contributors"], cell["trips"], cell["duration_s"]),
        (5, 5, 3000)
    );
    assert_eq!(found[0].declared.active_units, Some(5));
    assert_eq!(found[0].declared.truncated.unwrap().to_string(), "0.000");
    assert_eq!(report.tables[0].dropped_by_cells_max, 0);
}
