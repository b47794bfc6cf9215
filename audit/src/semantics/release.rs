//! Releases and refusals: the decision made again from the state at its time.

use jiff::Timestamp;
use policies::agreement::Agreement;
use policies::decide::{DecideError, Decision, Request, decide};
use policies::entry::{Body, Reservation};
use policies::id::{OrgId, RequestId};
use policies::refusal::{ReasonId, Refusal};
use policies::state::State;

use super::{Breach, caller, same};

const METHOD: &str = "/weir.v1.ReleaseService/RequestRelease";

/// Is the reservation the one that the rules give, and its noise what the plan pays for?
pub(super) fn reserved(state: &State, new: &Reservation, time: Timestamp) -> Result<(), Breach> {
    caller(state, &new.by, METHOD)?;
    unanswered(state, &new.by, &new.request)?;
    let request = Request {
        id: new.request.clone(),
        by: new.by.clone(),
        agreement: new.agreement.clone(),
        table: new.table.name.clone(),
        period: new.period,
        purpose: new.purpose.clone(),
    };
    let permit = match decide(state, &request, time).map_err(|e| nothing(&new.by, &e))? {
        Decision::Permit(permit) => permit,
        Decision::Refuse(refusal) => {
            return Err(Breach::Unpermitted {
                reasons: refusal.to_string(),
            });
        }
        Decision::Exists(key) => {
            let entry = state.release(&key).map_or(0, |release| release.entry);
            return Err(Breach::DrawnBefore { key, entry });
        }
    };
    let expected = permit.reserve(new.mechanism.clone());
    let expected = expected.map_err(|why| Breach::Noise { why })?;
    let (cost, charge) = (new.mechanism.cost()?, new.charge);
    if !cost.fits_in(charge) {
        return Err(Breach::Charge { cost, charge });
    }
    let Reservation {
        key,
        request: _, // the question itself
        by: _,
        agreement: _,
        purpose: _,
        period: _,
        table,
        unit,
        edition,
        manifest,
        late,
        missing,
        mechanism: _, // as the plan asks, or there were no `expected`
        charge,
    } = new;
    same("charge", &expected.charge, charge)?;
    same("edition", &expected.edition, edition)?;
    same("manifest", &expected.manifest, manifest)?;
    same("late", &expected.late, late)?;
    same("missing", &expected.missing, missing)?;
    same("unit", &expected.unit, unit)?;
    same("table", &expected.table, table)?;
    same("key", &expected.key, key)
}

/// Do the rules refuse it, for exactly these reasons?
pub(super) fn refused(state: &State, body: &Body, time: Timestamp) -> Result<(), Breach> {
    let Body::ReleaseRefused {
        request,
        by,
        agreement,
        table,
        period,
        reasons,
    } = body
    else {
        return Ok(());
    };
    caller(state, by, METHOD)?;
    unanswered(state, by, request)?;
    let terms = state.agreement(agreement).map(|record| &record.terms);
    let request = Request {
        id: request.clone(),
        by: by.clone(),
        agreement: agreement.clone(),
        table: table.clone(),
        period: *period,
        purpose: purpose(terms, reasons),
    };
    let decision = decide(state, &request, time).map_err(|e| nothing(by, &e))?;
    let expected = match &decision {
        Decision::Refuse(refusal) => ids(refusal),
        Decision::Permit(_) | Decision::Exists(_) => Vec::new(),
    };
    if expected == *reasons {
        return Ok(());
    }
    Err(Breach::Unjustified {
        found: words(reasons),
        expected: words(&expected),
    })
}

/// A refusal does not carry the purpose that was asked for; whether it was an agreed one stands in
/// its reasons, and more than that no rule looks at.
fn purpose(terms: Option<&Agreement>, reasons: &[ReasonId]) -> String {
    let agreed = !reasons.contains(&ReasonId::PurposeNotAgreed);
    let first = terms.and_then(|terms| terms.purposes.first());
    first.filter(|_| agreed).cloned().unwrap_or_default()
}

fn unanswered(state: &State, org: &OrgId, request: &RequestId) -> Result<(), Breach> {
    if state.outcome(org, request).is_none() {
        return Ok(());
    }
    Err(Breach::AnsweredBefore {
        org: org.clone(),
        request: request.clone(),
    })
}

/// There was nothing to decide about, so there should be no entry.
fn nothing(org: &OrgId, error: &DecideError) -> Breach {
    let why = match error {
        DecideError::NotFound { id } => format!("it has no part in an agreement `{id}`"),
        DecideError::RequestIdReused { .. } | DecideError::Form => error.to_string(),
    };
    Breach::Caller {
        org: org.clone(),
        why,
    }
}

fn ids(refusal: &Refusal) -> Vec<ReasonId> {
    refusal.reasons().iter().map(|reason| reason.id).collect()
}

fn words(reasons: &[ReasonId]) -> String {
    let words: Vec<_> = reasons.iter().map(|reason| reason.as_str()).collect();
    words.join(", ")
}
