#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::*;
use crate::testing::{draw, pmf};

mod compose;

#[test]
fn units_are_the_exact_ceiling() {
    assert_eq!(units_up(0.125), Some(125_000_000_000));
    assert_eq!(units_up(0.0), Some(0));
    assert_eq!(units_up(f64::MIN_POSITIVE / 4.0), Some(1));
    assert_eq!(units_up(1e-12), Some(1));
    assert_eq!(units_up(1e-12_f64.next_up()), Some(2));
    // 0.02 as a float is above 0.02.
    assert_eq!(units_up(0.02), Some(20_000_000_001));
    for wrong in [-1.0, f64::NAN, f64::INFINITY, 1e6] {
        assert_eq!(units_up(wrong), None);
    }
}

/// OpenDP's samplers rest on it: dashu#57 divided wrongly and biased all noise (opendp#2638).
#[test]
fn dashu_divides_a_fraction_by_an_integer() {
    use dashu::integer::UBig;
    use dashu::rational::RBig;
    for (a, b) in (1_i64..60).flat_map(|a| (1_u64..60).map(move |b| (a, b))) {
        for k in 1_u64..12 {
            let quotient = RBig::from_parts(a.into(), b.into()) / UBig::from(k);
            assert_eq!(quotient, RBig::from_parts(a.into(), UBig::from(b * k)));
        }
    }
}

/// DESIGN section 7 rule 3, of which the naive reading (Δ2 = √L0·L∞, whatever merges) claims too little.
/// The worst neighbour is explicit: one unit with L0 cells of L∞ events, r of them in each row it touches.
#[test]
fn a_naive_sigma_after_merging_under_claims_rho_by_up_to_l0() {
    for (l0, linf, sixteenths) in [(1, 1, 16), (4, 2, 320), (12, 3, 333), (64, 1, 1600)] {
        for merged in (1..=l0).filter(|r| l0 % r == 0) {
            let naive = draw(Noise::DiscreteGaussian, sixteenths, l0, linf);
            let ours = Draw { merged, ..naive };
            // The neighbour's change of every row, and ρ of exactly that vector.
            let change = vec![f64::from(merged) * linf as f64; (l0 / merged) as usize];
            let norm = change.iter().map(|c| c * c).sum::<f64>().sqrt();
            let explicit = gaussian(ours.scale).and_then(|m| m.map(&norm)).unwrap();
            let explicit = units_up(explicit).unwrap();
            let mapped = rho(&ours).unwrap().units();
            assert!(mapped >= explicit && mapped <= explicit + 2 + explicit / (1 << 50));
            let counted = ours.rho().unwrap().units();
            assert!(counted.abs_diff(explicit) <= 2 + explicit / (1 << 50));
            // The naive claim is r times too small; r reaches L0 where a unit's cells all merge.
            let claimed = naive.rho().unwrap().units();
            assert!(counted.abs_diff(claimed * u64::from(merged)) <= u64::from(merged));
        }
    }
}

#[test]
fn half_widths_are_the_least_that_cover() {
    for noise in [Noise::DiscreteLaplace, Noise::DiscreteGaussian] {
        for sixteenths in [1, 3, 8, 16, 25, 64, 161, 800] {
            let draw = draw(noise, sixteenths, 1, 1);
            let p = pmf(&draw, 4000);
            let within = |h: u64| -> f64 { p[4000 - h as usize..=4000 + h as usize].iter().sum() };
            for (half, share) in [(half_width_95(&draw), 0.95), (margin_95(&draw), 0.9)] {
                let half = half.unwrap();
                let words = format!("{noise:?} {sixteenths}/16 ± {half}");
                assert!(within(half) >= share - 1e-12, "{words} is too narrow");
                assert!(half == 0 || within(half - 1) < share, "{words} is too wide");
            }
        }
    }
}

/// At the largest scale OpenDP's exact sum would take minutes.
#[test]
fn half_widths_of_large_scales_are_quick_and_not_too_narrow() {
    for sixteenths in [16 * 4095, 16 * 4096, 16 * 4096 + 1, 1 << 28] {
        let sigma = sixteenths as f64 / 16.0;
        let half = half_width_95(&draw(Noise::DiscreteGaussian, sixteenths, 1, 1)).unwrap() as f64;
        assert!(
            half >= 1.959_963 * sigma - 1.0 && half <= 1.959_965 * sigma + 2.0,
            "{sigma}: {half}"
        );
    }
}

/// opendp#2922: b = 0.5 and T = 2 show a cell of one unit with P[Z ≥ 1] = 0.1192; OpenDP claims 0.0161.
#[test]
fn delta_is_read_one_below_the_threshold() {
    let selection = Selection {
        draw: draw(Noise::DiscreteLaplace, 8, 1, 1),
        k: 1,
        threshold: 2,
    };
    let delta = delta(&selection).unwrap().units();
    assert!(
        (119_202_922_022..119_202_922_030).contains(&delta),
        "{delta}"
    );
}

#[test]
fn sensitivities_are_never_rounded_down() {
    for l0 in [1_u32, 2, 3, 4, 10, 255, 256, 65_535, 65_536] {
        for linf in [1_u64, 3, 1 << 20, (1 << 32) - 1, 1 << 32] {
            let l2 = l2(&draw(Noise::DiscreteGaussian, 16, l0, linf));
            let square = dashu::rational::RBig::try_from(l2).unwrap().pow(2);
            let exact = dashu::rational::RBig::from(u128::from(l0) * u128::from(linf).pow(2));
            assert!(square >= exact, "√{l0}·{linf} became {l2}");
        }
    }
}
