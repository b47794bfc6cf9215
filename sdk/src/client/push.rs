//! Cells go out by Arrow Flight; what comes back is a proven entry.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};

use arrow::array::RecordBatch;
use arrow_flight::encode::{DictionaryHandling, FlightDataEncoderBuilder};
use arrow_flight::error::FlightError;
use arrow_flight::{FlightData, FlightDescriptor, PutResult};
use futures::{Stream, StreamExt, future, stream};
use policies::entry::{Body, Contribution};
use policies::refusal::ReasonId;
use prost::Message;
use proto::convert::{Accepted, Push};
use proto::limits::HEADER_BYTES_MAX;
use proto::v1::ContributionReceipt;
use tokio::sync::oneshot;

use super::columns::Columns;
use super::error::ClientError;
use super::expect;
use super::proof::Proof;
use super::session::{Client, understood};

const DOING: &str = "push the contribution";

/// How far a push is: what has been handed to the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PushProgress {
    /// Which attempt, from 1; each begins at the first row again.
    pub attempt: u32,
    /// Rows sent in this attempt.
    pub rows_sent: u64,
    /// Rows to send.
    pub rows: u64,
    /// Bytes sent in this attempt.
    pub bytes_sent: u64,
}

/// A push that the log holds.
#[derive(Debug)]
pub struct Pushed {
    /// What was accepted.
    pub what: Contribution,
    /// The proof.
    pub proof: Proof,
    /// The rule that refuses every further release of its period, where there is one: after a k-only table, or
    /// beside one, a correction is never seen by a planner. The broker's word; no entry says it.
    pub never_released: Option<ReasonId>,
}

type OnProgress = Arc<dyn Fn(PushProgress) + Send + Sync>;

/// The messages of one attempt. A type of its own: an unnamed box's lifetime would keep the futures
/// of [`Client::push`] from being [`Send`].
struct Messages(Pin<Box<dyn Stream<Item = FlightData> + Send>>);

impl Stream for Messages {
    type Item = FlightData;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<FlightData>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl Client {
    /// Pushes all cells of one table and period. The same batch id with the same content answers
    /// the first receipt, so a push that broke is repeated as it is: this does so a few times by
    /// itself.
    ///
    /// `batches` are the columns of [`proto::columns::cells_schema`], sorted strictly ascending by
    /// key over all batches; at least one batch, which may have no rows. The entry's blob is a
    /// salted name of what the broker stored; the client cannot recompute it.
    ///
    /// # Errors
    /// [`ClientError::Own`] before anything is sent, [`ClientError::Receipt`] where the log does
    /// not hold this push, else as the broker says; then nothing was accepted, unless the
    /// connection broke.
    pub async fn push(
        &self,
        push: &Push,
        batches: &[RecordBatch],
        progress: impl Fn(PushProgress) + Send + Sync + 'static,
    ) -> Result<Pushed, ClientError> {
        let own = |why: String| ClientError::Own { doing: DOING, why };
        let columns = Columns::new(batches).map_err(|e| own(e.to_string()))?;
        let header = push.clone().to_cmd();
        if header.len() > HEADER_BYTES_MAX {
            return Err(own(format!("its header is over {HEADER_BYTES_MAX} bytes")));
        }
        let progress: OnProgress = Arc::new(progress);
        let mut attempts = self.attempts();
        let mark = self.mark()?;
        let accepted = loop {
            let sent = Sent::new(attempts.number(), columns.rows, Arc::clone(&progress));
            match self.put(&header, &columns, sent).await {
                Ok(accepted) => break accepted,
                Err(error) => attempts.again(error).await?,
            }
        };
        let proof = self.checked(DOING, accepted.receipt, |body| expect::push(body, push))?;
        let proof = self.seen(DOING, mark, proof).await?;
        match &proof.entry().body {
            Body::ContributionAccepted(what) => Ok(Pushed {
                what: what.clone(),
                proof,
                never_released: accepted.never_released,
            }),
            _ => Err(ClientError::Mismatch {
                doing: DOING,
                what: "another kind of entry",
            }),
        }
    }

    /// One attempt.
    async fn put(
        &self,
        header: &[u8],
        columns: &Columns,
        sent: Sent,
    ) -> Result<Accepted, ClientError> {
        let (broke, broken) = oneshot::channel();
        let messages = messages(header.to_vec(), columns.clone(), sent, broke);
        tokio::select! {
            biased;
            Ok(error) = broken => Err(ClientError::Own {
                doing: DOING,
                why: error.to_string(),
            }),
            answer = self.exchange(messages) => answer,
        }
    }

    async fn exchange(&self, messages: Messages) -> Result<Accepted, ClientError> {
        let failed = |status| self.failed(DOING, &status);
        let answer = self.flight_service().do_put(messages).await;
        let mut results = answer.map_err(failed)?.into_inner();
        let nothing = ClientError::Mismatch {
            doing: DOING,
            what: "no receipt",
        };
        let result: PutResult = results.message().await.map_err(failed)?.ok_or(nothing)?;
        if results.message().await.map_err(failed)?.is_some() {
            let what = "more than one receipt";
            return Err(ClientError::Mismatch { doing: DOING, what });
        }
        let message = ContributionReceipt::decode(result.app_metadata);
        let message = message.map_err(|_| ClientError::Mismatch {
            doing: DOING,
            what: "a receipt of another form",
        })?;
        understood(DOING, message)
    }
}

/// Counts what is sent and tells it.
struct Sent {
    attempt: u32,
    rows: u64,
    rows_sent: AtomicU64,
    bytes_sent: AtomicU64,
    progress: OnProgress,
}

impl Sent {
    fn new(attempt: u32, rows: u64, progress: OnProgress) -> Self {
        Self {
            attempt,
            rows,
            rows_sent: AtomicU64::new(0),
            bytes_sent: AtomicU64::new(0),
            progress,
        }
    }

    fn rows(&self, chunk: &RecordBatch) {
        self.rows_sent.fetch_add(chunk.num_rows() as u64, Relaxed);
    }

    fn message(&self, message: &FlightData) {
        let bytes = message.encoded_len() as u64;
        let bytes_sent = self
            .bytes_sent
            .fetch_add(bytes, Relaxed)
            .saturating_add(bytes);
        (self.progress)(PushProgress {
            attempt: self.attempt,
            rows_sent: self.rows_sent.load(Relaxed),
            rows: self.rows,
            bytes_sent,
        });
    }
}

/// The messages of one attempt.
fn messages(
    header: Vec<u8>,
    columns: Columns,
    sent: Sent,
    broke: oneshot::Sender<FlightError>,
) -> Messages {
    let sent = Arc::new(sent);
    let Columns { schema, chunks, .. } = columns;
    let counted = Arc::clone(&sent);
    let chunks = stream::iter(chunks).map(move |chunk| {
        counted.rows(&chunk);
        Ok(chunk)
    });
    let encoded = FlightDataEncoderBuilder::new()
        .with_schema(schema)
        .with_flight_descriptor(Some(FlightDescriptor::new_cmd(header)))
        // Dictionaries stay dictionaries: the broker compares the columns exactly.
        .with_dictionary_handling(DictionaryHandling::Resend)
        // Chunks are small already, and the encoder would measure the whole array behind a slice.
        .with_max_flight_data_size(usize::MAX)
        .build(chunks);
    let told = whole(encoded, broke).inspect(move |message| sent.message(message));
    Messages(told.boxed())
}

/// A stream that ends only where its source ends. A fault MUST NOT look like the end, or the broker
/// would take half a contribution for a whole one: the stream then waits for ever, and whoever
/// hears `broke` gives the call up.
fn whole(
    encoded: impl Stream<Item = Result<FlightData, FlightError>> + Send + Unpin,
    broke: oneshot::Sender<FlightError>,
) -> impl Stream<Item = FlightData> + Send {
    let state = (encoded, Some(broke));
    stream::unfold(state, |(mut encoded, mut broke)| async move {
        match encoded.next().await? {
            Ok(message) => Some((message, (encoded, broke))),
            Err(error) => {
                if let Some(broke) = broke.take() {
                    let _ = broke.send(error);
                }
                future::pending().await
            }
        }
    })
}

#[cfg(test)]
mod tests;
