//! Cells of several providers over the same keys, so that their rows can be told apart and added up.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::interleave;
use arrow::row::{Row, RowConverter, SortField};

use crate::read::{ExactCells, ExactMeasure, ReadError};

#[cfg(test)]
mod tests;

const OTHERS: ReadError = ReadError::Damaged {
    what: "the keys are of other tables",
};

/// Each part's cells over the keys of all parts together, rows strictly ascending; where a part has no such cell, its
/// numbers are 0.
///
/// # Errors
/// [`ReadError::Damaged`] where the parts have other key columns.
pub fn join(parts: Vec<ExactCells>) -> Result<Vec<ExactCells>, ReadError> {
    let Some(first) = parts.first() else {
        return Ok(parts);
    };
    let schema = first.keys.schema();
    if parts.iter().any(|part| part.keys.schema() != schema) {
        return Err(OTHERS);
    }
    let fields = schema.fields().iter();
    let fields = fields
        .map(|f| SortField::new(f.data_type().clone()))
        .collect();
    let converter = RowConverter::new(fields).map_err(|_| OTHERS)?;
    let rows = parts
        .iter()
        .map(|part| converter.convert_columns(part.keys.columns()));
    let rows = rows.collect::<Result<Vec<_>, _>>().map_err(|_| OTHERS)?;

    // Every key once, with one place where it stands.
    let mut union: Vec<(Row<'_>, (usize, usize))> = Vec::new();
    for (part, rows) in rows.iter().enumerate() {
        union.extend(rows.iter().enumerate().map(|(n, row)| (row, (part, n))));
    }
    union.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    union.dedup_by(|later, earlier| later.0 == earlier.0);
    let places: Vec<(usize, usize)> = union.iter().map(|(_, place)| *place).collect();

    let columns = (0..schema.fields().len()).map(|column| {
        let columns = parts.iter().map(|part| part.keys.column(column).as_ref());
        interleave(&columns.collect::<Vec<_>>(), &places)
    });
    let columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>().map_err(|_| OTHERS)?;
    let keys = RecordBatch::try_new(schema, columns).map_err(|_| OTHERS)?;

    let targets = rows.iter().map(|rows| {
        let target = |row: Row<'_>| union.binary_search_by(|(key, _)| key.cmp(&row)).ok();
        rows.iter().map(target).collect::<Option<Vec<_>>>()
    });
    let targets = targets.collect::<Option<Vec<_>>>().ok_or(OTHERS)?;
    let wide = std::iter::zip(parts, targets).map(|(part, targets)| {
        let ExactCells {
            keys: _,
            contributors,
            measures,
        } = part;
        ExactCells {
            keys: keys.clone(),
            contributors: contributors.map(|n| spread(&n, &targets, places.len())),
            measures: measures
                .into_iter()
                .map(|ExactMeasure { name, values }| ExactMeasure {
                    name,
                    values: spread(&values, &targets, places.len()),
                })
                .collect(),
        }
    });
    Ok(wide.collect())
}

/// Numbers at their targets, 0 elsewhere.
fn spread(numbers: &[u64], targets: &[usize], rows: usize) -> Vec<u64> {
    let mut wide = vec![0; rows];
    for (number, target) in numbers.iter().zip(targets) {
        if let Some(place) = wide.get_mut(*target) {
            *place = *number;
        }
    }
    wide
}
