//! From (ε, δ), in which people state a promise, to the charge that keeps it.
//!
//! Of the two ways to keep (ε, δ) with one release, the one that publishes smaller cells:
//! - discrete Laplace: selection is pure ε, booked as ρ = ε²/2 (Bun and Steinke 2016, Proposition 1.4), and
//!   all of δ goes to the threshold;
//! - discrete Gaussian: half of δ to the threshold, and the largest ρ that OpenDP's conversion turns into ε at
//!   the other half.
//!
//! Laplace wins where one unit is in few cells (up to 3 or so), Gaussian above.

use policies::agreement::{Charge, Unit};
use policies::loss::{Delta, Loss, Rho, UNITS_PER_ONE};
use policies::mechanism::{Mechanism, Noise};
use policies::table::Table;

use crate::calibrate::{CalibrateError, calibrate};
use crate::engine;

/// ε in millionths: no floats for privacy loss. At most 1000.
const EPSILON_MAX: u64 = 1_000_000_000;

/// The charge for one release of `table`'s contributors, without further measures, that is (ε, δ)
/// differentially private by itself; `epsilon` in millionths.
///
/// # Errors
/// [`CalibrateError`] for an ε outside (0, 1000] or a δ outside (0, 1), and where neither distribution keeps it.
pub fn charge(
    table: &Table,
    unit: Unit,
    k: u32,
    epsilon: u64,
    delta: Delta,
) -> Result<Charge, CalibrateError> {
    if epsilon == 0 || epsilon > EPSILON_MAX {
        return Err(out_of_range("epsilon", "above 0 and at most 1000"));
    }
    // Here, since half of it, which Gaussian noise gives to the threshold, may be in range where it is not.
    if delta == Delta::ZERO || delta.units() >= UNITS_PER_ONE {
        return Err(out_of_range("delta", "above 0 and below 1"));
    }
    let pure = Charge {
        selection: Rho::from_units(epsilon * epsilon / 2), // millionths squared are 10⁻¹²
        delta,
        measures: Vec::new(),
        noise: Some(Noise::DiscreteLaplace),
    };
    let half = Delta::from_units(delta.units() / 2);
    let concentrated = Charge {
        selection: largest_rho(epsilon, half, delta)?,
        delta: half,
        measures: Vec::new(),
        noise: Some(Noise::DiscreteGaussian),
    };
    let mut best: Option<(u64, Charge)> = None;
    let mut refused = None;
    for charge in [pure, concentrated] {
        match calibrate(table, unit, k, &charge) {
            Ok(mechanism) => {
                let from = published_from(&mechanism);
                if best.as_ref().is_none_or(|(least, _)| from < *least) {
                    best = Some((from, charge));
                }
            }
            Err(error) => refused = Some(error),
        }
    }
    match (best, refused) {
        (Some((_, charge)), _) => Ok(charge),
        (None, Some(error)) => Err(error),
        (None, None) => Err(out_of_range("epsilon", "more")),
    }
}

/// The largest ρ for which (ρ, `threshold`) is ε at `delta`, by bisection: ε grows with ρ, and is above it.
fn largest_rho(epsilon: u64, threshold: Delta, delta: Delta) -> Result<Rho, CalibrateError> {
    let stated = epsilon as f64 / 1e6;
    let (mut keeps, mut breaks) = (0_u64, epsilon.saturating_mul(UNITS_PER_ONE / 1_000_000));
    while breaks - keeps > 1 {
        let middle = keeps + (breaks - keeps) / 2;
        let rho = Rho::from_units(middle);
        let loss = Loss {
            rho,
            delta: threshold,
        };
        if engine::epsilon(loss, delta)?.is_some_and(|e| e <= stated) {
            keeps = middle;
        } else {
            breaks = middle;
        }
    }
    Ok(Rho::from_units(keeps))
}

fn published_from(mechanism: &Mechanism) -> u64 {
    match mechanism {
        Mechanism::Thresholded { selection, .. } => selection.published_from(),
        _ => 0,
    }
}

fn out_of_range(field: &str, allowed: &str) -> CalibrateError {
    CalibrateError::Range {
        field: field.into(),
        allowed: allowed.into(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::testing::table;

    const DELTA: Delta = Delta::from_units(10_000); // 10⁻⁸

    #[test]
    fn laplace_keeps_a_pure_epsilon_and_gaussian_converts_to_it() {
        let few = charge(&table(1, 1), Unit::Trip, 10, 1_000_000, DELTA).unwrap();
        assert_eq!(few.noise, Some(Noise::DiscreteLaplace));
        assert_eq!(
            (few.selection.to_string().as_str(), few.delta),
            ("0.5", DELTA)
        );
        let many = charge(&table(10, 1), Unit::PersonDay, 10, 1_000_000, DELTA).unwrap();
        assert_eq!(many.noise, Some(Noise::DiscreteGaussian));
        let kept = engine::epsilon(many.total().unwrap(), DELTA)
            .unwrap()
            .unwrap();
        assert!((0.99..=1.0).contains(&kept), "{kept}");
    }

    #[test]
    fn a_named_distribution_is_the_one_that_is_drawn() {
        for cells in [1, 10] {
            let charge = charge(&table(cells, 1), Unit::Trip, 5, 500_000, DELTA).unwrap();
            let mechanism = calibrate(&table(cells, 1), Unit::Trip, 5, &charge).unwrap();
            let Mechanism::Thresholded { selection, .. } = &mechanism else {
                return assert!(matches!(mechanism, Mechanism::Thresholded { .. }));
            };
            assert_eq!(Some(selection.draw.noise), charge.noise);
            assert!(
                mechanism
                    .check_terms(&table(cells, 1), 5, Some(&charge), 1)
                    .is_ok()
            );
        }
    }

    #[test]
    fn absurd_promises_are_refused() {
        let epsilon = "`epsilon` has to be above 0 and at most 1000";
        let one = Delta::from_units(UNITS_PER_ONE);
        for (stated, delta, says) in [
            (0, DELTA, epsilon),
            (EPSILON_MAX + 1, DELTA, epsilon),
            (u64::MAX, DELTA, epsilon),
            (1_000_000, Delta::ZERO, "`delta` has to be"),
            (1_000_000, one, "`delta` has to be"),
            (1_000_000, Delta::from_units(u64::MAX), "`delta` has to be"),
        ] {
            let error = charge(&table(1, 1), Unit::Trip, 5, stated, delta).unwrap_err();
            assert!(error.to_string().starts_with(says), "{error}");
        }
    }
}
