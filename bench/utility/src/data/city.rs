//! A made-up city: people with a home and a workplace, who commute, and some of whom go elsewhere.

use policies::agreement::Unit;
use policies::coarse::Zones;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::SEED;
use crate::set::{Event, Grain, Rung, Set, weighted};

const PEOPLE: u32 = 60_000;
const SIDE: u32 = 7;
/// Bins of the day: night, morning peak, day, evening peak, evening.
const BINS: u32 = 5;
const MODES: [f64; 4] = [0.4, 0.65, 0.85, 1.0];

/// Zones of 49 are the more crowded the nearer to the middle, and workplaces more so than homes; a person
/// works near home more often than far away.
pub(super) fn city() -> Set {
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let homes = cumulated(|zone| 1.0 / (1.0 + distance(zone, SIDE * SIDE / 2)));
    let near: Vec<Vec<f64>> = (0..SIDE * SIDE)
        .map(|home| {
            cumulated(|zone| {
                let middle = 1.0 + distance(zone, SIDE * SIDE / 2);
                1.0 / (middle * middle * (1.0 + distance(home, zone)).powi(2))
            })
        })
        .collect();
    let mut events = Vec::new();
    for unit in 0..PEOPLE {
        let home = weighted(&mut rng, &homes);
        let around = near.get(home as usize).unwrap_or(&homes);
        let work = weighted(&mut rng, around);
        let mode = weighted(&mut rng, &MODES);
        let mut go = |from: u32, to: u32, bin: u32| {
            events.push(Event {
                unit,
                key: [from, to, bin, mode, 0],
                units: 1,
            });
        };
        if rng.random_bool(0.8) {
            go(home, work, if rng.random_bool(0.85) { 1 } else { 2 });
            go(work, home, if rng.random_bool(0.8) { 3 } else { 4 });
        }
        for _ in 0..rng.random_range(0..=2) {
            let (elsewhere, bin) = (weighted(&mut rng, around), rng.random_range(1..BINS));
            go(home, elsewhere, bin);
        }
    }
    let merged = |zones, rest| Grain {
        zones,
        bins: rest,
        categories: rest,
        days: false,
    };
    Set {
        name: "made-up city",
        unit: Unit::PersonDay,
        unit_is: "a person's day",
        grain: format!("{} zones, pair × 5 bins × 4 modes, one day", SIDE * SIDE),
        bins: BINS,
        categories: 4,
        parents: Vec::new(),
        cells_max: 3,
        days: 1,
        rungs: vec![Rung {
            grain: merged(Zones::Same, true),
            share: 70,
            cells_max: 3,
        }],
        profile: Some(Rung {
            grain: merged(Zones::All, false),
            share: 15,
            cells_max: 3,
        }),
        events,
    }
}

fn cumulated(weight: impl Fn(u32) -> f64) -> Vec<f64> {
    let sum = |sum: &mut f64, zone| {
        *sum += weight(zone);
        Some(*sum)
    };
    (0..SIDE * SIDE).scan(0.0, sum).collect()
}

fn distance(a: u32, b: u32) -> f64 {
    let away = |a: u32, b: u32| f64::from(a.abs_diff(b));
    away(a % SIDE, b % SIDE).hypot(away(a / SIDE, b / SIDE))
}
