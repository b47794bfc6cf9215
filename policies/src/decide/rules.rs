//! The rules of a release, one method each.

use jiff::Timestamp;

use super::calendar::{due_at, missing_before};
use super::key::{merge_key, release_key};
use super::{DecideError, Permit, Request};
use crate::agreement::{Agreement, PlanItem};
use crate::entry::{Contribution, Why};
use crate::ledger::LedgerError;
use crate::mutants;
use crate::period::Period;
use crate::refusal::{Reason, ReasonId};
use crate::state::{AgreementRecord, State, Status};
use crate::table::Table;

pub(super) struct Rules<'a> {
    pub(super) state: &'a State,
    pub(super) request: &'a Request,
    pub(super) record: &'a AgreementRecord,
    pub(super) now: Timestamp,
}

impl Rules<'_> {
    pub(super) fn terms(&self) -> &Agreement {
        &self.record.terms
    }

    /// Everything that is wrong with the request.
    pub(super) fn reasons(&self) -> Vec<Reason> {
        [
            self.active(),
            self.validity(),
            self.recipient(),
            self.purpose(),
            self.planned(),
            self.grain(),
            self.coverage(),
            self.due(),
            self.contributed(),
            self.kept(),
            self.merge_agreed(),
            self.merge_fits(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// What is asked only of a release that would be a new draw.
    pub(super) fn spending(&self) -> Vec<Reason> {
        [
            self.editions(),
            self.merges_left(),
            self.protection(),
            self.budget(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn active(&self) -> Option<Reason> {
        let status = self.record.standing(self.now);
        let id = match status {
            Status::Suspended => ReasonId::AgreementSuspended,
            ended if ended.is_end() => ReasonId::AgreementEnded,
            _ => ReasonId::AgreementNotActive,
        };
        reason(status != Status::Active, id, || {
            format!("the agreement is {}, it has to be active", status.as_str())
        })
    }

    fn validity(&self) -> Option<Reason> {
        let valid = self.terms().valid;
        let zone = self.terms().time_zone.tz().clone();
        let today = self.now.to_zoned_datetime(zone).date();
        reason(
            today < valid.from || today > valid.until,
            ReasonId::AgreementOutsideValidity,
            || {
                format!(
                    "today is {today}, the agreement is valid {} to {}",
                    valid.from, valid.until
                )
            },
        )
    }

    fn recipient(&self) -> Option<Reason> {
        let named = self.terms().recipients.contains(&self.request.by);
        reason(!named, ReasonId::RecipientNotNamed, || {
            format!("`{}` is not a recipient of this agreement", self.request.by)
        })
    }

    fn purpose(&self) -> Option<Reason> {
        let allowed = &self.terms().purposes;
        reason(
            !allowed.contains(&self.request.purpose),
            ReasonId::PurposeNotAgreed,
            || format!("allowed purposes are {}", allowed.join(", ")),
        )
    }

    pub(super) fn item(&self) -> Option<(&Table, &PlanItem)> {
        let terms = self.terms();
        Some((
            terms.table(&self.request.table)?,
            terms.plan_item(&self.request.table)?,
        ))
    }

    fn planned(&self) -> Option<Reason> {
        reason(self.item().is_none(), ReasonId::TableNotPlanned, || {
            let names: Vec<_> = self.terms().plan.iter().map(|i| i.table.as_str()).collect();
            format!("the plan releases {}", names.join(", "))
        })
    }

    fn grain(&self) -> Option<Reason> {
        let (table, _) = self.item()?;
        reason(
            table.period != self.request.period.grain(),
            ReasonId::PeriodGrain,
            || {
                let example = Period::holding(self.terms().covers.from, table.period);
                let example = example.map(|p| p.to_string()).unwrap_or_default();
                format!("the table has periods like {example}")
            },
        )
    }

    fn coverage(&self) -> Option<Reason> {
        let covers = self.terms().covers;
        reason(
            !self.request.periods().all(|period| covers.hold(period)),
            ReasonId::PeriodOutsideCoverage,
            || format!("the agreement covers {} to {}", covers.from, covers.until),
        )
    }

    /// Periods are due one after the other, so the last one decides.
    fn due(&self) -> Option<Reason> {
        let (_, item) = self.item()?;
        let last = self.request.periods().last()?;
        let due = due_at(self.terms(), item, last);
        reason(
            due.is_none_or(|due| self.now < due),
            ReasonId::PeriodNotDue,
            || {
                due.map_or_else(
                    || "the calendar ends".into(),
                    |due| format!("it is due at {due}"),
                )
            },
        )
    }

    fn contributed(&self) -> Option<Reason> {
        self.item()?;
        let absent = |period: &Period| self.live(*period).is_none() && self.gone(*period).is_none();
        let missing: Vec<_> = self.request.periods().filter(absent).collect();
        reason(!missing.is_empty(), ReasonId::PeriodNotContributed, || {
            let provider = &self.terms().provider.org;
            let missing: Vec<_> = missing.iter().map(ToString::to_string).collect();
            format!("`{provider}` has not contributed {}", missing.join(", "))
        })
    }

    /// What was released while the cells were there can still be had; nothing new is made.
    fn kept(&self) -> Option<Reason> {
        self.item()?;
        let gone = |period: &Period| self.gone(*period).is_some();
        let gone: Vec<_> = self.request.periods().filter(gone).collect();
        reason(!gone.is_empty(), ReasonId::PeriodDeleted, || {
            let gone: Vec<_> = gone.iter().map(ToString::to_string).collect();
            format!(
                "the cells of {} are deleted; what was released of them can still be fetched",
                gone.join(", ")
            )
        })
    }

    fn gone(&self, period: Period) -> Option<Why> {
        self.state.gone(&self.request.slot_of(period))
    }

    fn live(&self, period: Period) -> Option<&Contribution> {
        let live = self.state.live(&self.request.slot_of(period))?;
        Some(&live.contribution)
    }

    fn editions(&self) -> Option<Reason> {
        if self.request.merge.is_some() {
            return None;
        }
        let (_, item) = self.item()?;
        let made = self.state.editions(&self.request.slot()).len();
        reason(
            made >= item.editions as usize,
            ReasonId::EditionsExhausted,
            || format!("the plan allows {} of a period, {made} made", item.editions),
        )
    }

    fn budget(&self) -> Option<Reason> {
        let charge = match &self.request.merge {
            None => self.item()?.1.total(),
            Some(_) => self.ad_hoc()?.charge.total(),
        };
        let grain = self.terms().population.unit.grain()?;
        let periods: Option<Vec<_>> = self.request.periods().map(|p| p.parts(grain)).collect();
        let periods = periods.unwrap_or_default().concat();
        let account = State::account_of(self.terms());
        let text = match (charge, periods.is_empty()) {
            (Some(charge), false) => self
                .state
                .ledger()
                .check(&account, &periods, charge)
                .err()?
                .to_string(),
            _ => LedgerError::Overflow.to_string(),
        };
        Some(Reason {
            id: ReasonId::BudgetExceeded,
            text,
        })
    }

    /// What a request without a reason against it comes to.
    pub(super) fn permit(&self) -> Result<Permit, DecideError> {
        let (table, item) = self.item().ok_or(DecideError::Form)?;
        let live: Option<Vec<_>> = self.request.periods().map(|p| self.live(p)).collect();
        let live = live.ok_or(DecideError::Form)?;
        let manifest: Vec<_> = live.iter().map(|c| c.blob.clone()).collect();
        let (terms, period) = (self.terms(), self.request.period);
        let (key, charge, merged, made) = match &self.request.merge {
            None => {
                let key = release_key(terms, table, item, period, &manifest)?;
                let made = self.state.editions(&self.request.slot()).len();
                let made = u32::try_from(made).map_err(|_| DecideError::Form)?;
                (key, item.charge.clone(), 1, made)
            }
            Some(merge) => {
                let charge = &self.ad_hoc().ok_or(DecideError::Form)?.charge;
                let key = merge_key(terms, table, charge, merge, &manifest)?;
                let merged = merge.coarsening().merged(table);
                let merged = merged.ok_or(DecideError::Form)?;
                (key, Some(charge.clone()), merged, self.merges_made())
            }
        };
        Ok(Permit {
            key: mutants::key(key, &self.request.id),
            request: self.request.clone(),
            table: table.clone(),
            provider: terms.provider.org.clone(),
            unit: terms.population.unit,
            protection: terms.population.protection,
            dense: item.dense && self.request.merge.is_none(),
            k: terms.k,
            charge,
            merged,
            rungs: match self.request.merge {
                None => item.rungs.clone(),
                Some(_) => Vec::new(),
            },
            edition: made.checked_add(1).ok_or(DecideError::Form)?,
            replaces: None,
            manifest,
            late: live.iter().any(|contribution| contribution.late),
            missing: missing_before(self.state, terms, &self.request.slot()),
            joint: None,
        })
    }
}

pub(super) fn reason(broken: bool, id: ReasonId, text: impl FnOnce() -> String) -> Option<Reason> {
    broken.then(|| Reason { id, text: text() })
}
