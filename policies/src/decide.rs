//! May this release be made now? A pure function of public state: it never sees a contribution.

use jiff::Timestamp;

use crate::coarse::Merge;
use crate::id::{AgreementId, OrgId, ReleaseKey, RequestId, TableName};
use crate::joint::With;
use crate::period::Period;
use crate::refusal::{Reason, Refusal};
use crate::state::{AgreementRecord, Outcome, Slot, State};

mod ad_hoc;
mod calendar;
mod joint;
mod key;
mod permit;
mod protection;
mod rules;

pub use calendar::{due_at, late_after};
pub use key::{merge_key, release_key};
pub use permit::Permit;

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
    /// Which period; the first one of a merge.
    pub period: Period,
    /// All periods and what becomes of their cells, where it asks for an ad-hoc merge.
    pub merge: Option<Merge>,
    /// For which purpose.
    pub purpose: String,
    /// Further agreements whose parts are to stand in the same table.
    pub with: Vec<With>,
}

impl Request {
    /// Where its contribution belongs; the first one of a merge.
    #[must_use]
    pub fn slot(&self) -> Slot {
        self.slot_of(self.period)
    }

    /// Every period it reads, rising.
    pub fn periods(&self) -> impl Iterator<Item = Period> {
        crate::coarse::periods(self.period, self.merge.as_ref())
    }

    fn slot_of(&self, period: Period) -> Slot {
        Slot {
            agreement: self.agreement.clone(),
            table: self.table.clone(),
            period,
        }
    }

    /// One request per agreement, as if each were asked alone; this one's own first.
    #[must_use]
    pub fn parts(&self) -> Vec<Self> {
        let alone = |agreement: &AgreementId, table: &TableName| Self {
            agreement: agreement.clone(),
            table: table.clone(),
            with: Vec::new(),
            ..self.clone()
        };
        let further = self.with.iter().map(|w| alone(&w.agreement, &w.table));
        std::iter::once(alone(&self.agreement, &self.table))
            .chain(further)
            .collect()
    }

    /// Agreement and table of every part, sorted: what makes two requests the same wish.
    #[must_use]
    pub fn asked(&self) -> Vec<With> {
        let first = With {
            agreement: self.agreement.clone(),
            table: self.table.clone(),
        };
        let mut asked = vec![first];
        asked.extend(self.with.iter().cloned());
        asked.sort();
        asked
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

/// Decides a request against the state at `now` ([`State::decision_time`]). All rules about the
/// request run before it is refused, so a refusal names every reason at once; editions and budget
/// are asked only of a draw that would be new, and then both.
///
/// # Errors
/// [`DecideError`] where there is nothing to decide about.
pub fn decide(state: &State, request: &Request, now: Timestamp) -> Result<Decision, DecideError> {
    // One request has one spelling: a merge is asked for under its first period.
    let begins = request
        .merge
        .as_ref()
        .is_none_or(|m| m.first() == request.period);
    if !begins {
        return Err(DecideError::Form);
    }
    let asked = request.parts();
    let mut parts = Vec::with_capacity(asked.len());
    for request in &asked {
        let record = visible(state, request)?;
        parts.push(rules::Rules {
            state,
            request,
            record,
            now,
        });
    }
    if let Some(outcome) = state.outcome(&request.by, &request.id) {
        return replay(state, request, outcome);
    }
    let all = joint::Parts {
        request,
        each: &parts,
    };
    if let Some(refusal) = Refusal::from_reasons(all.reasons()) {
        return Ok(Decision::Refuse(refusal));
    }
    let mut permit = all.permit()?;
    if request.merge.is_none() {
        let replaced = state.published_edition(&request.asked(), request.period);
        permit.replaces = replaced.cloned();
    }
    if state.release(permit.key()).is_some() {
        return Ok(Decision::Exists(permit.key().clone()));
    }
    match Refusal::from_reasons(all.spending()) {
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

/// The same request id with the same wish has the same answer for ever. A refused wish is the same
/// where agreement, table, period and merge are: the log does not keep a purpose that was not agreed.
fn replay(state: &State, request: &Request, outcome: &Outcome) -> Result<Decision, DecideError> {
    let reused = || DecideError::RequestIdReused {
        id: request.id.clone(),
    };
    match outcome {
        Outcome::Reserved { key } => {
            let release = state.release(key).ok_or_else(reused)?;
            let r = &release.reservation;
            let same = r.asked() == request.asked()
                && r.period == request.period
                && r.merge == request.merge
                && r.purpose == request.purpose;
            if same {
                Ok(Decision::Exists(key.clone()))
            } else {
                Err(reused())
            }
        }
        Outcome::Refused {
            slot,
            with,
            merge,
            reasons,
            ..
        } => {
            if *slot != request.slot() || *with != request.with || *merge != request.merge {
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

#[cfg(test)]
mod tests;
