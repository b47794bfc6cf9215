//! What follows from a reservation alone.

use super::Reservation;
use crate::coarse::is_bounded;
use crate::loss::Loss;
use crate::mechanism::MechanismError;
use crate::period::Period;

impl Reservation {
    /// Are its contributors a lower bound ([`is_bounded`])?
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        let merges = self.merge.is_some() || !self.rungs.is_empty();
        is_bounded(merges, self.unit)
    }

    /// What its noise costs every unit-period it reads: that of the table and of all rungs, whichever
    /// publishes a row. Rungs are drawn one after the other, each with the rows published before it as
    /// public input, so their losses add (adaptive composition, Bun and Steinke 2016).
    ///
    /// # Errors
    /// [`MechanismError`] for parameters outside their ranges.
    pub fn cost(&self) -> Result<Loss, MechanismError> {
        let rungs = self.rungs.iter().map(|rung| &rung.mechanism);
        std::iter::once(&self.mechanism)
            .chain(rungs)
            .try_fold(Loss::ZERO, |sum, mechanism| {
                let sum = sum.checked_add(mechanism.cost()?);
                sum.ok_or(MechanismError::Overflow)
            })
    }

    /// Every period it reads, rising; without a merge only `period`.
    pub fn periods(&self) -> impl Iterator<Item = Period> {
        crate::coarse::periods(self.period, self.merge.as_ref())
    }
}
