//! Membership inference on the whole release path: who sees a released table and knows all but one unit
//! guesses whether that unit is in it. privacy.md section 5.3.

use crate::calibrate::calibrate;
use crate::testing::charge;

use super::*;

const CELLS: u32 = 4;
const PER_CELL: u32 = 2;
const TRIALS: usize = 8_000;

/// The share of trials in which the best guess is "the unit is in it", by the likelihood ratio of everything
/// that was released of the unit's cells.
fn guesses(mechanism: &Mechanism, charge: Loss, present: bool) -> usize {
    let Mechanism::Thresholded {
        selection,
        measures,
    } = mechanism
    else {
        panic!()
    };
    // Far above the threshold, where every row shows and the noise alone protects.
    let (units, trips) = (400_u64, 700_u64);
    let more = u64::from(present);
    let cells = TRIALS * CELLS as usize;
    let exact = Exact {
        contributors: Some(vec![units + more; cells]),
        measures: vec![(
            "trips".into(),
            vec![trips + more * u64::from(PER_CELL); cells],
        )],
    };
    let table = table(CELLS, PER_CELL);
    let reservation = reservation(table, Unit::PersonDay, mechanism.clone(), charge);
    let rows = rows(Spend::for_test(reservation), exact);
    let mut scores = vec![0.0; TRIALS];
    let columns = [
        (&rows.contributors, &selection.draw, units as f64, 1.0),
        (
            &rows.measures[0].1,
            &measures[0].draw,
            trips as f64,
            f64::from(PER_CELL),
        ),
    ];
    for (noisy, draw, without, change) in columns {
        assert_eq!(draw.noise, Noise::DiscreteGaussian);
        let variance = (draw.scale.sixteenths() as f64 / 16.0).powi(2);
        for (row, value) in std::iter::zip(&rows.kept, &noisy.values) {
            let middle = without + change / 2.0;
            scores[row / CELLS as usize] += (*value as f64 - middle) * change / variance;
        }
    }
    scores.into_iter().filter(|score| *score > 0.0).count()
}

/// How much better than a coin at best, certified: a lower and an upper bound.
fn advantage(mechanism: &Mechanism, charge: Loss) -> (f64, f64) {
    let (hits, alarms) = (
        guesses(mechanism, charge, true),
        guesses(mechanism, charge, false),
    );
    let low = at_least(hits, TRIALS) - at_most(alarms, TRIALS);
    let high = at_most(hits, TRIALS) - at_least(alarms, TRIALS);
    (low, high)
}

/// Gaussian noise of cost ρ gives the best guess an advantage of 2Φ(√(2ρ)/2) − 1 and δ on top; the release
/// path keeps that, with little to spare, and one that forgets L0 or L∞ does not.
#[test]
fn the_best_guess_is_no_better_than_the_charge_allows() {
    let plan = charge("0.05", "0.00001", Some("0.05"));
    let total = plan.total().unwrap();
    let mechanism = calibrate(&table(CELLS, PER_CELL), Unit::PersonDay, 10, &plan).unwrap();
    // ρ = 0.1: √0.2/2 = 0.22361, Φ = 0.58847.
    let allowed = 2.0 * 0.588_47 - 1.0 + 0.000_01;
    let (low, high) = advantage(&mechanism, total);
    assert!(
        low <= allowed,
        "the best guess wins by {low}, {allowed} is charged"
    );
    assert!(
        high >= 0.9 * allowed,
        "no power: the best guess wins by {high} at most"
    );

    let Mechanism::Thresholded {
        selection,
        measures,
    } = mechanism
    else {
        panic!()
    };
    let halved = |draw: Draw| Draw {
        scale: (draw.scale.sixteenths() / 2).try_into().unwrap(),
        ..draw
    };
    let thinner = vec![MeasureDraw {
        measure: "trips".into(),
        draw: halved(measures[0].draw),
    }];
    let forgot_linf = Mechanism::Thresholded {
        selection,
        measures: thinner.clone(),
    };
    let forgot_l0 = Mechanism::Thresholded {
        selection: Selection {
            draw: halved(selection.draw),
            ..selection
        },
        measures: thinner,
    };
    for broken in [forgot_linf, forgot_l0] {
        // Booked as dear as it is, so that it is drawn at all.
        let charge = ample(&broken);
        let (low, _) = advantage(&broken, charge);
        assert!(low > allowed, "a broken scale is not caught: {low}");
    }
}
