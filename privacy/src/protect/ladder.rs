//! A ladder: coarser rows for what the table itself cannot show (DESIGN section 7 rule 7).

use policies::mechanism::Mechanism;
use policies::mutants::{Mutant, instead_of};

use super::{Counts, Exact, ProtectError, Protected, Release, check_maps, columns, rows};
use crate::merge::{add_up, lower_bounds};
use crate::spend::Spend;

/// The coarser row that each cell falls into.
#[derive(Debug, Clone)]
pub struct Falls {
    /// For each cell, the place of its row in the caller's order.
    pub into: Vec<usize>,
    /// How many rows there are.
    pub rows: usize,
}

/// Draws the table, then rung by rung what is left of it. `falls` has one item per rung of the reservation.
///
/// A row of a rung covers only cells that no finer row published: its bound B and its sums are those of that
/// remainder, gated by the true k on it and by noise of the rung's own. So no row can be subtracted from a
/// coarser one, and no cell is counted in two rows of a table.
///
/// Why the losses add, and no more: let S be the rows published before a rung is drawn. S is public, being a part
/// of the release, and fixed before the rung's noise is drawn. For each S the rung is an ordinary merge of the
/// cells that S does not cover: which cells those are depends on S and public keys alone, so with or without one
/// unit the same cells are left, of which the unit has at most L0, at most r of them in one row. B moves by at
/// most 1 in at most L0 rows and the sums by Δ2 ≤ L∞·√(r·L0) ([`crate::merge`]), and leaving cells out only lowers
/// both. Hence for every S the rung keeps its (ρ, δ), and by adaptive composition (Bun and Steinke 2016, Lemma
/// 2.3; Definition 8.1 and Lemma 8.2 for approximate zCDP) the ladder keeps the sums of all rungs', whichever of
/// them publishes. All are charged.
///
/// # Errors
/// As [`super::protect`]. All checks come before the first draw.
pub fn protect_ladder(
    spend: Spend,
    exact: Exact,
    falls: &[Falls],
) -> Result<Release, ProtectError> {
    let reservation = spend.into_reservation();
    if reservation.merge.is_some() || reservation.rungs.is_empty() {
        return Err(columns("no ladder was reserved"));
    }
    let cells = Counts::of_cells(&reservation, exact)?;
    let table = &reservation.table;
    let names = table.drawn_columns(&reservation.mechanism);
    let same = |mechanism: &Mechanism| table.drawn_columns(mechanism) == names;
    let fits = |falls: &Falls| {
        falls.into.len() == cells.contributors.len()
            && falls.into.iter().all(|row| *row < falls.rows)
    };
    if falls.len() != reservation.rungs.len() || !falls.iter().all(fits) {
        return Err(columns("rungs of other cells"));
    }
    if !reservation.rungs.iter().all(|rung| same(&rung.mechanism)) {
        return Err(columns("rungs of other measures"));
    }
    let merged = reservation.rungs.iter().map(|r| r.coarsening.merged(table));
    let merged: Option<Vec<_>> = merged.collect();
    let merged = merged.ok_or_else(|| columns("a table of no known kind"))?;
    check_maps(&reservation)?;

    let finest = rows(table, &reservation.mechanism, cells.clone())?;
    let mut left = vec![true; cells.contributors.len()];
    for cell in &finest.kept {
        if let Some(left) = left.get_mut(*cell) {
            *left = false;
        }
    }
    let mut rungs = vec![finest];
    for ((rung, falls), merged) in reservation.rungs.iter().zip(falls).zip(merged) {
        let remainder = std::iter::zip(&falls.into, &left);
        let remainder: Vec<Option<usize>> = remainder
            .map(|(row, left)| instead_of(*left, Mutant::RungOfAll, true).then_some(*row))
            .collect();
        let counts = Counts {
            contributors: lower_bounds(
                &cells.contributors,
                &remainder,
                falls.rows,
                merged,
                reservation.unit,
            ),
            measures: cells
                .measures
                .iter()
                .map(|column| add_up(column, &remainder, falls.rows))
                .collect(),
        };
        let shown = rows(table, &rung.mechanism, counts)?;
        let mut covered = vec![false; falls.rows];
        for row in &shown.kept {
            if let Some(covered) = covered.get_mut(*row) {
                *covered = true;
            }
        }
        for (left, row) in std::iter::zip(&mut left, &falls.into) {
            *left &= !covered.get(*row).copied().unwrap_or(false);
        }
        rungs.push(shown);
    }
    Ok(Release {
        protected: Protected::Ladder(rungs),
        reservation,
    })
}
