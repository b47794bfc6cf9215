//! Kept rows and their numbers → the columns of a release.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Int32Array, Int64Array, RecordBatch,
    StringArray, UInt8Array,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Int32Type, UInt8Type};
use policies::agreement::Unit;
use policies::table::Table;
use proto::columns::{joint, key_fields, released_schema, with_rungs};

use super::ReleaseError;

/// A published column: one number with its 95 % interval per kept row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noisy {
    /// Published numbers.
    pub values: Vec<i64>,
    /// Lower ends.
    pub low: Vec<i64>,
    /// Upper ends.
    pub high: Vec<i64>,
}

/// The rows of a protected release. `kept` are the places of the kept rows in `keys`, ascending;
/// every other column has one number per kept row.
///
/// # Errors
/// [`ReleaseError::Parts`] where lengths differ, or places are not ascending or not there.
pub fn protected(
    table: &Table,
    unit: Unit,
    keys: &RecordBatch,
    kept: &[usize],
    contributors: Noisy,
    measures: Vec<(String, Noisy)>,
    near_threshold: Vec<bool>,
) -> Result<RecordBatch, ReleaseError> {
    if unit == Unit::None {
        return Err(parts("without a unit nothing is protected"));
    }
    let names: Vec<String> = measures.iter().map(|(name, _)| name.clone()).collect();
    let mut columns = key_columns(table, keys, kept)?;
    for noisy in std::iter::once(contributors).chain(measures.into_iter().map(|(_, noisy)| noisy)) {
        let Noisy { values, low, high } = noisy;
        columns.extend([values, low, high].map(|ns| Arc::new(Int64Array::from(ns)) as ArrayRef));
    }
    columns.push(Arc::new(BooleanArray::from(near_threshold)));
    same_length(&columns, kept.len())?;
    Ok(RecordBatch::try_new(
        released_schema(table, unit, &names),
        columns,
    )?)
}

/// The rows of a release of several parts: how many providers each row counts comes last.
///
/// # Errors
/// [`ReleaseError::Parts`] where there is not one number per row.
pub fn with_providers(
    rows: &RecordBatch,
    providers: Vec<i64>,
) -> Result<RecordBatch, ReleaseError> {
    let mut columns = rows.columns().to_vec();
    columns.push(Arc::new(Int64Array::from(providers)));
    same_length(&columns, rows.num_rows())?;
    Ok(RecordBatch::try_new(joint(rows.schema_ref()), columns)?)
}

/// The rows of a ladder, from those of each rung ([`protected`]), the table's own first: with a column
/// [`RUNG`](proto::columns::RUNG) that numbers them from 0.
///
/// # Errors
/// [`ReleaseError::Parts`] where a rung has other columns, or there are none or too many.
pub fn ladder(rungs: &[RecordBatch]) -> Result<RecordBatch, ReleaseError> {
    let schema = rungs.first().ok_or_else(|| parts("no rungs"))?.schema();
    if rungs.iter().any(|rows| rows.schema() != schema) {
        return Err(parts("a rung has other columns"));
    }
    let mut numbers = Vec::new();
    for (n, rows) in rungs.iter().enumerate() {
        let number = u8::try_from(n).map_err(|_| parts("too many rungs"))?;
        numbers.extend(std::iter::repeat_n(number, rows.num_rows()));
    }
    let all = concat_batches(&schema, rungs)?;
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(all.num_columns() + 1);
    let every: Vec<usize> = (0..all.num_rows()).collect();
    for column in all.columns() {
        // One dictionary of the kept texts, as for a single table.
        columns.push(match column.data_type() {
            DataType::Dictionary(..) => key_column(column, &every)?,
            _ => Arc::clone(column),
        });
    }
    columns.push(Arc::new(UInt8Array::from(numbers)));
    Ok(RecordBatch::try_new(with_rungs(&schema), columns)?)
}

/// The rows of a release of data without a unit: all of them, as contributed.
///
/// # Errors
/// [`ReleaseError::Parts`] where lengths differ.
pub fn plain(
    table: &Table,
    keys: &RecordBatch,
    measures: Vec<(String, Vec<i64>)>,
) -> Result<RecordBatch, ReleaseError> {
    let kept: Vec<usize> = (0..keys.num_rows()).collect();
    let mut columns = key_columns(table, keys, &kept)?;
    let (names, numbers): (Vec<String>, Vec<Vec<i64>>) = measures.into_iter().unzip();
    columns.extend(
        numbers
            .into_iter()
            .map(|ns| Arc::new(Int64Array::from(ns)) as ArrayRef),
    );
    same_length(&columns, kept.len())?;
    Ok(RecordBatch::try_new(
        released_schema(table, Unit::None, &names),
        columns,
    )?)
}

fn parts(what: &'static str) -> ReleaseError {
    ReleaseError::Parts { what }
}

fn same_length(columns: &[ArrayRef], rows: usize) -> Result<(), ReleaseError> {
    if columns.iter().all(|column| column.len() == rows) {
        Ok(())
    } else {
        Err(parts("a column has another number of rows than are kept"))
    }
}

/// The key columns of the kept rows, copied value by value: no buffer of `keys` is shared.
fn key_columns(
    table: &Table,
    keys: &RecordBatch,
    kept: &[usize],
) -> Result<Vec<ArrayRef>, ReleaseError> {
    let fields = key_fields(table);
    if keys.num_columns() != fields.len() {
        return Err(parts("the keys are of another table"));
    }
    if !kept.is_sorted_by(|a, b| a < b) || kept.last().is_some_and(|n| *n >= keys.num_rows()) {
        return Err(parts("kept rows are not ascending places of the keys"));
    }
    keys.columns()
        .iter()
        .map(|column| key_column(column, kept))
        .collect()
}

fn key_column(column: &ArrayRef, kept: &[usize]) -> Result<ArrayRef, ReleaseError> {
    let lost = || parts("a key column is of another type, or null");
    if let Some(bins) = column.as_primitive_opt::<UInt8Type>() {
        let bins = kept.iter().map(|row| bins.values().get(*row).copied());
        let bins: Option<Vec<u8>> = bins.collect();
        return Ok(Arc::new(UInt8Array::from(bins.ok_or_else(lost)?)));
    }
    let dictionary: Option<&DictionaryArray<Int32Type>> = column.as_any().downcast_ref();
    let dictionary = dictionary.ok_or_else(lost)?;
    let texts = dictionary
        .values()
        .as_string_opt::<i32>()
        .ok_or_else(lost)?;
    let place = |row: &usize| {
        let code = usize::try_from(*dictionary.keys().values().get(*row)?).ok()?;
        (code < texts.len() && texts.is_valid(code)).then(|| texts.value(code))
    };
    let rows: Option<Vec<&str>> = kept.iter().map(place).collect();
    let rows = rows.ok_or_else(lost)?;
    let mut values = rows.clone();
    values.sort_unstable();
    values.dedup();
    let codes = rows.iter().map(|text| {
        let code = values.binary_search(text).ok()?;
        i32::try_from(code).ok()
    });
    let codes: Option<Vec<i32>> = codes.collect();
    let codes = Int32Array::from(codes.ok_or_else(lost)?);
    let values = Arc::new(StringArray::from(values));
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(
        codes, values,
    )?))
}
