//! Every key of a table's public domain, zeros included.

use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int32Array, RecordBatch, StringArray, UInt8Array};
use arrow::datatypes::{Int32Type, Schema};
use policies::kind::DimensionKind;
use policies::table::Table;
use proto::columns::key_fields;

use crate::join::join;
use crate::read::{ExactCells, ExactMeasure, ReadError};

#[cfg(test)]
mod tests;

const DOMAIN: ReadError = ReadError::Damaged {
    what: "a cell outside its table's domain",
};

/// The cells over all keys of the domain, rows strictly ascending: the product of `zones`, the table's bins and
/// its categories. Where there is no such cell its numbers are 0.
///
/// # Errors
/// [`ReadError::Damaged`] where a cell is outside the domain, [`ReadError::Overflow`] where the domain is too large
/// to hold (a valid agreement's is not).
pub fn dense(cells: ExactCells, table: &Table, zones: &[String]) -> Result<ExactCells, ReadError> {
    let keys = domain(table, zones)?;
    let rows = keys.num_rows();
    let zero = |n: &ExactMeasure| ExactMeasure {
        name: n.name.clone(),
        values: vec![0; rows],
    };
    let nobody = ExactCells {
        keys,
        contributors: cells.contributors.as_ref().map(|_| vec![0; rows]),
        measures: cells.measures.iter().map(zero).collect(),
    };
    let all = join(vec![nobody, cells])?.pop().ok_or(DOMAIN)?;
    // The union holds a key more where a cell had one of its own.
    (all.keys.num_rows() == rows).then_some(all).ok_or(DOMAIN)
}

fn domain(table: &Table, zones: &[String]) -> Result<RecordBatch, ReadError> {
    let dimensions = &table.kind().ok_or(DOMAIN)?.dimensions;
    let count = u32::try_from(zones.len()).map_err(|_| ReadError::Overflow)?;
    let rows = table.domain_size(count).ok_or(ReadError::Overflow)?;
    let rows = usize::try_from(rows).map_err(|_| ReadError::Overflow)?;
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(dimensions.len());
    // How many rows in a row have one value: of the last dimension one.
    let mut stride = rows;
    for dimension in dimensions {
        let values: Vec<&str> = match dimension.kind {
            DimensionKind::DayBin => {
                let bins = table.bins.count();
                stride = stride.checked_div(usize::from(bins)).ok_or(DOMAIN)?;
                let bins = (0..bins).flat_map(|bin| std::iter::repeat_n(bin, stride));
                let bins: Vec<u8> = bins.collect();
                columns.push(Arc::new(
                    bins.into_iter().cycle().take(rows).collect::<UInt8Array>(),
                ));
                continue;
            }
            DimensionKind::Zone => zones.iter().map(String::as_str).collect(),
            DimensionKind::Category => {
                let axis = table.axis(&dimension.name).ok_or(DOMAIN)?;
                axis.values.iter().map(|value| value.as_str()).collect()
            }
        };
        stride = stride.checked_div(values.len()).ok_or(DOMAIN)?;
        let codes = i32::try_from(values.len()).map_err(|_| ReadError::Overflow)?;
        let codes = (0..codes).flat_map(|code| std::iter::repeat_n(code, stride));
        let codes: Vec<i32> = codes.collect();
        let codes: Int32Array = codes.into_iter().cycle().take(rows).collect();
        let column =
            DictionaryArray::<Int32Type>::try_new(codes, Arc::new(StringArray::from(values)));
        columns.push(Arc::new(column.map_err(|_| DOMAIN)?));
    }
    RecordBatch::try_new(Arc::new(Schema::new(key_fields(table))), columns).map_err(|_| DOMAIN)
}
