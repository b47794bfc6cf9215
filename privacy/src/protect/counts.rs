//! What noise is added to.

use policies::entry::Reservation;

use super::measures::centred;
use super::{COUNT_MAX, Exact, ProtectError, columns, same_length};

/// True counts that can take noise: in range, one per row in every column, sums centred.
#[derive(Clone)]
pub(crate) struct Counts {
    pub(crate) contributors: Vec<i64>,
    /// In the order of [`Table::drawn_columns`].
    ///
    /// [`Table::drawn_columns`]: policies::table::Table::drawn_columns
    pub(crate) measures: Vec<Vec<i64>>,
}

impl Counts {
    /// Of cells as they were contributed.
    pub(crate) fn of_cells(reservation: &Reservation, exact: Exact) -> Result<Self, ProtectError> {
        let (table, unit) = (&reservation.table, reservation.unit);
        let names = table.drawn_columns(&reservation.mechanism);
        if !exact.measures.iter().map(|(name, _)| name).eq(&names) {
            return Err(columns("other measures"));
        }
        let contributors = exact
            .contributors
            .ok_or_else(|| columns("no contributors"))?;
        let contributors = signed(contributors)?;
        let measures = signed_columns(exact.measures)?;
        same_length(&measures, contributors.len())?;
        Ok(Self {
            measures: centred(table, unit, &contributors, measures)?,
            contributors,
        })
    }
}

/// True counts of every column as numbers that noise can be added to.
pub(super) fn signed_columns(
    columns: Vec<(String, Vec<u64>)>,
) -> Result<Vec<(String, Vec<i64>)>, ProtectError> {
    columns
        .into_iter()
        .map(|(name, values)| Ok((name, signed(values)?)))
        .collect()
}

fn signed(values: Vec<u64>) -> Result<Vec<i64>, ProtectError> {
    let sign = |value: u64| {
        let value = Some(value)
            .filter(|v| *v <= COUNT_MAX)
            .ok_or(ProtectError::Count)?;
        i64::try_from(value).map_err(|_| ProtectError::Count)
    };
    values.into_iter().map(sign).collect()
}
