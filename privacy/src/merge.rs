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

use crate::protect::{CENTRED_MAX, Counts, Exact, ProtectError};

/// The lower bound of every row's distinct units, for the cells of **one** period: `into` has the row of each
/// cell. A cell without a row (`None`) is left out.
pub(crate) fn lower_bounds(
    cells: &[i64],
    into: &[Option<usize>],
    rows: usize,
    merged: u32,
    unit: Unit,
) -> Vec<i64> {
    let sums = add_up(cells, into, rows);
    if unit == Unit::Trip {
        return sums;
    }
    let mut bounds = vec![0_i64; rows];
    for (cell, row) in std::iter::zip(cells, into) {
        if let Some(most) = row.and_then(|row| bounds.get_mut(row)) {
            *most = (*most).max(*cell);
        }
    }
    for (most, sum) in std::iter::zip(&mut bounds, sums) {
        *most = (*most).max(divided_up(sum, merged));
    }
    bounds
}

/// ⌈sum / r⌉ of a sum that is not negative.
fn divided_up(sum: i64, merged: u32) -> i64 {
    let sum = u64::try_from(sum).unwrap_or(0);
    i64::try_from(sum.div_ceil(u64::from(merged.max(1)))).unwrap_or(i64::MAX)
}

/// The sums of the cells of each row. What no city has (over 2⁵²) is cut, not refused: nothing may fail by size
/// after it was charged. Sums are exact before they are cut, so none of two sums' differences grows.
pub(crate) fn add_up(cells: &[i64], into: &[Option<usize>], rows: usize) -> Vec<i64> {
    let mut sums = vec![0_i128; rows];
    add_to(&mut sums, cells, into);
    sums.into_iter().map(cut).collect()
}

fn add_to(sums: &mut [i128], cells: &[i64], into: &[Option<usize>]) {
    for (cell, row) in std::iter::zip(cells, into) {
        if let Some(sum) = row.and_then(|row| sums.get_mut(row)) {
            *sum += i128::from(*cell);
        }
    }
}

fn cut(sum: i128) -> i64 {
    i64::try_from(sum.clamp(-CENTRED_MAX, CENTRED_MAX)).unwrap_or_default()
}

/// The cells of an ad-hoc merge, taken in period by period. They end here.
pub struct Fold<'a> {
    reservation: &'a Reservation,
    merged: u32,
    periods_left: usize,
    /// Of trips the exact sums, of people the best bound so far.
    bounds: Vec<i128>,
    measures: Vec<Vec<i128>>,
}

/// Merged rows: what [`crate::protect::protect_merged`] takes, and only [`Fold::finish`] makes.
pub struct Merged(pub(crate) Counts);

impl<'a> Fold<'a> {
    /// For the merge that was reserved.
    ///
    /// # Errors
    /// [`ProtectError::Columns`] where none was.
    pub fn new(reservation: &'a Reservation) -> Result<Self, ProtectError> {
        let what = "no merge was reserved";
        let wrong = ProtectError::Columns { what };
        let merge = reservation.merge.as_ref().ok_or(wrong.clone())?;
        let merged = merge.coarsening().merged(&reservation.table).ok_or(wrong)?;
        let columns = reservation.table.drawn_columns(&reservation.mechanism);
        Ok(Self {
            reservation,
            merged,
            periods_left: merge.periods().count(),
            bounds: Vec::new(),
            measures: vec![Vec::new(); columns.len()],
        })
    }

    /// Takes **all** cells of the next period; `into` has the merged row of each one, and rows of one number
    /// are one row in all periods.
    ///
    /// # Errors
    /// [`ProtectError`] for other columns, or a period more than were reserved.
    pub fn add(&mut self, cells: Exact, into: &[usize]) -> Result<(), ProtectError> {
        let wrong = |what| ProtectError::Columns { what };
        let left = self.periods_left.checked_sub(1);
        self.periods_left = left.ok_or_else(|| wrong("more periods than were reserved"))?;
        let cells = Counts::of_cells(self.reservation, cells)?;
        if cells.contributors.len() != into.len() {
            return Err(wrong("columns of different lengths"));
        }
        let needed = into.iter().max().map_or(0, |last| last + 1);
        let rows = needed.max(self.bounds.len());
        let into: Vec<_> = into.iter().copied().map(Some).collect();
        self.bounds.resize(rows, 0);
        match self.reservation.unit {
            Unit::Trip => add_to(&mut self.bounds, &cells.contributors, &into),
            unit => {
                let bounds = lower_bounds(&cells.contributors, &into, rows, self.merged, unit);
                for (best, one) in std::iter::zip(&mut self.bounds, bounds) {
                    *best = (*best).max(i128::from(one));
                }
            }
        }
        for (sums, values) in std::iter::zip(&mut self.measures, &cells.measures) {
            sums.resize(rows, 0);
            add_to(sums, values, &into);
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
        let pick = |sums: &Vec<i128>| -> Vec<i64> {
            let picked = order.iter().filter_map(|row| sums.get(*row));
            picked.map(|sum| cut(*sum)).collect()
        };
        Ok(Merged(Counts {
            contributors: pick(&self.bounds),
            measures: self.measures.iter().map(pick).collect(),
        }))
    }
}

/// Without a single number.
impl fmt::Debug for Fold<'_> {
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
