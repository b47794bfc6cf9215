//! Under which protection each unit-period has been read: chosen by the first reservation, for ever.

use super::State;
use crate::agreement::{Agreement, Protection};
use crate::entry::Reservation;
use crate::ledger::Account;
use crate::mutants::{Mutant, active};
use crate::period::Period;
use crate::refusal::ReasonId;

impl State {
    /// The protection of the releases that have read a unit-period; `None` where none has.
    #[must_use]
    pub fn read_under(&self, account: &Account, period: Period) -> Option<Protection> {
        self.reads.get(&(account.clone(), period)).copied()
    }

    /// Why a new release under these terms may not read `periods`, and the first unit-period that forbids it.
    ///
    /// k-only keeps its promise only alone: exact counts beside noisy ones of the same people undo the noise,
    /// and of two k-only tables one can be subtracted from the other. So a unit-period is read with
    /// differential privacy, or by one k-only release (DESIGN section 7 rule 9).
    #[must_use]
    pub fn forbids(
        &self,
        terms: &Agreement,
        periods: impl Iterator<Item = Period>,
    ) -> Option<(Period, ReasonId)> {
        let grain = terms.population.unit.grain()?;
        let account = Self::account_of(terms);
        let mut parts = periods.flat_map(|period| period.parts(grain).unwrap_or_default());
        parts.find_map(|period| {
            let chosen = self.read_under(&account, period)?;
            if active(Mutant::NoiseBesideKOnly) {
                return None;
            }
            let id = match (terms.population.protection, chosen) {
                (Protection::Differential, Protection::Differential) => return None,
                (Protection::KOnly, Protection::KOnly) => ReasonId::KOnlyBeside,
                _ => ReasonId::ProtectionChosen,
            };
            Some((period, id))
        })
    }

    /// Notes what one part of a release reads.
    pub(super) fn choose(&mut self, part: &Reservation) {
        let Some(record) = self.agreements.get(&part.agreement) else {
            return;
        };
        let account = Self::account_of(&record.terms);
        let protection = record.terms.population.protection;
        let Some(grain) = part.unit.grain() else {
            return;
        };
        for period in part.periods().filter_map(|p| p.parts(grain)).flatten() {
            self.reads
                .entry((account.clone(), period))
                .or_insert(protection);
        }
    }
}
