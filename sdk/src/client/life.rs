//! Acts in the life of an agreement, signed with our key.

use jiff::Timestamp;
use policies::id::{AgreementId, OrgId};
use policies::life::{Action, Cause, payload};
use policies::sign::Signs;
use proto::convert::{Acting, Logged, SignedAgreement};

use super::agreements::is_that;
use super::error::ClientError;
use super::expect;
use super::proof::Proven;
use super::session::{Client, ask, understood};
use crate::sign::Signer;

/// Calls the method, and understands its answer.
macro_rules! send {
    ($client:ident, $doing:ident, $method:ident, $acting:expr) => {{
        let answer = $client
            .agreement_service()
            .$method(ask($acting.clone().into()))
            .await
            .map_err(|s| $client.failed($doing, &s))?;
        let answer: Logged<SignedAgreement> = understood($doing, answer.into_inner())?;
        answer
    }};
}

impl Client {
    /// Withdraws, suspends, resumes or terminates an agreement, as it stands now: a change that somebody makes
    /// in between refuses the act. `takes_effect` is for a termination, which is at once without it.
    ///
    /// # Errors
    /// [`ClientError::Own`] where the action is none of these four or the directory does not know our key,
    /// [`ClientError::Receipt`] where the log does not hold this act, else as the broker says.
    pub async fn act(
        &self,
        action: Action,
        id: &AgreementId,
        reason: Cause,
        takes_effect: Option<Timestamp>,
        signer: &Signer,
    ) -> Result<Proven<SignedAgreement>, ClientError> {
        let doing = doing(action)?;
        let by = self.own_name(doing, signer).await?;
        let after = self.agreement(id).await?.life.last_change;
        let signed = payload(action, (id, &by, after), takes_effect, &reason);
        let acting = Acting {
            agreement: id.clone(),
            after,
            takes_effect,
            signature: signer.sign(Signs::AgreementAct, &signed, Timestamp::now())?,
            reason,
        };
        let mark = self.mark()?;
        let Logged { what, receipt } = match action {
            Action::Withdraw => send!(self, doing, withdraw_agreement, acting),
            Action::Suspend => send!(self, doing, suspend_agreement, acting),
            Action::Resume => send!(self, doing, resume_agreement, acting),
            _ => send!(self, doing, terminate_agreement, acting),
        };
        is_that(doing, &what, id)?;
        let proof = self.checked(doing, receipt, |body| expect::act(body, action, &acting))?;
        let proof = self.seen(doing, mark, proof).await?;
        Ok(Proven { what, proof })
    }

    /// The organisation that was admitted with the signer's key.
    pub(super) async fn own_name(
        &self,
        doing: &'static str,
        signer: &Signer,
    ) -> Result<OrgId, ClientError> {
        let key = signer.public_key().fingerprint().clone();
        let known = self.organisations().await?;
        let own = known.into_iter().find(|org| *org.key.fingerprint() == key);
        own.map(|org| org.org).ok_or_else(|| ClientError::Own {
            doing,
            why: format!("no organisation was admitted with our key `{key}`"),
        })
    }
}

fn doing(action: Action) -> Result<&'static str, ClientError> {
    match action {
        Action::Withdraw => Ok("withdraw the offer"),
        Action::Suspend => Ok("suspend the agreement"),
        Action::Resume => Ok("resume the agreement"),
        Action::Terminate => Ok("terminate the agreement"),
        Action::Sign | Action::Counter | Action::Amend => Err(ClientError::Own {
            doing: "act",
            why: format!("to {} is to offer or sign a document", action.as_str()),
        }),
    }
}
