//! Effects on the life of agreements.

use jiff::Timestamp;

use super::{Touched, rule, unknown};
use crate::agreement::Agreement;
use crate::id::{AgreementId, OrgId, ReleaseKey};
use crate::life::{Act, Action, Cause, Change, HISTORY_MAX, Life, earliest_end};
use crate::loss::Loss;
use crate::state::{ApplyError, State, Status};

impl State {
    /// May it be done now, but for releases that an end would leave unfinished?
    ///
    /// # Errors
    /// [`ApplyError`] of the entry that would say so.
    pub fn check_act(&self, action: Action, act: &Act, time: Timestamp) -> Result<(), ApplyError> {
        self.may(action, &act.agreement, &act.by, time)?;
        let id = &act.agreement;
        let record = self.agreement(id);
        let record = record.ok_or_else(|| unknown("agreement", id.as_str()))?;
        rule(
            act.after == record.entry,
            "an act answers the agreement's last change",
        )?;
        rule(
            act.takes_effect.is_none() || action == Action::Terminate,
            "only a termination takes effect later",
        )?;
        if action == Action::Terminate {
            let ends = act.takes_effect.unwrap_or(time);
            rule(
                earliest_end(&record.terms, time).is_some_and(|earliest| earliest <= ends),
                "a termination keeps the notice that was agreed",
            )?;
            let sooner = record.life.ends.is_none_or(|before| ends < before);
            rule(sooner, "a further termination comes sooner than the first")?;
        }
        Ok(())
    }

    /// Withdraws, suspends, resumes or terminates.
    pub(super) fn act(
        &mut self,
        action: Action,
        act: &Act,
        time: Timestamp,
    ) -> Result<Vec<Touched>, ApplyError> {
        self.check_act(action, act, time)?;
        let life = &mut self.agreement_mut(&act.agreement)?.life;
        let status = match action {
            Action::Withdraw => Status::Withdrawn,
            Action::Suspend => {
                life.suspended_by.insert(act.by.clone());
                Status::Suspended
            }
            Action::Resume => {
                life.suspended_by.remove(&act.by);
                match life.suspended_by.is_empty() {
                    true => Status::Active,
                    false => Status::Suspended,
                }
            }
            _ => return self.terminate(act, time),
        };
        self.change(&act.agreement, status, Some((&act.by, &act.reason)), time)
    }

    fn terminate(&mut self, act: &Act, time: Timestamp) -> Result<Vec<Touched>, ApplyError> {
        let ends = act.takes_effect.unwrap_or(time);
        let (id, why) = (&act.agreement, Some((&act.by, &act.reason)));
        if ends <= time {
            self.closable(id, Status::Terminated)?;
        }
        let record = self.agreement_mut(id)?;
        record.life.ends = Some(ends);
        if ends > time {
            let status = record.status;
            return self.change(id, status, why, time);
        }
        self.close(id, Status::Terminated, why, time)
    }

    pub(super) fn expire(
        &mut self,
        id: &AgreementId,
        time: Timestamp,
    ) -> Result<Vec<Touched>, ApplyError> {
        let record = self.agreement_mut(id)?;
        rule(
            record.has_run_out(time),
            "an agreement expires after its last day or its notice",
        )?;
        let status = match record.standing(time) {
            Status::Terminated => Status::Terminated,
            _ => Status::Expired,
        };
        self.closable(id, status)?;
        self.close(id, status, None, time)
    }

    /// Does nothing stand in the way of such an end? What was asked for in time is finished after the last day, nothing is
    /// after any other end.
    pub(super) fn closable(&self, id: &AgreementId, status: Status) -> Result<(), ApplyError> {
        let before = self.agreement(id).map(|record| record.status);
        let finishes = status == Status::Expired && before == Some(Status::Active);
        rule(
            finishes || self.unfinished_under(id).is_empty(),
            "an end leaves no release unfinished",
        )
    }

    /// Ends an agreement that is [`Self::closable`]; where it was in force, its allotment is freed.
    fn close(
        &mut self,
        id: &AgreementId,
        status: Status,
        why: Option<(&OrgId, &Cause)>,
        time: Timestamp,
    ) -> Result<Vec<Touched>, ApplyError> {
        let record = self.agreement_mut(id)?;
        let before = record.status;
        let account = Self::account_of(&record.terms);
        let allotment = record.terms.allotment().unwrap_or(Loss::ZERO);
        let cells: Vec<_> = self.under(id).cloned().collect();
        for due in cells
            .iter()
            .filter_map(|record| self.due_of(record))
            .collect::<Vec<_>>()
        {
            self.due.remove(&due);
        }
        let mut touched = self.change(id, status, why, time)?;
        let due: Vec<_> = cells
            .iter()
            .filter_map(|record| self.due_of(record))
            .collect();
        self.due.extend(due);
        if matches!(before, Status::Active | Status::Suspended) {
            let freed = self.ledger.release_allotment(&account, allotment);
            freed.ok_or_else(|| unknown("account", account.population.as_str()))?;
            touched.push(Touched::Account(account));
        }
        Ok(touched)
    }

    /// Writes one change into the record.
    pub(super) fn change(
        &mut self,
        id: &AgreementId,
        status: Status,
        why: Option<(&OrgId, &Cause)>,
        time: Timestamp,
    ) -> Result<Vec<Touched>, ApplyError> {
        self.changed(id, status, why.map(|(by, _)| by), time)?;
        let record = self.agreement_mut(id)?;
        if let Some(last) = record.life.history.last_mut() {
            last.reason = why.map(|(_, reason)| reason.clone());
        }
        Ok(vec![Touched::Agreement(id.clone())])
    }

    /// As [`Self::change`], where no reason is given.
    pub(super) fn changed(
        &mut self,
        id: &AgreementId,
        status: Status,
        by: Option<&OrgId>,
        time: Timestamp,
    ) -> Result<(), ApplyError> {
        let entry = self.size;
        let record = self.agreement_mut(id)?;
        (record.status, record.entry) = (status, entry);
        record.life.history.push(Change {
            status,
            time,
            by: by.cloned(),
            reason: None,
            entry,
        });
        let over = record.life.history.len().saturating_sub(HISTORY_MAX);
        record.life.history.drain(..over);
        Ok(())
    }

    /// May the organisation do it? The table is [`crate::life::RULES`].
    pub(super) fn may(
        &self,
        action: Action,
        id: &AgreementId,
        by: &OrgId,
        time: Timestamp,
    ) -> Result<(), ApplyError> {
        let record = self.agreement(id);
        let record = record.ok_or_else(|| unknown("agreement", id.as_str()))?;
        let org = self.org(by);
        let org = org.ok_or_else(|| unknown("organisation", by.as_str()))?;
        let allowed = record.allows(action, (by, org.role), time);
        allowed.map_err(|rule| ApplyError::Rule { rule })
    }

    /// The life of an offer, and the end of the offer it answers.
    pub(super) fn born(
        &mut self,
        id: &AgreementId,
        terms: &Agreement,
        by: &OrgId,
        time: Timestamp,
    ) -> Result<(Life, Vec<Touched>), ApplyError> {
        let first = match &terms.supersedes {
            None => id.clone(),
            Some(amended) => self.amendable(amended, terms, time)?,
        };
        let touched = match &terms.counters {
            None => Vec::new(),
            Some(answered) => {
                self.may(Action::Counter, answered, by, time)?;
                self.related(answered, terms)?;
                self.changed(answered, Status::Countered, Some(by), time)?;
                vec![Touched::Agreement(answered.clone())]
            }
        };
        let life = Life {
            suspended_by: std::collections::BTreeSet::new(),
            activated: None,
            ends: None,
            superseded_by: None,
            first,
            history: vec![Change {
                status: Status::Offered,
                time,
                by: Some(by.clone()),
                reason: None,
                entry: self.size,
            }],
        };
        Ok((life, touched))
    }

    /// Puts an amendment, which is active from now on, in the place of what it amends ([`Self::amendable`]).
    pub(super) fn supersede(
        &mut self,
        id: &AgreementId,
        terms: &Agreement,
        time: Timestamp,
    ) -> Result<Vec<Touched>, ApplyError> {
        let Some(amended) = &terms.supersedes else {
            return Ok(Vec::new());
        };
        let touched = self.close(amended, Status::Superseded, None, time)?;
        let old = self.agreement_mut(amended)?;
        old.life.superseded_by = Some(id.clone());
        let suspended_by = old.life.suspended_by.clone();
        let new = self.agreement_mut(id)?;
        if !suspended_by.is_empty() {
            // A suspension is lifted by whoever made it, not by other terms.
            new.status = Status::Suspended;
            new.life.suspended_by = suspended_by;
            if let Some(last) = new.life.history.last_mut() {
                last.status = Status::Suspended;
            }
        }
        Ok(touched)
    }

    /// The first of the line that an amendment would continue.
    pub(super) fn amendable(
        &self,
        amended: &AgreementId,
        terms: &Agreement,
        time: Timestamp,
    ) -> Result<AgreementId, ApplyError> {
        self.may(Action::Amend, amended, &terms.provider.org, time)?;
        self.related(amended, terms)?;
        let old = self.agreement(amended);
        let old = old.ok_or_else(|| unknown("agreement", amended.as_str()))?;
        rule(
            old.terms.population.id == terms.population.id,
            "an amendment is about the same population",
        )?;
        Ok(old.life.first.clone())
    }

    fn related(&self, id: &AgreementId, terms: &Agreement) -> Result<(), ApplyError> {
        let other = self.agreement(id).map(|record| &record.terms);
        let same = other.is_some_and(|other| {
            other.provider.org == terms.provider.org && other.planner.org == terms.planner.org
        });
        rule(
            same,
            "an answer and an amendment are between the same parties",
        )
    }

    /// No table appears under an agreement that is suspended or was ended.
    pub(super) fn publishable(&self, key: &ReleaseKey, time: Timestamp) -> Result<(), ApplyError> {
        let release = self.release(key);
        let release = release.ok_or_else(|| unknown("release", key.as_str()))?;
        let all = release.reservation.asked().into_iter().all(|asked| {
            let record = self.agreement(&asked.agreement);
            let standing = record.map(|record| record.standing(time));
            matches!(standing, Some(Status::Active | Status::Expired))
        });
        rule(
            all,
            "no table is published under an agreement that is suspended or ended",
        )
    }
}
