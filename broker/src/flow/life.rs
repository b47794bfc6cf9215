//! Acts in the life of an agreement: withdrawn, suspended, resumed, terminated, and ended by time. All take
//! effect before the next request, for every decision sees the entries ahead of it.

use std::sync::{Arc, Weak};

use audit::receipt::Receipt;
use jiff::Timestamp;
use policies::entry::{Body, Entry, Reservation};
use policies::id::{AgreementId, Fingerprint, OrgId};
use policies::life::{Act, Action};
use policies::sign::{Signs, verify};
use policies::state::{AgreementRecord, State, Status};
use proto::convert::Acting;

use super::broker::Broker;
use super::rotate::still_in_force;
use crate::access::in_force::NO_AGREEMENT;
use crate::access::method;
use crate::error::Error;
use crate::limits::LIFE_TICK;

impl Broker {
    /// Does what an organisation has signed. The same act again is answered with the first one's entry.
    ///
    /// # Errors
    /// [`Error::NotFound`] for everyone but parties and stewards, [`Error::Invalid`] for a signature that does
    /// not verify, [`Error::Precondition`] where the table of lives does not allow it or the agreement has
    /// changed since it was signed.
    pub async fn act(
        self: &Arc<Self>,
        by: &OrgId,
        action: Action,
        acting: Acting,
    ) -> Result<Receipt, Error> {
        let (act, key) = self.verified(by, action, acting)?;
        let (agreement, payload) = (act.agreement.clone(), act.payload(action));
        let done = self
            .sequencer
            .submit("agreement.act", move |state, now| {
                let record = state.agreement(&act.agreement).ok_or(NO_AGREEMENT)?;
                if let Some(entry) = answered_by(record, &act) {
                    return Ok((Vec::new(), Some(entry)));
                }
                still_in_force(state, &act.by, &key)?;
                Ok((entries(state, action, act, now)?, None))
            })
            .await?;
        if action == Action::Resume {
            self.go_on(&agreement);
        }
        match done.value {
            None => self.last_receipt(&done.entries).await,
            // What the history tells of two acts can be the same: the entry says which it was.
            Some(entry) if self.signed_in(entry)?.as_ref() == Some(&payload) => {
                self.heads.receipt(entry).await
            }
            Some(_) => Err(changed_since()),
        }
    }

    /// What was signed for the act that an entry holds.
    fn signed_in(&self, entry: u64) -> Result<Option<Vec<u8>>, Error> {
        let bytes = self.sequencer.log().entry(entry).map_err(Error::internal)?;
        let entry = Entry::from_bytes(&bytes).map_err(Error::internal)?;
        Ok(match entry.body {
            Body::AgreementWithdrawn(act) => Some(act.payload(Action::Withdraw)),
            Body::AgreementSuspended(act) => Some(act.payload(Action::Suspend)),
            Body::AgreementResumed(act) => Some(act.payload(Action::Resume)),
            Body::AgreementTerminated(act) => Some(act.payload(Action::Terminate)),
            _ => None,
        })
    }

    /// Writes the end of every agreement whose time is over. Until then they have no power already; the entries
    /// free their allotments and tell the parties.
    ///
    /// # Errors
    /// [`Error`] where the log cannot be written.
    pub async fn let_run_out(&self) -> Result<(), Error> {
        let now = self.sequencer.state().decision_time(self.clock.now());
        if self.sequencer.state().run_out(now).is_empty() {
            return Ok(());
        }
        let over = |state: &State, now| Ok((state.run_out(now), ()));
        let done = self.sequencer.submit("agreement.expired", over).await?;
        tracing::info!(entries = done.entries.len(), "agreements have run out");
        Ok(())
    }

    /// Looks for what time brings, until the broker is gone.
    pub fn keep_time(self: &Arc<Self>) {
        let broker: Weak<Self> = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut tick = tokio::time::interval(LIFE_TICK);
            loop {
                tick.tick().await;
                let Some(broker) = broker.upgrade() else {
                    break;
                };
                if let Err(error) = broker.let_run_out().await {
                    warn(&error, "ends of agreements are not written");
                }
                let told = async { broker.log_folded(false).await.and(broker.beat().await) };
                if let Err(error) = told.await {
                    warn(&error, "signs of life are not written");
                }
                if let Err(error) = broker.erase_due().await {
                    tracing::error!(code = error.code(), "deleted cells are not erased yet");
                }
            }
        });
    }

    /// Draws what has waited for a suspension to end.
    fn go_on(self: &Arc<Self>, agreement: &AgreementId) {
        let waiting = self.sequencer.state().unfinished_under(agreement);
        for key in waiting {
            let broker = Arc::clone(self);
            tokio::spawn(async move {
                if let Err(error) = broker.draw(&key).await {
                    tracing::warn!(release = %key, code = error.code(), "not drawn after a suspension");
                }
            });
        }
    }

    /// The act with its actor, who signed exactly this with this key.
    fn verified(
        &self,
        by: &OrgId,
        action: Action,
        acting: Acting,
    ) -> Result<(Act, Fingerprint), Error> {
        let Acting {
            agreement,
            after,
            takes_effect,
            reason,
            signature,
        } = acting;
        let act = Act {
            agreement,
            by: by.clone(),
            after,
            takes_effect,
            reason,
            signature,
        };
        let state = self.sequencer.state();
        let org = state.org(by).ok_or(Error::Denied)?;
        let record = state.agreement(&act.agreement).ok_or(NO_AGREEMENT)?;
        let agreement = (&act.agreement, &record.terms);
        self.policies()
            .on_agreement(&state, by, method_of(action), agreement, None)?;
        let payload = act.payload(action);
        verify(Signs::AgreementAct, &org.key, &payload, &act.signature)
            .map_err(|e| Error::invalid("act.signature", e))?;
        Ok((act, org.key.fingerprint().clone()))
    }
}

/// Tells what the broker could not write by itself; it tries again at the next tick. That the clock is off the writer has
/// told once, and nothing is to be added to it at every tick.
pub(super) fn warn(error: &Error, what: &'static str) {
    if !matches!(error, Error::Untimed { .. }) {
        tracing::warn!(code = error.code(), "{what}");
    }
}

/// The method by which an act comes. Documents (an offer, a signature) are no acts: they have their own.
fn method_of(action: Action) -> &'static str {
    match action {
        Action::Withdraw => method::WITHDRAW_AGREEMENT,
        Action::Suspend => method::SUSPEND_AGREEMENT,
        Action::Resume => method::RESUME_AGREEMENT,
        Action::Terminate => method::TERMINATE_AGREEMENT,
        Action::Sign => method::SIGN_AGREEMENT,
        Action::Counter | Action::Amend => method::OFFER_AGREEMENT,
    }
}

/// The entry after what the act answers, where the same organisation gave the same reason there: most likely this very act.
fn answered_by(record: &AgreementRecord, act: &Act) -> Option<u64> {
    let changes = record.life.history.iter();
    let mut since = changes
        .skip_while(|change| change.entry != act.after)
        .skip(1);
    let next = since.next()?;
    let same = next.by.as_ref() == Some(&act.by) && next.reason.as_ref() == Some(&act.reason);
    same.then_some(next.entry)
}

fn entries(state: &State, action: Action, act: Act, now: Timestamp) -> Result<Vec<Body>, Error> {
    let record = state.agreement(&act.agreement).ok_or(NO_AGREEMENT)?;
    if record.entry != act.after {
        return Err(changed_since());
    }
    // Ahead of the aborts, which would have to be undone.
    in_its_time(record, now)?;
    state.check_act(action, &act, now)?;
    let at_once = act.takes_effect.is_none_or(|at| at <= now);
    let ends = (action == Action::Terminate && at_once).then_some(&act.agreement);
    // Of other agreements nothing: their ends may have to wait for witnesses, and no act waits for another's end.
    let mut entries = state.ending(ends);
    entries.push(match action {
        Action::Withdraw => Body::AgreementWithdrawn(act),
        Action::Suspend => Body::AgreementSuspended(act),
        Action::Resume => Body::AgreementResumed(act),
        Action::Terminate => Body::AgreementTerminated(act),
        Action::Sign | Action::Counter | Action::Amend => {
            return Err(Error::internal("an act that is a document"));
        }
    });
    Ok(entries)
}

fn changed_since() -> Error {
    let message = "the agreement has changed since: look at it again, then repeat".into();
    Error::Precondition { message }
}

/// Is its time not over? Then nothing can be done any more, whether or not the log says so yet.
pub(super) fn in_its_time(record: &AgreementRecord, now: Timestamp) -> Result<(), Error> {
    if record.has_run_out(now) {
        let message = "its last day, or its notice, is over: nothing can be done with it".into();
        return Err(Error::Precondition { message });
    }
    Ok(())
}

/// What the lives of its agreements mean for a release that has been charged.
pub(crate) enum Going {
    /// It may appear.
    On,
    /// Somebody has suspended an agreement: it waits.
    Waits,
    /// A notice has run out, and the log does not say so yet.
    Over,
}

/// May the release appear at this time?
pub(crate) fn going(state: &State, reservation: &Reservation, now: Timestamp) -> Going {
    let asked = reservation.asked();
    let standing = asked.iter().map(|asked| {
        let record = state.agreement(&asked.agreement);
        record.map(|record| record.standing(now))
    });
    let standing: Vec<_> = standing.collect();
    if standing.contains(&Some(Status::Suspended)) {
        return Going::Waits;
    }
    let fine = |status: &Option<Status>| matches!(status, Some(Status::Active | Status::Expired));
    if standing.iter().all(fine) {
        Going::On
    } else {
        Going::Over
    }
}

/// The answer for a release that waits.
pub(crate) fn waits() -> Error {
    Error::Precondition {
        message:
            "an agreement of the release is suspended: it is charged, waits, and goes on when the \
                  agreement is resumed"
                .into(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
mod tests {
    use policies::testing::{Town, now};

    use super::*;

    /// Whoever tries again and again costs nobody entries that are made and undone.
    #[test]
    fn what_cannot_be_done_is_found_before_any_entry_is_made() {
        let town = Town::active();
        let told = |action, at: &str| {
            let body = town.acting(action, "city", None);
            let (Body::AgreementResumed(act) | Body::AgreementTerminated(act)) = body else {
                panic!()
            };
            let made = entries(&town.state, action, act, at.parse().unwrap());
            made.map(|made| made.len())
                .map_err(|error| error.to_string())
        };
        let in_time = now().to_string();
        let over = "2028-01-01T12:00:00Z";
        assert!(told(Action::Resume, &in_time).is_err_and(|told| told.contains("whoever made it")));
        assert_eq!(told(Action::Terminate, &in_time), Ok(1));
        assert!(told(Action::Terminate, over).is_err_and(|told| told.contains("is over")));
    }
}
