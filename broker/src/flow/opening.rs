//! Open data: a party proposes a published release, another person approves it, and from then on it is everybody's,
//! until a party withdraws it or its agreement's end does. The rules are the log's (`policies::state`); here callers
//! and signatures are checked.

use audit::receipt::Receipt;
use policies::entry::{Body, Opening, Recall, Step, User};
use policies::id::{Fingerprint, ReleaseKey};
use policies::sign::{Signs, verify};
use policies::state::{Barred, Openness, ReleaseRecord, State};
use proto::convert::{Opens, Recalls};

use super::broker::Broker;
use super::rotate::still_in_force;
use crate::access::method::{APPROVE_OPEN_DATA, PROPOSE_OPEN_DATA, WITHDRAW_OPEN_DATA};
use crate::error::Error;
use crate::identity::caller::Caller;

impl Broker {
    /// Proposes a release as open data, or approves that, as its party has signed. The same again by the same person is
    /// answered with the first one's entry.
    ///
    /// # Errors
    /// [`Error::NotFound`] for everyone but parties, [`Error::Invalid`] for a signature that does not verify,
    /// [`Error::Precondition`] where the release may not become open, or the person is the one who proposed it.
    pub async fn open(&self, caller: &Caller, step: Step, asked: Opens) -> Result<Receipt, Error> {
        let method = match step {
            Step::Propose => PROPOSE_OPEN_DATA,
            Step::Approve => APPROVE_OPEN_DATA,
            Step::Withdraw => return Err(Error::internal("a withdrawal is no opening")),
        };
        let Opens { key, signature } = asked;
        let user = caller.user();
        let opening = Opening {
            key,
            by: caller.org().clone(),
            user: User {
                pseudonym: user.pseudonym().clone(),
                secret: user.secret().clone(),
            },
            signature,
        };
        let signed = (opening.payload(step), &opening.signature);
        let signer = self.check_party(caller, method, &opening.key, signed)?;
        let doing = match step {
            Step::Approve => "release.opened",
            _ => "release.proposed",
        };
        let done = self
            .sequencer
            .submit(doing, move |state, now| {
                let release = state.release(&opening.key).ok_or(NO_RELEASE)?;
                if let Some(entry) = told_before(release, step, &opening) {
                    return Ok((Vec::new(), Some(entry)));
                }
                may_open(state, release, now)?;
                still_in_force(state, &opening.by, &signer)?;
                let body = match (step, &release.open) {
                    (Step::Approve, Some(Openness::Proposed { by, .. })) => {
                        if !opening.is_by_another(by) {
                            return Err(precondition(
                                "you proposed it: somebody else has to look at it and approve",
                            ));
                        }
                        Body::ReleaseOpened(opening)
                    }
                    (Step::Approve, None) => {
                        return Err(precondition("nobody has proposed it as open data"));
                    }
                    (_, None | Some(Openness::Proposed { .. })) => Body::ReleaseProposed(opening),
                    (_, Some(Openness::Opened { .. })) => {
                        return Err(precondition("it is open data already"));
                    }
                    (_, Some(Openness::Withdrawn { .. })) => {
                        return Err(precondition("it was withdrawn, for good"));
                    }
                };
                Ok((vec![body], None))
            })
            .await?;
        match done.value {
            Some(entry) => self.heads.receipt(entry).await,
            None => self.last_receipt(&done.entries).await,
        }
    }

    /// Withdraws what is proposed or public, as its party has signed. The same again is answered with the first one's
    /// entry.
    ///
    /// # Errors
    /// [`Error::NotFound`] for everyone but parties, [`Error::Invalid`] for a signature that does not verify,
    /// [`Error::Precondition`] where nothing is proposed or public.
    pub async fn recall(&self, caller: &Caller, asked: Recalls) -> Result<Receipt, Error> {
        let Recalls {
            key,
            reason,
            signature,
        } = asked;
        let recall = Recall {
            key,
            by: caller.org().clone(),
            reason,
            signature,
        };
        let signed = (recall.payload(), &recall.signature);
        let signer = self.check_party(caller, WITHDRAW_OPEN_DATA, &recall.key, signed)?;
        let done = self
            .sequencer
            .submit("release.withdrawn", move |state, _| {
                let release = state.release(&recall.key).ok_or(NO_RELEASE)?;
                match &release.open {
                    None => Err(precondition("it is neither proposed nor public")),
                    Some(Openness::Withdrawn { by, entry, .. }) if by.by == recall.by => {
                        Ok((Vec::new(), Some(*entry)))
                    }
                    Some(Openness::Withdrawn { .. }) => {
                        Err(precondition("the other party has withdrawn it already"))
                    }
                    Some(_) => {
                        still_in_force(state, &recall.by, &signer)?;
                        Ok((vec![Body::ReleaseWithdrawn(recall)], None))
                    }
                }
            })
            .await?;
        match done.value {
            Some(entry) => self.heads.receipt(entry).await,
            None => self.last_receipt(&done.entries).await,
        }
    }

    /// Is the caller a party of the release in the policies' eyes, and did its organisation sign exactly this? With which key.
    fn check_party(
        &self,
        caller: &Caller,
        method: &str,
        key: &ReleaseKey,
        (payload, signature): (Vec<u8>, &policies::sign::PartySignature),
    ) -> Result<Fingerprint, Error> {
        let state = self.sequencer.state();
        let org = state.org(caller.org()).ok_or(Error::Denied)?;
        let release = state.release(key).ok_or(NO_RELEASE)?;
        let policies = self.policies();
        // Of a joint table, a party of any of its agreements.
        let party = release.reservation.asked().into_iter().any(|asked| {
            state.agreement(&asked.agreement).is_some_and(|record| {
                let agreement = (&asked.agreement, &record.terms);
                policies
                    .on_agreement(&state, caller.org(), method, agreement, None)
                    .is_ok()
            })
        });
        if !party {
            return Err(NO_RELEASE);
        }
        verify(Signs::OpenData, &org.key, &payload, signature)
            .map_err(|e| Error::invalid("signature", e))?;
        Ok(org.key.fingerprint().clone())
    }
}

/// What the reducer asks of both steps, in words that help.
fn may_open(state: &State, release: &ReleaseRecord, now: jiff::Timestamp) -> Result<(), Error> {
    state.may_open(release, now).map_err(|barred| match barred {
        Barred::Unfinished => NO_RELEASE,
        Barred::NotAllowed => precondition(
            "its agreement allows no open data: the parties would have to agree on a `publication` (an amendment)",
        ),
        Barred::Licences => precondition(
            "its agreements name several licences: the parties would have to agree on one (an amendment)",
        ),
        Barred::Inactive => precondition("its agreement is not active"),
    })
}

/// The entry of this very step by this very person, where it stands already.
fn told_before(release: &ReleaseRecord, step: Step, opening: &Opening) -> Option<u64> {
    let same = |by: &Opening| by.by == opening.by && by.user == opening.user;
    match (step, release.open.as_ref()?) {
        (Step::Propose, Openness::Proposed { by, entry })
        | (Step::Approve, Openness::Opened { by, entry, .. })
            if same(by) =>
        {
            Some(*entry)
        }
        _ => None,
    }
}

fn precondition(message: &str) -> Error {
    let message = message.into();
    Error::Precondition { message }
}

const NO_RELEASE: Error = Error::NotFound { what: "release" };
