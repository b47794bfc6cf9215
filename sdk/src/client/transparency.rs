//! The log: its key, its head, its entries.

use audit::checkpoint::{Checkpoint, CheckpointNote, LogKey};
use audit::receipt::Receipt;
use futures::stream::{self, Stream, TryStreamExt};
use proto::convert::{Bundle, LogRange};
use proto::limits::ENTRIES_MAX;
use proto::v1::{GetCheckpointRequest, GetLogKeyRequest, GetReceiptRequest};
use tonic::{Request, Streaming};

use super::error::ClientError;
use super::proof::{Proof, ReceiptFault};
use super::session::{Client, ask, understood};
use super::watch::LogFault;

impl Client {
    /// Asks the broker for its log's key and compares it with the profile's.
    ///
    /// # Errors
    /// [`ClientError::Log`] with [`LogFault::OtherKey`] where they differ.
    pub async fn check_log_key(&self) -> Result<(), ClientError> {
        let doing = "check the log's key";
        let answer = self
            .transparency_service()
            .get_log_key(ask(GetLogKeyRequest {}))
            .await
            .map_err(|s| self.failed(doing, &s))?;
        let found: LogKey = understood(doing, answer.into_inner())?;
        if found == *self.log_key() {
            return Ok(());
        }
        Err(ClientError::Log {
            doing,
            fault: LogFault::OtherKey {
                expected: Box::new(self.log_key().clone()),
                found: Box::new(found),
            },
            evidence: None,
        })
    }

    /// The latest checkpoint: signed by the log, and a continuation of the last one seen.
    ///
    /// # Errors
    /// [`ClientError::Log`] where the log was rolled back or forked, [`ClientError::Receipt`] where
    /// the signature does not hold.
    pub async fn checkpoint(&self) -> Result<Checkpoint, ClientError> {
        let doing = "get the checkpoint";
        let mark = self.mark()?;
        let answer = self
            .transparency_service()
            .get_checkpoint(ask(GetCheckpointRequest {}))
            .await
            .map_err(|s| self.failed(doing, &s))?;
        let note: CheckpointNote = understood(doing, answer.into_inner())?;
        let checkpoint = note.verify(self.log_key());
        let checkpoint = checkpoint.map_err(|e| ClientError::Receipt {
            doing,
            fault: ReceiptFault::Receipt(e.into()),
        })?;
        self.witnessed(doing, &checkpoint)?;
        self.observe(doing, mark, &checkpoint).await?;
        Ok(checkpoint)
    }

    /// One entry that concerns us, with its proof.
    ///
    /// # Errors
    /// [`ClientError::Receipt`] where the proof does not hold, else as the broker says.
    pub async fn receipt(&self, index: u64) -> Result<Proof, ClientError> {
        let doing = "get the entry";
        let mark = self.mark()?;
        let answer = self
            .transparency_service()
            .get_receipt(ask(GetReceiptRequest { index }))
            .await
            .map_err(|s| self.failed(doing, &s))?;
        let receipt: Receipt = understood(doing, answer.into_inner())?;
        if receipt.index() != index {
            let what = "another entry";
            return Err(ClientError::Mismatch { doing, what });
        }
        let proof = self.checked(doing, receipt, |_| Ok(()))?;
        self.seen(doing, mark, proof).await
    }

    /// The entries at the places `start..end` that we may see, in bundles, as fast as they are
    /// taken.
    ///
    /// Every place is looked at exactly once; a bundle's `next_start` tells how far. Bytes come as
    /// the broker sends them: an auditor hashes them into a tree and compares its root with
    /// [`Self::checkpoint`]; whoever sees some entries only asks for their [`Self::receipt`]s.
    pub fn entries(
        &self,
        start: u64,
        end: u64,
    ) -> impl Stream<Item = Result<Bundle, ClientError>> + Send + use<> {
        let walk = Walk {
            client: self.clone(),
            next: start,
            end,
            bundles: None,
            moved: true,
        };
        stream::try_unfold(walk, Walk::step)
    }

    /// The entries at the places `start..end` that concern us, each with its proof, in the order of the log. A busy
    /// broker is asked again.
    ///
    /// Each is proven to be in the log. That none was left out is not: only an auditor reads every place.
    pub fn proofs(
        &self,
        start: u64,
        end: u64,
    ) -> impl Stream<Item = Result<Proof, ClientError>> + Send + use<> {
        let client = self.clone();
        let entries = self.entries(start, end).map_ok(|bundle| {
            let entries = bundle.entries.into_iter().map(Ok::<_, ClientError>);
            stream::iter(entries)
        });
        entries.try_flatten().and_then(move |(index, bytes)| {
            let client = client.clone();
            async move { client.proven(index, &bytes).await }
        })
    }

    /// The receipt of an entry that was read, of which it has to be.
    async fn proven(&self, index: u64, bytes: &[u8]) -> Result<Proof, ClientError> {
        let mut attempts = self.attempts();
        let proof = loop {
            match self.receipt(index).await {
                Ok(proof) => break proof,
                Err(error) => attempts.again(error).await?,
            }
        };
        let same = proof.entry().to_bytes().is_ok_and(|proven| proven == bytes);
        same.then_some(proof).ok_or(ClientError::Mismatch {
            doing: WALKING,
            what: "another entry than the one it proves",
        })
    }
}

/// A walk along the log, one call after the other.
struct Walk {
    client: Client,
    next: u64,
    end: u64,
    bundles: Option<Streaming<proto::v1::GetEntriesResponse>>,
    /// Did the present call get on? One that did not is the last.
    moved: bool,
}

const WALKING: &str = "read the log";

impl Walk {
    async fn step(mut self) -> Result<Option<(Bundle, Self)>, ClientError> {
        loop {
            let Some(bundles) = &mut self.bundles else {
                if self.next >= self.end {
                    return Ok(None);
                }
                self.call().await?;
                continue;
            };
            let message = bundles.message().await;
            match message.map_err(|s| self.client.failed(WALKING, &s))? {
                Some(message) => {
                    let bundle = self.take(understood(WALKING, message)?)?;
                    return Ok(Some((bundle, self)));
                }
                None if self.moved => self.bundles = None,
                None => {
                    return Err(ClientError::Mismatch {
                        doing: WALKING,
                        what: "fewer entries than its checkpoint counts",
                    });
                }
            }
        }
    }

    async fn call(&mut self) -> Result<(), ClientError> {
        let left = self.end.saturating_sub(self.next);
        let limit = u32::try_from(left).unwrap_or(u32::MAX).min(ENTRIES_MAX);
        let range = LogRange {
            start: self.next,
            limit,
        };
        let answer = self
            .client
            .transparency_service()
            .get_entries(Request::new(range.into()))
            .await;
        let answer = answer.map_err(|s| self.client.failed(WALKING, &s))?;
        self.bundles = Some(answer.into_inner());
        self.moved = false;
        Ok(())
    }

    /// A bundle has to begin where the last one ended, and to get on.
    fn take(&mut self, bundle: Bundle) -> Result<Bundle, ClientError> {
        let first = bundle.entries.first().map(|(index, _)| *index);
        let before = first.is_some_and(|index| index < self.next);
        if before || bundle.next_start <= self.next || bundle.next_start > self.end {
            return Err(ClientError::Mismatch {
                doing: WALKING,
                what: "entries out of order",
            });
        }
        self.next = bundle.next_start;
        self.moved = true;
        Ok(bundle)
    }
}
