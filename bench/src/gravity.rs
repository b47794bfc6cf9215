//! Which keys of a day have a cell: people start trips at random, at each key at a rate of its own, and the
//! day ends when as many keys as asked for have had one.
//!
//! A rate is a product. Zones have the weight of their rank, 1/rank^0.8 (Zipf's law, flattened so that no zone holds
//! the city), on both ends of a pair; pairs lose with distance, as in a gravity model (Ortúzar and Willumsen, *Modelling
//! Transport*, chapter 5); hours have two peaks, and modes unequal shares. First trips of independent Poisson
//! processes come at exponential times, so the keys with the least times are a weighted sample
//! without replacement of exactly that size (Efraimidis and Spirakis, *Weighted random sampling with a reservoir*, 2006).

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::grid::{HOURS, MODES};

/// The weight of a zone is its rank to minus this.
const RANK_EXPONENT: f64 = 0.8;
/// Ranks are dealt over the square in steps of this: a prime, so that the first zones are not the heaviest.
const RANK_STEP: usize = 7_919;
/// By first hour: peaks at 8 and at 17.
const HOUR_WEIGHTS: [f64; HOURS] = [
    1.0, 0.5, 0.5, 0.5, 1.0, 2.0, 5.0, 9.0, 10.0, 6.0, 5.0, 5.0, //
    5.0, 5.0, 6.0, 8.0, 10.0, 10.0, 7.0, 5.0, 4.0, 3.0, 2.0, 1.5,
];
/// In the order of [`MODES`].
const MODE_WEIGHTS: [f64; MODES.len()] = [1.0, 3.0, 5.0, 2.0];

/// The keys of a day that have their first trip first, with its time, ascending by key.
pub(crate) struct Early(Vec<(usize, f64)>);

impl Early {
    /// `most` of the keys of so many zones; all of them where there are fewer.
    pub(crate) fn of(zones: usize, most: usize, rng: &mut ChaCha8Rng) -> Self {
        let times = times(zones, rng);
        let last = last(times.clone(), most);
        let early = times
            .into_iter()
            .enumerate()
            .filter(|(_, time)| *time <= last);
        // Should two times be equal to the last bit, the later key waits.
        Self(early.take(most).collect())
    }

    /// The first `count` of them, ascending by key.
    pub(crate) fn keys(&self, count: usize) -> Vec<usize> {
        let Self(all) = self;
        let last = last(all.iter().map(|(_, time)| *time).collect(), count);
        let early = all.iter().filter(|(_, time)| *time <= last);
        early.map(|(key, _)| *key).take(count).collect()
    }
}

/// The last of the `count` least times; after all of them where there are fewer.
fn last(mut times: Vec<f64>, count: usize) -> f64 {
    match count.checked_sub(1) {
        Some(last) if last < times.len() => *times.select_nth_unstable_by(last, f64::total_cmp).1,
        _ => f64::INFINITY,
    }
}

/// When each key has its first trip: origins, destinations, hours and modes, the last fastest.
fn times(zones: usize, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let weights: Vec<f64> = (0..zones).map(|zone| weight(zone, zones)).collect();
    let mut times = Vec::with_capacity(zones * zones * HOURS * MODES.len());
    for (origin, from) in weights.iter().enumerate() {
        for (destination, to) in weights.iter().enumerate() {
            let pair = from * to / (1.0 + distance(origin, destination, zones));
            for hour in HOUR_WEIGHTS {
                for mode in MODE_WEIGHTS {
                    let waited = -(1.0 - rng.random::<f64>()).ln();
                    times.push(waited / (pair * hour * mode));
                }
            }
        }
    }
    times
}

fn weight(zone: usize, zones: usize) -> f64 {
    let rank = 1 + zone * RANK_STEP % zones;
    (rank as f64).powf(-RANK_EXPONENT)
}

/// In sides of a zone, over the square that [`crate::grid::geojson`] lays them out in.
fn distance(one: usize, other: usize, zones: usize) -> f64 {
    let side = zones.isqrt() + 1;
    let apart = |one: usize, other: usize| one.abs_diff(other) as f64;
    apart(one % side, other % side).hypot(apart(one / side, other / side))
}
