//! A dense table: whether anybody is in a key shows nowhere but through its noise.

use super::*;
use crate::calibrate::{CalibrateError, calibrate_dense};
use crate::testing::{charge, chi_square_z, pmf};

const ROWS: usize = 40_000;

fn dense(contributors: Draw, trips: Draw) -> Mechanism {
    let measure = "trips".into();
    let measures = vec![MeasureDraw {
        measure,
        draw: trips,
    }];
    Mechanism::Dense {
        contributors,
        measures,
    }
}

fn spend_dense(mechanism: Mechanism) -> Spend {
    let charge = Loss {
        delta: policies::loss::Delta::ZERO,
        ..ample(&mechanism)
    };
    Spend::for_test(reservation(table(1, 3), Unit::PersonDay, mechanism, charge))
}

fn exact_with(people: Vec<u64>) -> Exact {
    Exact {
        measures: vec![("trips".into(), people.iter().map(|n| 2 * n).collect())],
        contributors: Some(people),
    }
}

/// Noise of the rows, against the pmf of its draw; 4.9 sigma is once in a million.
fn fits(noise: impl Iterator<Item = i64>, draw: &Draw) -> f64 {
    let far: i32 = 400;
    let mut seen = vec![0.0; 801];
    let mut count = 0.0;
    for z in noise {
        seen[usize::try_from(z + i64::from(far)).unwrap()] += 1.0;
        count += 1.0;
    }
    let expected: Vec<f64> = pmf(draw, far).iter().map(|p| p * count).collect();
    chi_square_z(&seen, &expected)
}

#[test]
fn every_key_is_shown_and_absent_ones_have_the_noise_of_all() {
    for noise in BOTH {
        let (people, trips) = (draw(noise, 40, 1, 1), draw(noise, 100, 1, 3));
        let count = |row: usize| if row.is_multiple_of(2) { 0 } else { 7 };
        let given = exact_with((0..ROWS).map(count).collect());
        let shown = rows(spend_dense(dense(people, trips)), given);
        assert_eq!(shown.kept, (0..ROWS).collect::<Vec<_>>());
        assert!(shown.near_threshold.iter().all(|near| !near));
        assert!(shown.contributors.values.iter().any(|n| *n < 0), "as drawn");
        for half in [0, 1] {
            let of = |values: &[i64], scale: i64| -> Vec<i64> {
                let rows = (half..ROWS).step_by(2);
                rows.map(|row| values[row] - scale * count(row) as i64)
                    .collect()
            };
            let z = fits(of(&shown.contributors.values, 1).into_iter(), &people);
            assert!(z < 4.9, "contributors, {noise:?}, {half}: {z} sigma");
            let z = fits(of(&shown.measures[0].1.values, 2).into_iter(), &trips);
            assert!(z < 4.9, "trips, {noise:?}, {half}: {z} sigma");
        }
        for noisy in [&shown.contributors, &shown.measures[0].1] {
            let possible = noisy.high.iter().all(|high| *high >= 0);
            assert!(possible, "an interval without a possible number");
        }
        let ends = std::iter::zip(&shown.contributors.low, &shown.contributors.high);
        let covered = ends.enumerate().filter(|(row, (low, high))| {
            let n = count(*row) as i64;
            **low <= n && n <= **high
        });
        assert!(at_most(covered.count(), ROWS) >= 0.95);
    }
}

#[test]
fn its_charge_has_no_delta_and_it_stands_alone() {
    let table = table(2, 3);
    let charge = charge("0.25", "0", Some("0.25"));
    let mechanism = calibrate_dense(&table, Unit::PersonDay, &charge).unwrap();
    let cost = mechanism.cost().unwrap();
    assert!(cost.fits_in(charge.total().unwrap()) && cost.delta == policies::loss::Delta::ZERO);
    let spend = |change: &dyn Fn(&mut Reservation)| {
        let total = charge.total().unwrap();
        let mut reserved = reservation(table.clone(), Unit::PersonDay, mechanism.clone(), total);
        change(&mut reserved);
        Spend::checked_for_test(reserved).map(|_| ())
    };
    assert_eq!(spend(&|_| {}), Ok(()));
    let alone = Err(crate::spend::SpendError::Dense);
    assert_eq!(spend(&|r| r.charge.delta = "0.1".parse().unwrap()), alone);
    let fewer = |r: &mut Reservation| r.table.cells_max = 3;
    assert!(matches!(
        spend(&fewer),
        Err(crate::spend::SpendError::Sensitivity { .. })
    ));
}

#[test]
fn a_dense_charge_that_nothing_keeps_names_its_field() {
    let (table, unit) = (table(2, 3), Unit::PersonDay);
    for (selection, delta, trips, names) in [
        ("0", "0", None, "selection"),
        ("0.25", "0.1", None, "delta"),
        ("0.25", "0", Some("0"), "measures.trips"),
    ] {
        let error = calibrate_dense(&table, unit, &charge(selection, delta, trips)).unwrap_err();
        assert!(
            matches!(&error, CalibrateError::Range { field, .. } if field == names),
            "{error}"
        );
    }
    let none = calibrate_dense(&table, Unit::None, &charge("0.25", "0", None));
    assert!(matches!(none, Err(CalibrateError::Range { field, .. }) if field == "unit"));
}
