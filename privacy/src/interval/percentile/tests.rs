#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use policies::mechanism::Noise;
use policies::table::PERCENTILES;
use proptest::prelude::*;

use super::*;
use crate::engine::half_width_95;
use crate::interval::widened;
use crate::sampler::add_noise;
use crate::testing::{at_most, draw};

const EDGES: [f64; 7] = [60.0, 300.0, 600.0, 900.0, 1200.0, 1800.0, 3600.0];

#[test]
fn percentiles_are_read_between_edges() {
    // 10 in each bin: the median is where the third ends, p15 nine tenths into the first.
    let bins = [10; 6];
    for (percent, value) in [(15, 276), (50, 900), (85, 1980), (100, 3600)] {
        assert_eq!(
            percentile(percent, &bins, &EDGES, 0.1).value,
            value,
            "p{percent}"
        );
    }
    let ends = percentile(50, &bins, &EDGES, 0.1);
    assert_eq!(
        (ends.low, ends.high),
        (600, 1200),
        "at an edge, both bins may hold it"
    );
    let ends = percentile(50, &[10, 10, 10, 20, 10, 10], &EDGES, 0.1);
    assert_eq!((ends.low, ends.value, ends.high), (900, 975, 1200));
}

#[test]
fn of_nothing_the_whole_range() {
    for bins in [[0; 6], [-5; 6]] {
        let ends = percentile(50, &bins, &EDGES, 40.0);
        assert_eq!((ends.low, ends.high), (60, 3600));
    }
}

#[test]
fn violators_are_pooled() {
    let pooled = |values: &[f64]| isotonic(values.iter().copied());
    assert_eq!(pooled(&[1.0, 3.0, 2.0, 4.0]), [1.0, 2.5, 2.5, 4.0]);
    assert_eq!(pooled(&[3.0, 2.0, 1.0]), [2.0; 3]);
    assert_eq!(pooled(&[0.0, 0.0, 7.0]), [0.0, 0.0, 7.0]);
    assert!(pooled(&[]).is_empty());
}

/// Noise on each bin, and the percentile's true bin inside the interval: at small and large counts, in the middle and
/// at the ends, with empty bins.
#[test]
fn intervals_cover_95_of_100() {
    let truths: [[i64; 6]; 4] = [
        [40, 90, 60, 30, 20, 10],
        [500, 0, 0, 0, 0, 480],
        [5, 3, 2, 1, 0, 0],
        [0, 0, 20, 1000, 1000, 30],
    ];
    for noise in [Noise::DiscreteGaussian, Noise::DiscreteLaplace] {
        let draw = draw(noise, 160, 1, 3);
        let half = widened(half_width_95(&draw).unwrap());
        for truth in truths {
            let rows = 2500;
            let noisy = add_noise(&draw, &truth.repeat(rows)).unwrap();
            for percent in PERCENTILES {
                let exact: Vec<(f64, f64)> = true_bins(percent, &truth);
                let hit = |bins: &&[i64]| {
                    let ends = percentile(percent, bins, &EDGES, half);
                    let inside =
                        |span: &(f64, f64)| ends.low as f64 <= span.0 && span.1 <= ends.high as f64;
                    exact.iter().any(inside)
                };
                let hits = noisy.chunks(6).filter(hit).count();
                let words = format!("{noise:?} {truth:?} p{percent}: {hits} of {rows}");
                assert!(at_most(hits, rows) >= 0.95, "{words}");
            }
        }
    }
}

/// The bin of the least value that p of the events do not exceed.
fn true_bins(percent: u8, truth: &[i64]) -> Vec<(f64, f64)> {
    let wanted = truth.iter().sum::<i64>() * i64::from(percent);
    let mut below = 0;
    for (bin, n) in truth.iter().enumerate() {
        below += n;
        if below * 100 >= wanted {
            return vec![(EDGES[bin], EDGES[bin + 1])];
        }
    }
    Vec::new()
}

proptest! {
    #[test]
    fn whatever_the_bins_the_ends_are_in_order(
        bins in prop::collection::vec(-1000_i64..1000, 6), percent in 1_u8..100, half in 0.5_f64..500.0,
    ) {
        let ends = percentile(percent, &bins, &EDGES, half);
        prop_assert!(60 <= ends.low && ends.low <= ends.value);
        prop_assert!(ends.value <= ends.high && ends.high <= 3600);
        let rising = isotonic(bins.iter().map(|n| *n as f64));
        prop_assert!(rising.is_sorted());
        let sum: f64 = rising.iter().sum();
        prop_assert!((sum - bins.iter().sum::<i64>() as f64).abs() < 1e-6);
    }
}
