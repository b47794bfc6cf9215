//! OpenDP takes no seed, so these tests draw fresh noise; each bound holds with probability over 1 − 10⁻⁶.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use policies::agreement::Unit;
use policies::mechanism::{MeasureDraw, Noise, Scale};

use super::*;

fn draw(noise: Noise, sixteenths: u64, linf: u64) -> Draw {
    Draw {
        noise,
        scale: Scale::from_sixteenths(sixteenths).unwrap(),
        l0: 1,
        linf,
    }
}

fn spend(mechanism: Mechanism) -> Spend {
    // OpenDP bounds the Gaussian tail more loosely than our exact sum.
    let charge = mechanism.cost().unwrap().checked_mul(20).unwrap();
    let digest = "0".repeat(64);
    let table = serde_json::json!({
        "name": "od", "kind": "od_trips", "zoning": "post", "period": "day", "bins": [0],
        "categories": [{"dimension": "mode", "values": ["bike"]}],
        "cells_max": 1, "per_cell_max": 3, "clamps": [],
    });
    Spend::for_test(Reservation {
        key: digest.parse().unwrap(),
        request: "r1".parse().unwrap(),
        by: "city".parse().unwrap(),
        agreement: digest.parse().unwrap(),
        purpose: "dpv:PublicPolicyMaking".into(),
        table: serde_json::from_value(table).unwrap(),
        period: "2026-10-05".parse().unwrap(),
        unit: Unit::PersonDay,
        edition: 1,
        manifest: vec![],
        late: false,
        missing: vec![],
        mechanism,
        charge,
    })
}

fn thresholded(selection: Selection) -> Mechanism {
    Mechanism::Thresholded {
        selection,
        measures: vec![],
    }
}

fn exact(contributors: Vec<u64>) -> Exact {
    Exact {
        contributors: Some(contributors),
        measures: vec![],
    }
}

fn kept(selection: Selection, contributors: Vec<u64>) -> Vec<usize> {
    let release = protect(spend(thresholded(selection)), exact(contributors)).unwrap();
    let Protected::Noisy { kept, .. } = release.protected().clone() else {
        panic!()
    };
    kept
}

#[test]
fn no_row_below_k_is_ever_published() {
    for noise in [Noise::DiscreteLaplace, Noise::DiscreteGaussian] {
        let selection = Selection {
            draw: draw(noise, 64, 1),
            k: 10,
            threshold: 2,
        };
        let rows: Vec<u64> = (0..40_000).map(|n| n % 12).collect();
        let kept = kept(selection, rows.clone());
        assert!(kept.iter().all(|row| rows[*row] >= 10));
        assert!(!kept.is_empty());
    }
}

/// A cell of k − 1 is never there, one of k with probability δ₁: the claimed δ covers it and is not loose.
#[test]
fn one_unit_at_the_threshold_shows_with_at_most_the_claimed_delta() {
    for (noise, sixteenths, threshold) in [
        (Noise::DiscreteLaplace, 32, 8),
        (Noise::DiscreteGaussian, 64, 10),
    ] {
        let selection = Selection {
            draw: draw(noise, sixteenths, 1),
            k: 10,
            threshold,
        };
        let trials = 200_000;
        let shown = kept(selection, vec![10; trials]).len() as f64;
        let claimed = selection.delta().unwrap().units() as f64 / 1e12 * trials as f64;
        let slack = 5.0 * claimed.sqrt();
        assert!(
            (shown - claimed).abs() <= slack,
            "{noise:?}: {shown} shown, {claimed} claimed"
        );
    }
}

#[test]
fn intervals_cover_95_of_100() {
    for noise in [Noise::DiscreteLaplace, Noise::DiscreteGaussian] {
        let selection = Selection {
            draw: draw(noise, 16, 1),
            k: 1,
            threshold: 12,
        };
        let measures = vec![MeasureDraw {
            measure: "trips".into(),
            draw: draw(noise, 160, 3),
        }];
        let rows = 40_000;
        let exact = Exact {
            contributors: Some(vec![1000; rows]),
            measures: vec![("trips".into(), vec![2500; rows])],
        };
        let mechanism = Mechanism::Thresholded {
            selection,
            measures,
        };
        let release = protect(spend(mechanism), exact).unwrap();
        let Protected::Noisy { kept, measures, .. } = release.protected() else {
            panic!()
        };
        assert_eq!(kept.len(), rows);
        let (_, trips) = &measures[0];
        let ends = std::iter::zip(&trips.low, &trips.high);
        let covered = ends
            .filter(|(low, high)| (**low..=**high).contains(&2500))
            .count() as f64;
        // 95 % or a little more, for the noise is whole numbers: 5σ of the binomial below it is an error.
        let least = 0.95 * rows as f64 - 5.0 * (rows as f64 * 0.95 * 0.05).sqrt();
        assert!(
            covered >= least && covered <= 0.97 * rows as f64,
            "{noise:?}: {covered}"
        );
    }
}

/// opendp#2638: dashu once divided wrongly, which biased all noise. Mean and variance tell.
#[test]
fn dashu_division_regression() {
    let scale = Scale::from_sixteenths(161).unwrap();
    for (noise, variance) in [
        (Noise::DiscreteGaussian, 101.25),
        (Noise::DiscreteLaplace, 202.3),
    ] {
        let zeros = vec![0; 60_000];
        let noised = add_noise(
            &Draw {
                noise,
                scale,
                l0: 1,
                linf: 1,
            },
            &zeros,
        )
        .unwrap();
        let n = noised.len() as f64;
        let mean = noised.iter().sum::<i64>() as f64 / n;
        let found = noised
            .iter()
            .map(|z| (*z as f64 - mean).powi(2))
            .sum::<f64>()
            / n;
        assert!(
            mean.abs() < 5.0 * (variance / n).sqrt(),
            "{noise:?}: mean {mean}"
        );
        assert!(
            (found / variance - 1.0).abs() < 0.06,
            "{noise:?}: variance {found}"
        );
    }
}

#[test]
fn columns_that_do_not_fit_the_reservation_draw_nothing() {
    let selection = Selection {
        draw: draw(Noise::DiscreteGaussian, 32, 1),
        k: 5,
        threshold: 12,
    };
    let refused = |exact| protect(spend(thresholded(selection)), exact).unwrap_err();
    let foreign = Exact {
        contributors: Some(vec![1]),
        measures: vec![("trips".into(), vec![1])],
    };
    assert!(matches!(refused(foreign), ProtectError::Columns { .. }));
    let absent = Exact {
        contributors: None,
        measures: vec![],
    };
    assert!(matches!(refused(absent), ProtectError::Columns { .. }));
    assert_eq!(refused(exact(vec![COUNT_MAX + 1])), ProtectError::Count);
    let with_unit = protect(spend(Mechanism::Unprotected), exact(vec![1])).unwrap_err();
    assert!(matches!(with_unit, ProtectError::Columns { .. }));
}

#[test]
fn true_counts_have_no_debug_text() {
    assert_eq!(format!("{:?}", exact(vec![424_242])), "Exact(withheld)");
}
