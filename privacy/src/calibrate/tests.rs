#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use policies::agreement::MeasureCharge;
use policies::loss::Loss;
use proptest::prelude::*;

use super::*;
use crate::testing::{charge, table};

/// As [`calibrate`], for rows into which up to r cells of one unit fall: only measures pay for it.
#[test]
fn merged_measures_get_noise_for_r_and_contributors_do_not() {
    let table = table(12, 3);
    let charge = charge("0.02", "0.00000001", Some("0.02"));
    let merged = |r| {
        let mechanism = calibrate_merged(&table, Unit::PersonDay, 10, &charge, r).unwrap();
        assert!(mechanism.cost().unwrap().fits_in(charge.total().unwrap()));
        let Mechanism::Thresholded {
            selection,
            measures,
        } = mechanism
        else {
            panic!("not protected")
        };
        check_draw(&measures[0].draw, charge.measures[0].rho);
        (selection, measures[0].draw)
    };
    let (selection, unmerged) = merged(1);
    for r in [2, 12] {
        let (same, draw) = merged(r);
        assert_eq!((same, draw.merged), (selection, r));
        // σ² grows by r where Gaussian serves.
        assert_eq!(draw.noise, Noise::DiscreteGaussian);
        let (own, one) = (draw.scale.sixteenths(), unmerged.scale.sixteenths());
        assert!(own * own >= (one - 1) * (one - 1) * u64::from(r));
    }
    let error = calibrate_merged(&table, Unit::PersonDay, 10, &charge, 13).unwrap_err();
    assert!(
        error.to_string().contains("`merged` has to be 1 to 12"),
        "{error}"
    );
}

/// The promise of the crate: what is pinned costs at most the charge, part by part, by our integers and by
/// OpenDP's maps, and one step less noise would not.
fn check_promise(l0: u32, linf: u32, k: u32, charge: &Charge) {
    let mechanism = calibrate(&table(l0, linf), Unit::PersonDay, k, charge).unwrap();
    assert!(mechanism.cost().unwrap().fits_in(charge.total().unwrap()));
    let Mechanism::Thresholded {
        selection,
        measures,
    } = mechanism
    else {
        panic!("not protected")
    };
    assert_eq!((selection.draw.l0, selection.draw.linf), (l0, 1));
    check_draw(&selection.draw, charge.selection);
    for (pinned, charged) in std::iter::zip(&measures, &charge.measures) {
        assert_eq!(pinned.measure, charged.measure);
        assert_eq!((pinned.draw.l0, pinned.draw.linf), (l0, u64::from(linf)));
        check_draw(&pinned.draw, charged.rho);
    }
    assert_eq!(selection.k, k);
    assert!(keeps_delta(&selection, charge.delta));
    let lower = Selection {
        threshold: selection.threshold - 1,
        ..selection
    };
    assert!(
        lower.threshold < 2 || !keeps_delta(&lower, charge.delta),
        "{selection:?}"
    );
}

fn check_draw(draw: &Draw, rho: Rho) {
    assert!(draw.rho().unwrap() <= rho && engine::rho(draw).unwrap() <= rho);
    if let Ok(scale) = Scale::from_sixteenths(draw.scale.sixteenths() - 1) {
        let less = Draw { scale, ..*draw };
        let keeps = less.rho().is_ok_and(|r| r <= rho) && engine::rho(&less).unwrap() <= rho;
        assert!(!keeps, "{less:?} keeps {rho} too");
    }
}

fn keeps_delta(selection: &Selection, delta: Delta) -> bool {
    selection.delta().unwrap() <= delta && engine::delta(selection).unwrap() <= delta
}

#[test]
fn the_pinned_noise_keeps_the_charge_and_is_the_least_that_does() {
    for (l0, linf) in [(1, 1), (2, 1), (4, 2), (10, 3), (40, 5), (L0_MAX, 3)] {
        for rho in ["0.001", "0.02", "0.125", "2", "999999"] {
            for delta in ["0.000000000001", "0.00000001", "0.00001", "0.9"] {
                // 65,536 cells at 10⁻¹² are refused, which `absurd_charges…` covers.
                if (l0, delta) != (L0_MAX, "0.000000000001") {
                    check_promise(l0, linf, 10, &charge(rho, delta, Some(rho)));
                }
            }
        }
    }
    check_promise(1, u32::MAX, 10, &charge("999999", "0.9", Some("999999")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_charge_is_kept(
        l0 in 1_u32..500, linf in 1_u32..1000, k in 1_u32..1000,
        selection in 1_000_000_u64..10_000_000_000_000, trips in 1_000_000_u64..10_000_000_000_000,
        delta in 100_u64..100_000_000,
    ) {
        let measure = MeasureCharge { measure: "trips".into(), rho: Rho::from_units(trips) };
        let charge = Charge {
            selection: Rho::from_units(selection),
            delta: Delta::from_units(delta),
            measures: vec![measure],
            noise: None,
        };
        check_promise(l0, linf, k, &charge);
    }
}

/// Of the two, no one else publishes smaller cells; and each of them does win somewhere.
#[test]
fn the_better_distribution_serves() {
    let mut served = std::collections::BTreeMap::new();
    for l0 in 1..4 {
        for rho in ["0.01", "0.1", "1", "2", "4", "8", "16", "32"] {
            for delta in ["0.00000001", "0.00001", "0.001", "0.1"] {
                let charge = charge(rho, delta, None);
                let chosen = select(l0, 5, &charge).unwrap();
                let change = Change {
                    l0,
                    linf: 1,
                    merged: 1,
                };
                for draw in draws("selection", change, charge.selection, None).unwrap() {
                    let other = least_threshold(draw, 5, charge.delta).unwrap().unwrap();
                    assert!(chosen.published_from() <= other.published_from());
                }
                *served
                    .entry(format!("{:?}", chosen.draw.noise))
                    .or_insert(0) += 1;
            }
        }
    }
    assert_eq!(served.len(), 2, "{served:?}");
}

/// What privacy.md section 4b tabulates for Gaussian: ε 0.5 at δ 10⁻⁸ by σ = 10.1 needs 59 units for L0 = 1.
#[test]
fn a_known_table_comes_out_as_known() {
    // σ = 10.125: ρ = 1/(2σ²) = 0.004877…
    let charge = charge("0.004878", "0.00000001", None);
    let mechanism = calibrate(&table(1, 1), Unit::PersonDay, 1, &charge).unwrap();
    let Mechanism::Thresholded { selection, .. } = mechanism else {
        panic!("not protected")
    };
    assert_eq!(selection.draw.noise, Noise::DiscreteGaussian);
    assert_eq!(selection.draw.scale.sixteenths(), 162);
    // One or two over the exact tail: OpenDP's bound of it is the looser one.
    assert!(
        (59..=61).contains(&selection.published_from()),
        "{selection:?}"
    );
}

#[test]
fn absurd_charges_are_refused_with_field_and_range() {
    let refused = |charge: &Charge, k, l0, linf| {
        calibrate(&table(l0, linf), Unit::PersonDay, k, charge)
            .unwrap_err()
            .to_string()
    };
    let fine = charge("0.1", "0.00000001", None);
    let says = |text: String, words: &str| assert!(text.contains(words), "{text}");
    says(
        refused(&charge("0", "0.1", None), 5, 1, 1),
        "`selection` has to be at least 0.0",
    );
    says(
        refused(&charge("0.1", "0.1", Some("0")), 5, 1, 1),
        "`measures.trips` has to be at least",
    );
    for delta in ["0", "1", "2"] {
        says(
            refused(&charge("0.1", delta, None), 5, 1, 1),
            "`delta` has to be above 0 and below 1",
        );
    }
    says(refused(&fine, 0, 1, 1), "`k` has to be 1 to");
    says(refused(&fine, 5, 0, 1), "`cells_max` has to be 1 to 65536");
    says(
        refused(&fine, 5, u32::MAX, 1),
        "`cells_max` has to be 1 to 65536",
    );
    says(refused(&fine, 5, 1, 0), "`per_cell_max` has to be 1 to");

    // In range, but no noise is loud enough: the least that is possible is said, and works.
    let tiny = refused(&charge("0.000000000001", "0.1", None), 5, L0_MAX, 1);
    says(tiny.clone(), "`selection` has to be at least 0.");
    let least = tiny.split(' ').find(|word| word.starts_with("0.")).unwrap();
    assert!(
        calibrate(
            &table(L0_MAX, 1),
            Unit::PersonDay,
            5,
            &charge(least, "0.1", None)
        )
        .is_ok()
    );
    let many = refused(&charge("0.1", "0.000000000001", None), 5, L0_MAX, 1);
    says(many, "`delta` has to be more with 65536 cells_max");
}

#[test]
fn without_a_unit_nothing_is_calibrated() {
    let nothing = charge("0", "0", None);
    let mechanism = calibrate(&table(1, 1), Unit::None, 0, &nothing).unwrap();
    assert_eq!(mechanism, Mechanism::Unprotected);
    assert_eq!(mechanism.cost().unwrap(), Loss::ZERO);
}
