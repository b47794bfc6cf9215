//! Open data: proposing a release, approving it as a second person, withdrawing it.

use jiff::Timestamp;
use policies::entry::{Step, opening_payload};
use policies::id::ReleaseKey;
use policies::life::Cause;
use policies::sign::Signs;
use proto::convert::{Logged, Opens, Recalls, ReleaseSummary};

use super::error::ClientError;
use super::expect;
use super::proof::Proven;
use super::session::{Client, Mark, ask, understood};
use crate::sign::Signer;

impl Client {
    /// Proposes a published release as open data, signed with our key. Nothing is public by that: another person, of
    /// either party, has to approve it.
    ///
    /// # Errors
    /// [`ClientError::Own`] where the directory does not know our key, [`ClientError::Receipt`] where the log does not
    /// hold the proposal, else as the broker says.
    pub async fn propose_open_data(
        &self,
        key: &ReleaseKey,
        signer: &Signer,
    ) -> Result<Proven<ReleaseSummary>, ClientError> {
        let doing = "propose the release as open data";
        let asked = self.opens(doing, Step::Propose, key, signer).await?;
        let mark = self.mark()?;
        let answer = self
            .release_service()
            .propose_open_data(ask(asked.into()))
            .await
            .map_err(|s| self.failed(doing, &s))?;
        let answer: Logged<ReleaseSummary> = understood(doing, answer.into_inner())?;
        self.stepped((doing, Step::Propose), key, mark, answer)
            .await
    }

    /// Approves a release that another person proposed, signed with our key: when this returns, it is open data.
    ///
    /// # Errors
    /// As [`Self::propose_open_data`].
    pub async fn approve_open_data(
        &self,
        key: &ReleaseKey,
        signer: &Signer,
    ) -> Result<Proven<ReleaseSummary>, ClientError> {
        let doing = "approve the release as open data";
        let asked = self.opens(doing, Step::Approve, key, signer).await?;
        let mark = self.mark()?;
        let answer = self
            .release_service()
            .approve_open_data(ask(asked.into()))
            .await
            .map_err(|s| self.failed(doing, &s))?;
        let answer: Logged<ReleaseSummary> = understood(doing, answer.into_inner())?;
        self.stepped((doing, Step::Approve), key, mark, answer)
            .await
    }

    /// Withdraws what is proposed or public, for good, signed with our key. Copies already fetched are out of reach.
    ///
    /// # Errors
    /// As [`Self::propose_open_data`].
    pub async fn withdraw_open_data(
        &self,
        key: &ReleaseKey,
        reason: Cause,
        signer: &Signer,
    ) -> Result<Proven<ReleaseSummary>, ClientError> {
        let doing = "withdraw the open data";
        let by = self.own_name(doing, signer).await?;
        let payload = opening_payload(Step::Withdraw, (key, &by), Some(&reason));
        let asked = Recalls {
            key: key.clone(),
            signature: signer.sign(Signs::OpenData, &payload, Timestamp::now())?,
            reason,
        };
        let mark = self.mark()?;
        let answer = self
            .release_service()
            .withdraw_open_data(ask(asked.into()))
            .await
            .map_err(|s| self.failed(doing, &s))?;
        let answer: Logged<ReleaseSummary> = understood(doing, answer.into_inner())?;
        self.stepped((doing, Step::Withdraw), key, mark, answer)
            .await
    }

    async fn opens(
        &self,
        doing: &'static str,
        step: Step,
        key: &ReleaseKey,
        signer: &Signer,
    ) -> Result<Opens, ClientError> {
        let by = self.own_name(doing, signer).await?;
        let payload = opening_payload(step, (key, &by), None);
        Ok(Opens {
            key: key.clone(),
            signature: signer.sign(Signs::OpenData, &payload, Timestamp::now())?,
        })
    }

    async fn stepped(
        &self,
        (doing, step): (&'static str, Step),
        key: &ReleaseKey,
        mark: Mark,
        answer: Logged<ReleaseSummary>,
    ) -> Result<Proven<ReleaseSummary>, ClientError> {
        let Logged { what, receipt } = answer;
        if what.key != *key {
            let what = "another release";
            return Err(ClientError::Mismatch { doing, what });
        }
        let proof = self.checked(doing, receipt, |body| expect::open_data(body, step, key))?;
        let proof = self.seen(doing, mark, proof).await?;
        Ok(Proven { what, proof })
    }
}
