//! What one unit may add: at most `cells_max` cells in one of its own periods and at most
//! `per_cell_max` events in each (DESIGN 7.1).
//!
//! Which ones is decided by HMAC-SHA256 under the local secret, so that a re-run keeps the same, in
//! whatever order the rows come, and nobody outside can tell which were dropped.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use policies::table::Histogram;

use policies::mutants::{Mutant, instead_of};

use super::cells::{Overflow, TableCells};
use super::secret::{SECRET_BYTES, Secret};
use super::spill::{Event, SUMS_MAX};

/// The bounds of one table, with the secret that applies them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds<'a> {
    pub table: &'a str,
    pub cells_max: usize,
    pub per_cell_max: usize,
    pub histograms: &'a [Binned<'a>],
    pub secret: &'a Secret,
}

/// What a unit adds to one cell.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Share {
    pub period: i32,
    pub key: u64,
    /// Events kept.
    pub events: u64,
    /// Sums of the kept events' values.
    pub sums: [u64; SUMS_MAX],
    /// Kept events in each bin of the table's histograms, one after the other.
    pub bins: Vec<u64>,
}

impl Share {
    /// Nothing yet.
    pub fn new(period: i32, key: u64) -> Self {
        Self {
            period,
            key,
            events: 0,
            sums: [0; SUMS_MAX],
            bins: Vec::new(),
        }
    }

    /// Adds an event with these values.
    pub fn add(&mut self, values: &[u32; SUMS_MAX], histograms: &[Binned<'_>]) {
        self.events += 1;
        for (sum, value) in self.sums.iter_mut().zip(values) {
            // 2³² events of the greatest value leave 64 bits, and no file has so many of one person in one cell:
            // the broker refuses such a sum.
            *sum = sum.saturating_add(u64::from(*value));
        }
        let mut first = 0;
        for binned in histograms {
            let value = values.get(binned.sum).copied().unwrap_or_default();
            let (bin, end) = (
                first + binned.histogram.bin_of(value),
                first + binned.histogram.bins(),
            );
            self.bins.resize(self.bins.len().max(end), 0);
            if let Some(count) = self.bins.get_mut(bin) {
                *count += 1;
            }
            first = end;
        }
    }
}

/// A histogram, and the place of its values among the table's sums.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Binned<'a> {
    pub histogram: &'a Histogram,
    pub sum: usize,
}

/// Takes events in sorted order and gives each unit's bounded share to the cells.
pub(crate) struct Bounder<'a> {
    bounds: Bounds<'a>,
    /// The last event seen: which unit-period and cell is open.
    last: Option<Event>,
    /// Values of the open cell's events. Events of the same values are interchangeable, so their
    /// values are all that is ranked.
    values: Bottom<[u32; SUMS_MAX]>,
    cells: Bottom<Share>,
}

impl<'a> Bounder<'a> {
    pub fn new(bounds: Bounds<'a>) -> Self {
        Self {
            bounds,
            last: None,
            values: Bottom::new(instead_of(
                bounds.per_cell_max,
                Mutant::EventsUnbounded,
                usize::MAX,
            )),
            cells: Bottom::new(instead_of(
                bounds.cells_max,
                Mutant::CellsUnbounded,
                usize::MAX,
            )),
        }
    }

    /// The next event; it MUST NOT sort before the one that came last.
    pub fn push(&mut self, event: &Event, out: &mut TableCells) -> Result<(), Overflow> {
        if let Some(last) = self.last {
            let same_unit = (last.unit, last.unit_period) == (event.unit, event.unit_period);
            let same_cell = (last.period, last.key) == (event.period, event.key);
            if !(same_unit && same_cell) {
                self.close_cell(&last, out);
            }
            if !same_unit {
                self.close_unit(out)?;
            }
        }
        self.last = Some(*event);
        let bounds = self.bounds;
        let rank = |values: &[u32; SUMS_MAX]| bounds.rank_event(event, values);
        if self.values.push(event.values, rank).is_some() {
            out.dropped_by_per_cell_max(event.period, 1);
        }
        Ok(())
    }

    /// After the last event.
    pub fn finish(mut self, out: &mut TableCells) -> Result<(), Overflow> {
        if let Some(last) = self.last {
            self.close_cell(&last, out);
        }
        self.close_unit(out)
    }

    fn close_cell(&mut self, of: &Event, out: &mut TableCells) {
        let bounds = self.bounds;
        let mut share = Share::new(of.period, of.key);
        for values in self.values.take() {
            share.add(&values, bounds.histograms);
        }
        let rank = |share: &Share| bounds.rank_cell(of, share);
        if let Some(dropped) = self.cells.push(share, rank) {
            out.dropped_by_cells_max(dropped.period, dropped.events);
        }
    }

    fn close_unit(&mut self, out: &mut TableCells) -> Result<(), Overflow> {
        let mut periods = Vec::new();
        for share in self.cells.take() {
            out.add(&share)?;
            periods.push(share.period);
        }
        periods.sort_unstable();
        periods.dedup();
        periods.iter().for_each(|period| out.active_unit(*period));
        Ok(())
    }
}

impl Bounds<'_> {
    fn rank_cell(&self, of: &Event, share: &Share) -> Rank {
        self.rank(b"cell", of, share.period, share.key, &[0; SUMS_MAX])
    }

    fn rank_event(&self, of: &Event, values: &[u32; SUMS_MAX]) -> Rank {
        self.rank(b"event", of, of.period, of.key, values)
    }

    fn rank(&self, what: &[u8], of: &Event, period: i32, key: u64, values: &[u32]) -> Rank {
        let mut numbers = [0; 4 * SUMS_MAX];
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        for (to, from) in numbers.iter_mut().zip(bytes) {
            *to = from;
        }
        // All parts but the last two have one length, and a table's name never holds a zero byte.
        self.secret.tag(&[
            &of.unit,
            &of.unit_period.to_le_bytes(),
            &period.to_le_bytes(),
            &key.to_le_bytes(),
            &numbers,
            self.table.as_bytes(),
            &[0],
            what,
        ])
    }
}

type Rank = [u8; SECRET_BYTES];

/// The `most` items of lowest rank. Ranks are made only once there are more items than that.
struct Bottom<T> {
    most: usize,
    few: Vec<T>,
    ranked: BinaryHeap<Ranked<T>>,
}

impl<T> Bottom<T> {
    fn new(most: usize) -> Self {
        Self {
            most,
            few: Vec::new(),
            ranked: BinaryHeap::new(),
        }
    }

    /// Takes an item, and gives back the one that no longer has a place.
    fn push(&mut self, item: T, rank: impl Fn(&T) -> Rank) -> Option<T> {
        if self.ranked.is_empty() && self.few.len() < self.most {
            self.few.push(item);
            return None;
        }
        for item in self.few.drain(..).chain([item]) {
            self.ranked.push(Ranked {
                rank: rank(&item),
                item,
            });
        }
        self.ranked.pop().map(|ranked| ranked.item)
    }

    /// Empties it.
    fn take(&mut self) -> impl Iterator<Item = T> + '_ {
        self.few
            .drain(..)
            .chain(self.ranked.drain().map(|ranked| ranked.item))
    }
}

/// Ordered by rank alone.
struct Ranked<T> {
    rank: Rank,
    item: T,
}

impl<T> PartialEq for Ranked<T> {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl<T> Eq for Ranked<T> {}

impl<T> PartialOrd for Ranked<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Ranked<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}
