#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::*;
use crate::mechanism::{Noise, Scale};
use crate::testing::{Signer, agreement, mechanism};

/// What the terms of [`agreement`] say to [`mechanism`] after a change.
fn check(change: impl FnOnce(&mut Selection, &mut Vec<MeasureDraw>)) -> Result<(), TermsError> {
    let terms = agreement(&Signer::new(), &Signer::new());
    let Mechanism::Thresholded {
        mut selection,
        mut measures,
    } = mechanism()
    else {
        panic!()
    };
    change(&mut selection, &mut measures);
    let changed = Mechanism::Thresholded {
        selection,
        measures,
    };
    changed.check_terms(&terms.tables[0], terms.k, terms.plan[0].charge.as_ref(), 1)
}

fn scale(sixteenths: u64) -> Scale {
    Scale::from_sixteenths(sixteenths).unwrap()
}

#[test]
fn the_agreed_noise_and_more_of_it_are_as_agreed() {
    check(|_, _| {}).unwrap();
    check(|selection, measures| {
        (selection.threshold, selection.draw.scale) = (40, scale(40));
        measures[0].draw.scale = scale(200);
    })
    .unwrap();
}

#[test]
fn less_noise_or_noise_for_other_bounds_is_not() {
    for k in [4, 6] {
        let error = check(|selection, _| selection.k = k).unwrap_err();
        assert_eq!(error, TermsError::K { k, agreed: 5 });
    }
    for l0 in [1, 3] {
        let error = check(|selection, _| selection.draw.l0 = l0).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("`contributors` is made for other")
        );
        let error = check(|_, measures| measures[0].draw.l0 = l0).unwrap_err();
        assert!(error.to_string().contains("`trips` is made for other"));
    }
    let error = check(|selection, _| selection.draw.linf = 3).unwrap_err();
    assert!(matches!(error, TermsError::Bounds { .. }));
    let error = check(|_, measures| measures[0].draw.linf = 1).unwrap_err();
    assert!(matches!(error, TermsError::Bounds { .. }));
}

/// Noise on sums of merged cells is for r of them; contributors are a bound that changes by 1.
#[test]
fn noise_for_fewer_merged_cells_is_not_as_agreed() {
    let terms = agreement(&Signer::new(), &Signer::new());
    let (table, charge) = (&terms.tables[0], terms.plan[0].charge.as_ref());
    let mechanism = |selection_merged, measure_merged| {
        let Mechanism::Thresholded {
            mut selection,
            mut measures,
        } = mechanism()
        else {
            panic!()
        };
        selection.draw.merged = selection_merged;
        (measures[0].draw.merged, measures[0].draw.scale) = (measure_merged, scale(137));
        Mechanism::Thresholded {
            selection,
            measures,
        }
    };
    mechanism(1, 2).check_terms(table, 5, charge, 2).unwrap();
    for (wrong, merged) in [((1, 1), 2), ((2, 2), 2), ((1, 2), 1), ((2, 1), 1)] {
        let error = mechanism(wrong.0, wrong.1).check_terms(table, 5, charge, merged);
        assert!(matches!(error, Err(TermsError::Bounds { .. })), "{wrong:?}");
    }
}

#[test]
fn every_part_costs_at_most_what_is_paid_for_it() {
    let error = check(|selection, _| selection.draw.scale = scale(31)).unwrap_err();
    assert!(
        error.to_string().contains("`contributors` costs"),
        "{error}"
    );
    // Cheaper selection does not pay for dearer measures.
    let error = check(|selection, measures| {
        selection.draw.scale = scale(320);
        selection.threshold = 400;
        measures[0].draw.scale = scale(90);
    });
    assert!(error.unwrap_err().to_string().contains("`trips` costs"));
    let error = check(|selection, _| selection.threshold = 5).unwrap_err();
    assert!(matches!(error, TermsError::Delta { .. }), "{error}");
    let error = check(|selection, _| selection.threshold = 1).unwrap_err();
    assert!(matches!(error, TermsError::Mechanism(_)), "{error}");
    // Pure noise of the same variance is dearer with L0 = 2.
    let error = check(|selection, _| selection.draw.noise = Noise::DiscreteLaplace).unwrap_err();
    assert!(matches!(error, TermsError::Rho { .. }), "{error}");
}

#[test]
fn measures_are_those_that_are_paid_for() {
    assert_eq!(
        check(|_, measures| measures.clear()),
        Err(TermsError::Measures)
    );
    let error = check(|_, measures| measures[0].measure = "duration_s".into());
    assert_eq!(error, Err(TermsError::Measures));
    let error = check(|_, measures| measures.push(measures[0].clone()));
    assert_eq!(error, Err(TermsError::Measures));
}

/// The auditor's side of a sum: noise for the change of a count, or for half the clamp's width, is not as agreed.
#[test]
fn a_sum_needs_noise_for_its_whole_range() {
    let mut terms = agreement(&Signer::new(), &Signer::new());
    let mut charge = terms.plan[0].charge.clone().unwrap();
    let mut paid = charge.measures[0].clone();
    paid.measure = "duration_s".into();
    charge.measures.push(paid);
    terms.tables[0].clamps[0].min = 60;
    // per_cell_max 3, and 7,140 seconds between the ends.
    let check = |linf: u64| {
        let Mechanism::Thresholded {
            selection,
            mut measures,
        } = mechanism()
        else {
            panic!()
        };
        let mut sum = measures[0].clone();
        sum.measure = "duration_s".into();
        (sum.draw.linf, sum.draw.scale) = (linf, scale(97 * 7140));
        measures.push(sum);
        let changed = Mechanism::Thresholded {
            selection,
            measures,
        };
        changed.check_terms(&terms.tables[0], terms.k, Some(&charge), 1)
    };
    check(3 * 7140).unwrap();
    for linf in [1, 3, 3 * 7140 / 2, 3 * 7200] {
        let measure = "duration_s".to_owned();
        assert_eq!(check(linf), Err(TermsError::Bounds { measure }), "{linf}");
    }
    // Bins that the table does not have hide nothing.
    terms.tables[0].clamps.clear();
    let error = mechanism().check_terms(&terms.tables[0], terms.k, Some(&charge), 1);
    assert_eq!(error, Err(TermsError::Measures));
}

#[test]
fn noise_and_charge_go_together() {
    let terms = agreement(&Signer::new(), &Signer::new());
    let (table, charge) = (&terms.tables[0], terms.plan[0].charge.as_ref());
    Mechanism::Unprotected
        .check_terms(table, 0, None, 1)
        .unwrap();
    let error = Mechanism::Unprotected.check_terms(table, 5, charge, 1);
    assert_eq!(error, Err(TermsError::Protection));
    assert_eq!(
        mechanism().check_terms(table, 5, None, 1),
        Err(TermsError::Protection)
    );
}

#[test]
fn a_distribution_that_the_charge_names_is_the_only_one() {
    let terms = agreement(&Signer::new(), &Signer::new());
    let mut charge = terms.plan[0].charge.clone().unwrap();
    let check = |charge: &Charge| mechanism().check_terms(&terms.tables[0], 5, Some(charge), 1);
    let Mechanism::Thresholded { selection, .. } = mechanism() else {
        panic!()
    };
    charge.noise = Some(selection.draw.noise);
    check(&charge).unwrap();
    charge.noise = Some(match selection.draw.noise {
        Noise::DiscreteGaussian => Noise::DiscreteLaplace,
        Noise::DiscreteLaplace => Noise::DiscreteGaussian,
    });
    let measure = "contributors".to_owned();
    assert_eq!(check(&charge), Err(TermsError::Noise { measure }));
}
