//! Releases and refusals: the decision made again from the state at its time.

use jiff::Timestamp;
use policies::agreement::Agreement;
use policies::decide::{DecideError, Decision, Request, decide};
use policies::entry::{Body, Reservation};
use policies::id::{OrgId, RequestId};
use policies::joint::{Part, With};
use policies::refusal::{ReasonId, Refusal};
use policies::state::State;

use super::{Breach, caller, same};

const METHOD: &str = "/weir.v1.ReleaseService/RequestRelease";

/// Is the reservation the one that the rules give, and its noise what the plan pays for?
pub(super) fn reserved(state: &State, new: &Reservation, time: Timestamp) -> Result<(), Breach> {
    caller(state, &new.by, METHOD)?;
    unanswered(state, &new.by, &new.request)?;
    let further = new.joint.as_ref().map_or(&[][..], |joint| &joint.parts);
    let request = Request {
        id: new.request.clone(),
        by: new.by.clone(),
        agreement: new.agreement.clone(),
        table: new.table.name.clone(),
        period: new.period,
        merge: new.merge.clone(),
        purpose: new.purpose.clone(),
        with: further.iter().map(with).collect(),
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
    let rungs = new.rungs.iter().map(|rung| &rung.mechanism);
    let mechanisms = std::iter::once(&new.mechanism).chain(rungs);
    let mechanisms = mechanisms.chain(further.iter().map(|p| &p.mechanism));
    let mechanisms = mechanisms.cloned().collect();
    let expected = match further {
        [] => permit.reserve_ladder(mechanisms),
        _ => permit.reserve_joint(mechanisms),
    };
    let expected = expected.map_err(|why| Breach::Noise { why })?;
    for part in new.parts() {
        let (cost, charge) = (part.cost()?, part.charge);
        if !cost.fits_in(charge) {
            return Err(Breach::Charge { cost, charge });
        }
    }
    let Reservation {
        key,
        request: _, // the question itself
        by: _,
        agreement: _,
        purpose: _,
        period: _,
        merge: _,
        table,
        unit,
        edition,
        replaces,
        manifest,
        late,
        missing,
        mechanism: _, // as the plan asks, or there were no `expected`
        rungs,
        charge,
        joint,
    } = new;
    same("charge", &expected.charge, charge)?;
    same("rungs", &expected.rungs, rungs)?;
    same("edition", &expected.edition, edition)?;
    // Logs from before it was named have none; what another one names has to be right.
    if replaces.is_some() {
        same("replaces", &expected.replaces, replaces)?;
    }
    same("manifest", &expected.manifest, manifest)?;
    same("late", &expected.late, late)?;
    same("missing", &expected.missing, missing)?;
    same("unit", &expected.unit, unit)?;
    same("table", &expected.table, table)?;
    same("joint", &expected.joint, joint)?;
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
        with,
        merge,
        reasons,
    } = body
    else {
        return Ok(());
    };
    caller(state, by, METHOD)?;
    unanswered(state, by, request)?;
    let all = std::iter::once(agreement).chain(with.iter().map(|with| &with.agreement));
    let terms: Vec<_> = all
        .filter_map(|id| Some(&state.agreement(id)?.terms))
        .collect();
    let request = Request {
        id: request.clone(),
        by: by.clone(),
        agreement: agreement.clone(),
        table: table.clone(),
        period: *period,
        merge: merge.clone(),
        purpose: String::new(),
        with: with.clone(),
    };
    let mut nearest = Vec::new();
    for purpose in purposes(&terms) {
        let request = Request {
            purpose,
            ..request.clone()
        };
        let decision = decide(state, &request, time).map_err(|e| nothing(by, &e))?;
        let expected = match &decision {
            Decision::Refuse(refusal) => ids(refusal),
            Decision::Permit(_) | Decision::Exists(_) => Vec::new(),
        };
        if expected == *reasons {
            return Ok(());
        }
        nearest = expected;
    }
    Err(Breach::Unjustified {
        found: words(reasons),
        expected: words(&nearest),
    })
}

/// A refusal does not carry the purpose that was asked for, and no rule looks at more than in which agreements
/// it is an agreed one: none, which the empty text stands for, or those of some purpose that they name. Where
/// its reasons say that it was agreed, the last of these explains best what the rules give.
fn purposes(terms: &[&Agreement]) -> Vec<String> {
    let named = terms.iter().flat_map(|terms| terms.purposes.iter().rev());
    std::iter::once(String::new())
        .chain(named.cloned())
        .collect()
}

fn with(part: &Part) -> With {
    With {
        agreement: part.agreement.clone(),
        table: part.table.name.clone(),
    }
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
