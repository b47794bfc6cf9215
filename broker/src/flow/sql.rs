//! SQL over the releases that a caller may fetch. It reads what is published already, so it costs no privacy.
//!
//! Statements run on threads of their own, a few at a time, each for [`SQL_TIME`](crate::limits::SQL_TIME) at most:
//! whatever one asks for, calls and releases go on beside it.

mod run;
mod shelf;

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use cells::sql::{Bounds, Rows, SqlError, Statement};
use futures::{Stream, StreamExt, stream};
use policies::id::OrgId;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::ReceiverStream;

use super::Broker;
use crate::error::Error;
use crate::limits::{
    SQL_ANSWER_BYTES_MAX, SQL_ANSWER_ROWS_MAX, SQL_HELD_ROWS_MAX, SQL_MEMORY_BYTES, SQL_QUEUE,
    SQL_READ_BYTES_MAX, SQL_ROW_BYTES_MAX, SQL_TEXT_BYTES_MAX, SQL_TIME,
};
pub(crate) use shelf::Shelf;

const BOUNDS: Bounds = Bounds {
    text_bytes: SQL_TEXT_BYTES_MAX,
    read_bytes: SQL_READ_BYTES_MAX,
    memory_bytes: SQL_MEMORY_BYTES,
    rows: SQL_ANSWER_ROWS_MAX,
    answer_bytes: SQL_ANSWER_BYTES_MAX,
    row_bytes: SQL_ROW_BYTES_MAX,
    held_rows: SQL_HELD_ROWS_MAX,
    time: SQL_TIME,
};

/// What runs a statement; `None` where its time was up.
type Work = JoinHandle<Option<()>>;

/// The answer to a statement, on its way.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its columns.
    pub schema: SchemaRef,
    rows: mpsc::Receiver<Result<RecordBatch, Error>>,
    work: Work,
    /// Was the last row, or the error that ended it, handed on?
    whole: Arc<AtomicBool>,
    /// The time that it had.
    time: Duration,
}

impl Answer {
    /// Its rows. An answer that was cut MUST NOT look whole, however late it is read: then an error is the last of it.
    pub(crate) fn into_stream(self) -> impl Stream<Item = Result<RecordBatch, Error>> + Send {
        let Self {
            rows,
            work,
            whole,
            time,
            ..
        } = self;
        let end = async move {
            match whole.load(Ordering::Acquire) {
                true => None,
                false => Some(Err(cut(work, time).await)),
            }
        };
        ReceiverStream::new(rows).chain(stream::once(end).filter_map(ready))
    }
}

impl Broker {
    /// The columns that a statement's answer would have. It is not run.
    ///
    /// # Errors
    /// As [`Self::sql`].
    pub(crate) async fn sql_schema(
        self: &Arc<Self>,
        by: &OrgId,
        text: &str,
    ) -> Result<SchemaRef, Error> {
        let (place, time) = (self.querying.enter(by)?, self.times.statement);
        let (shelf, text) = (Arc::new(self.shelf(by)), text.to_owned());
        let schema = async move {
            let _place = place;
            let statement = Statement::new(shelf, &text, BOUNDS).await;
            statement.map(|statement| statement.schema())
        };
        let planned = run::apart(time, schema)?.await.map_err(Error::internal)?;
        planned.unwrap_or(Err(over(time))).map_err(told)
    }

    /// Runs a statement. Who stops reading, or drops the answer, ends it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a statement that is wrong or does more than read, [`Error::Exhausted`] for one that
    /// takes more than one may, [`Error::Busy`] where too many run.
    pub(crate) async fn sql(self: &Arc<Self>, by: &OrgId, text: &str) -> Result<Answer, Error> {
        let (place, time) = (self.querying.enter(by)?, self.times.statement);
        let (shelf, text) = (Arc::new(self.shelf(by)), text.to_owned());
        let (begun, beginning) = oneshot::channel();
        let (sender, rows) = mpsc::channel(SQL_QUEUE);
        let whole = Arc::new(AtomicBool::new(false));
        let told_all = Arc::clone(&whole);
        let answered = async move {
            // Given back before anybody is told of an end: what tells is dropped after it.
            let place = place;
            let bounds = Bounds { time, ..BOUNDS };
            let rows = async { Statement::new(shelf, &text, bounds).await?.run().await };
            match rows.await {
                Ok(rows) => {
                    if begun.send(Ok(rows.schema())).is_ok() {
                        hand_on(rows, &sender).await;
                        told_all.store(true, Ordering::Release);
                    }
                }
                Err(error) => {
                    drop(place);
                    drop(begun.send(Err(told(error))));
                }
            }
        };
        let work = run::apart(time, answered)?;
        let Ok(schema) = beginning.await else {
            return Err(cut(work, time).await);
        };
        Ok(Answer {
            schema: schema?,
            rows,
            work,
            whole,
            time,
        })
    }
}

async fn hand_on(mut rows: Rows, answer: &mpsc::Sender<Result<RecordBatch, Error>>) {
    while let Some(batch) = rows.next().await {
        let last = batch.is_err();
        if answer.send(batch.map_err(told)).await.is_err() || last {
            return;
        }
    }
}

/// Why a statement went away without its last word.
async fn cut(work: Work, time: Duration) -> Error {
    match work.await {
        Ok(_) => told(over(time)),
        Err(lost) => Error::internal(lost),
    }
}

/// The one error that is not the engine's.
fn over(time: Duration) -> SqlError {
    let seconds = time.as_secs();
    SqlError::Time { seconds }
}

/// What of it the caller may know: all that is about the statement, nothing that is about the broker.
pub(crate) fn told(error: SqlError) -> Error {
    match error {
        SqlError::Text { .. } | SqlError::Wrong { .. } | SqlError::Refused { .. } => {
            Error::invalid("statement", error)
        }
        SqlError::Read { .. }
        | SqlError::Memory
        | SqlError::Rows { .. }
        | SqlError::Bytes { .. }
        | SqlError::Row { .. }
        | SqlError::Held { .. }
        | SqlError::Time { .. } => Error::Exhausted {
            message: error.to_string(),
        },
        SqlError::Tables { .. } | SqlError::Engine { .. } => Error::internal(error),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
mod tests {
    use arrow::datatypes::Schema;

    use super::*;

    /// Found by a suite under load: the error found the queue full, and half an answer looked like one.
    #[tokio::test]
    async fn an_answer_that_was_cut_does_not_look_whole() {
        for was_whole in [true, false] {
            let (sender, rows) = mpsc::channel(1);
            let schema = Arc::new(Schema::empty());
            let batch = RecordBatch::new_empty(Arc::clone(&schema));
            sender.send(Ok(batch)).await.unwrap();
            drop(sender);
            let whole = Arc::new(AtomicBool::new(was_whole));
            let answer = Answer {
                schema,
                rows,
                work: tokio::spawn(async { None }),
                whole,
                time: Duration::ZERO,
            };
            let read: Vec<_> = answer.into_stream().collect().await;
            assert_eq!(read.last().is_some_and(Result::is_ok), was_whole);
        }
    }

    /// Found by a reread: it was told that its time was up, and the operator nothing.
    #[tokio::test]
    async fn a_statement_that_panics_is_a_fault_of_ours() {
        let lost = tokio::spawn(async { panic!("as an engine does") });
        let error = cut(lost, Duration::ZERO).await;
        assert!(matches!(error, Error::Internal { .. }), "{error:?}");
        let late = cut(tokio::spawn(async { None }), Duration::ZERO).await;
        assert!(matches!(late, Error::Exhausted { .. }), "{late:?}");
    }
}
