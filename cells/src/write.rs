//! Checked batches → one Parquet blob.

mod chunk;

#[cfg(test)]
mod tests;

use std::io::Write;
use std::sync::Arc;

use arrow::datatypes::Schema;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use proto::convert::Rate;

use crate::check::{Checked, CheckedBatch, Checker};
use chunk::Chunk;

/// Cells in one row group: what is held in memory while a contribution comes in.
pub const ROW_GROUP_ROWS: usize = 262_144;

/// Prefix of the blob's metadata keys that hold declared rates, in parts per million.
pub(crate) const RATE_PREFIX: &str = "weir.rate.";

/// Why a blob was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The sink failed, or Parquet cannot hold the columns.
    #[error("the blob cannot be written: {source}")]
    Parquet {
        /// The library's words.
        #[from]
        source: ParquetError,
    },
    /// The columns are not those of the checker that the writer was made for.
    #[error("the batch is of another table than the blob")]
    Columns,
    /// The evidence is of another contribution.
    #[error("what was checked is not what was written: write every batch of the checker, once")]
    Unchecked,
}

/// Writes one blob into a sink. Nothing is durable before [`Writer::finish`], and then only as far
/// as the sink is.
///
/// The same cells and rates give the same bytes, however they were cut into batches.
pub struct Writer<W: Write + Send> {
    parquet: ArrowWriter<W>,
    chunk: Chunk,
    rows: u64,
}

impl<W: Write + Send> Writer<W> {
    /// Starts a blob for the cells that `checker` lets through. `rates` are kept in the blob's
    /// metadata, so that the quality sheet of a release says what was declared with exactly this
    /// input.
    ///
    /// # Errors
    /// [`WriteError::Parquet`].
    pub fn new(sink: W, checker: &Checker, rates: &[Rate]) -> Result<Self, WriteError> {
        let properties = properties(checker.schema(), checker.key_columns(), rates)?;
        let options = ArrowWriterOptions::new().with_properties(properties);
        let schema = Arc::clone(checker.schema());
        let parquet = ArrowWriter::try_new_with_options(sink, schema, options)?;
        let chunk = Chunk::new(Arc::clone(checker.schema()));
        Ok(Self {
            parquet,
            chunk,
            rows: 0,
        })
    }

    /// Adds a batch; a full row group goes to the sink.
    ///
    /// # Errors
    /// [`WriteError::Parquet`].
    pub fn write(&mut self, batch: &CheckedBatch) -> Result<(), WriteError> {
        let batch = batch.batch();
        let mut from = 0;
        while from < batch.num_rows() {
            from += self.chunk.take(batch, from)?;
            if self.chunk.is_full() {
                self.parquet.write(&self.chunk.empty()?)?;
            }
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Bytes held back until the row group is full.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.parquet.memory_size() + self.chunk.bytes()
    }

    /// Writes the footer and gives the sink back, to be synced by whoever owns it.
    ///
    /// # Errors
    /// [`WriteError::Parquet`]; [`WriteError::Unchecked`] where other batches were written than
    /// checked.
    pub fn finish(mut self, checked: Checked) -> Result<W, WriteError> {
        if checked.rows() != self.rows {
            return Err(WriteError::Unchecked);
        }
        self.parquet.write(&self.chunk.empty()?)?;
        Ok(self.parquet.into_inner()?)
    }
}

/// How a blob with these columns, of which the first `keys` are its key, is written as Parquet.
///
/// # Errors
/// [`WriteError::Parquet`].
pub fn properties(
    columns: &Schema,
    keys: usize,
    rates: &[Rate],
) -> Result<WriterProperties, WriteError> {
    let sorted = (0..keys)
        .map_while(|n| i32::try_from(n).ok())
        .map(|column_idx| SortingColumn {
            column_idx,
            descending: false,
            nulls_first: false,
        });
    let rates = rates.iter().map(|rate| KeyValue {
        key: format!("{RATE_PREFIX}{}", rate.name),
        value: Some(rate.ppm.to_string()),
    });
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_sorting_columns(Some(sorted.collect()))
        .set_key_value_metadata(Some(rates.collect()))
        .set_created_by("weir".to_owned());
    // Numbers are small and eight bytes wide. Byte by byte, what is zero costs nothing and the rest is what zstd's entropy
    // coder is for; a dictionary's codes are packed across bytes, where it sees nothing. A third less of these
    // columns, measured (docs/PERFORMANCE.md).
    let numbers = columns.fields().iter().skip(keys);
    let properties = numbers.fold(properties, |properties, field| {
        let column = ColumnPath::from(field.name().as_str());
        properties
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_encoding(column, Encoding::BYTE_STREAM_SPLIT)
    });
    Ok(properties.build())
}
