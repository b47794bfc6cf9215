//! Sums of charges against OpenDP's own composition (issue 3, item 7).
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use opendp::combinators::CompositionMeasure;
use policies::loss::Loss;
use proptest::prelude::*;

use super::*;
use crate::calibrate::calibrate;
use crate::testing::{charge, table};
use policies::agreement::Unit;
use policies::mechanism::Mechanism;

/// OpenDP's composition of losses in zCDP, rounded up by it.
fn composed(rhos: &[f64]) -> f64 {
    let _alone = alone();
    ZeroConcentratedDivergence.compose(rhos.to_vec()).unwrap()
}

/// The ledger's sum.
fn added(rhos: &[u64]) -> u64 {
    let sum = rhos.iter().try_fold(Rho::ZERO, |sum, units| {
        sum.checked_add(Rho::from_units(*units))
    });
    sum.unwrap().units()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    /// Charges that a float holds exactly (n/4096): not one unit of 10⁻¹² apart.
    #[test]
    fn sums_of_dyadic_charges_are_opendps_to_the_unit(
        steps in prop::collection::vec(1_u64..4096, 1..366),
    ) {
        const STEP: u64 = UNITS_PER_ONE / 4096;
        let units: Vec<u64> = steps.iter().map(|n| n * STEP).collect();
        let theirs = composed(&steps.iter().map(|n| *n as f64 / 4096.0).collect::<Vec<_>>());
        prop_assert_eq!(Some(added(&units)), units_up(theirs));
    }

    /// Any charges up to the largest cap: within 10⁻¹². OpenDP is asked about the floats just below, since
    /// ours are exact decimals and a float may lie above them; its answer is then never above our sum.
    #[test]
    fn sums_of_any_charges_are_opendps_within_a_unit_and_never_below(
        units in prop::collection::vec(1_u64..62_500_000_000, 1..64),
    ) {
        let ours = added(&units);
        let theirs = composed(&units.iter().map(|u| in_ones(*u)).collect::<Vec<_>>());
        prop_assert!(units_up(theirs).unwrap().abs_diff(ours) <= 1, "{} {}", ours, theirs);
        let below = |u: &u64| in_ones(*u) * (1.0 - f64::EPSILON * 64.0);
        let least = composed(&units.iter().map(below).collect::<Vec<_>>());
        prop_assert!(units_up(least).unwrap() <= ours, "{} {}", ours, least);
    }

    /// Calibrated releases, one after another: what the ledger booked is at least what OpenDP's maps of
    /// all their draws compose to.
    #[test]
    fn the_ledger_is_never_below_the_composition_of_opendps_maps(
        releases in prop::collection::vec(
            (1_u32..50, 1_u32..20, 1_u64..1000, 1_u64..1000), 1..12,
        ),
    ) {
        let (mut booked, mut maps) = (Loss::ZERO, Vec::new());
        for (l0, linf, selection, trips) in releases {
            let rho = |thousandths: u64| Rho::from_units(thousandths * 1_000_000_000).to_string();
            let charge = charge(&rho(selection), "0.00000001", Some(&rho(trips)));
            let mechanism = calibrate(&table(l0, linf), Unit::PersonDay, 5, &charge).unwrap();
            let Mechanism::Thresholded { selection, measures, .. } = &mechanism else { panic!() };
            for draw in std::iter::once(&selection.draw).chain(measures.iter().map(|m| &m.draw)) {
                maps.push(in_ones(engine_rho(draw)));
            }
            prop_assert!(mechanism.cost().unwrap().fits_in(charge.total().unwrap()));
            booked = booked.checked_add(charge.total().unwrap()).unwrap();
        }
        prop_assert!(units_up(composed(&maps)).unwrap() <= booked.rho.units());
    }
}

fn engine_rho(draw: &Draw) -> u64 {
    rho(draw).unwrap().units()
}
