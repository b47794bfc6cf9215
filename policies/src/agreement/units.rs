//! How many units a δ is small beside: a δ of 1 over the number of units or more would allow to publish one of
//! them outright, and still be kept.

use super::Agreement;
use crate::id::TableName;
use crate::loss::{Delta, UNITS_PER_ONE};
use crate::period::Period;

/// Most units that one unit-period of a population may have: more than all people; beside it the largest δ is
/// still ten times the least that can be written.
pub const UNITS_MAX: u64 = 100_000_000_000;

/// The largest δ below 1 over `units`, which are 1 to [`UNITS_MAX`].
#[must_use]
pub fn delta_beside(units: u64) -> Delta {
    Delta::from_units((UNITS_PER_ONE - 1) / units.max(1))
}

/// The most units beside which `delta` is below 1 over them; `None` for a δ of 0, which is so beside any.
fn units_beside(delta: Delta) -> Option<u64> {
    (UNITS_PER_ONE - 1).checked_div(delta.units())
}

impl Agreement {
    /// The most units that a contribution to the table may have in `period`: `units_max` in each unit-period of
    /// it, or, where the agreement names none, as many as leave the δ of each of the table's releases below 1
    /// over them. `None` where nothing bounds them.
    #[must_use]
    pub fn units_allowed(&self, table: &TableName, period: Period) -> Option<u64> {
        let grain = self.population.unit.grain()?;
        if let Some(most) = self.population.units_max {
            let unit_periods = u64::try_from(period.parts(grain)?.len()).ok()?;
            return most.checked_mul(unit_periods);
        }
        let planned = self.plan_item(table).and_then(|item| item.total());
        let merged = self.ad_hoc(table).and_then(|line| line.charge.total());
        let deltas = planned.into_iter().chain(merged).map(|loss| loss.delta);
        units_beside(deltas.max()?)
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]
mod tests {
    use super::*;
    use crate::testing::{Signer, agreement};

    #[test]
    fn delta_stays_below_one_over_the_units_on_both_ways() {
        for units in [1, 2, 3, 999, 1_000_000, UNITS_MAX] {
            let most = delta_beside(units);
            assert!(u128::from(most.units()) * u128::from(units) < u128::from(UNITS_PER_ONE));
            let more = u128::from(most.units() + 1) * u128::from(units);
            assert!(more >= u128::from(UNITS_PER_ONE), "{units}");
            assert!(units_beside(most).unwrap() >= units);
        }
        assert_eq!(units_beside(Delta::ZERO), None);
        assert_eq!(units_beside(Delta::from_units(10_000)), Some(99_999_999));
    }

    #[test]
    fn a_period_has_so_many_units_as_its_unit_periods_together() {
        let mut terms = agreement(&Signer::new(), &Signer::new());
        let table = terms.tables[0].name.clone();
        let allowed =
            |terms: &Agreement, period: &str| terms.units_allowed(&table, period.parse().unwrap());
        let delta = terms.plan[0].total().unwrap().delta.units();
        let beside = (UNITS_PER_ONE - 1) / delta;
        assert_eq!(allowed(&terms, "2026-10-05"), Some(beside));
        terms.population.units_max = Some(500);
        assert_eq!(allowed(&terms, "2026-10-05"), Some(500));
        assert_eq!(allowed(&terms, "2026-W41"), Some(3_500));
        terms.population.unit = crate::agreement::Unit::None;
        assert_eq!(allowed(&terms, "2026-10-05"), None);
    }
}
