//! Statistical tests have fixed seeds, so that they are the same in every run; one seed in a million would
//! raise a false alarm.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use policies::mechanism::{Draw, Noise, SCALE_MAX};

use super::noise::add_noise_on;
use super::*;
use crate::engine::opendp_noise;
use crate::testing::{chi_square_z, draw, pmf};

/// Standard deviations that one seed in a million exceeds, rounded up.
const Z: f64 = 4.9;
const BOTH: [Noise; 2] = [Noise::DiscreteLaplace, Noise::DiscreteGaussian];
/// Sixteenths: below 1, 1, odd, dyadic, large. 1/16 gives 0 but twice in ten million.
const SCALES: [u64; 8] = [4, 5, 9, 16, 48, 161, 1 << 10, 16_001];

/// Keys are the seed and a counter.
fn seeded(seed: u64) -> Random {
    let mut asked: u64 = 0;
    Random::from_keys(move |key| {
        asked += 1;
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&asked.to_le_bytes());
        Ok(())
    })
}

fn draws(draw: &Draw, rows: usize) -> Vec<i64> {
    let seed = draw.scale.sixteenths();
    add_noise_on(1, draw, &vec![0; rows], || seeded(seed)).unwrap()
}

/// How often each of −far..=far came. One beyond is a failure: `far` leaves e^(-40).
fn counts(draws: &[i64], far: i32) -> Vec<f64> {
    let mut counts = vec![0.0; 2 * far as usize + 1];
    for z in draws {
        counts[usize::try_from(z + i64::from(far)).unwrap()] += 1.0;
    }
    counts
}

fn far(draw: &Draw) -> i32 {
    40 * (draw.scale.sixteenths() as i32 / 16 + 1)
}

#[test]
fn draws_have_exactly_their_probabilities() {
    let rows = 400_000;
    for noise in BOTH {
        for sixteenths in SCALES {
            let draw = draw(noise, sixteenths, 1, 1);
            let seen = counts(&draws(&draw, rows), far(&draw));
            let expected: Vec<f64> = pmf(&draw, far(&draw))
                .into_iter()
                .map(|p| p * rows as f64)
                .collect();
            let z = chi_square_z(&seen, &expected);
            assert!(z < Z, "{noise:?} {sixteenths}/16: {z} sigma off");
        }
    }
}

/// Beyond what can be counted value by value: bins of a quarter of the scale, whose probabilities differ
/// from the continuous ones by less than 2⁻²⁰. Both paths of the wide numbers are taken here.
#[test]
fn large_scales_have_their_shape() {
    let (rows, side) = (400_000, 40_i64);
    for noise in BOTH {
        for sixteenths in [1 << 16, (1 << 24) + 1, SCALE_MAX - 1, SCALE_MAX] {
            let draw = draw(noise, sixteenths, 1, 1);
            // 4z / (s/16) = 64·z/s.
            let bins = draws(&draw, rows).into_iter().map(|z| {
                let bin = (64 * i128::from(z)).div_euclid(i128::from(sixteenths));
                (bin as i64).clamp(-side, side - 1)
            });
            let mut seen = vec![0.0; 2 * side as usize];
            bins.for_each(|bin| seen[(bin + side) as usize] += 1.0);
            let weights: Vec<f64> = (-side..side).map(|bin| weight(noise, bin)).collect();
            let all: f64 = weights.iter().sum();
            let expected: Vec<f64> = weights.iter().map(|w| w / all * rows as f64).collect();
            let z = chi_square_z(&seen, &expected);
            assert!(z < Z, "{noise:?} {sixteenths}/16: {z} sigma off");
        }
    }
}

/// The density over a bin of a quarter, by the midpoints of 64 pieces.
fn weight(noise: Noise, bin: i64) -> f64 {
    let at = |piece: i32| (bin as f64 + (f64::from(piece) + 0.5) / 64.0) / 4.0;
    let density = |x: f64| match noise {
        Noise::DiscreteLaplace => (-x.abs()).exp(),
        Noise::DiscreteGaussian => (-x * x / 2.0).exp(),
    };
    (0..64).map(|piece| density(at(piece))).sum()
}

/// Chi-square of two samples of one size: per bin (a − b)² / (a + b), which is (2a − (a + b))² / (a + b).
/// OpenDP takes no seed: this one test draws anew in every run.
#[test]
fn draws_are_as_opendps() {
    let rows = 60_000;
    for noise in BOTH {
        for sixteenths in [9, 48, 161, 1 << 10] {
            let draw = draw(noise, sixteenths, 1, 1);
            let own = counts(&draws(&draw, rows), far(&draw));
            let theirs = opendp_noise(&draw, &vec![0; rows]).unwrap();
            let theirs = counts(&theirs, far(&draw));
            let sum: Vec<f64> = std::iter::zip(&own, &theirs).map(|(a, b)| a + b).collect();
            let twice: Vec<f64> = own.iter().map(|a| 2.0 * a).collect();
            let z = chi_square_z(&twice, &sum);
            assert!(z < Z, "{noise:?} {sixteenths}/16: {z} sigma off");
        }
    }
}

#[test]
fn mean_spread_and_sign_are_those_of_the_scale() {
    let rows = 400_000;
    let n = rows as f64;
    for noise in BOTH {
        for sixteenths in [1, 9, 161, SCALE_MAX] {
            let draw = draw(noise, sixteenths, 1, 1);
            let drawn = draws(&draw, rows);
            let moment = |k: i32| drawn.iter().map(|z| (*z as f64).powi(k)).sum::<f64>() / n;
            let (second, fourth) = (moment(2), moment(4));
            assert!(moment(1).abs() <= Z * (second / n).sqrt(), "a mean is off");
            let (above, below) = drawn.iter().fold((0.0, 0.0), |(a, b), z| {
                (
                    a + f64::from(u8::from(*z > 0)),
                    b + f64::from(u8::from(*z < 0)),
                )
            });
            let sides: f64 = above - below;
            assert!(sides.abs() <= Z * (above + below).sqrt(), "a sign is off");
            if sixteenths >= 161 {
                let scale = sixteenths as f64 / 16.0;
                // Laplace: 2q/(1 − q)² with q = e^(-1/b). Gaussian of a large σ: σ² within e^(-2π²σ²).
                let variance = match noise {
                    Noise::DiscreteLaplace => 0.5 / (0.5 / scale).sinh().powi(2),
                    Noise::DiscreteGaussian => scale * scale,
                };
                let spread = ((fourth - second * second) / n).sqrt();
                let off = (second - variance).abs() / spread;
                assert!(
                    off < Z,
                    "{noise:?} {sixteenths}/16: variance {off} sigma off"
                );
            }
        }
    }
}

/// −0 is drawn again: without that, 0 comes twice as often.
#[test]
fn zero_is_as_likely_as_its_weight() {
    let mut random = seeded(7);
    let rows = 400_000;
    let zeros = (0..rows)
        .filter(|_| random.laplace(16, 4).unwrap() == 0)
        .count();
    let p = (1.0 - (-1.0_f64).exp()) / (1.0 + (-1.0_f64).exp());
    let off = zeros as f64 - p * f64::from(rows);
    assert!(off.abs() < Z * (p * (1.0 - p) * f64::from(rows)).sqrt());
}

/// n just over a power of two is drawn again nearly every second time; a shortcut there favours low numbers.
#[test]
fn uniform_numbers_are_uniform() {
    let mut random = seeded(8);
    let rows = 300_000;
    for n in [
        3_u128 << 62,
        (1 << 63) + 1,
        3 << 100,
        (1 << 113) + 1,
        1_000_003,
    ] {
        let mut seen = vec![0.0; 24];
        for _ in 0..rows {
            let drawn = random.below_wide(n).unwrap();
            assert!(drawn < n);
            seen[usize::try_from(drawn / n.div_ceil(24)).unwrap()] += 1.0;
        }
        let z = chi_square_z(&seen, &[f64::from(rows) / 24.0; 24]);
        assert!(z < Z, "below {n}: {z} sigma off");
    }
    // Of four words, ⌊w·3/4⌋ gives 0, 0, 1, 2: neighbours tell, where bins of many numbers do not.
    let mut seen = vec![0.0; 3];
    (0..30_000).for_each(|_| seen[(random.below(3 << 62).unwrap() % 3) as usize] += 1.0);
    assert!(chi_square_z(&seen, &[10_000.0; 3]) < Z, "{seen:?}");
    for n in 1..20_u64 {
        let mut seen = vec![0.0; n as usize];
        (0..20_000).for_each(|_| seen[random.below(n).unwrap() as usize] += 1.0);
        if n > 1 {
            let expected = vec![20_000.0 / n as f64; n as usize];
            assert!(chi_square_z(&seen, &expected) < Z, "below {n}");
        }
    }
}

#[test]
fn coins_fall_as_the_exponential_says() {
    let mut random = seeded(9);
    let rows = 300_000;
    let wide = 1_u128 << 113;
    let mut check = |gamma: f64, coin: &mut dyn FnMut(&mut Random) -> bool| {
        let p = (-gamma).exp();
        let heads = (0..rows).filter(|_| coin(&mut random)).count() as f64;
        let sigma = (p * (1.0 - p) * f64::from(rows)).sqrt();
        let off = (heads - p * f64::from(rows)).abs();
        assert!(off <= Z * sigma, "e^-{gamma}: {off} off, sigma {sigma}");
    };
    check(1.0, &mut |r| r.one_in_e().unwrap());
    for u in [0, 1, 3, 7, 10] {
        check(u as f64 / 10.0, &mut |r| r.exp(u, 10).unwrap());
    }
    for quarters in [0, 1, 4, 5, 8, 13] {
        let u = wide / 4 * quarters;
        check(quarters as f64 / 4.0, &mut |r| r.exp_wide(u, wide).unwrap());
    }
}

#[test]
fn without_randomness_there_is_no_column() {
    let draw = draw(Noise::DiscreteGaussian, 161, 1, 1);
    let never = || Random::from_keys(|_| Err(DrawError::NoRandomness));
    let midway = || {
        let mut asked = 0;
        Random::from_keys(move |key| {
            asked += 1;
            key[0] = asked;
            (asked < 5).then_some(()).ok_or(DrawError::NoRandomness)
        })
    };
    for threads in [1, 3] {
        let noised = add_noise_on(threads, &draw, &[5; 30_000], never);
        assert_eq!(noised, Err(DrawError::NoRandomness));
        let noised = add_noise_on(threads, &draw, &[5; 30_000], midway);
        assert_eq!(noised, Err(DrawError::NoRandomness));
    }
}

#[test]
fn nothing_saturates() {
    let draw = draw(Noise::DiscreteLaplace, 161, 1, 1);
    for edge in [i64::MAX, i64::MIN] {
        assert_eq!(add_noise(&draw, &[edge; 64]), Err(DrawError::Range));
    }
    assert_eq!(seeded(1).exp(1, u64::MAX), Ok(true), "k = 1 ends at once");
}

#[test]
fn columns_of_every_length_keep_their_order() {
    // A scale of 1/16 draws 0 but once in millions, so that the rows are seen through it.
    let draw = draw(Noise::DiscreteLaplace, 1, 1, 1);
    for rows in [0, 1, 1023, 1024, 1025, 8192, 8193, 20_000] {
        let values: Vec<i64> = (0..rows).collect();
        for threads in [1, 2, 7] {
            let noised = add_noise_on(threads, &draw, &values, || seeded(3)).unwrap();
            let moved = std::iter::zip(&noised, &values)
                .filter(|(a, b)| a != b)
                .count();
            assert!(noised.len() == values.len() && moved < 3);
        }
    }
}

/// Pieces of a column are drawn by several threads. With one stream between two of them, the same large
/// numbers would come twice; with related ones they would be correlated.
#[test]
fn threads_blocks_and_columns_share_no_noise() {
    let draw = draw(Noise::DiscreteGaussian, SCALE_MAX, 1, 1);
    let rows = 40_000;
    let first = add_noise_on(4, &draw, &vec![0; rows], Random::new).unwrap();
    let second = add_noise(&draw, &vec![0; rows]).unwrap();
    let mut all: Vec<_> = first.iter().chain(&second).map(|z| z.abs()).collect();
    all.sort_unstable();
    let twice = all.windows(2).filter(|pair| pair[0] == pair[1]).count();
    // 80,000 numbers of some 2^25: about 120 coincidences; one repeated block would be 1,024.
    assert!(twice < 500, "{twice} numbers came twice");
    let correlation = |a: &[i64], b: &[i64]| {
        let dot = |a: &[i64], b: &[i64]| -> f64 {
            std::iter::zip(a, b)
                .map(|(a, b)| *a as f64 * *b as f64)
                .sum()
        };
        dot(a, b) / (dot(a, a) * dot(b, b)).sqrt() * (a.len() as f64).sqrt()
    };
    for (a, b) in [
        (&first[..10_000], &first[10_000..20_000]),
        (&first[..10_000], &first[30_000..]),
        (&first[..8192], &first[8192..16_384]),
        (&first[..], &second[..]),
        (&first[1..], &first[..rows - 1]),
    ] {
        assert!(correlation(a, b).abs() < Z);
    }
}
