#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::*;

fn draw(noise: Noise, sixteenths: u64, l0: u32, linf: u64) -> Draw {
    Draw {
        noise,
        scale: Scale::from_sixteenths(sixteenths).unwrap(),
        l0,
        linf,
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
            // Under σ = 1 the sum over all integers is above σ√2π by some percent: still an upper bound.
            let slack = if sixteenths < 16 { 1.3 } else { 1.001 };
            assert!(
                ours >= exact * (1.0 - 1e-9),
                "{noise:?} {sixteenths}/16 ≥ {m}: {ours} < {exact}"
            );
            assert!(
                ours <= exact * slack + 1e-14,
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
