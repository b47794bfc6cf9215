#![allow(clippy::indexing_slicing, reason = "tests fail by panicking")]

use policies::mechanism::{Draw, Noise};
use proptest::prelude::*;

use super::*;
use crate::engine::half_width_95;
use crate::interval::widened;
use crate::testing::{draw, pmf};

fn clamp(min: u32, max: u32) -> Clamp {
    let measure = "duration_s".into();
    Clamp { measure, min, max }
}

/// P[|W − θ·Z| ≤ √(h_w² + θ²·h_z²)], exactly: what sums and means rest on.
fn covered(w: &Draw, z: &Draw, theta: f64) -> f64 {
    let far = |d: &Draw| i32::try_from(d.scale.sixteenths() * 2 + 40).unwrap_or(i32::MAX);
    let half = |d: &Draw| widened(half_width_95(d).unwrap_or(0));
    let reach = half(w).hypot(theta * half(z));
    let (w_far, z_far) = (far(w), far(z));
    let mut cumulated = vec![0.0];
    for p in pmf(w, w_far) {
        cumulated.push(cumulated[cumulated.len() - 1] + p);
    }
    // P[a ≤ W ≤ b].
    let between = |a: f64, b: f64| {
        let place = |x: f64| (x + f64::from(w_far)).clamp(-1.0, f64::from(2 * w_far)) as i64;
        let (a, b) = (place(a.ceil()).max(0), place(b.floor()));
        let at = |n: i64| cumulated[usize::try_from(n.max(0)).unwrap_or(0)];
        if b < a { 0.0 } else { at(b + 1) - at(a) }
    };
    let rows = (-z_far..=z_far).zip(pmf(z, z_far));
    rows.map(|(z, p)| p * between(theta * f64::from(z) - reach, theta * f64::from(z) + reach))
        .sum()
}

/// Both noises, scales from a fraction to thousands, and both mixed; θ from 0 to a day in half seconds.
#[test]
fn half_widths_add_up_in_squares() {
    let noises = [Noise::DiscreteGaussian, Noise::DiscreteLaplace];
    let mut worst = 1.0_f64;
    for (a, b) in noises.into_iter().flat_map(|a| noises.map(|b| (a, b))) {
        for w in [4, 16, 50, 700, 20_000] {
            for z in [4, 9, 12, 16, 40, 200] {
                let (w, z) = (draw(a, w, 1, 1), draw(b, z, 1, 1));
                for theta in [0.0, 0.3, 1.0, 2.5, 37.0, 500.0, 7200.0, 172_800.0] {
                    let covered = covered(&w, &z, theta);
                    worst = worst.min(covered);
                    assert!(covered >= 0.95, "{w:?} {z:?} θ {theta}: {covered}");
                }
            }
        }
    }
    assert!(worst < 0.96, "far too wide everywhere: {worst}");
}

fn noised() -> impl Strategy<Value = Noised> {
    (-1_000_000_i64..1_000_000, 0.5_f64..100_000.0).prop_map(|(value, half)| Noised { value, half })
}

proptest! {
    /// Fieller's set is all θ whose pivot is inside, within rounding.
    #[test]
    fn a_mean_holds_every_ratio_that_is_not_rejected(
        centred in noised(), value in 1_i64..5000, half in 0.5_f64..200.0, at in 0.0_f64..1.0,
    ) {
        let (clamp, count) = (clamp(30, 7200), Noised { value, half });
        let ends = mean(&clamp, centred, count);
        let theta = (at * 2.0 - 1.0) * 7170.0;
        let pivot = (centred.value as f64 - theta * value as f64).abs();
        let kept = pivot <= centred.half.hypot(theta * half);
        let exact = (7230.0 + theta) / 2.0;
        let inside = ends.low as f64 <= exact && exact <= ends.high as f64;
        prop_assert!(inside || !kept, "{exact} is not in {ends:?}");
        let bounded = value as f64 > half;
        // One of rounding, and the value itself.
        let near = (ends.low as f64 - exact).abs().min((ends.high as f64 - exact).abs()) <= 1.0;
        prop_assert!(kept || !inside || !bounded || near, "{exact} is in {ends:?}");
        prop_assert!(30 <= ends.low && ends.low <= ends.value);
        prop_assert!(ends.value <= ends.high && ends.high <= 7200);
    }

    /// Whatever lies in the box is in the interval.
    #[test]
    fn a_box_holds_its_corners(
        centred in noised(), low in 1_i64..500, more in 0_i64..500, at in 0.0_f64..1.0, up in 0.0_f64..1.0,
    ) {
        let clamp = clamp(0, 3600);
        let count = Ends { value: low + more / 2, low, high: low + more };
        let s = centred.value as f64 + (at * 2.0 - 1.0) * centred.half;
        let n = (low as f64 + up * more as f64).round();
        let (sum, mean) = (sum_between(&clamp, centred, count), mean_between(&clamp, centred, count));
        let true_mean = ((3600.0 + s / n) / 2.0).clamp(0.0, 3600.0);
        prop_assert!((mean.low as f64..=mean.high as f64).contains(&true_mean));
        let true_sum = (s + 3600.0 * n) / 2.0;
        prop_assert!(true_sum < 0.0 || (sum.low as f64..=sum.high as f64).contains(&true_sum));
    }
}

/// By hand: 100 trips of 900 s, clamp 0 to 3,600: S' = 180,000 − 360,000.
#[test]
fn a_mean_without_noise_is_the_mean() {
    let clamp = clamp(0, 3600);
    let exact = |value, half| Noised { value, half };
    let (centred, count) = (exact(-180_000, 0.0), exact(100, 0.0));
    let all = |value| Ends {
        value,
        low: value,
        high: value,
    };
    assert_eq!(mean(&clamp, centred, count), all(900));
    assert_eq!(sum(&clamp, centred, count), all(90_000));
    // θ = −1,800 ± (2,000/100) · half a second.
    let ends = mean(&clamp, exact(-180_000, 2000.0), count);
    assert_eq!((ends.low, ends.high), (890, 910));
    let lost = mean(&clamp, centred, exact(100, 101.0));
    assert_eq!((lost.low, lost.value, lost.high), (0, 900, 3600));
    let nobody = mean(&clamp, centred, exact(-3, 1.0));
    assert_eq!((nobody.low, nobody.high), (0, 3600));
}
