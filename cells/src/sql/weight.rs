//! How many bytes the rows of a batch have: of a part of an array its own rows count, not the whole that it is cut from.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::kernels::length::length;
use arrow::compute::{cast, max};
use arrow::datatypes::{DataType, Int64Type};
use arrow::error::ArrowError;

/// Bytes of a view, beside the text that it shows.
const VIEW_BYTES: usize = 16;

/// Bytes of a batch's rows. A word of a dictionary is not among them: see [`words`].
pub(super) fn rows(batch: &RecordBatch) -> Result<usize, ArrowError> {
    batch.columns().iter().map(own).sum()
}

fn own(column: &ArrayRef) -> Result<usize, ArrowError> {
    let text = match column.data_type() {
        DataType::Utf8View => column.as_string_view().total_buffer_bytes_used(),
        DataType::BinaryView => column.as_binary_view().total_buffer_bytes_used(),
        DataType::Dictionary(..) => {
            let keys = column.as_any_dictionary().keys().to_data();
            return keys.get_slice_memory_size();
        }
        _ => return column.to_data().get_slice_memory_size(),
    };
    Ok(text + VIEW_BYTES * column.len())
}

/// The dictionaries of a batch: parts of it share them.
pub(super) fn words(batch: &RecordBatch) -> impl Iterator<Item = &ArrayRef> {
    let columns = batch.columns().iter();
    let dictionaries = columns.filter_map(|column| column.as_any_dictionary_opt());
    dictionaries.map(|dictionary| dictionary.values())
}

/// Bytes of the longest text in a column; none where it has no texts of its own.
pub(super) fn longest(column: &dyn Array) -> Result<usize, ArrowError> {
    let of = column.data_type();
    if !of.is_string() && !of.is_binary() {
        return Ok(0);
    }
    let lengths = cast(&length(column)?, &DataType::Int64)?;
    let most = max(lengths.as_primitive::<Int64Type>()).unwrap_or_default();
    Ok(usize::try_from(most).unwrap_or(usize::MAX))
}
