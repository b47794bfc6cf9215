#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use policies::agreement::MeasureCharge;

use super::*;

fn table(cells_max: u32, per_cell_max: u32) -> Table {
    serde_json::from_value(serde_json::json!({
        "name": "od", "kind": "od_trips", "zoning": "post", "period": "day", "bins": [0],
        "categories": [{"dimension": "mode", "values": ["bike"]}],
        "cells_max": cells_max, "per_cell_max": per_cell_max, "clamps": [],
    }))
    .unwrap()
}

fn charge(selection: &str, delta: &str, trips: Option<&str>) -> Charge {
    let measure = |rho: &str| MeasureCharge {
        measure: "trips".into(),
        rho: rho.parse().unwrap(),
    };
    Charge {
        selection: selection.parse().unwrap(),
        delta: delta.parse().unwrap(),
        measures: trips.map(measure).into_iter().collect(),
    }
}

/// The promise of the crate: what is pinned costs at most the charge, by our integers and by OpenDP, and
/// one step less noise would not.
#[test]
fn the_pinned_noise_keeps_the_charge_and_is_the_least_that_does() {
    for (l0, linf) in [(1, 1), (2, 1), (4, 2), (10, 3), (40, 5)] {
        for rho in ["0.001", "0.02", "0.125", "0.5", "2"] {
            for delta in ["0.000000000001", "0.00000001", "0.00001"] {
                let charge = charge(rho, delta, Some(rho));
                let mechanism = calibrate(&table(l0, linf), Unit::PersonDay, 10, &charge).unwrap();
                assert!(mechanism.cost().unwrap().fits_in(charge.total().unwrap()));
                let Mechanism::Thresholded {
                    selection,
                    measures,
                } = mechanism
                else {
                    panic!()
                };
                assert_eq!((selection.draw.l0, selection.draw.linf), (l0, 1));
                assert_eq!(
                    (measures[0].draw.l0, measures[0].draw.linf),
                    (l0, u64::from(linf))
                );
                assert!(engine::rho(&selection.draw).unwrap() <= charge.selection);
                assert!(engine::delta(&selection).unwrap() <= charge.delta);
                let less = Selection {
                    threshold: selection.threshold - 1,
                    ..selection
                };
                let broken = less.delta().is_ok_and(|d| d > charge.delta)
                    || less.threshold < 2
                    || engine::delta(&less).unwrap() > charge.delta;
                assert!(broken, "T {} is not the least", selection.threshold);
            }
        }
    }
}

#[test]
fn absurd_charges_are_refused_with_the_field() {
    let refused = |charge: &Charge, k, l0, linf| {
        calibrate(&table(l0, linf), Unit::PersonDay, k, charge)
            .unwrap_err()
            .to_string()
    };
    let fine = charge("0.1", "0.00000001", None);
    assert!(refused(&charge("0", "0.1", None), 5, 1, 1).contains("`selection`"));
    assert!(refused(&charge("0.1", "0", None), 5, 1, 1).contains("`delta`"));
    assert!(refused(&charge("0.1", "0.1", Some("0")), 5, 1, 1).contains("measures.trips"));
    assert!(refused(&fine, 0, 1, 1).contains("`k`"));
    assert!(refused(&fine, 5, 0, 1).contains("`cells_max`"));
    assert!(refused(&fine, 5, 1, 0).contains("`per_cell_max`"));
    assert!(refused(&fine, 5, u32::MAX, 1).contains("`cells_max`"));
}
