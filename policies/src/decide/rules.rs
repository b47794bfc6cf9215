//! The rules of a release, one method each.

use jiff::Timestamp;

use super::calendar::{due_at, missing_before};
use super::key::release_key;
use super::{DecideError, Permit, Request};
use crate::agreement::{Agreement, Charge, PlanItem};
use crate::ledger::LedgerError;
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
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// What is asked only of a release that would be a new draw.
    pub(super) fn spending(&self) -> Vec<Reason> {
        [self.editions(), self.budget()]
            .into_iter()
            .flatten()
            .collect()
    }

    fn active(&self) -> Option<Reason> {
        let status = self.record.status;
        reason(
            status != Status::Active,
            ReasonId::AgreementNotActive,
            || format!("the agreement is {}, it has to be active", status.as_str()),
        )
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
            !covers.hold(self.request.period),
            ReasonId::PeriodOutsideCoverage,
            || format!("the agreement covers {} to {}", covers.from, covers.until),
        )
    }

    fn due(&self) -> Option<Reason> {
        let (_, item) = self.item()?;
        let due = due_at(self.terms(), item, self.request.period);
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
        let live = self.state.live(&self.request.slot());
        reason(live.is_none(), ReasonId::PeriodNotContributed, || {
            let provider = &self.terms().provider.org;
            format!("`{provider}` has not contributed {}", self.request.period)
        })
    }

    fn editions(&self) -> Option<Reason> {
        let (_, item) = self.item()?;
        let made = self.state.editions(&self.request.slot()).len();
        reason(
            made >= item.editions as usize,
            ReasonId::EditionsExhausted,
            || format!("the plan allows {} of a period, {made} made", item.editions),
        )
    }

    fn budget(&self) -> Option<Reason> {
        let (_, item) = self.item()?;
        let grain = self.terms().population.unit.grain()?;
        let periods = self.request.period.parts(grain).unwrap_or_default();
        let account = State::account_of(self.terms());
        let charge = item.charge.as_ref().and_then(Charge::total);
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
        let slot = self.request.slot();
        let live = self.state.live(&slot).ok_or(DecideError::Form)?;
        let made =
            u32::try_from(self.state.editions(&slot).len()).map_err(|_| DecideError::Form)?;
        let manifest = vec![live.contribution.blob.clone()];
        Ok(Permit {
            key: release_key(self.terms(), table, item, self.request.period, &manifest)?,
            request: self.request.clone(),
            table: table.clone(),
            provider: self.terms().provider.org.clone(),
            unit: self.terms().population.unit,
            k: self.terms().k,
            charge: item.charge.clone(),
            edition: made.checked_add(1).ok_or(DecideError::Form)?,
            manifest,
            late: live.contribution.late,
            missing: missing_before(self.state, self.terms(), &slot),
            joint: None,
        })
    }
}

pub(super) fn reason(broken: bool, id: ReasonId, text: impl FnOnce() -> String) -> Option<Reason> {
    broken.then(|| Reason { id, text: text() })
}
