#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use proptest::prelude::*;

use super::tail::tail_up;
use super::*;

fn draw(noise: Noise, sixteenths: u64, l0: u32, linf: u64) -> Draw {
    Draw {
        noise,
        scale: Scale::from_sixteenths(sixteenths).unwrap(),
        l0,
        linf,
        merged: 1,
    }
}

#[test]
fn rho_is_the_textbook_ratio_rounded_up() {
    // σ = 20, L0 = 4, L∞ = 2: Δ2² = 16, ρ = 16/800 = 0.02 (privacy.md section 2.1).
    assert_eq!(
        draw(Noise::DiscreteGaussian, 320, 4, 2)
            .rho()
            .unwrap()
            .to_string(),
        "0.02"
    );
    // b = 16, L0 = 4, L∞ = 2: ε = 0.5, ρ = 0.125.
    assert_eq!(
        draw(Noise::DiscreteLaplace, 256, 4, 2)
            .rho()
            .unwrap()
            .to_string(),
        "0.125"
    );
    // 1/(2·(3/16)²) has no finite decimal: the last unit is rounded up.
    assert_eq!(
        draw(Noise::DiscreteGaussian, 3, 1, 1)
            .rho()
            .unwrap()
            .units(),
        14_222_222_222_223
    );
}

/// DESIGN section 7 rule 3. One unit with four cells of two trips each: merged into one row they
/// change it by 8, so Δ2 = 8 and not √4·2 = 4; two by two, two rows by 4 each, Δ2² = 32.
#[test]
fn merging_makes_gaussian_noise_dearer_and_laplace_noise_not() {
    let cost = |noise, merged| {
        let draw = draw(noise, 320, 4, 2);
        let rho = Draw { merged, ..draw }.rho();
        rho.map(|rho| rho.to_string())
    };
    for (merged, rho) in [(1, "0.02"), (2, "0.04"), (4, "0.08")] {
        assert_eq!(cost(Noise::DiscreteGaussian, merged).unwrap(), rho);
        let unmerged = cost(Noise::DiscreteLaplace, 1);
        assert_eq!(cost(Noise::DiscreteLaplace, merged), unmerged);
    }
    for merged in [0, 5] {
        let error = MechanismError::Merged { merged, l0: 4 };
        assert_eq!(cost(Noise::DiscreteGaussian, merged), Err(error));
    }
}

/// Old entries have no `merged` and keep their bytes.
#[test]
fn a_draw_without_merging_does_not_mention_it() {
    let old = r#"{"noise":"discrete_gaussian","scale":320,"l0":4,"linf":2}"#;
    let draw: Draw = serde_json::from_str(old).unwrap();
    assert_eq!(
        (draw.merged, serde_json::to_string(&draw).unwrap()),
        (1, old.to_owned())
    );
}

#[test]
fn the_tail_is_above_the_exact_sum_and_close_to_it() {
    for (sixteenths, m) in [
        (8, 1),
        (32, 11),
        (160, 60),
        (323, 113),
        (1024, 300),
        (64, 2),
    ] {
        for noise in [Noise::DiscreteLaplace, Noise::DiscreteGaussian] {
            let ours = tail_up(noise, Scale::from_sixteenths(sixteenths).unwrap(), m).unwrap();
            let ours = ours as f64 / ONE as f64;
            let exact = exact_tail(noise, sixteenths as f64 / 16.0, m);
            assert!(
                ours >= exact * (1.0 - 1e-9),
                "{noise:?} {sixteenths}/16 ≥ {m}: {ours} < {exact}"
            );
            assert!(
                ours <= exact * 1.001 + 1e-14,
                "{noise:?} {sixteenths}/16 ≥ {m}: {ours} vs {exact}"
            );
        }
    }
}

fn exact_tail(noise: Noise, scale: f64, m: u64) -> f64 {
    let weight = |x: f64| match noise {
        Noise::DiscreteLaplace => (-x.abs() / scale).exp(),
        Noise::DiscreteGaussian => (-x * x / (2.0 * scale * scale)).exp(),
    };
    let all: f64 = (-40_000..=40_000).map(|x| weight(f64::from(x))).sum();
    (m as i32..40_000)
        .map(|x| weight(f64::from(x)))
        .sum::<f64>()
        / all
}

fn noises() -> impl Strategy<Value = Noise> {
    prop_oneof![Just(Noise::DiscreteLaplace), Just(Noise::DiscreteGaussian)]
}

/// Scales of every order of magnitude up to 2^`bits` sixteenths.
fn scales(bits: u32) -> impl Strategy<Value = u64> {
    (0..bits).prop_flat_map(|bit| 1_u64 << bit..=1_u64 << (bit + 1))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 64,
        failure_persistence: None,
        ..Default::default()
    })]

    /// δ = L0·P[Z ≥ T - 1], never below the exact sum, and above it by a thousandth at most.
    #[test]
    fn delta_is_just_above_the_exact_sum(
        noise in noises(), scale in scales(14), times in 0.0..8.0_f64, l0 in 1..=64_u32,
    ) {
        let sigma = scale as f64 / 16.0;
        let threshold = 2 + (times * sigma) as u64;
        let ours = selection(noise, scale, l0, threshold).delta().unwrap().units() as f64;
        let exact = f64::from(l0) * exact_tail(noise, sigma, threshold - 1) * 1e12;
        prop_assert!(ours >= exact * (1.0 - 1e-9), "{ours} is below {exact}");
        prop_assert!(ours <= exact * 1.001 + 1.0 + f64::from(l0) * 1e-3, "{ours} is over {exact}");
    }

    /// A greater T never costs more, at any scale, or calibration would miss the least one.
    #[test]
    fn delta_falls_with_the_threshold(
        noise in noises(), scale in scales(28), times in 0.0..12.0_f64, step in 1..=3_u64,
    ) {
        let threshold = 2 + (times * scale as f64 / 16.0) as u64;
        let near = selection(noise, scale, 1, threshold).delta().unwrap();
        let far = selection(noise, scale, 1, threshold + step).delta().unwrap();
        prop_assert!(far <= near, "T {threshold}: {near:?}, +{step}: {far:?}");
    }

    /// Whatever an entry of the log holds, its cost is a number or an error.
    #[test]
    fn no_parameters_panic(
        noise in noises(), scale in scales(28), l0: u32, linf: u64, k: u32, threshold: u64,
        merged: u32,
    ) {
        let draw = Draw { merged, ..draw(noise, scale.min(SCALE_MAX), l0, linf) };
        let _ = draw.rho();
        let _ = Selection { draw, k, threshold }.delta();
        let l0 = 1 + l0 % L0_MAX;
        let draw = Draw { l0, linf: 1 + linf % LINF_MAX, merged: 1 + merged % l0, ..draw };
        let _ = draw.rho();
        let _ = Selection { draw, k, threshold }.delta();
    }
}

fn selection(noise: Noise, scale: u64, l0: u32, threshold: u64) -> Selection {
    let draw = draw(noise, scale, l0, 1);
    Selection {
        draw,
        k: 1,
        threshold,
    }
}

/// No f64 can sum so many terms: at 2¹⁴ times the scale the distribution is the same to half a
/// step.
#[test]
fn the_tail_keeps_its_shape_up_to_the_largest_scale() {
    for m in [1, 512, 1024, 3072, 5120] {
        let near = tail_up(Noise::DiscreteGaussian, Scale(1 << 14), m).unwrap() as f64;
        let far = tail_up(Noise::DiscreteGaussian, Scale(SCALE_MAX), m << 14).unwrap() as f64;
        // The discrete tail is the normal one from m - 1/2 on: it falls by about e^(m/2σ²).
        let half_step = (m as f64 + 1024.0) / (2.0 * 1024.0 * 1024.0);
        assert!(
            near > far && near < far * (1.0 + 1.5 * half_step),
            "{m}: {near} {far}"
        );
    }
}

#[test]
fn the_largest_scales_and_thresholds_are_quick_and_never_free() {
    let begun = std::time::Instant::now();
    for scale in [1, 16, 1 << 14, SCALE_MAX] {
        for threshold in [2, 1 << 20, 1 << 27, 1 << 40, u64::MAX] {
            for noise in [Noise::DiscreteLaplace, Noise::DiscreteGaussian] {
                let delta = selection(noise, scale, L0_MAX, threshold).delta().unwrap();
                assert!(delta > Delta::ZERO, "nothing is free");
            }
        }
    }
    // 40 of them in 5 ms each on a loaded machine; a loop over terms would take seconds.
    assert!(begun.elapsed().as_millis() < 200, "{:?}", begun.elapsed());
}

#[test]
fn delta_accounts_for_t_minus_one() {
    // opendp#2922: b = 0.5, T = 2 has δ = P[Z ≥ 1] = e^-2/(1+e^-2) = 0.1192…, not 0.0161.
    let selection = Selection {
        draw: draw(Noise::DiscreteLaplace, 8, 1, 1),
        k: 1,
        threshold: 2,
    };
    let delta = selection.delta().unwrap().units();
    assert!(
        (119_202_922_022..119_202_922_030).contains(&delta),
        "{delta}"
    );
}

#[test]
fn absurd_parameters_have_no_cost() {
    assert!(Scale::from_sixteenths(0).is_err() && Scale::from_sixteenths(SCALE_MAX + 1).is_err());
    assert!(draw(Noise::DiscreteGaussian, 16, 0, 1).rho().is_err());
    assert!(
        draw(Noise::DiscreteGaussian, 16, 1, LINF_MAX + 1)
            .rho()
            .is_err()
    );
    assert!(
        draw(Noise::DiscreteLaplace, 1, L0_MAX, LINF_MAX)
            .rho()
            .is_err()
    );
    let fine = draw(Noise::DiscreteGaussian, 16, 1, 1);
    assert!(
        Selection {
            draw: fine,
            k: 0,
            threshold: 9
        }
        .delta()
        .is_err()
    );
    assert!(
        Selection {
            draw: fine,
            k: 1,
            threshold: 1
        }
        .delta()
        .is_err()
    );
}
