//! Effects on releases and balances.

use jiff::Timestamp;

use super::{Touched, insert_new, is_new, rule, unknown};
use crate::agreement::{Agreement, Protection};
use crate::coarse::Merge;
use crate::entry::Reservation;
use crate::id::{OrgId, ReleaseKey, RequestId};
use crate::joint::{JointRule, With, check_noise, check_tables};
use crate::ledger::Account;
use crate::loss::Loss;
use crate::mutants;
use crate::period::Period;
use crate::refusal::ReasonId;
use crate::state::{ApplyError, Outcome, ReleaseRecord, Slot, Stage, State, Status};

/// Where the contributions that a part reads belong: one, or those of a merge.
pub(super) fn slots_of(part: &Reservation) -> Vec<Slot> {
    let slot = |period| Slot {
        agreement: part.agreement.clone(),
        table: part.table.name.clone(),
        period,
    };
    part.periods().map(slot).collect()
}

impl State {
    pub(super) fn reserve(
        &mut self,
        new: &Reservation,
        time: Timestamp,
    ) -> Result<Vec<Touched>, ApplyError> {
        let parts = new.parts();
        for part in &parts {
            self.reservable(part, time)?;
        }
        self.joinable(new)?;
        let asked = new.asked();
        let before = self.published_edition(&asked, new.period);
        let before = before.filter(|_| new.merge.is_none());
        rule(
            new.replaces.is_none() || new.replaces.as_ref() == before,
            "a later edition takes the place of the newest one that was published",
        )?;
        let debits = parts.iter().map(|part| self.debit_of(part));
        let debits: Vec<_> = debits.collect::<Result<_, _>>()?;
        is_new(&self.releases, &new.key, "release", new.key.as_str())?;
        let outcome = Outcome::Reserved {
            key: new.key.clone(),
        };
        let mut touched = self.answer(&new.by, &new.request, outcome)?;
        touched.push(Touched::Release(new.key.clone()));
        // The parts are of different providers, so of different accounts: each can pay as it was found.
        for (account, periods, charge) in debits.into_iter().flatten() {
            self.ledger.debit(&account, &periods, charge)?;
            let balance = |period| Touched::Balance(account.clone(), period);
            touched.extend(periods.into_iter().map(balance));
        }
        let release = ReleaseRecord {
            reservation: new.clone(),
            entry: self.size,
            stage: Stage::Reserved,
            open: None,
        };
        self.releases.insert(new.key.clone(), release);
        self.unfinished.insert(new.key.clone());
        self.count(new);
        Ok(touched)
    }

    /// Counts a release in every slot that each of its parts reads: as an edition of the plan, or as a
    /// merge. Whichever comes first chooses the protection of a unit-period.
    pub(in crate::state) fn count(&mut self, new: &Reservation) {
        for part in new.parts() {
            for slot in slots_of(&part) {
                let slot = self.first_slot(&slot);
                let made = match part.merge {
                    None => &mut self.editions,
                    Some(_) => &mut self.merges,
                };
                made.entry(slot).or_default().push(new.key.clone());
            }
            self.choose(&part);
        }
    }

    /// What one part is charged, which its provider's account can pay; `None` where nothing is.
    fn debit_of(
        &self,
        part: &Reservation,
    ) -> Result<Option<(Account, Vec<Period>, Loss)>, ApplyError> {
        let Some(grain) = part.unit.grain().filter(|_| !part.mechanism.is_k_only()) else {
            return Ok(None);
        };
        let record = self.agreement(&part.agreement);
        let account = record.map(|r| Self::account_of(&r.terms));
        let account = account.ok_or_else(|| unknown("agreement", part.agreement.as_str()))?;
        // Periods of one grain are apart, so no unit-period is here twice.
        let periods: Option<Vec<_>> = part.periods().map(|p| p.parts(grain)).collect();
        let periods = periods.ok_or(ApplyError::Rule {
            rule: "a period has whole units",
        })?;
        let (periods, charge) = (periods.concat(), mutants::charged(part));
        self.ledger.check(&account, &periods, charge)?;
        Ok(Some((account, periods, charge)))
    }

    /// The rules of a table of several parts.
    fn joinable(&self, new: &Reservation) -> Result<(), ApplyError> {
        let parts = new.parts();
        let rules = parts.iter().filter_map(|part| {
            let terms = &self.agreement(&part.agreement)?.terms;
            terms.plan_item(&part.table.name)?.joint
        });
        let strictest = rules.fold(JointRule::default(), JointRule::and);
        let enough = u32::try_from(parts.len()).is_ok_and(|n| n >= strictest.fewest());
        rule(
            enough,
            "a table has as many providers as each agreement asks",
        )?;
        let Some(joint) = &new.joint else {
            return Ok(());
        };
        rule(
            new.merge.is_none() && new.rungs.is_empty(),
            "a merge, and a table with rungs, is of one agreement alone",
        )?;
        rule(!joint.parts.is_empty(), "a joint table has further parts")?;
        let known = parts.iter().filter_map(|part| {
            let terms = &self.agreement(&part.agreement)?.terms;
            Some((terms, &part.table))
        });
        let known: Vec<_> = known.collect();
        check_tables(&known).map_err(|_| ApplyError::Rule {
            rule: "the parts of a table are of different providers and of one shape",
        })?;
        let named = joint.parts.iter().zip(known.iter().skip(1));
        rule(
            known.len() == parts.len()
                && named
                    .into_iter()
                    .all(|(p, (t, _))| p.provider == t.provider.org),
            "a part is its provider's",
        )?;
        check_noise(parts.iter().map(|part| &part.mechanism)).map_err(|_| ApplyError::Rule {
            rule: "a measure of several parts has one draw",
        })?;
        rule(
            joint.rule == strictest,
            "the strictest of the agreements' rules holds",
        )
    }

    /// The rules of the agreement that a reservation has to keep.
    fn reservable(&self, new: &Reservation, time: Timestamp) -> Result<(), ApplyError> {
        let slots = &slots_of(new);
        let record = self.agreement(&new.agreement);
        let record = record.ok_or_else(|| unknown("agreement", new.agreement.as_str()))?;
        let terms = &record.terms;
        rule(
            record.standing(time) == Status::Active,
            "only an active agreement releases",
        )?;
        rule(
            terms.recipients.contains(&new.by),
            "only a recipient receives",
        )?;
        rule(
            terms.purposes.contains(&new.purpose),
            "the purpose is as agreed",
        )?;
        rule(
            terms.table(&new.table.name) == Some(&new.table),
            "the table is as agreed",
        )?;
        rule(terms.population.unit == new.unit, "the unit is as agreed")?;
        let covered = new.periods().all(|period| terms.covers.hold(period));
        rule(covered, "the period is covered")?;
        rule(
            new.mechanism.is_k_only() == (terms.population.protection == Protection::KOnly),
            "a k-only agreement is released k-only, and no other is",
        )?;
        rule(
            self.forbids(terms, new.periods()).is_none(),
            "a unit-period is read with differential privacy, or once k-only",
        )?;
        match &new.merge {
            None => self.planned(new, terms, slots)?,
            Some(merge) => self.mergeable(new, merge, terms, slots)?,
        }
        let pinned = slots.iter().map(|slot| self.live.get(slot));
        let pinned: Option<Vec<_>> = pinned.map(|r| Some(&r?.contribution.blob)).collect();
        rule(
            pinned.is_some_and(|pinned| new.manifest.iter().eq(pinned)),
            "the pinned input is the live contribution",
        )
    }

    fn planned(
        &self,
        new: &Reservation,
        terms: &Agreement,
        slots: &[Slot],
    ) -> Result<(), ApplyError> {
        let item = terms.plan_item(&new.table.name);
        let item = item.ok_or(ApplyError::Rule {
            rule: "the plan releases the table",
        })?;
        rule(
            new.mechanism.is_dense() == item.dense,
            "a dense line is released dense, and no other is",
        )?;
        rule(item.total() == Some(new.charge), "the charge is the plan's")?;
        let rungs = new.rungs.iter().map(|rung| &rung.coarsening);
        rule(
            rungs.eq(item.rungs.iter().map(|rung| &rung.coarsening)),
            "the rungs are the plan's",
        )?;
        let made: usize = slots.iter().map(|slot| self.editions(slot).len()).sum();
        let made = u32::try_from(made).unwrap_or(u32::MAX);
        rule(
            new.edition.checked_sub(1) == Some(made),
            "editions are numbered from 1, in order",
        )?;
        rule(new.edition <= item.editions, "the plan allows the edition")
    }

    pub(super) fn end(
        &mut self,
        key: &ReleaseKey,
        stage: Stage,
    ) -> Result<Vec<Touched>, ApplyError> {
        let release = self.releases.get_mut(key);
        let release = release.ok_or_else(|| unknown("release", key.as_str()))?;
        rule(release.stage == Stage::Reserved, "a release ends once")?;
        release.stage = stage;
        self.unfinished.remove(key);
        mutants::refund(release, &self.agreements, &mut self.ledger);
        Ok(vec![Touched::Release(key.clone())])
    }

    pub(super) fn refuse(
        &mut self,
        by: &OrgId,
        request: &RequestId,
        slot: Slot,
        (with, merge): (&[With], Option<&Merge>),
        reasons: &[ReasonId],
    ) -> Result<Vec<Touched>, ApplyError> {
        rule(!reasons.is_empty(), "a refusal has a reason")?;
        let begins = merge.is_none_or(|merge| merge.first() == slot.period);
        rule(begins, "a merge begins at its period")?;
        for id in std::iter::once(&slot.agreement).chain(with.iter().map(|w| &w.agreement)) {
            self.agreement_mut(id)?;
        }
        let outcome = Outcome::Refused {
            slot,
            with: with.to_vec(),
            merge: merge.cloned(),
            reasons: reasons.to_vec(),
            entry: self.size,
        };
        self.answer(by, request, outcome)
    }

    fn answer(
        &mut self,
        org: &OrgId,
        request: &RequestId,
        outcome: Outcome,
    ) -> Result<Vec<Touched>, ApplyError> {
        rule(self.orgs.contains_key(org), "an admitted organisation asks")?;
        let key = (org.clone(), request.clone());
        insert_new(
            &mut self.requests,
            &key,
            outcome,
            "request",
            request.as_str(),
        )?;
        Ok(vec![Touched::Request(org.clone(), request.clone())])
    }
}
