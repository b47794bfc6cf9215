//! The whole table with its margins: every cell that is not empty, by its key.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::tree::{Hierarchy, Node};
use super::{CELLS_MAX, DIMENSIONS_MAX, KOnlyError, Row};
use crate::protect::COUNT_MAX;

/// Maps are never walked, so that nothing depends on their order.
pub(super) type Map<K, V> = HashMap<K, V, FixedState>;

/// A cell's nodes, 16 bits each; the first dimension in the lowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(u64);

impl Key {
    /// Of these nodes, at most four.
    #[must_use]
    pub fn of(nodes: &[Node]) -> Self {
        let mut key = Self(0);
        for (d, node) in nodes.iter().enumerate().take(DIMENSIONS_MAX) {
            key = key.with(d, *node);
        }
        key
    }

    /// The node in dimension `d`.
    #[must_use]
    pub fn node(self, d: usize) -> Node {
        u16::try_from(self.0 >> (16 * d) & 0xffff).unwrap_or(0)
    }

    /// The same cell but for dimension `d`.
    #[must_use]
    pub fn with(self, d: usize, node: Node) -> Self {
        let shift = 16 * d;
        Self(self.0 & !(0xffff << shift) | u64::from(node) << shift)
    }
}

/// What is done with a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is shown.
    Published,
    /// Fewer than k contributors.
    Primary,
    /// Enough contributors, and hidden to protect another.
    Complementary,
}

/// One cell that is not empty. No Debug, as of the table: it holds a true count.
#[derive(Clone, Copy)]
pub(super) struct Cell {
    pub(super) key: Key,
    pub(super) count: i64,
    pub(super) fate: Fate,
    /// An alternative table has been found in which it is 0 (a complementary one: is another number).
    pub(super) seen_low: bool,
    /// An alternative table has been found in which it is as large as it has to be able to be.
    pub(super) seen_high: bool,
}

/// Dimensions and cells, coarse ones too.
pub(super) struct Table {
    pub(super) dims: Vec<Hierarchy>,
    pub(super) cells: Vec<Cell>,
    index: Map<Key, u32>,
}

impl Table {
    /// Adds up every margin and hides what has fewer than `k` contributors for sure.
    pub(super) fn new(
        dims: &[Hierarchy],
        rows: &[Row],
        k: u32,
        cells_max: u32,
    ) -> Result<Self, KOnlyError> {
        let mut table = Self {
            dims: dims.to_vec(),
            cells: Vec::new(),
            index: Map::default(),
        };
        // Of each cell: the largest number of contributors below it, and their sum.
        let mut units: Vec<(u64, u64)> = Vec::new();
        let mut keys = Vec::new();
        for row in rows.iter().filter(|row| row.count > 0) {
            table.check(row)?;
            if table.find(row.key).is_some() {
                return Err(KOnlyError::Twice);
            }
            let count = i64::try_from(row.count).map_err(|_| KOnlyError::Count)?;
            table.above(row.key, &mut keys);
            for key in &keys {
                let i = table.entry(*key, &mut units)?;
                let cell = table.cells.get_mut(i).ok_or(KOnlyError::Size)?;
                cell.count = cell.count.checked_add(count).ok_or(KOnlyError::Count)?;
                let (largest, sum) = units.get_mut(i).ok_or(KOnlyError::Size)?;
                *largest = (*largest).max(row.contributors);
                *sum = sum.checked_add(row.contributors).ok_or(KOnlyError::Count)?;
            }
        }
        let (k, cells_max) = (u64::from(k), u64::from(cells_max.max(1)));
        for (cell, (largest, sum)) in table.cells.iter_mut().zip(&units) {
            if (*largest).max(sum.div_ceil(cells_max)) < k {
                cell.fate = Fate::Primary;
            }
        }
        Ok(table)
    }

    fn check(&self, row: &Row) -> Result<(), KOnlyError> {
        let outside = (self.dims.len()..DIMENSIONS_MAX).any(|d| row.key.node(d) != 0);
        if outside || !self.is_base(row.key) {
            return Err(KOnlyError::Value);
        }
        if row.count > COUNT_MAX || row.contributors > row.count {
            return Err(KOnlyError::Count);
        }
        Ok(())
    }

    /// A cell and every coarser cell that holds it.
    fn above(&self, key: Key, into: &mut Vec<Key>) {
        into.clear();
        into.push(key);
        for (d, dim) in self.dims.iter().enumerate() {
            let up = dim.chain(key.node(d)).get(1..).unwrap_or_default();
            for i in 0..into.len() {
                let Some(key) = into.get(i).copied() else {
                    continue;
                };
                into.extend(up.iter().map(|node| key.with(d, *node)));
            }
        }
    }

    fn entry(&mut self, key: Key, units: &mut Vec<(u64, u64)>) -> Result<usize, KOnlyError> {
        if let Some(i) = self.find(key) {
            return Ok(i);
        }
        let i = self.cells.len();
        if i >= CELLS_MAX {
            return Err(KOnlyError::Size);
        }
        let number = u32::try_from(i).map_err(|_| KOnlyError::Size)?;
        self.index.insert(key, number);
        self.cells.push(Cell {
            key,
            count: 0,
            fate: Fate::Published,
            seen_low: false,
            seen_high: false,
        });
        units.push((0, 0));
        Ok(i)
    }

    /// The place of a cell in [`Self::cells`]; `None` where it is empty.
    pub(super) fn find(&self, key: Key) -> Option<usize> {
        let i = self.index.get(&key)?;
        usize::try_from(*i).ok()
    }

    /// The cell of a key; `None` where it is empty.
    pub(super) fn cell(&self, key: Key) -> Option<&Cell> {
        self.cells.get(self.find(key)?)
    }

    /// Is every node of it a value?
    pub(super) fn is_base(&self, key: Key) -> bool {
        self.dims
            .iter()
            .enumerate()
            .all(|(d, dim)| dim.is_leaf(key.node(d)))
    }

    /// Steps down to its finest cells, over all dimensions.
    pub(super) fn height(&self, key: Key) -> u32 {
        let heights = self.dims.iter().enumerate();
        heights
            .map(|(d, dim)| u32::from(dim.height(key.node(d))))
            .sum()
    }

    /// The finest cells below a cell that are not empty, in order.
    pub(super) fn base_below(&self, key: Key, into: &mut Vec<Key>) {
        if self.find(key).is_none() {
            return;
        }
        let split = self
            .dims
            .iter()
            .enumerate()
            .find(|(d, dim)| !dim.is_leaf(key.node(*d)));
        match split {
            None => into.push(key),
            Some((d, dim)) => {
                for child in dim.children(key.node(d)) {
                    self.base_below(key.with(d, *child), into);
                }
            }
        }
    }
}
