//! What the state says about the lives of agreements.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Slot, Stage, State, Status};
use crate::agreement::{Agreement, TablesOnEnd};
use crate::entry::Body;
use crate::id::{AgreementId, ReleaseKey};
use crate::joint::With;
use crate::ledger::{LedgerError, Terms};
use crate::loss::Loss;
use crate::mutants::{Mutant, instead_of};
use crate::period::Period;

/// The stable word for releases that an agreement's end has stopped.
pub const ABORTED_BY_END: &str = "agreement.ended";

impl State {
    /// What the account of an agreement becomes when it is activated: with its allotment, and without that of
    /// the agreement it amends.
    ///
    /// # Errors
    /// [`LedgerError`] where the terms differ from those in force or the allotments pass the cap.
    pub fn room_for(&self, terms: &Agreement, allotment: Loss) -> Result<Terms, LedgerError> {
        let (account, population) = (Self::account_of(terms), &terms.population);
        let amended = terms.supersedes.as_ref().and_then(|id| self.agreement(id));
        let amended = amended.filter(|r| matches!(r.status, Status::Active | Status::Suspended));
        let freed = amended
            .filter(|record| Self::account_of(&record.terms) == account)
            .and_then(|record| record.terms.allotment());
        // Data without a unit opens an account too, with nothing in it: the same people cannot be
        // protected in one agreement and laid open in another.
        let (unit, cap, freed) = (population.unit, population.cap, freed.unwrap_or(Loss::ZERO));
        self.ledger
            .with_allotment(&account, unit, cap, (freed, allotment))
    }

    /// The entries that time itself asks for: agreements that have run out expire, and the releases that they
    /// leave unfinished are aborted where the end stops them.
    #[must_use]
    pub fn run_out(&self, time: Timestamp) -> Vec<Body> {
        let over = self.agreements.iter().filter(|(_, r)| r.has_run_out(time));
        let over: Vec<_> = over.collect();
        let stopped = over
            .iter()
            .filter(|(_, r)| r.standing(time) != Status::Active);
        let mut entries = self.ending(stopped.map(|(id, _)| *id));
        entries.extend(over.into_iter().map(|(id, _)| Body::AgreementExpired {
            agreement: id.clone(),
        }));
        entries
    }

    /// The aborts that have to come ahead of the end of agreements. A release ends once, in however many that end
    /// together it stands.
    #[must_use]
    pub fn ending<'a>(&self, agreements: impl IntoIterator<Item = &'a AgreementId>) -> Vec<Body> {
        let stopped = agreements.into_iter();
        let keys: BTreeSet<ReleaseKey> = stopped.flat_map(|id| self.unfinished_under(id)).collect();
        let aborted = keys.into_iter().map(|key| Body::ReleaseAborted {
            key,
            reason: ABORTED_BY_END.to_owned(),
        });
        aborted.collect()
    }

    /// Releases that were charged under an agreement and have not ended.
    #[must_use]
    pub fn unfinished_under(&self, id: &AgreementId) -> Vec<ReleaseKey> {
        let under = |key: &&ReleaseKey| {
            let reads = |asked: With| asked.agreement == *id;
            let release = self.releases.get(*key);
            release.is_some_and(|release| release.reservation.asked().into_iter().any(reads))
        };
        self.unfinished.iter().filter(under).cloned().collect()
    }

    /// Are tables that were released under an agreement still given out at this time? The newest amendment of
    /// its line says what its end means.
    #[must_use]
    pub fn is_served(&self, id: &AgreementId, time: Timestamp) -> bool {
        self.newest(id).is_some_and(|record| {
            let stays = record.terms.on_end.unwrap_or_default().tables == TablesOnEnd::Served;
            stays || !(record.status.is_end() || record.has_run_out(time))
        })
    }

    /// The newest published edition of a table of the same parts, also under the agreements that theirs amend.
    #[must_use]
    pub fn published_edition(&self, asked: &[With], period: Period) -> Option<&ReleaseKey> {
        let lines = |asked: &[With]| -> BTreeSet<Slot> {
            let slot = |with: &With| Slot {
                agreement: with.agreement.clone(),
                table: with.table.clone(),
                period,
            };
            asked
                .iter()
                .map(|with| self.first_slot(&slot(with)))
                .collect()
        };
        let wanted = lines(asked);
        let published = |key: &&ReleaseKey| {
            self.release(key).is_some_and(|release| {
                let published = matches!(release.stage, Stage::Published { .. });
                published && lines(&release.reservation.asked()) == wanted
            })
        };
        let made = self.editions.get(wanted.first()?)?;
        made.iter().rev().find(published)
    }

    /// The slot in which editions and merges are counted: that of the first of a line of amendments.
    pub(super) fn first_slot(&self, slot: &Slot) -> Slot {
        let record = self.agreement(&slot.agreement);
        let first = record.map_or(&slot.agreement, |record| &record.life.first);
        let agreement = instead_of(first, Mutant::EditionsForgotten, &slot.agreement);
        Slot {
            agreement: agreement.clone(),
            ..slot.clone()
        }
    }
}
