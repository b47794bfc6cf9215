//! Cells as they travel: one plain schema, messages of at most 65,536 rows, dictionaries kept.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::error::ArrowError;

use super::limits::{DICTIONARY_BYTES_MAX, PUSH_ROWS};

/// Cells ready to be sent.
#[derive(Clone)]
pub(super) struct Columns {
    pub schema: SchemaRef,
    pub chunks: Vec<RecordBatch>,
    pub rows: u64,
}

/// Why cells cannot be sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum ColumnsError {
    #[error("there is no batch: give at least one, which may have no rows")]
    NoBatch,
    #[error("batch {batch} has other columns than the first")]
    Schema { batch: usize },
    #[error("the dictionary of column `{column}` is over {DICTIONARY_BYTES_MAX} bytes")]
    Dictionary { column: String },
    #[error("{0}")]
    Arrow(#[from] ArrowError),
}

impl Columns {
    /// Puts batches of any size into messages of [`PUSH_ROWS`] rows, the order kept. Metadata is
    /// left behind: whatever a tool wrote into it MUST NOT leave the company.
    pub fn new(batches: &[RecordBatch]) -> Result<Self, ColumnsError> {
        let first = batches.first().ok_or(ColumnsError::NoBatch)?;
        let schema = plain(&first.schema());
        let mut whole = Vec::with_capacity(batches.len());
        for (at, batch) in batches.iter().enumerate() {
            if plain(&batch.schema()) != schema {
                return Err(ColumnsError::Schema { batch: at });
            }
            let columns = batch.columns().to_vec();
            whole.push(RecordBatch::try_new(Arc::clone(&schema), columns)?);
        }
        let rows = whole.iter().map(|batch| batch.num_rows() as u64).sum();
        let chunks = chunks(&schema, whole)?;
        chunks.iter().try_for_each(check_dictionaries)?;
        Ok(Self {
            schema,
            chunks,
            rows,
        })
    }
}

fn plain(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter();
    let plain = fields.map(|field| field.as_ref().clone().with_metadata(HashMap::new()));
    Arc::new(Schema::new(plain.collect::<Vec<_>>()))
}

fn chunks(schema: &SchemaRef, batches: Vec<RecordBatch>) -> Result<Vec<RecordBatch>, ArrowError> {
    let mut waiting: VecDeque<RecordBatch> =
        batches.into_iter().filter(|b| b.num_rows() > 0).collect();
    let mut chunks = Vec::new();
    while !waiting.is_empty() {
        let mut parts = Vec::new();
        let mut room = PUSH_ROWS;
        while room > 0 {
            let Some(next) = waiting.pop_front() else {
                break;
            };
            let taken = next.num_rows().min(room);
            parts.push(next.slice(0, taken));
            room -= taken;
            if taken < next.num_rows() {
                waiting.push_front(next.slice(taken, next.num_rows() - taken));
            }
        }
        chunks.push(match parts.as_slice() {
            [one] => one.clone(), // a slice: nothing is copied
            many => concat_batches(schema, many)?,
        });
    }
    Ok(chunks)
}

fn check_dictionaries(chunk: &RecordBatch) -> Result<(), ColumnsError> {
    let schema = chunk.schema();
    for (column, field) in chunk.columns().iter().zip(schema.fields()) {
        if !matches!(field.data_type(), DataType::Dictionary(..)) {
            continue;
        }
        let data = column.to_data();
        let values = data.child_data().first();
        let bytes = values.map_or(0, |v| v.get_slice_memory_size().unwrap_or(usize::MAX));
        if bytes > DICTIONARY_BYTES_MAX {
            let column = field.name().clone();
            return Err(ColumnsError::Dictionary { column });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
