//! One primary cell after the other: alternative tables, and what has to be hidden for them.

use super::boxes::{Direction, Search};
use super::table::{Fate, Key, Map, Table};

/// Partial moves before one is asked that does the rest at once: bounds the work of one cell.
const MOVES_MAX: usize = 32;

/// Hides what is needed. Afterwards every hidden cell has been seen in alternative tables.
pub(super) fn protect(table: &mut Table, k: i64) {
    let primary = table.cells.iter().enumerate();
    let primary = primary.filter(|(_, cell)| cell.fate == Fate::Primary);
    let mut order: Vec<_> = primary
        .map(|(i, cell)| (std::cmp::Reverse(table.height(cell.key)), cell.key, i))
        .collect();
    order.sort_unstable();
    let mut work = Work {
        k,
        changes: Map::default(),
        below: Vec::new(),
        search: Search::default(),
    };
    for (_, key, i) in order {
        let seen = |table: &Table| table.cells.get(i).map(|c| (c.seen_low, c.seen_high));
        if let Some((false, _)) = seen(table) {
            work.lower(table, key);
        }
        if let Some((_, false)) = seen(table) {
            work.raise(table, key);
        }
    }
}

/// The least count that has to remain possible.
pub(super) fn high(count: i64, k: i64) -> i64 {
    k.max(count.saturating_add(1))
}

struct Work {
    k: i64,
    /// The alternative table, as differences to the true one.
    changes: Map<Key, i64>,
    below: Vec<Key>,
    search: Search,
}

impl Work {
    /// To an alternative table in which the cell is 0: each finest cell below it gives what it has to cells
    /// outside.
    fn lower(&mut self, table: &mut Table, cell: Key) {
        self.start(table, cell);
        for from in std::mem::take(&mut self.below) {
            let count = table.cell(from).map_or(0, |cell| cell.count);
            self.push(table, from, cell, Direction::Down, count);
        }
    }

    /// To an alternative table in which the cell is as large as it has to be able to be.
    fn raise(&mut self, table: &mut Table, cell: Key) {
        self.start(table, cell);
        let count = table.cell(cell).map_or(0, |cell| cell.count);
        if let Some(from) = self.below.first().copied() {
            let need = high(count, self.k) - count;
            self.push(table, from, cell, Direction::Up, need);
        }
    }

    fn start(&mut self, table: &Table, cell: Key) {
        self.changes.clear();
        self.below.clear();
        table.base_below(cell, &mut self.below);
    }

    fn push(&mut self, table: &mut Table, from: Key, cell: Key, to: Direction, mut need: i64) {
        for round in 0..=MOVES_MAX {
            if need <= 0 {
                return;
            }
            let least = if round < MOVES_MAX { 1 } else { need };
            let found = self
                .search
                .cheapest(table, &self.changes, from, cell, to, (least, need));
            for (key, more) in &found.changed {
                let change = self.changes.entry(*key).or_insert(0);
                *change += if *more { found.amount } else { -found.amount };
                if let Some(i) = table.find(*key) {
                    note(table, i, *change, self.k);
                }
            }
            need -= found.amount;
        }
    }
}

/// Hides a cell that an alternative table changes, and keeps what that table shows about it.
fn note(table: &mut Table, i: usize, change: i64, k: i64) {
    let Some(cell) = table.cells.get_mut(i) else {
        return;
    };
    match cell.fate {
        Fate::Published | Fate::Complementary => {
            cell.fate = Fate::Complementary;
            cell.seen_low |= change < 0;
            cell.seen_high |= change > 0;
        }
        Fate::Primary => {
            cell.seen_low |= change == -cell.count;
            cell.seen_high |= cell.count.saturating_add(change) >= high(cell.count, k);
        }
    }
}
