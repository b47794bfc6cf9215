//! Exact cells and margins → the columns of a k-only release.

use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int64Array, RecordBatch, UInt8Array};
use arrow::datatypes::Int32Type;
use policies::table::Table;
use proto::columns::{K_ONLY, k_only_schema};

use super::ReleaseError;

/// One key column of published rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyColumn {
    /// Zones or categories.
    Texts(Vec<String>),
    /// Day bins.
    Bins(Vec<u8>),
}

/// The rows of a k-only release, in the caller's order: key columns in the table's order, over which
/// dimensions each row is a sum ([`MARGIN`](proto::columns::MARGIN)), and its contributors. Dictionaries hold
/// the texts of these rows alone.
///
/// # Errors
/// [`ReleaseError::Arrow`] where the columns are not those of the table, or of different lengths.
pub fn k_only(
    table: &Table,
    keys: Vec<KeyColumn>,
    margins: &[String],
    contributors: Vec<i64>,
) -> Result<RecordBatch, ReleaseError> {
    let rows = contributors.len();
    let mut columns: Vec<ArrayRef> = keys
        .into_iter()
        .map(|column| -> ArrayRef {
            match column {
                KeyColumn::Texts(texts) => texts_column(texts.iter().map(String::as_str)),
                KeyColumn::Bins(bins) => Arc::new(UInt8Array::from(bins)),
            }
        })
        .collect();
    columns.push(Arc::new(Int64Array::from(contributors)));
    columns.push(texts_column(margins.iter().map(String::as_str)));
    columns.push(texts_column(std::iter::repeat_n(K_ONLY, rows)));
    Ok(RecordBatch::try_new(k_only_schema(table), columns)?)
}

fn texts_column<'a>(texts: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(texts.collect::<DictionaryArray<Int32Type>>())
}
