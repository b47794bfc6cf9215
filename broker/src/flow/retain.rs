//! Retention and erasure: cells go when they have been kept as long as agreed, and when their provider takes them
//! back. The entry comes first: from then on nothing reads them. The files follow, blob and salt, and a start looks
//! after every one again; so a crash in between loses no deletion.

use std::collections::BTreeSet;

use audit::receipt::Receipt;
use policies::entry::{Body, Withdrawal};
use policies::id::{BlobId, Fingerprint, OrgId};
use policies::sign::{Signs, verify};
use policies::state::State;
use proto::convert::Withdrawing;

use super::broker::Broker;
use super::rotate::still_in_force;
use crate::access::in_force::NO_AGREEMENT;
use crate::access::method::WITHDRAW_CONTRIBUTION;
use crate::error::Error;
use crate::limits::QUORUM_RETRY;

/// How far the files have followed the log.
#[derive(Debug, Default)]
pub(crate) struct Erased {
    /// Deletions before this entry are done; none of an earlier run is known.
    next: u64,
}

impl Broker {
    /// Writes which cells have to go, and erases all that are gone by the log. On return no file of them is left.
    ///
    /// # Errors
    /// [`Error`] where the log cannot be written or a file cannot be removed, the first of them: all others are, and nothing
    /// is forgotten: call it again.
    pub async fn erase_due(&self) -> Result<(), Error> {
        let now = self.sequencer.state().decision_time(self.clock.now());
        if !self.sequencer.state().overdue(now).is_empty() {
            // Every decision lets them go first; this one has nothing else to do.
            let nothing = |_: &State, _| Ok((Vec::new(), ()));
            self.sequencer.submit("retention.deleted", nothing).await?;
        }
        let mut erased = self.erasing.lock().await;
        let deleted: Vec<(u64, BlobId)> = {
            let state = self.sequencer.state();
            let deleted = state.deleted_since(erased.next);
            deleted.map(|(entry, blob)| (entry, blob.clone())).collect()
        };
        let Some((last, _)) = deleted.last().cloned() else {
            return Ok(());
        };
        // One look at the folders tells which of a long history are still there.
        let there: BTreeSet<_> = self.stored().await?.into_iter().collect();
        let (mut files, mut failed) = (0_u32, None);
        for (_, blob) in deleted.iter().filter(|(_, blob)| there.contains(blob)) {
            match self.blobs.erase(blob).await {
                Ok(()) => files = files.saturating_add(1),
                // The others do not wait for it.
                Err(error) => {
                    tracing::error!(%blob, %error, "deleted cells cannot be erased");
                    failed = failed.or(Some(Error::internal(error)));
                }
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        erased.next = last.saturating_add(1);
        tracing::info!(files, "deleted cells are erased");
        Ok(())
    }

    /// Waits while cells have to go by this clock, and no witnesses say its time. Nothing may be written until then.
    pub async fn until_cells_may_go(&self) {
        let mut told = false;
        while let Err(unvouched) = self.clock.is_vouched() {
            {
                let state = self.sequencer.state();
                let now = state.decision_time(self.clock.now());
                if state.overdue(now).is_empty() {
                    return;
                }
            }
            if !told {
                tracing::error!(%unvouched, "cells have to go by this machine's clock: the start waits");
                told = true;
            }
            tokio::time::sleep(QUORUM_RETRY).await;
        }
    }

    /// Erases what no entry names: a crash between a payload and its entry left it, nobody was promised anything of
    /// it, and no retention would ever end it. MUST come before anything is stored, and where there are witnesses after
    /// a quorum has cosigned the log: beside an older copy of it, newer payloads look the same.
    ///
    /// # Errors
    /// [`Error::Internal`] where a file cannot be removed.
    pub async fn erase_unnamed(&self) -> Result<(), Error> {
        let mut unnamed = self.stored().await?;
        {
            let state = self.sequencer.state();
            let named = state.blobs();
            unnamed.retain(|blob| !named.contains(blob));
        }
        for blob in &unnamed {
            self.blobs.erase(blob).await.map_err(Error::internal)?;
        }
        if !unnamed.is_empty() {
            let files = unnamed.len();
            tracing::warn!(files, "payloads that no entry names are erased");
        }
        Ok(())
    }

    async fn stored(&self) -> Result<Vec<BlobId>, Error> {
        let blobs = self.blobs.clone();
        let there = tokio::task::spawn_blocking(move || blobs.list()).await;
        there.map_err(Error::internal)?.map_err(Error::internal)
    }

    /// Takes a contribution back, as its provider has signed. On return its cells are erased. The same again is
    /// answered with the first one's entry.
    ///
    /// # Errors
    /// [`Error::NotFound`] for everyone but its provider, [`Error::Invalid`] for a signature that does not verify,
    /// [`Error::Precondition`] where the cells are deleted already.
    pub async fn withdraw(&self, by: &OrgId, asked: Withdrawing) -> Result<Receipt, Error> {
        let (withdrawal, key) = self.verified_withdrawal(by, asked)?;
        let done = self
            .sequencer
            .submit("contribution.withdrawn", move |state, _| {
                let record = state.batch(&withdrawal.provider, &withdrawal.batch);
                let record = record.ok_or(NO_CONTRIBUTION)?;
                if let Some((entry, _)) = record.withdrawn {
                    return Ok((Vec::new(), Some(entry)));
                }
                if record.deleted.is_some() {
                    let message = "its cells are deleted already: their retention is over".into();
                    return Err(Error::Precondition { message });
                }
                still_in_force(state, &withdrawal.provider, &key)?;
                let withdrawn = Body::ContributionWithdrawn(withdrawal);
                Ok((state.withdrawing(record, withdrawn), None))
            })
            .await?;
        let entry = match done.value {
            Some(first) => first,
            // The deletion is the last one, the withdrawal the one before.
            None => *done
                .entries
                .iter()
                .rev()
                .nth(1)
                .ok_or_else(|| Error::internal("a withdrawal without an entry"))?,
        };
        self.erase_due().await?;
        self.heads.receipt(entry).await
    }

    /// The withdrawal with its provider, who signed exactly this with this key.
    fn verified_withdrawal(
        &self,
        by: &OrgId,
        asked: Withdrawing,
    ) -> Result<(Withdrawal, Fingerprint), Error> {
        let Withdrawing {
            agreement,
            batch,
            reason,
            signature,
        } = asked;
        let state = self.sequencer.state();
        let org = state.org(by).ok_or(Error::Denied)?;
        let record = state.agreement(&agreement).ok_or(NO_AGREEMENT)?;
        let about = (&agreement, &record.terms);
        self.policies()
            .on_agreement(&state, by, WITHDRAW_CONTRIBUTION, about, None)?;
        let found = state.batch(by, &batch).map(|record| &record.contribution);
        let found = found.filter(|found| found.agreement == agreement);
        let found = found.ok_or(NO_CONTRIBUTION)?;
        let withdrawal = Withdrawal {
            agreement,
            table: found.table.clone(),
            period: found.period,
            provider: by.clone(),
            batch,
            reason,
            signature,
        };
        let (signs, payload) = (Signs::ContributionWithdrawal, withdrawal.payload());
        verify(signs, &org.key, &payload, &withdrawal.signature)
            .map_err(|e| Error::invalid("signature", e))?;
        Ok((withdrawal, org.key.fingerprint().clone()))
    }
}

const NO_CONTRIBUTION: Error = Error::NotFound {
    what: "contribution",
};
