//! The privacy budget: what every unit-period of a population has lost, against the cap its
//! provider signed. Charges only ever add; nothing here can lower one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::agreement::Unit;
use crate::id::{OrgId, PopulationId};
use crate::loss::Loss;
use crate::mutants::{Mutant, instead_of};
use crate::period::Period;

/// One population of one provider: all its datasets and agreements share this account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Whose data.
    pub provider: OrgId,
    /// Which people.
    pub population: PopulationId,
}

/// What an account may lose, has promised and has lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Terms {
    /// The unit of the population.
    pub unit: Unit,
    /// The most that one unit-period may lose; zero while no agreement has named a cap.
    pub cap: Loss,
    /// Σ of what the active agreements may spend per unit-period; never above `cap`.
    pub allotted: Loss,
}

/// Why the ledger refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// No agreement has opened the account.
    #[error("population `{population}` of `{provider}` has no account")]
    Unknown {
        /// Provider.
        provider: OrgId,
        /// Population.
        population: PopulationId,
    },
    /// One population has one unit and one cap.
    #[error(
        "population `{population}` is already protected as {unit} with cap ({cap}): agree on the \
         same"
    )]
    TermsDiffer {
        /// Population.
        population: PopulationId,
        /// The unit in force.
        unit: &'static str,
        /// The cap in force.
        cap: Loss,
    },
    /// Σ allotments would pass the cap.
    #[error("allotments would come to ({sum}), over the cap ({cap}) of population `{population}`")]
    AllotmentOverCap {
        /// Population.
        population: PopulationId,
        /// What they would come to.
        sum: Loss,
        /// The cap.
        cap: Loss,
    },
    /// A unit-period would lose more than the cap.
    #[error("unit-period {period} has ({left}) left of its cap, the charge is ({charge})")]
    OverCap {
        /// The first unit-period that cannot pay.
        period: Period,
        /// What it has left.
        left: Loss,
        /// What was asked.
        charge: Loss,
    },
    /// The sum leaves its type.
    #[error("the sum of losses leaves its type")]
    Overflow,
}

/// All accounts and every unit-period that lost anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    accounts: BTreeMap<Account, Terms>,
    spent: BTreeMap<(Account, Period), Loss>,
}

impl Ledger {
    /// The account's terms.
    #[must_use]
    pub fn terms(&self, account: &Account) -> Option<&Terms> {
        self.accounts.get(account)
    }

    /// All accounts.
    pub fn accounts(&self) -> impl Iterator<Item = (&Account, &Terms)> {
        self.accounts.iter()
    }

    /// Every unit-period that lost anything.
    pub fn balances(&self) -> impl Iterator<Item = (&Account, Period, Loss)> {
        self.spent
            .iter()
            .map(|((account, period), loss)| (account, *period, *loss))
    }

    /// What a unit-period has lost so far.
    #[must_use]
    pub fn spent(&self, account: &Account, period: Period) -> Loss {
        self.spent
            .get(&(account.clone(), period))
            .copied()
            .unwrap_or(Loss::ZERO)
    }

    /// What the account would become if an agreement with this allotment became active, and one with the freed
    /// allotment ended. An agreement without a cap (k-only, or without a unit) takes the account as it is; the
    /// first one with a cap sets it, and every other has to name the same.
    ///
    /// # Errors
    /// [`LedgerError`] where terms differ from those in force or the allotments pass the cap.
    pub fn with_allotment(
        &self,
        account: &Account,
        unit: Unit,
        cap: Option<Loss>,
        (freed, allotment): (Loss, Loss),
    ) -> Result<Terms, LedgerError> {
        let population = || account.population.clone();
        let same = |terms: &Terms| {
            let fits = |cap| terms.cap == cap || terms.cap == Loss::ZERO;
            terms.unit == unit && cap.is_none_or(fits)
        };
        let (allotted, in_force) = match self.accounts.get(account) {
            None => (Loss::ZERO, Loss::ZERO),
            Some(terms) if same(terms) => (terms.allotted, terms.cap),
            Some(terms) => {
                return Err(LedgerError::TermsDiffer {
                    population: population(),
                    unit: terms.unit.word(),
                    cap: terms.cap,
                });
            }
        };
        let cap = cap.unwrap_or(in_force);
        let sum = allotted
            .left_after(freed)
            .checked_add(allotment)
            .ok_or(LedgerError::Overflow)?;
        if !sum.fits_in(cap) {
            return Err(LedgerError::AllotmentOverCap {
                population: population(),
                sum,
                cap,
            });
        }
        Ok(Terms {
            unit,
            cap,
            allotted: sum,
        })
    }

    /// Frees what an agreement could have spent: what was spent stays spent. `None` where there is no such
    /// account.
    pub(crate) fn release_allotment(&mut self, account: &Account, allotment: Loss) -> Option<()> {
        let terms = self.accounts.get_mut(account)?;
        terms.allotted = terms.allotted.left_after(allotment);
        Some(())
    }

    /// Puts the terms of an account in force.
    pub(crate) fn set_terms(&mut self, account: Account, terms: Terms) {
        self.accounts.insert(account, terms);
    }

    /// Restores one balance from the index.
    pub(crate) fn set_spent(&mut self, account: Account, period: Period, loss: Loss) {
        self.spent.insert((account, period), loss);
    }

    /// Would every unit-period of `periods` survive the charge?
    ///
    /// # Errors
    /// [`LedgerError::OverCap`] names the first that would not.
    pub fn check(
        &self,
        account: &Account,
        periods: &[Period],
        charge: Loss,
    ) -> Result<(), LedgerError> {
        let terms = self.terms(account).ok_or_else(|| LedgerError::Unknown {
            provider: account.provider.clone(),
            population: account.population.clone(),
        })?;
        for period in periods {
            let spent = self.spent(account, *period);
            let after = spent.checked_add(charge).ok_or(LedgerError::Overflow)?;
            if !after.fits_in(terms.cap) {
                let left = terms.cap.left_after(spent);
                return Err(LedgerError::OverCap {
                    period: *period,
                    left,
                    charge,
                });
            }
        }
        Ok(())
    }

    /// Takes the charge from every unit-period of `periods`, or from none.
    ///
    /// # Errors
    /// As [`Self::check`]; nothing has changed then.
    pub fn debit(
        &mut self,
        account: &Account,
        periods: &[Period],
        charge: Loss,
    ) -> Result<(), LedgerError> {
        self.check(account, periods, charge)?;
        let charged = instead_of(periods.len(), Mutant::OnePeriodCharged, 1);
        for period in periods.iter().take(charged) {
            let spent = self
                .spent
                .entry((account.clone(), *period))
                .or_insert(Loss::ZERO);
            *spent = spent.checked_add(charge).ok_or(LedgerError::Overflow)?;
        }
        Ok(())
    }
}
