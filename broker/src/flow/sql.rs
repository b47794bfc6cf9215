//! SQL over the releases that a caller may fetch. It reads what is published already, so it costs no privacy.
//!
//! Statements run on threads of their own, a few at a time, each for [`SQL_TIME`] at most: whatever one asks for,
//! calls and releases go on beside it.

mod run;
mod shelf;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use cells::sql::{Bounds, Rows, SqlError, Statement};
use futures::StreamExt;
use policies::id::OrgId;
use tokio::sync::{mpsc, oneshot};

use super::Broker;
use crate::error::Error;
use crate::limits::{
    SQL_ANSWER_ROWS_MAX, SQL_MEMORY_BYTES, SQL_QUEUE, SQL_READ_BYTES_MAX, SQL_TEXT_BYTES_MAX,
    SQL_TIME,
};
pub(crate) use shelf::Shelf;

const BOUNDS: Bounds = Bounds {
    text_bytes: SQL_TEXT_BYTES_MAX,
    read_bytes: SQL_READ_BYTES_MAX,
    memory_bytes: SQL_MEMORY_BYTES,
    rows: SQL_ANSWER_ROWS_MAX,
};

/// The answer to a statement, on its way.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its columns.
    pub schema: SchemaRef,
    /// Its rows; an error is the last one.
    pub rows: mpsc::Receiver<Result<RecordBatch, Error>>,
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
        let _place = self.querying.enter(by)?;
        let (shelf, text) = (Arc::new(self.shelf(by)), text.to_owned());
        let schema = async move {
            let statement = Statement::new(shelf, &text, BOUNDS).await;
            statement.map(|statement| statement.schema())
        };
        let planned = run::apart(schema)?.await.map_err(Error::internal)?;
        planned.unwrap_or(Err(TIME)).map_err(told)
    }

    /// Runs a statement. Who stops reading, or drops the answer, ends it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a statement that is wrong or does more than read, [`Error::Exhausted`] for one that
    /// takes more than one may, [`Error::Busy`] where too many run.
    pub(crate) async fn sql(self: &Arc<Self>, by: &OrgId, text: &str) -> Result<Answer, Error> {
        let place = self.querying.enter(by)?;
        let (shelf, text) = (Arc::new(self.shelf(by)), text.to_owned());
        let (begun, beginning) = oneshot::channel();
        let (sender, rows) = mpsc::channel(SQL_QUEUE);
        let answer = sender.clone();
        let answered = async move {
            let rows = async { Statement::new(shelf, &text, BOUNDS).await?.run().await };
            match rows.await {
                Ok(rows) => {
                    if begun.send(Ok(rows.schema())).is_ok() {
                        hand_on(rows, &answer).await;
                    }
                }
                Err(error) => drop(begun.send(Err(told(error)))),
            }
        };
        let running = run::apart(answered)?;
        tokio::spawn(async move {
            let _place = place;
            if let Ok(None) = running.await {
                // Nobody may be there to hear it: then there is nobody to tell.
                let _ = sender.try_send(Err(told(TIME)));
            }
        });
        // The task went away without a word: its time was up before the first row.
        let schema = beginning.await.unwrap_or(Err(told(TIME)))?;
        Ok(Answer { schema, rows })
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

/// The one error that is not the engine's.
const TIME: SqlError = SqlError::Time {
    seconds: SQL_TIME.as_secs(),
};

/// What of it the caller may know: all that is about the statement, nothing that is about the broker.
pub(crate) fn told(error: SqlError) -> Error {
    match error {
        SqlError::Text { .. } | SqlError::Wrong { .. } | SqlError::Refused { .. } => {
            Error::invalid("statement", error)
        }
        SqlError::Read { .. }
        | SqlError::Memory
        | SqlError::Rows { .. }
        | SqlError::Time { .. } => Error::Exhausted {
            message: error.to_string(),
        },
        SqlError::Tables { .. } | SqlError::Engine { .. } => Error::internal(error),
    }
}
