//! A release: Request → Permit → Spend → read → protect → publish. The whole story is [`Broker::release`].

use std::sync::Arc;

use audit::receipt::Receipt;
use policies::agreement::{Agreement, Charge, Rung};
use policies::coarse::Merge;
use policies::decide::{Decision, Request, decide};
use policies::entry::Body;
use policies::id::{OrgId, ReleaseKey, RequestId, TableName};
use policies::mechanism::Mechanism;
use policies::refusal::Refusal;
use policies::schedule::in_its_turn;
use policies::state::{Outcome, Stage, State};
use policies::table::Table;

use super::broker::Broker;
use crate::access::Policies;
use crate::access::in_force::NO_AGREEMENT;
use crate::access::method::REQUEST_RELEASE;
use crate::error::Error;
use crate::sequencer::Verdict;

/// What a planner gets.
#[derive(Debug)]
pub enum Answer {
    /// The table is published; its bytes are under the key.
    Released {
        /// Which release.
        key: ReleaseKey,
        /// Proof of its `release.published` entry.
        receipt: Receipt,
    },
    /// Refused.
    Refused {
        /// Every reason.
        refusal: Refusal,
        /// Proof of its `release.refused` entry.
        receipt: Receipt,
    },
}

impl Broker {
    /// Answers a request. The same request id always has the same answer.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an agreement the caller is no part of, [`Error::AlreadyExists`] for a
    /// request id used for something else, [`Error::Invalid`] for one of the schedule that is not due, [`Error::Busy`] for more refusals than are logged one by one. After a reservation an error never refunds: the same request
    /// resumes the same draw.
    pub async fn release(self: &Arc<Self>, request: Request) -> Result<Answer, Error> {
        let (by, id) = (request.by.clone(), request.id.clone());
        let decided = self.decide_and_reserve(request).await?; //  Request → Permit → entry, durable
        let key = match decided {
            Decided::Refused(refusal) => {
                let receipt = self.refused(&by, &id).await?;
                return Ok(Answer::Refused { refusal, receipt });
            }
            Decided::Charged(key) => key,
        };
        self.draw(&key).await?; //  Spend → read → protect → publish
        self.published(&key).await
    }

    /// The decision and its entry in one step of the sequencer, so no two requests spend the same budget.
    async fn decide_and_reserve(&self, request: Request) -> Result<Decided, Error> {
        let noise = match request.with.as_slice() {
            [] => self.noise_for(&request)?,
            _ => self.mechanisms_for_parts(&request)?,
        };
        let policies = self.policies();
        let folding = Arc::clone(&self.folding);
        let done = self
            .sequencer
            .submit("release", move |state, now| {
                if !in_its_turn(state, &request, now) {
                    let message = "is of the schedule, and not due: ask under an id of your own";
                    return Err(Error::invalid("request_id", message));
                }
                let fresh = state.outcome(&request.by, &request.id).is_none();
                let decision = decide(state, &request, now)?;
                if let Decision::Refuse(refusal) = decision {
                    // A flood of them would fill the log: above the rate they are turned away and counted.
                    if fresh && !folding.may_log_refusal(&request.by, now) {
                        return Err(Error::Busy);
                    }
                    return Ok(refuse(&request, refusal, fresh));
                }
                // The second lock: what the rules allow, the policies have to allow, too.
                for part in request.parts() {
                    may_request(&policies, state, &part)?;
                }
                match decision {
                    Decision::Refuse(refusal) => Ok(refuse(&request, refusal, fresh)),
                    Decision::Exists(key) => Ok((Vec::new(), Decided::Charged(key))),
                    Decision::Permit(permit) => {
                        let noise = noise.ok_or_else(|| Error::internal("no mechanism"))?;
                        let reservation = match request.with.as_slice() {
                            [] => permit.reserve_ladder(noise),
                            _ => permit.reserve_joint(noise),
                        };
                        let reservation = reservation.map_err(Error::internal)?;
                        let key = reservation.key.clone();
                        let reserved = Body::ReleaseReserved(Box::new(reservation));
                        Ok((vec![reserved], Decided::Charged(key)))
                    }
                }
            })
            .await?;
        Ok(done.value)
    }

    /// The pinned noise of the table and of each of its rungs, from public terms; `None` where the rules will
    /// refuse anyway.
    fn noise_for(&self, request: &Request) -> Result<Option<Vec<Mechanism>>, Error> {
        let Some(terms) = self.requested(request)? else {
            return Ok(None);
        };
        let Some((table, charge, merged)) = priced(&terms, &request.table, request.merge.as_ref())
        else {
            return Ok(None);
        };
        let mut noise = vec![self.mechanism(&terms, table, charge, merged)?];
        let item = terms.plan_item(&request.table);
        let rungs = item.filter(|_| request.merge.is_none()).map(|i| &i.rungs);
        for rung in rungs.into_iter().flatten() {
            noise.push(self.rung_noise(&terms, table, rung)?);
        }
        Ok(Some(noise))
    }

    /// The terms of an agreement that the caller may have a release of, for the purpose it names.
    pub(super) fn requested(&self, request: &Request) -> Result<Option<Agreement>, Error> {
        let state = self.sequencer.state();
        match may_request(&self.policies(), &state, request) {
            Ok(()) => Ok(state.agreement(&request.agreement).map(|r| r.terms.clone())),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The noise of one rung.
    pub(crate) fn rung_noise(
        &self,
        terms: &Agreement,
        table: &Table,
        rung: &Rung,
    ) -> Result<Mechanism, Error> {
        let merged = rung.coarsening.merged(table);
        let merged = merged.ok_or_else(|| Error::internal("a rung of no table"))?;
        self.mechanism(terms, table, Some(&rung.charge), merged)
    }

    /// The proof of a refusal, the first time and every time it is asked again.
    async fn refused(&self, by: &OrgId, id: &RequestId) -> Result<Receipt, Error> {
        let entry = match self.sequencer.state().outcome(by, id) {
            Some(Outcome::Refused { entry, .. }) => *entry,
            _ => return Err(Error::internal("a refusal without an entry")),
        };
        self.heads.receipt(entry).await
    }

    /// The answer for a release that has been drawn.
    async fn published(&self, key: &ReleaseKey) -> Result<Answer, Error> {
        let entry = published_entry(&self.sequencer.state(), key)?;
        Ok(Answer::Released {
            key: key.clone(),
            receipt: self.heads.witnessed_receipt(entry).await?,
        })
    }
}

/// Do the policies let the caller have a release under the request's agreement, for its purpose?
fn may_request(policies: &Policies, state: &State, request: &Request) -> Result<(), Error> {
    let id = &request.agreement;
    let terms = &state.agreement(id).ok_or(NO_AGREEMENT)?.terms;
    let purpose = Some(request.purpose.as_str());
    policies.on_agreement(state, &request.by, REQUEST_RELEASE, (id, terms), purpose)
}

/// The table, what its release or merge is charged, and r; `None` where the agreement has no such thing.
pub(crate) fn priced<'a>(
    terms: &'a Agreement,
    name: &TableName,
    merge: Option<&Merge>,
) -> Option<(&'a Table, Option<&'a Charge>, u32)> {
    let (table, item) = (terms.table(name)?, terms.plan_item(name)?);
    let Some(merge) = merge else {
        return Some((table, item.charge.as_ref(), 1));
    };
    let line = terms.ad_hoc(name)?;
    let merged = merge.coarsening().merged(table)?;
    Some((table, Some(&line.charge), merged))
}

enum Decided {
    Charged(ReleaseKey),
    Refused(Refusal),
}

fn refuse(request: &Request, refusal: Refusal, fresh: bool) -> Verdict<Decided> {
    let entry = Body::ReleaseRefused {
        request: request.id.clone(),
        by: request.by.clone(),
        agreement: request.agreement.clone(),
        table: request.table.clone(),
        period: request.period,
        with: request.with.clone(),
        merge: request.merge.clone(),
        reasons: refusal.reasons().iter().map(|reason| reason.id).collect(),
    };
    (
        if fresh { vec![entry] } else { Vec::new() },
        Decided::Refused(refusal),
    )
}

pub(crate) fn published_entry(state: &State, key: &ReleaseKey) -> Result<u64, Error> {
    match state.release(key).map(|release| &release.stage) {
        Some(Stage::Published { entry, .. }) => Ok(*entry),
        Some(Stage::Aborted { reason }) => Err(Error::Precondition {
            message: format!(
                "the release was ended without a table (`{reason}`); its charge stays"
            ),
        }),
        Some(Stage::Reserved) => Err(Error::Unavailable {
            cause: "still being drawn".into(),
        }),
        None => Err(Error::NotFound { what: "release" }),
    }
}
