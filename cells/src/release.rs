//! The released table: kept rows and noisy columns → Arrow columns → bytes.
//!
//! What is not released MUST leave no trace: dictionaries are built anew from the rows that are
//! kept, so that no zone of a withheld row stands in the bytes.

mod build;
mod k_only;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use policies::agreement::Unit;
use policies::table::Table;
use proto::columns::released_schema;

pub use build::{Noisy, ladder, plain, protected, with_providers};
pub use k_only::{KeyColumn, k_only};

/// Rows in one message of the stream.
const BATCH_ROWS: usize = 65_536;

/// Why a table cannot be built, written or read.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// Columns of different lengths, or rows that are not there or not ascending.
    #[error("the columns of a release do not fit together: {what}")]
    Parts {
        /// What does not fit.
        what: &'static str,
    },
    /// The columns are not those of the table.
    #[error("the bytes are not a released table of `{table}`: {what}")]
    Foreign {
        /// The table.
        table: String,
        /// What differs.
        what: &'static str,
    },
    /// Not an Arrow IPC stream.
    #[error("not an Arrow IPC stream: {source}")]
    Arrow {
        /// The library's words.
        #[from]
        source: ArrowError,
    },
}

/// A released table, and what its schema says about it.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleasedTable {
    /// The rows ([`released_schema`]), sorted by key.
    pub rows: RecordBatch,
    /// Facts for readers that see nothing but these bytes, for example `weir.release_key`.
    pub facts: BTreeMap<String, String>,
}

impl ReleasedTable {
    /// The table as an Arrow IPC stream, the facts as its schema's metadata. Equal tables have
    /// equal bytes.
    ///
    /// # Errors
    /// [`ReleaseError::Arrow`].
    pub fn encode(&self) -> Result<Vec<u8>, ReleaseError> {
        let fields = self.rows.schema().fields().clone();
        let facts = self.facts.clone().into_iter().collect();
        let schema = Arc::new(Schema::new_with_metadata(fields, facts));
        let rows = RecordBatch::try_new(Arc::clone(&schema), self.rows.columns().to_vec())?;
        let mut stream = StreamWriter::try_new(Vec::new(), &schema)?;
        let mut from = 0;
        while from < rows.num_rows() {
            let length = BATCH_ROWS.min(rows.num_rows() - from);
            stream.write(&rows.slice(from, length))?;
            from += length;
        }
        Ok(stream.into_inner()?)
    }

    /// Reads the bytes of a release of `table` with these published measures.
    ///
    /// # Errors
    /// [`ReleaseError::Arrow`] for other bytes, [`ReleaseError::Foreign`] for another table's.
    pub fn decode(
        bytes: &[u8],
        table: &Table,
        unit: Unit,
        measures: &[String],
    ) -> Result<Self, ReleaseError> {
        let foreign = |what| ReleaseError::Foreign {
            table: table.name.to_string(),
            what,
        };
        let (given, batches) = decode(bytes)?;
        let schema: SchemaRef = released_schema(table, unit, measures);
        if given.fields() != schema.fields() {
            return Err(foreign("its columns are others"));
        }
        if batches
            .iter()
            .flat_map(RecordBatch::columns)
            .any(|c| c.logical_null_count() > 0)
        {
            return Err(foreign("a value is null"));
        }
        let own = |batch: RecordBatch| {
            RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec())
        };
        let batches = batches
            .into_iter()
            .map(own)
            .collect::<Result<Vec<_>, _>>()?;
        let rows = concat_batches(&schema, &batches)?;
        let facts = given.metadata().clone().into_iter().collect();
        Ok(Self { rows, facts })
    }
}

/// The batches of an Arrow IPC stream as they are, whatever table they are of.
///
/// # Errors
/// [`ReleaseError::Arrow`].
pub fn decode(bytes: &[u8]) -> Result<(SchemaRef, Vec<RecordBatch>), ReleaseError> {
    let reader = StreamReader::try_new(Cursor::new(bytes), None)?;
    let schema = reader.schema();
    Ok((schema, reader.collect::<Result<_, _>>()?))
}

/// One fact of a released table's bytes, without reading its rows.
///
/// # Errors
/// [`ReleaseError::Arrow`].
pub fn fact(bytes: &[u8], name: &str) -> Result<Option<String>, ReleaseError> {
    let reader = StreamReader::try_new(Cursor::new(bytes), None)?;
    Ok(reader.schema().metadata().get(name).cloned())
}
