//! Cells and the right to release them → what may be shown, exactly.

use policies::mechanism::Mechanism;

use super::{Domain, Key, Row, suppress};
use crate::protect::{Exact, ProtectError, Protected, Release, columns};
use crate::spend::Spend;

/// Releases a k-only table: counts of contributors, exact, with all margins of its domain. Consumes the right
/// and the cells; `keys` are those of the rows, in their order. Takes minutes for many rows.
///
/// Only contributors are shown, so that a hidden number is bounded by nothing but the margins: events beside
/// them would bound it too, since a unit has between one and `per_cell_max` in a cell.
///
/// # Errors
/// [`ProtectError`]; then nothing was released, and the choice of k-only stays.
pub fn protect_k_only(
    spend: Spend,
    exact: Exact,
    domain: &Domain,
    keys: &[Key],
) -> Result<Release, ProtectError> {
    let reservation = spend.into_reservation();
    let Mechanism::KOnly { k } = reservation.mechanism else {
        return Err(columns("k-only where noise is pinned"));
    };
    let counts = exact.contributors;
    let counts = counts.ok_or_else(|| columns("no contributors"))?;
    if counts.len() != keys.len() || !exact.measures.is_empty() {
        return Err(columns("a k-only table has contributors alone"));
    }
    let row = |(key, count): (&Key, &u64)| Row {
        key: *key,
        count: *count,
        contributors: *count,
    };
    let rows: Vec<_> = keys.iter().zip(&counts).map(row).collect();
    let pattern = suppress(domain.dims(), &rows, k, reservation.table.cells_max)?;
    let mut cells: Vec<_> = pattern.published().collect();
    cells.sort_by_cached_key(|(key, _)| domain.order(*key));
    let finest = cells.iter().filter(|(key, _)| domain.is_finest(*key));
    let finest = finest.count();
    let protected = Protected::KOnly { cells, finest };
    Ok(Release::made(reservation, protected))
}

#[cfg(test)]
mod tests;
