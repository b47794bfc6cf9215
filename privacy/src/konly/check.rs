//! The last look before anything is shown. That a hidden cell can take other values is what the search noted when it
//! found the alternative tables; that no line has a single hidden cell is counted afresh.

use super::table::{Fate, Key, Table};

/// Every hidden cell has been seen to take other values, nothing small is shown, and no cell is the only
/// hidden one of a line: a parent and its children in one dimension.
pub(super) fn holds(table: &Table) -> bool {
    table.cells.iter().all(|cell| match cell.fate {
        Fate::Published => lines_hold(table, cell.key),
        Fate::Primary => cell.seen_low && cell.seen_high,
        Fate::Complementary => cell.seen_low || cell.seen_high,
    }) && table.cells.iter().all(|cell| {
        // A hidden parent is found where all its children are shown.
        cell.fate == Fate::Published
            || table.dims.iter().enumerate().all(|(d, dim)| {
                dim.is_leaf(cell.key.node(d)) || hidden(table, cell.key, d) != (0, 0)
            })
    })
}

/// Below a shown cell, in each dimension: none hidden, or two or more of them.
fn lines_hold(table: &Table, key: Key) -> bool {
    (0..table.dims.len()).all(|d| {
        let (full, empty) = hidden(table, key, d);
        full == 0 || full + empty >= 2
    })
}

/// The hidden children of a cell in one dimension: those with a count, and those without.
fn hidden(table: &Table, key: Key, d: usize) -> (usize, usize) {
    let children = table.dims.get(d).map(|dim| dim.children(key.node(d)));
    let mut sum = (0, 0);
    for child in children.unwrap_or_default() {
        match table.cell(key.with(d, *child)) {
            None => sum.1 += 1,
            Some(cell) if cell.fate != Fate::Published => sum.0 += 1,
            Some(_) => {}
        }
    }
    sum
}
