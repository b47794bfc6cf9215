//! Every checkpoint that passes the client is compared with the last one seen, and the larger is
//! kept.

use std::sync::Arc;

use audit::checkpoint::Checkpoint;
use audit::tree::TreeHash;
use proto::convert::SizePair;
use tonic::Code;

use super::error::ClientError;
use super::memory::{Kept, MemoryError};
use super::session::{Client, Mark, ask, understood};
use super::watch::{LogFault, Step, compare, continues, sizes};

impl Client {
    /// Compares a verified checkpoint with the last one seen and keeps the larger.
    pub(super) async fn observe(
        &self,
        doing: &'static str,
        mark: Mark,
        shown: &Checkpoint,
    ) -> Result<(), ClientError> {
        let mut kept = self.memory().kept()?;
        loop {
            let step = compare(kept.as_ref(), mark.0, shown);
            let fault = |fault| self.contradicts(doing, fault, (kept.as_ref(), shown));
            let newer = match step.map_err(fault)? {
                Step::Known => return Ok(()),
                Step::Keep => shown,
                Step::Prove { older, newer } => {
                    self.prove(doing, shown, older, newer).await?;
                    newer
                }
            };
            if newer != shown {
                return Ok(()); // what is kept is larger, and continues what was shown
            }
            match self.keep(kept.clone(), shown.clone()).await? {
                Kept::Here => return Ok(()),
                Kept::Other(other) => kept = Some(other),
            }
        }
    }

    /// Asks for the proof that the newer tree continues the older, and checks it.
    async fn prove(
        &self,
        doing: &'static str,
        shown: &Checkpoint,
        older: &Checkpoint,
        newer: &Checkpoint,
    ) -> Result<(), ClientError> {
        let pair = sizes(older, newer);
        let kept = if shown == newer { older } else { newer };
        let both = (Some(kept), shown);
        // Every tree continues the empty one.
        let proof = if pair.old == 0 {
            Vec::new()
        } else {
            self.consistency(doing, pair)
                .await
                .map_err(|error| match unproven(pair, &error) {
                    Some(fault) => self.contradicts(doing, fault, both),
                    None => error,
                })?
        };
        continues(older, newer, &proof).map_err(|fault| self.contradicts(doing, fault, both))
    }

    /// A consistency proof as the broker gives it. What it is for has been done already, so a
    /// broken connection is not the end of it.
    async fn consistency(
        &self,
        doing: &'static str,
        pair: SizePair,
    ) -> Result<Vec<TreeHash>, ClientError> {
        let mut attempts = self.attempts();
        loop {
            let call = self
                .transparency_service()
                .get_consistency_proof(ask(pair.into()))
                .await;
            match call {
                Ok(answer) => return understood(doing, answer.into_inner()),
                Err(status) => attempts.again(self.failed(doing, &status)).await?,
            }
        }
    }

    async fn keep(
        &self,
        older: Option<Checkpoint>,
        newer: Checkpoint,
    ) -> Result<Kept, ClientError> {
        let memory = Arc::clone(self.memory());
        // The disk is waited for elsewhere, not where other calls of this client run.
        let kept = tokio::task::spawn_blocking(move || memory.keep(older.as_ref(), &newer)).await;
        let kept: Result<Kept, MemoryError> = kept.map_err(|e| ClientError::Own {
            doing: "keep the checkpoint",
            why: e.to_string(),
        })?;
        Ok(kept?)
    }

    fn contradicts(
        &self,
        doing: &'static str,
        fault: LogFault,
        (kept, shown): (Option<&Checkpoint>, &Checkpoint),
    ) -> ClientError {
        ClientError::Log {
            doing,
            fault,
            evidence: kept.and_then(|kept| self.memory().keep_evidence(kept, shown)),
        }
    }
}

/// A refusal to prove what both checkpoints claim is a contradiction; a broken connection is none.
fn unproven(pair: SizePair, error: &ClientError) -> Option<LogFault> {
    let ClientError::Status {
        code,
        message,
        lost: false,
        ..
    } = error
    else {
        return None;
    };
    let SizePair { old, new } = pair;
    let refused = matches!(
        code,
        Code::InvalidArgument | Code::NotFound | Code::OutOfRange | Code::FailedPrecondition
    );
    refused.then(|| LogFault::Unproven {
        old,
        new,
        cause: message.clone(),
    })
}
