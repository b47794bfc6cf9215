//! The list of the releases in a caller's tables, as a table: where each is found, and what it promises.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use cells::sql::{Loaded, SqlError};

use super::Item;
use super::rows::{days_since_1970, failed, period_name};

/// `schema_name`, `table_name`, `period`, `period_start`, `edition`, `release_key`, `agreement`, `unit`,
/// `log_entry`: one row per release, in the order of its tables.
pub(super) fn list(items: &[&Item]) -> Result<Loaded, SqlError> {
    let text = |of: &dyn Fn(&Item) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(
            items.iter().map(|item| of(item)),
        ))
    };
    let number = |of: &dyn Fn(&Item) -> u64| -> ArrayRef {
        let numbers = items.iter().map(|item| i64::try_from(of(item)).ok());
        Arc::new(Int64Array::from_iter(numbers))
    };
    let starts = items.iter().map(|item| days_since_1970(item.periods().0));
    let columns: [(&str, ArrayRef); 9] = [
        ("schema_name", text(&|item| item.schema.clone())),
        ("table_name", text(&|item| item.table.clone())),
        ("period", text(&period_name)),
        (
            "period_start",
            Arc::new(Date32Array::from_iter_values(starts)),
        ),
        ("edition", number(&|item| item.reservation.edition.into())),
        ("release_key", text(&|item| item.key.to_string())),
        (
            "agreement",
            text(&|item| item.reservation.agreement.to_string()),
        ),
        (
            "unit",
            text(&|item| item.reservation.unit.word().to_owned()),
        ),
        ("log_entry", number(&|item| item.entry)),
    ];
    let rows = RecordBatch::try_from_iter(columns).map_err(failed)?;
    Ok(Loaded {
        schema: rows.schema(),
        batches: vec![rows],
    })
}
