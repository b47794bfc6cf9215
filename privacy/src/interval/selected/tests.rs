#![allow(clippy::indexing_slicing, reason = "tests fail by panicking")]

use super::*;
use crate::testing::{draw, pmf};

const BOTH: [Noise; 2] = [Noise::DiscreteLaplace, Noise::DiscreteGaussian];

fn selection(noise: Noise, sixteenths: u64, k: u32, threshold: u64) -> Selection {
    let draw = draw(noise, sixteenths, 1, 1);
    Selection { draw, k, threshold }
}

/// P[n is in its interval | published], exactly.
fn covered(selection: &Selection, n: i64, far: i32, ends: impl Fn(i64) -> (i64, i64)) -> f64 {
    let from = i64::try_from(selection.published_from()).unwrap_or(i64::MAX);
    let (mut covered, mut published) = (0.0, 0.0);
    for (z, p) in (-far..=far).zip(pmf(&selection.draw, far)) {
        let noisy = n + i64::from(z);
        if noisy >= from {
            let (low, high) = ends(noisy);
            published += p;
            covered += if (low..=high).contains(&n) { p } else { 0.0 };
        }
    }
    covered / published
}

/// At every truth that can be published, however rarely, and far above the threshold, where it is no wider than it
/// has to be.
#[test]
fn intervals_cover_given_that_a_row_is_published() {
    for noise in BOTH {
        for (sixteenths, threshold) in [(3, 2), (16, 6), (100, 12), (100, 40), (480, 190)] {
            let selection = selection(noise, sixteenths, 5, threshold);
            for alpha in [0.05, 0.025] {
                let selected = Selected::new(&selection, alpha);
                let sigma = i64::try_from(sixteenths / 16).unwrap_or(0) + 1;
                let top = i64::try_from(threshold).unwrap_or(0) + 9 * sigma;
                let far = 40 * i32::try_from(sigma).unwrap_or(0);
                for n in 5..top {
                    let covered = covered(&selection, n, far, |noisy| selected.ends(noisy));
                    let words = format!("{noise:?} {sixteenths}/16, T {threshold}, n {n}");
                    assert!(covered >= 1.0 - alpha, "{words}: {covered}");
                }
                let above = covered(&selection, top * 3, far, |noisy| selected.ends(noisy));
                let fine = sixteenths > 16;
                assert!(!fine || above <= 1.0 - alpha + 0.02, "too wide: {above}");
            }
        }
    }
}

/// Far above the threshold no interval of one number less covers, wherever it lies.
#[test]
fn plain_intervals_are_the_shortest_that_cover() {
    for noise in BOTH {
        for sixteenths in [8, 16, 32, 100, 480] {
            let selection = selection(noise, sixteenths, 5, 40);
            let far = 40 * (i32::try_from(sixteenths / 16).unwrap_or(0) + 1);
            let (low, high) = Selected::new(&selection, 0.05).ends(1 << 40);
            let (down, up) = ((1 << 40) - low, high - (1 << 40));
            assert!((0..=1).contains(&(up - down)), "{down} {up}");
            let half = crate::engine::half_width_95(&selection.draw).unwrap_or(0);
            assert!(
                u64::try_from(up).unwrap_or(0) <= half,
                "the sheet says {half}"
            );
            let shorter = [(down - 1, up), (down, up - 1)];
            for (down, up) in shorter {
                let ends = |noisy: i64| (noisy - down, noisy + up);
                let covered = covered(&selection, 1 << 40, far, ends);
                assert!(covered < 0.95, "{noise:?} {sixteenths}/16: {covered}");
            }
        }
    }
}

/// ñ ± half width, the mutant: near the threshold it covers far less than it says.
#[test]
fn the_plain_interval_does_not_cover_near_the_threshold() {
    for noise in BOTH {
        let selection = selection(noise, 100, 5, 40);
        let half = crate::engine::half_width_95(&selection.draw).unwrap_or(0);
        let half = i64::try_from(half).unwrap_or(0);
        let plain = |noisy: i64| ((noisy - half).max(5), noisy + half);
        for n in 5..30 {
            assert!(covered(&selection, n, 250, plain) < 0.8, "{noise:?}, n {n}");
        }
    }
}

/// Beyond the finest steps the tails are taken coarser, never narrower.
#[test]
fn large_scales_cover_too() {
    for noise in BOTH {
        let selection = selection(noise, 16 * 5000, 5, 30_000);
        let selected = Selected::new(&selection, 0.05);
        assert!(selected.step > 1);
        for n in [5, 15_000, 30_004, 60_000] {
            let covered = covered(&selection, n, 180_000, |noisy| selected.ends(noisy));
            assert!((0.95..0.98).contains(&covered) || n < 60_000, "{covered}");
            assert!(covered >= 0.95, "{noise:?}, n {n}: {covered}");
        }
    }
}

#[test]
fn the_ends_of_the_range_hold() {
    for noise in BOTH {
        for (sixteenths, threshold) in [(1, 2), (1 << 28, 1 << 32)] {
            let selected = Selected::new(&selection(noise, sixteenths, 1, threshold), 0.05);
            for noisy in [0, i64::MAX, i64::try_from(threshold).unwrap_or(0)] {
                let (low, high) = selected.ends(noisy);
                assert!(low <= noisy && noisy <= high, "{low} {noisy} {high}");
            }
        }
    }
}
