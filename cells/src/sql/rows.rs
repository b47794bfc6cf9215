//! The rows of an answer, as they are handed on: in parts small enough to be copied and queued.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use futures::{Stream, StreamExt};

use super::error::SqlError;
use super::{Bounds, weight};

/// Bytes of a part of an answer: what sends it copies it whole.
const PART_BYTES: usize = 256 << 10;

/// The rows of an answer. Dropped, the statement ends.
pub struct Rows {
    stream: SendableRecordBatchStream,
    /// Parts of the engine's last batch, the next one last. Columns may share an array, and each of them is copied:
    /// a batch that costs the engine little may be gigabytes on its way.
    parts: Vec<RecordBatch>,
    rows_left: u64,
    bytes_left: usize,
    bounds: Bounds,
}

impl Rows {
    pub(super) fn new(stream: SendableRecordBatchStream, bounds: Bounds) -> Self {
        Self {
            stream,
            parts: Vec::new(),
            rows_left: bounds.rows,
            bytes_left: bounds.answer_bytes,
            bounds,
        }
    }

    /// Their columns.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        self.stream.schema()
    }

    fn admit(&mut self, batch: &RecordBatch) -> Result<(), SqlError> {
        let (rows, bytes) = (batch.num_rows() as u64, weighed(batch)?);
        let limit = self.bounds.rows;
        let left = self.rows_left.checked_sub(rows);
        self.rows_left = left.ok_or(SqlError::Rows { limit })?;
        let limit = self.bounds.answer_bytes;
        let left = self.bytes_left.checked_sub(bytes);
        self.bytes_left = left.ok_or(SqlError::Bytes { limit })?;
        Ok(())
    }

    /// A part that is small enough, or a single row.
    fn next_part(&mut self) -> Result<Option<RecordBatch>, SqlError> {
        while let Some(part) = self.parts.pop() {
            let (rows, bytes) = (part.num_rows(), weighed(&part)?);
            if bytes > PART_BYTES && rows > 1 {
                let half = rows / 2;
                self.parts.push(part.slice(half, rows - half));
                self.parts.push(part.slice(0, half));
                continue;
            }
            let words = weight::words(&part).map(|words| words.to_data().get_slice_memory_size());
            let words: usize = words.sum::<Result<_, _>>().map_err(failed)?;
            let limit = self.bounds.row_bytes;
            return match (bytes / rows.max(1)).saturating_add(words) > limit {
                true => Err(SqlError::Row { limit }),
                false => compact(&part).map(Some).map_err(failed),
            };
        }
        Ok(None)
    }
}

impl Stream for Rows {
    type Item = Result<RecordBatch, SqlError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(part) = self.next_part().transpose() {
                return Poll::Ready(Some(part));
            }
            let Some(batch) = ready!(self.stream.poll_next_unpin(context)) else {
                return Poll::Ready(None);
            };
            let batch = batch.map_err(SqlError::from);
            match batch.and_then(|batch| self.admit(&batch).map(|()| batch)) {
                Ok(batch) => self.parts.push(batch),
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

fn weighed(batch: &RecordBatch) -> Result<usize, SqlError> {
    weight::rows(batch).map_err(failed)
}

fn failed(error: ArrowError) -> SqlError {
    DataFusionError::from(error).into()
}

/// A part that holds its own texts: a view shows a piece of a longer one, and all of it would be sent.
fn compact(part: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let columns = part.columns().iter().map(|column| -> ArrayRef {
        match column.data_type() {
            DataType::Utf8View => Arc::new(column.as_string_view().gc()),
            DataType::BinaryView => Arc::new(column.as_binary_view().gc()),
            _ => ArrayRef::clone(column),
        }
    });
    let rows = RecordBatchOptions::new().with_row_count(Some(part.num_rows()));
    RecordBatch::try_new_with_options(part.schema(), columns.collect(), &rows)
}
