//! Being told what happens to our agreements.

use proto::convert::{Bundle, WatchFrom};
use proto::v1::WatchAgreementsResponse;
use tonic::{Request, Streaming};

use super::error::ClientError;
use super::proof::Proof;
use super::retry::Attempts;
use super::session::{Client, understood};

const WATCHING: &str = "watch our agreements";

/// A watch that goes on where it was when its connection breaks.
pub struct Watching {
    client: Client,
    next: u64,
    told: Option<Streaming<WatchAgreementsResponse>>,
    attempts: Attempts,
}

impl Client {
    /// Watches what happens to our agreements from a place in the log on: 0 for all there is, or
    /// [`Watching::next_start`] of an earlier watch, which misses nothing in between.
    #[must_use]
    pub fn watch(&self, start: u64) -> Watching {
        Watching {
            client: self.clone(),
            next: start,
            told: None,
            attempts: self.attempts(),
        }
    }
}

impl Watching {
    /// Where a later watch goes on.
    #[must_use]
    pub fn next_start(&self) -> u64 {
        self.next
    }

    /// The next notices, each proven to be in the log; waits for them. None where nothing concerned us up to
    /// [`Self::next_start`]. A connection that breaks is made again, with the client's patience.
    ///
    /// # Errors
    /// As the broker says, when trying again did not help; [`ClientError::Receipt`] and [`ClientError::Log`]
    /// where a notice is not in the log.
    pub async fn next(&mut self) -> Result<Vec<Proof>, ClientError> {
        loop {
            match self.step().await {
                Ok(Some(bundle)) => {
                    self.attempts = self.client.attempts();
                    return self.proven(bundle).await;
                }
                Ok(None) => self.told = None,
                Err(error) => {
                    self.told = None;
                    self.attempts.again(error).await?;
                }
            }
        }
    }

    async fn step(&mut self) -> Result<Option<Bundle>, ClientError> {
        let failed = |s: &tonic::Status| self.client.failed(WATCHING, s);
        let told = match &mut self.told {
            Some(told) => told,
            none => {
                let from = WatchFrom { start: self.next };
                let mut service = self.client.agreement_service();
                let answer = service.watch_agreements(Request::new(from.into())).await;
                none.insert(answer.map_err(|s| failed(&s))?.into_inner())
            }
        };
        let Some(message) = told.message().await.map_err(|s| failed(&s))? else {
            return Ok(None);
        };
        let bundle: Bundle = understood(WATCHING, message)?;
        let first = bundle.entries.first().map(|(index, _)| *index);
        if bundle.next_start < self.next || first.is_some_and(|index| index < self.next) {
            let (doing, what) = (WATCHING, "entries out of order");
            return Err(ClientError::Mismatch { doing, what });
        }
        Ok(Some(bundle))
    }

    /// The place moves when every notice is proven: one that is not is told again.
    async fn proven(&mut self, bundle: Bundle) -> Result<Vec<Proof>, ClientError> {
        let mut proofs = Vec::with_capacity(bundle.entries.len());
        for (index, bytes) in bundle.entries {
            let proof = self.client.receipt(index).await?;
            if proof.receipt().entry() != bytes {
                let (doing, what) = (WATCHING, "a notice that is not the log's entry");
                return Err(ClientError::Mismatch { doing, what });
            }
            proofs.push(proof);
        }
        self.next = bundle.next_start;
        Ok(proofs)
    }
}
