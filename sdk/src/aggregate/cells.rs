//! The cells of one table while they are counted, and as Arrow columns when they are done.
//!
//! Nothing here has a `Debug` form: true counts reach no log.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, UInt64Array};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;

use super::bound::Share;
use super::key::KeySpace;
use super::spill::SUMS_MAX;

/// A sum left 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Overflow;

/// What a measured column of a cell holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measured {
    /// Distinct units.
    Contributors,
    /// Events kept.
    Events,
    /// The sum at this place among the table's sums.
    Sum(usize),
    /// The bin at this place among the table's bins.
    Bin(usize),
}

/// Numbers by period and key; every cell has the same number of columns.
pub(crate) struct CellStore {
    width: usize,
    index: HashMap<(i32, u64), usize>,
    numbers: Vec<i64>,
}

impl CellStore {
    pub fn new(width: usize) -> Self {
        Self {
            width,
            index: HashMap::new(),
            numbers: Vec::new(),
        }
    }

    /// Adds one number to each column of a cell; true where the cell is new.
    pub fn add(
        &mut self,
        period: i32,
        key: u64,
        row: impl Iterator<Item = i64>,
    ) -> Result<bool, Overflow> {
        let next = self.index.len();
        let place = *self.index.entry((period, key)).or_insert(next);
        if place == next {
            self.numbers.resize(self.numbers.len() + self.width, 0);
        }
        let from = place * self.width;
        let cell = self
            .numbers
            .get_mut(from..from + self.width)
            .unwrap_or_default();
        for (sum, number) in cell.iter_mut().zip(row) {
            *sum = sum.checked_add(number).ok_or(Overflow)?;
        }
        Ok(place == next)
    }

    /// Divides every number, rounding to the nearest.
    pub fn round(&mut self, by: i64) {
        self.numbers
            .iter_mut()
            .for_each(|number| *number = (*number + by / 2).div_euclid(by));
    }

    /// Changes the numbers of every cell.
    pub fn each_cell(&mut self, mut change: impl FnMut(&mut [i64])) {
        if self.width > 0 {
            self.numbers
                .chunks_exact_mut(self.width)
                .for_each(&mut change);
        }
    }

    /// The period of every cell.
    pub fn periods(&self) -> impl Iterator<Item = i32> + '_ {
        self.index.keys().map(|(period, _)| *period)
    }

    /// How many cells there are.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// The sum of one column over the cells of each period.
    pub fn totals(&self, column: usize) -> BTreeMap<i32, u128> {
        let mut totals: BTreeMap<i32, u128> = BTreeMap::new();
        for ((period, _), place) in &self.index {
            let number = self.numbers.get(place * self.width + column);
            let number = number.and_then(|number| u128::try_from(*number).ok());
            *totals.entry(*period).or_default() += number.unwrap_or_default();
        }
        totals
    }

    /// The cells of each of these periods, or none, as columns in the order of `schema`: the key's, then the
    /// measured ones.
    pub fn batches(
        &self,
        keys: &KeySpace<'_>,
        schema: &SchemaRef,
        periods: impl Iterator<Item = i32>,
    ) -> Result<Vec<RecordBatch>, ArrowError> {
        let mut cells: Vec<(i32, u64, usize)> = self
            .index
            .iter()
            .map(|((period, key), place)| (*period, *key, *place))
            .collect();
        cells.sort_unstable();
        let batch = |period: i32| {
            let from = cells.partition_point(|cell| cell.0 < period);
            let until = cells.partition_point(|cell| cell.0 <= period);
            self.batch(keys, schema, cells.get(from..until).unwrap_or_default())
        };
        periods.map(batch).collect()
    }

    fn batch(
        &self,
        keys: &KeySpace<'_>,
        schema: &SchemaRef,
        cells: &[(i32, u64, usize)],
    ) -> Result<RecordBatch, ArrowError> {
        let packed: Vec<u64> = cells.iter().map(|cell| cell.1).collect();
        let axes = keys.axes().len();
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
        for axis in 0..axes {
            columns.push(keys.column(axis, &packed)?);
        }
        for (column, field) in schema.fields().iter().skip(axes).enumerate() {
            let numbers = cells.iter().map(|cell| {
                let at = cell.2 * self.width + column;
                self.numbers.get(at).copied().unwrap_or_default()
            });
            columns.push(match field.data_type() {
                DataType::UInt64 => Arc::new(UInt64Array::from_iter_values(
                    numbers.map(|number| u64::try_from(number).unwrap_or_default()),
                )),
                _ => Arc::new(Int64Array::from_iter_values(numbers)),
            });
        }
        RecordBatch::try_new(SchemaRef::clone(schema), columns)
    }
}

/// What happened to the events of one period.
#[derive(Clone, Copy, Default)]
pub(crate) struct Tally {
    pub events: u64,
    pub dropped_by_cells_max: u64,
    pub dropped_by_per_cell_max: u64,
    pub clamped: [u64; SUMS_MAX],
    pub units: u64,
}

/// One table's cells and tallies.
pub(crate) struct TableCells {
    measured: Vec<Measured>,
    pub store: CellStore,
    pub tallies: BTreeMap<i32, Tally>,
}

impl TableCells {
    pub fn new(measured: Vec<Measured>) -> Self {
        Self {
            store: CellStore::new(measured.len()),
            measured,
            tallies: BTreeMap::new(),
        }
    }

    /// Adds what one unit adds to one cell.
    pub fn add(&mut self, share: &Share) -> Result<(), Overflow> {
        let number = |measured: &Measured| match measured {
            Measured::Contributors => 1,
            Measured::Events => share.events,
            Measured::Sum(place) => share.sums.get(*place).copied().unwrap_or_default(),
            Measured::Bin(place) => share.bins.get(*place).copied().unwrap_or_default(),
        };
        // Each number is below 2⁶³: at most 2³² events of 32 bits would be needed in memory before.
        let row = self
            .measured
            .iter()
            .map(|m| i64::try_from(number(m)).unwrap_or(i64::MAX));
        self.store.add(share.period, share.key, row).map(|_| ())
    }

    pub fn event(&mut self, period: i32, clamped: [bool; SUMS_MAX]) {
        let tally = self.tallies.entry(period).or_default();
        tally.events += 1;
        for (count, clamped) in tally.clamped.iter_mut().zip(clamped) {
            *count += u64::from(clamped);
        }
    }

    pub fn dropped_by_cells_max(&mut self, period: i32, events: u64) {
        self.tallies.entry(period).or_default().dropped_by_cells_max += events;
    }

    pub fn dropped_by_per_cell_max(&mut self, period: i32, events: u64) {
        self.tallies
            .entry(period)
            .or_default()
            .dropped_by_per_cell_max += events;
    }

    pub fn active_unit(&mut self, period: i32) {
        self.tallies.entry(period).or_default().units += 1;
    }
}
