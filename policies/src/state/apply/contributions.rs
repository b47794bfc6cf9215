//! Effects on contributions: accepted, taken back, deleted.

use jiff::Timestamp;

use super::{Touched, insert_new, rule, unknown};
use crate::entry::{Contribution, Deletion, Missing, Withdrawal};
use crate::id::{AgreementId, BatchId, OrgId, TableName};
use crate::period::Period;
use crate::schedule::{MISSING_PERIODS_MAX, is_missing};
use crate::state::{ApplyError, ContributionRecord, Slot, State, Status};

impl State {
    pub(super) fn contribute(
        &mut self,
        new: &Contribution,
        time: Timestamp,
    ) -> Result<Vec<Touched>, ApplyError> {
        let record = self.agreement_mut(&new.agreement)?;
        rule(
            record.standing(time) == Status::Active,
            "only an active agreement takes contributions",
        )?;
        rule(
            record.terms.provider.org == new.provider,
            "only the provider contributes",
        )?;
        let table = record.terms.table(&new.table);
        rule(table.is_some(), "the agreement has the table")?;
        let whole = table.is_some_and(|table| table.period == new.period.grain());
        rule(whole, "a contribution is about one period of its table")?;
        rule(
            record.terms.covers.hold(new.period),
            "the period is covered",
        )?;
        let slot = new.slot();
        let live = self
            .live
            .get(&slot)
            .map(|record| &record.contribution.batch);
        rule(
            live == new.supersedes.as_ref(),
            "a contribution replaces the live one by its id",
        )?;
        let record = ContributionRecord {
            contribution: new.clone(),
            time,
            entry: self.size,
            withdrawn: None,
            deleted: None,
        };
        let batch = (new.provider.clone(), new.batch.clone());
        insert_new(
            &mut self.batches,
            &batch,
            record.clone(),
            "batch",
            new.batch.as_str(),
        )?;
        self.due.extend(self.due_of(&record));
        self.gone.remove(&slot);
        self.live.insert(slot.clone(), record);
        Ok(vec![Touched::Contribution(
            slot,
            new.provider.clone(),
            new.batch.clone(),
        )])
    }

    /// Periods that were due are not there.
    pub(super) fn miss(
        &mut self,
        missing: &Missing,
        time: Timestamp,
    ) -> Result<Vec<Touched>, ApplyError> {
        let Missing {
            agreement,
            table,
            periods,
        } = missing;
        let rising = std::iter::zip(periods, periods.iter().skip(1)).all(|(a, b)| a < b);
        let some = (1..=MISSING_PERIODS_MAX).contains(&periods.len());
        rule(rising && some, "missing periods rise, each once")?;
        let slot = |period: &Period| Slot {
            agreement: agreement.clone(),
            table: table.clone(),
            period: *period,
        };
        let slots: Vec<_> = periods.iter().map(slot).collect();
        for slot in &slots {
            rule(
                is_missing(self, slot, time),
                "a period is missing once, after its due time and grace, under an active agreement",
            )?;
        }
        let entry = self.size;
        self.missed
            .extend(slots.iter().map(|slot| (slot.clone(), entry)));
        Ok(slots.into_iter().map(Touched::Missed).collect())
    }

    /// The provider takes a contribution back. It may at any time, whatever has become of the agreement.
    pub(super) fn withdraw(
        &mut self,
        withdrawal: &Withdrawal,
        time: Timestamp,
    ) -> Result<Vec<Touched>, ApplyError> {
        let Withdrawal {
            agreement,
            table,
            period,
            provider,
            batch,
            reason: _,
            signature: _,
        } = withdrawal;
        let mut record = self.stored((provider, batch), (agreement, table, *period))?;
        rule(
            record.withdrawn.is_none(),
            "a contribution is withdrawn once",
        )?;
        rule(
            self.unfinished_reading(&record.contribution.blob)
                .next()
                .is_none(),
            "no unfinished release reads what is withdrawn",
        )?;
        record.withdrawn = Some((self.size, time));
        Ok(self.replace(record))
    }

    /// The cells of a contribution are there no more.
    pub(super) fn delete(
        &mut self,
        deletion: &Deletion,
        time: Timestamp,
    ) -> Result<Vec<Touched>, ApplyError> {
        let Deletion {
            agreement,
            table,
            period,
            provider,
            batch,
            blob,
            why,
        } = deletion;
        let mut record = self.stored((provider, batch), (agreement, table, *period))?;
        rule(
            record.contribution.blob == *blob,
            "what is deleted is what was stored",
        )?;
        rule(
            self.goes(&record)
                .is_some_and(|(at, because)| at <= time && because == *why),
            "cells are deleted when they were withdrawn, their retention is over, or their agreement has ended and says so",
        )?;
        rule(
            self.unfinished_reading(blob).next().is_none(),
            "no unfinished release reads what is deleted",
        )?;
        record.deleted = Some((self.size, *why));
        Ok(self.replace(record))
    }

    /// A contribution whose cells are still there.
    fn stored(
        &self,
        (provider, batch): (&OrgId, &BatchId),
        of: (&AgreementId, &TableName, Period),
    ) -> Result<ContributionRecord, ApplyError> {
        let record = self.batch(provider, batch);
        let record = record.filter(|record| {
            let c = &record.contribution;
            (&c.agreement, &c.table, c.period) == of
        });
        let record = record.ok_or_else(|| unknown("batch", batch.as_str()))?;
        rule(record.deleted.is_none(), "cells are deleted once")?;
        Ok(record.clone())
    }

    /// Puts a contribution that is withdrawn or deleted in the place of what it was: nothing reads it from here on.
    fn replace(&mut self, record: ContributionRecord) -> Vec<Touched> {
        let Contribution {
            provider, batch, ..
        } = record.contribution.clone();
        let (slot, key) = (record.contribution.slot(), (provider, batch));
        if let Some(before) = self.batches.get(&key) {
            let due = self.due_of(before);
            if let Some(due) = due {
                self.due.remove(&due);
            }
        }
        let newest = self.live.get(&slot).map(|live| live.entry);
        if newest == Some(record.entry) {
            self.live.remove(&slot);
        }
        self.due.extend(self.due_of(&record));
        self.batches.insert(key.clone(), record.clone());
        self.note_deleted(&record);
        vec![Touched::Contribution(slot, key.0, key.1)]
    }
}
