//! Cells merged into coarser rows: what may be gated, and what may be summed.
//!
//! Distinct units do not add up: one person in three cells of a row is one person. So rows are gated by,
//! and noise is added to, a lower bound of the distinct units (DESIGN section 7 rule 3). In one period
//!
//! B = max(largest cell, ⌈Σ cells / r⌉),
//!
//! where no unit is in more than r of the row's cells ([`Coarsening::merged`]), and over several periods B
//! is the greatest of the periods'.
//!
//! - B ≤ the distinct units of the row: in its largest cell they are distinct, and a unit adds at most r to
//!   the sum of cells, in one period alone.
//! - B moves by at most 1 where one unit-period is added or removed: the largest cell moves by at most 1, the
//!   sum by at most r, hence ⌈sum / r⌉ by at most 1; a maximum moves by no more than what it is of. A unit is in
//!   at most L0 cells, so at most L0 rows move: Δ1 = L0 and Δ2 = √L0, as for cells, without any r.
//! - Sums of measures move by up to r·L∞ in one row, Δ2 = L∞·√(r·L0): [`policies::mechanism::Draw::rho`].
//!
//! (DESIGN divides by L0; r ≤ L0 makes the same bound tighter.) B is a gate, not an estimate of people: its
//! column is named `contributors_at_least`. Trips do add: for unit `trip` B is the sum, and exact.
//!
//! [`Coarsening::merged`]: policies::coarse::Coarsening::merged

use std::fmt;

use policies::agreement::Unit;
use policies::entry::Reservation;

use crate::protect::{COUNT_MAX, Exact, ProtectError};

/// The lower bound of every row's distinct units, for the cells of **one** period: `rows` has the row of each
/// cell. A cell without a row (`None`) is left out.
pub(crate) fn lower_bounds(
    cells: &[u64],
    rows: &[Option<usize>],
    count: usize,
    merged: u64,
    unit: Unit,
) -> Vec<u64> {
    let mut sums = vec![0_u64; count];
    let mut largest = vec![0_u64; count];
    for (cell, row) in std::iter::zip(cells, rows) {
        let Some(row) = *row else { continue };
        if let (Some(sum), Some(most)) = (sums.get_mut(row), largest.get_mut(row)) {
            *sum = sum.saturating_add(*cell);
            *most = (*most).max(*cell);
        }
    }
    if unit == Unit::Trip {
        return sums;
    }
    let bound = |(sum, most): (u64, u64)| most.max(sum.div_ceil(merged.max(1)));
    std::iter::zip(sums, largest).map(bound).collect()
}

/// Adds the cells of one period to the sums of their rows.
pub(crate) fn add_up(sums: &mut [u64], cells: &[u64], rows: &[Option<usize>]) {
    for (cell, row) in std::iter::zip(cells, rows) {
        if let Some(sum) = row.and_then(|row| sums.get_mut(row)) {
            *sum = sum.saturating_add(*cell);
        }
    }
}

/// The cells of an ad-hoc merge, taken in period by period. They end here.
pub struct Fold {
    unit: Unit,
    merged: u64,
    periods_left: usize,
    bounds: Vec<u64>,
    measures: Vec<(String, Vec<u64>)>,
}

/// Merged rows: what [`crate::protect::protect_merged`] takes, and only [`Fold::finish`] makes.
pub struct Merged(pub(crate) Exact);

impl Fold {
    /// For the merge that was reserved, with these measures in their order.
    ///
    /// # Errors
    /// [`ProtectError::Columns`] where none was.
    pub fn new(reservation: &Reservation, measures: &[String]) -> Result<Self, ProtectError> {
        let what = "no merge was reserved";
        let wrong = ProtectError::Columns { what };
        let merge = reservation.merge.as_ref().ok_or(wrong.clone())?;
        let merged = merge.coarsening().merged(&reservation.table).ok_or(wrong)?;
        let column = |name: &String| (name.clone(), Vec::new());
        Ok(Self {
            unit: reservation.unit,
            merged: u64::from(merged),
            periods_left: merge.periods().count(),
            bounds: Vec::new(),
            measures: measures.iter().map(column).collect(),
        })
    }

    /// Takes **all** cells of the next period; `rows` has the merged row of each one, and rows of one number
    /// are one row in all periods.
    ///
    /// # Errors
    /// [`ProtectError::Columns`] for other columns, or a period more than were reserved.
    pub fn add(&mut self, cells: Exact, rows: &[usize]) -> Result<(), ProtectError> {
        let wrong = |what| ProtectError::Columns { what };
        let left = self.periods_left.checked_sub(1);
        self.periods_left = left.ok_or_else(|| wrong("more periods than were reserved"))?;
        let contributors = cells.contributors.ok_or_else(|| wrong("no contributors"))?;
        let names = cells.measures.iter().map(|(name, _)| name);
        if !names.eq(self.measures.iter().map(|(name, _)| name)) {
            return Err(wrong("other measures"));
        }
        let lengths = cells.measures.iter().map(|(_, values)| values.len());
        if !lengths.chain([contributors.len()]).all(|n| n == rows.len()) {
            return Err(wrong("columns of different lengths"));
        }
        let needed = rows.iter().max().map_or(0, |last| last + 1);
        let count = needed.max(self.bounds.len());
        let rows: Vec<_> = rows.iter().copied().map(Some).collect();
        let bounds = lower_bounds(&contributors, &rows, count, self.merged, self.unit);
        self.bounds.resize(count, 0);
        for (all, one) in std::iter::zip(&mut self.bounds, bounds) {
            *all = match self.unit {
                Unit::Trip => all.saturating_add(one),
                _ => (*all).max(one),
            };
        }
        for ((_, sums), (_, values)) in std::iter::zip(&mut self.measures, cells.measures) {
            sums.resize(count, 0);
            add_up(sums, &values, &rows);
        }
        Ok(())
    }

    /// The rows in the order given: each of `order` is the number of a row.
    ///
    /// # Errors
    /// [`ProtectError::Columns`] where a reserved period is missing, or the order is none of the rows.
    pub fn finish(self, order: &[usize]) -> Result<Merged, ProtectError> {
        let wrong = |what| ProtectError::Columns { what };
        if self.periods_left > 0 {
            return Err(wrong("fewer periods than were reserved"));
        }
        let mut seen: Vec<usize> = order.to_vec();
        seen.sort_unstable();
        if !seen.iter().copied().eq(0..self.bounds.len()) {
            return Err(wrong("rows in no order"));
        }
        // What no city has is cut, not refused: nothing fails by size after it was charged. Cutting a number
        // never makes two of them differ by more. A sum and its count are cut apart, so a centred sum has its bound
        // only up to 2⁴⁰ units in one row: of seconds, 35,000 years of travel.
        let pick = |values: &[u64]| -> Vec<u64> {
            let picked = order.iter().filter_map(|row| values.get(*row));
            picked.map(|value| (*value).min(COUNT_MAX)).collect()
        };
        let measures = self.measures.iter();
        Ok(Merged(Exact {
            contributors: Some(pick(&self.bounds)),
            measures: measures
                .map(|(name, values)| (name.clone(), pick(values)))
                .collect(),
        }))
    }
}

/// Without a single number.
impl fmt::Debug for Fold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fold(withheld)")
    }
}

/// Without a single number.
impl fmt::Debug for Merged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Merged(withheld)")
    }
}

#[cfg(test)]
mod tests;
