//! May this release be made now? A pure function of public state: it never sees a contribution.

use jiff::{Timestamp, ToSpan};
use serde::Serialize;

use crate::agreement::{Agreement, Charge, PlanItem, Unit};
use crate::entry::Reservation;
use crate::id::{AgreementId, BlobId, OrgId, ReleaseKey, RequestId, TableName, sha256_hex};
use crate::ledger::LedgerError;
use crate::loss::Loss;
use crate::mechanism::Mechanism;
use crate::period::Period;
use crate::refusal::{Reason, ReasonId, Refusal};
use crate::state::{AgreementRecord, Outcome, Slot, State, Status};
use crate::table::Table;

/// Most missing periods that a reservation names.
const MISSING_MAX: usize = 60;

/// What a planner asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Made by the caller; the same id never acts twice.
    pub id: RequestId,
    /// The caller's organisation, from its certificate.
    pub by: OrgId,
    /// Under which agreement.
    pub agreement: AgreementId,
    /// Which table.
    pub table: TableName,
    /// Which period.
    pub period: Period,
    /// For which purpose.
    pub purpose: String,
}

impl Request {
    /// Where its contribution belongs.
    #[must_use]
    pub fn slot(&self) -> Slot {
        Slot {
            agreement: self.agreement.clone(),
            table: self.table.clone(),
            period: self.period,
        }
    }
}

/// The answer to "may this be made".
#[derive(Debug)]
pub enum Decision {
    /// Yes: calibrate, then reserve.
    Permit(Box<Permit>),
    /// Yes, and it has been drawn before (or is being drawn): the same bytes, free.
    Exists(ReleaseKey),
    /// No, for these reasons.
    Refuse(Refusal),
}

/// Why there is no decision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecideError {
    /// No agreement of that id that the caller is a party to or a recipient of.
    #[error("no agreement `{id}` with you: `weir agreement list` shows yours")]
    NotFound {
        /// The id asked for.
        id: AgreementId,
    },
    /// The request id has been used for another wish.
    #[error("request id `{id}` has been used for another request: use a new one")]
    RequestIdReused {
        /// The id.
        id: RequestId,
    },
    /// The key could not be computed.
    #[error("the request has no canonical form")]
    Form,
}

/// Leave to reserve one release. Only [`decide`] makes it; only the sequencer takes it.
#[derive(Debug)]
pub struct Permit {
    request: Request,
    key: ReleaseKey,
    table: Table,
    unit: Unit,
    k: u32,
    charge: Option<Charge>,
    edition: u32,
    manifest: Vec<BlobId>,
    late: bool,
    missing: Vec<Period>,
}

impl Permit {
    /// The table's terms, for calibration.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// What is protected.
    #[must_use]
    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// The agreement's k.
    #[must_use]
    pub fn k(&self) -> u32 {
        self.k
    }

    /// The plan's charge; `None` where the population has no unit.
    #[must_use]
    pub fn charge(&self) -> Option<&Charge> {
        self.charge.as_ref()
    }

    /// The reservation to write, with all noise pinned.
    ///
    /// # Errors
    /// A sentence where the mechanism would cost more than the plan's charge: the caller MUST not write it.
    pub fn reserve(self, mechanism: Mechanism) -> Result<Reservation, String> {
        let charge = self.charge.as_ref().map_or(Some(Loss::ZERO), Charge::total);
        let charge = charge.ok_or("the charge leaves its type")?;
        let cost = mechanism.cost().map_err(|e| e.to_string())?;
        if !cost.fits_in(charge) {
            return Err(format!(
                "the mechanism costs ({cost}), over the plan's charge ({charge})"
            ));
        }
        if matches!(mechanism, Mechanism::Unprotected) != (self.unit == Unit::None) {
            return Err("only data without a unit is released unprotected".into());
        }
        Ok(Reservation {
            key: self.key,
            request: self.request.id,
            by: self.request.by,
            agreement: self.request.agreement,
            purpose: self.request.purpose,
            table: self.table,
            period: self.request.period,
            unit: self.unit,
            edition: self.edition,
            manifest: self.manifest,
            late: self.late,
            missing: self.missing,
            mechanism,
            charge,
        })
    }
}

/// Decides a request against the state at `now` ([`State::decision_time`]). All rules run, so that a
/// refusal names every reason at once.
///
/// # Errors
/// [`DecideError`] where there is nothing to decide about.
pub fn decide(state: &State, request: &Request, now: Timestamp) -> Result<Decision, DecideError> {
    let record = visible(state, request)?;
    if let Some(outcome) = state.outcome(&request.by, &request.id) {
        return replay(state, request, outcome);
    }
    let rules = Rules {
        state,
        request,
        record,
        now,
    };
    if let Some(refusal) = Refusal::from_reasons(rules.reasons()) {
        return Ok(Decision::Refuse(refusal));
    }
    let permit = rules.permit()?;
    if state.release(&permit.key).is_some() {
        return Ok(Decision::Exists(permit.key));
    }
    match Refusal::from_reasons(rules.spending()) {
        Some(refusal) => Ok(Decision::Refuse(refusal)),
        None => Ok(Decision::Permit(Box::new(permit))),
    }
}

/// To organisations outside it an agreement does not exist.
fn visible<'a>(state: &'a State, request: &Request) -> Result<&'a AgreementRecord, DecideError> {
    state
        .agreement(&request.agreement)
        .filter(|r| r.terms.is_party(&request.by) || r.terms.recipients.contains(&request.by))
        .ok_or_else(|| DecideError::NotFound {
            id: request.agreement.clone(),
        })
}

/// The same request id with the same wish has the same answer for ever.
fn replay(state: &State, request: &Request, outcome: &Outcome) -> Result<Decision, DecideError> {
    let reused = || DecideError::RequestIdReused {
        id: request.id.clone(),
    };
    match outcome {
        Outcome::Reserved { key } => {
            let release = state.release(key).ok_or_else(reused)?;
            let r = &release.reservation;
            let same = r.agreement == request.agreement
                && r.table.name == request.table
                && r.period == request.period
                && r.purpose == request.purpose;
            if same {
                Ok(Decision::Exists(key.clone()))
            } else {
                Err(reused())
            }
        }
        Outcome::Refused { slot, reasons, .. } => {
            if *slot != request.slot() {
                return Err(reused());
            }
            let text = || "as answered before to this request id".to_owned();
            let reasons = reasons
                .iter()
                .map(|id| Reason {
                    id: *id,
                    text: text(),
                })
                .collect();
            Refusal::from_reasons(reasons)
                .map(Decision::Refuse)
                .ok_or_else(reused)
        }
    }
}

struct Rules<'a> {
    state: &'a State,
    request: &'a Request,
    record: &'a AgreementRecord,
    now: Timestamp,
}

impl Rules<'_> {
    fn terms(&self) -> &Agreement {
        &self.record.terms
    }

    fn reasons(&self) -> Vec<Reason> {
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
    fn spending(&self) -> Vec<Reason> {
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

    fn item(&self) -> Option<(&Table, &PlanItem)> {
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

    fn permit(&self) -> Result<Permit, DecideError> {
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
            unit: self.terms().population.unit,
            k: self.terms().k,
            charge: item.charge.clone(),
            edition: made.checked_add(1).ok_or(DecideError::Form)?,
            manifest,
            late: live.contribution.late,
            missing: missing_before(self.state, self.terms(), &slot),
        })
    }
}

fn reason(broken: bool, id: ReasonId, text: impl FnOnce() -> String) -> Option<Reason> {
    broken.then(|| Reason { id, text: text() })
}

/// When a period may be released: its end plus the plan's due hours; `None` past the calendar.
#[must_use]
pub fn due_at(terms: &Agreement, item: &PlanItem, period: Period) -> Option<Timestamp> {
    let end = period.ends_at(&terms.time_zone).ok()?;
    end.checked_add(i64::from(item.due_hours).hours()).ok()
}

/// When a contribution becomes late: due time plus grace; `None` past the calendar.
#[must_use]
pub fn late_after(terms: &Agreement, item: &PlanItem, period: Period) -> Option<Timestamp> {
    due_at(terms, item, period)?
        .checked_add(i64::from(item.grace_hours).hours())
        .ok()
}

/// Periods between the start of the agreement's coverage and this one without a live contribution.
fn missing_before(state: &State, terms: &Agreement, slot: &Slot) -> Vec<Period> {
    let mut missing = Vec::new();
    let Ok(mut period) = Period::holding(terms.covers.from, slot.period.grain()) else {
        return missing;
    };
    while period < slot.period {
        let at = Slot {
            period,
            ..slot.clone()
        };
        if terms.covers.hold(period) && state.live(&at).is_none() {
            missing.push(period);
        }
        let Ok(next) = period.next() else { break };
        period = next;
    }
    missing.split_off(missing.len().saturating_sub(MISSING_MAX))
}

/// H(canonical table request, pinned manifest), DESIGN section 4: one draw per request and input. SHA-256
/// in hexadecimal over the RFC 8785 form of provider, population, k, zonings, table, charge, period and
/// manifest. Who asks, when and for which purpose is no part of it, so every entitled party gets the same
/// bytes.
///
/// # Errors
/// [`DecideError::Form`] where the terms cannot be written as JSON.
pub fn release_key(
    terms: &Agreement,
    table: &Table,
    item: &PlanItem,
    period: Period,
    manifest: &[BlobId],
) -> Result<ReleaseKey, DecideError> {
    #[derive(Serialize)]
    struct Canonical<'a> {
        provider: &'a OrgId,
        population: &'a crate::agreement::Population,
        k: u32,
        zonings: &'a [crate::agreement::ZoningRef],
        table: &'a Table,
        charge: &'a Option<Charge>,
        period: Period,
        manifest: &'a [BlobId],
    }
    let canonical = Canonical {
        provider: &terms.provider.org,
        population: &terms.population,
        k: terms.k,
        zonings: &terms.zonings,
        table,
        charge: &item.charge,
        period,
        manifest,
    };
    let bytes = serde_json_canonicalizer::to_vec(&canonical).map_err(|_| DecideError::Form)?;
    ReleaseKey::new(sha256_hex(&bytes)).map_err(|_| DecideError::Form)
}

#[cfg(test)]
mod tests;
