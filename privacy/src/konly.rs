//! k-only: counts with all their margins, small cells hidden, and further cells hidden so that nobody
//! computes a small one from the rest. **This is k-anonymity, not differential privacy**
//! (`docs/PRIVACY.md` says against whom it does not help).
//!
//! Primary cells are those with fewer than k contributors for sure. Complementary ones are chosen one
//! primary cell after the other, coarse before fine. For each, *alternative tables* are built: other
//! non-negative whole counts with exactly the same published cells and margins, in one of which the cell
//! is 0 and in one of which it is at least `max(k, its count + 1)`. Where the hidden cells so far allow no
//! such table, the cheapest further cells are hidden that do.
//!
//! **Promise.** Whatever is computed from the published cells, for every hidden primary cell both 0 and a
//! number of at least k remain possible, and no hidden cell has only one possible value. It holds over all
//! margins and levels at once, since an alternative table is checked against every published cell; and
//! hiding more never breaks an alternative table found before. Empty cells are hidden like small ones;
//! where a published margin equals the sum of its published parts, the rest is known to be empty.
//!
//! The alternative tables are sums of signed boxes: in each dimension the moved value is paired with
//! another value (a hypercube, as in Repsilber's and Giessing's GHMITER) or with nothing (then all that
//! holds it must be hidden). GHMITER protects each sub-table by itself; here a box names every cell of
//! every level it changes, so linked sub-tables need no iteration. The least number of hidden cells is
//! NP-hard to find (Fischetti and Salazar 2001); `privacy/tests/konly` compares with it on small tables.

use policies::mutants::{Mutant, active};

mod boxes;
mod check;
mod domain;
mod protect;
mod release;
mod table;
mod tree;

pub use domain::{Domain, DomainError, Place, rows_max};
pub use release::protect_k_only;
pub use table::{Fate, Key};
pub use tree::{Hierarchy, NODES_MAX, Node, TreeError};

/// Most dimensions of a table.
pub const DIMENSIONS_MAX: usize = 4;
/// Most cells that are not empty, margins among them: about 100 bytes of memory each.
pub const CELLS_MAX: usize = 1 << 25;

/// One finest cell.
#[derive(Clone, Copy)]
pub struct Row {
    /// Its values.
    pub key: Key,
    /// What is published and adds up, at most [`crate::protect::COUNT_MAX`]; 0 is as good as no row.
    pub count: u64,
    /// Distinct units behind it, at most `count`.
    pub contributors: u64,
}

/// A table and what is done with each of its cells that is not empty.
///
/// No Debug: it holds true counts.
pub struct Pattern {
    cells: Vec<(Key, i64, Fate)>,
}

impl Pattern {
    /// What may be shown: key and count, by key.
    pub fn published(&self) -> impl Iterator<Item = (Key, i64)> + '_ {
        let shown = |(_, _, fate): &&(Key, i64, Fate)| *fate == Fate::Published;
        self.cells
            .iter()
            .filter(shown)
            .map(|(key, n, _)| (*key, *n))
    }

    /// Every cell with its true count, by key: for tests and benches. How many cells are hidden MUST NOT
    /// be told to anyone who sees the table.
    #[must_use]
    pub fn cells(&self) -> &[(Key, i64, Fate)] {
        &self.cells
    }
}

/// Why nothing is published. No variant says anything about a cell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KOnlyError {
    /// Too few or too many dimensions.
    #[error("a table of `{given}` dimensions is outside 1 to {DIMENSIONS_MAX}")]
    Dimensions {
        /// How many.
        given: usize,
    },
    /// k or `cells_max` of zero.
    #[error("k and cells_max must be at least 1")]
    K,
    /// A row of values that a dimension does not have.
    #[error("a row names a value outside its dimension")]
    Value,
    /// Two rows of the same cell.
    #[error("two rows are of the same cell")]
    Twice,
    /// A count beyond its range, or fewer events than contributors.
    #[error("a count is beyond what a contribution may hold, or below its contributors")]
    Count,
    /// More cells than [`CELLS_MAX`].
    #[error("the table has more than {CELLS_MAX} cells with its margins: leave out levels")]
    Size,
    /// The last check found a cell that can be computed: a fault of ours, and nothing is published.
    #[error("the table could not be shown to be safe: nothing is published")]
    Unsafe,
}

/// Decides what of a table and all its margins may be shown. `cells_max` is L0: with it the contributors
/// of a margin are at least ⌈Σ / `cells_max`⌉ and at least those of its largest cell (DESIGN 7.3), and only
/// that many count against `k`.
///
/// Depends on nothing but its arguments: the same table gives the same pattern.
///
/// # Errors
/// [`KOnlyError`]; then nothing MUST be shown.
pub fn suppress(
    dims: &[Hierarchy],
    rows: &[Row],
    k: u32,
    cells_max: u32,
) -> Result<Pattern, KOnlyError> {
    if !(1..=DIMENSIONS_MAX).contains(&dims.len()) {
        return Err(KOnlyError::Dimensions { given: dims.len() });
    }
    if k == 0 || cells_max == 0 {
        return Err(KOnlyError::K);
    }
    let mut table = table::Table::new(dims, rows, k, cells_max)?;
    if !active(Mutant::PrimaryAlone) {
        protect::protect(&mut table, i64::from(k));
        if !check::holds(&table) {
            return Err(KOnlyError::Unsafe);
        }
    }
    let cells = table.cells.into_iter().map(|c| (c.key, c.count, c.fate));
    let mut cells: Vec<_> = cells.collect();
    cells.sort_unstable_by_key(|(key, ..)| *key);
    Ok(Pattern { cells })
}
