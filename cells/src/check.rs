//! The gate for contributed cells: what the broker can check, it checks here, batch by batch.
//!
//! DESIGN section 7 rule 1: contributors ≤ events ≤ per_cell_max · contributors, sums within
//! clamps, bins of a histogram adding up to events, Σ contributors ≤ cells_max · declared active
//! units. Cells MUST come sorted by key,
//! strictly ascending; that finds duplicates without memory and makes Parquet small.

mod fault;
mod layout;
mod range;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use policies::agreement::Unit;
use policies::table::Table;

pub use fault::{CheckError, Fault, SetupError};
use layout::Layout;

/// Most contributors, events or summed value in one cell: sums over all cells stay inside 64 bits.
pub const VALUE_MAX: u64 = 1 << 40;

/// Most that a cell's events can make of the two halves of a centred sum, 2·sum and
/// (min + max)·count: with noise they stay inside 64 bits, so that no release fails by size after
/// its charge.
pub const CENTRED_MAX: u128 = 1 << 52;

/// What one contribution may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most cells.
    pub rows_max: u64,
    /// Most bytes of Arrow data, dictionaries counted where they change.
    pub bytes_max: u64,
    /// Most values in the dictionary of one column of one batch.
    pub dictionary_max: usize,
}

/// Checks the batches of one contribution in the order they come.
#[derive(Debug)]
pub struct Checker {
    layout: Layout,
    limits: Limits,
    per_cell_max: u32,
    /// cells_max · active units, where those were declared.
    touched_max: Option<u128>,
    progress: Progress,
}

/// A batch that passed; schema and dictionaries are ours, without anything the sender may have
/// attached.
#[derive(Clone)]
pub struct CheckedBatch(RecordBatch);

/// The evidence that a whole contribution passed; [`crate::write::Writer::finish`] consumes it.
#[derive(Debug)]
pub struct Checked {
    rows: u64,
}

#[derive(Default)]
struct Progress {
    rows: u64,
    bytes: u64,
    contributors: u128,
    last_key: Option<u64>,
}

/// Without numbers.
impl std::fmt::Debug for Progress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Progress")
    }
}

impl std::fmt::Debug for CheckedBatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CheckedBatch")
    }
}

impl Checker {
    /// For one table of an agreement whose zoning has these zone ids, sorted, each once.
    ///
    /// # Errors
    /// [`SetupError`] where the table has no kind or the zones are not sorted: a fault of the
    /// broker, not of the contribution.
    pub fn new(
        table: &Table,
        unit: Unit,
        zones: &Arc<[String]>,
        limits: Limits,
    ) -> Result<Self, SetupError> {
        Ok(Self {
            layout: Layout::new(table, unit, zones)?,
            limits,
            per_cell_max: table.per_cell_max,
            touched_max: None,
            progress: Progress::default(),
        })
    }

    /// Adds the bound that follows from active units: those declared, else all that the agreement allows.
    #[must_use]
    pub fn with_active_units(mut self, table: &Table, active_units: Option<u64>) -> Self {
        self.touched_max =
            active_units.map(|units| u128::from(units) * u128::from(table.cells_max));
        self
    }

    /// The columns that batches MUST have.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.layout.schema
    }

    pub(crate) fn key_columns(&self) -> usize {
        self.layout.key_columns()
    }

    /// Checks the next batch. After an error the contribution is refused as a whole.
    ///
    /// # Errors
    /// [`CheckError`] for the first fault found; it names row and column, never a value.
    pub fn check(&mut self, batch: &RecordBatch) -> Result<CheckedBatch, CheckError> {
        self.layout.check_schema(batch)?;
        self.check_size(batch)?;
        self.check_nulls(batch)?;
        self.layout
            .check_dictionaries(batch, self.limits.dictionary_max)?;
        let mut columns = self.check_order(batch)?;
        self.check_ranges(batch)?;
        columns.extend(batch.columns().iter().skip(columns.len()).cloned());
        let own = RecordBatch::try_new(Arc::clone(&self.layout.schema), columns);
        let own = own.map_err(|_| CheckError::whole(Fault::Schema))?;
        self.progress.rows += batch.num_rows() as u64;
        Ok(CheckedBatch(own))
    }

    /// Ends the contribution.
    ///
    /// # Errors
    /// [`CheckError`] with [`Fault::ActiveUnits`] where contributors add up to more than the
    /// active units allow.
    pub fn finish(self) -> Result<Checked, CheckError> {
        let touched = self.progress.contributors;
        if self.touched_max.is_some_and(|most| touched > most) {
            return Err(CheckError::whole(Fault::ActiveUnits));
        }
        Ok(Checked {
            rows: self.progress.rows,
        })
    }

    fn check_size(&mut self, batch: &RecordBatch) -> Result<(), CheckError> {
        // A sum that saturates is over its limit, and refused.
        let rows = self.progress.rows.saturating_add(batch.num_rows() as u64);
        if rows > self.limits.rows_max {
            return Err(CheckError::whole(Fault::Rows {
                max: self.limits.rows_max,
            }));
        }
        let sizes = batch
            .columns()
            .iter()
            .map(|c| c.to_data().get_slice_memory_size());
        let bytes: usize = sizes
            .map(|size| size.unwrap_or(usize::MAX))
            .fold(0, usize::saturating_add);
        self.progress.bytes = self.progress.bytes.saturating_add(bytes as u64);
        if self.progress.bytes > self.limits.bytes_max {
            return Err(CheckError::whole(Fault::Bytes {
                max: self.limits.bytes_max,
            }));
        }
        Ok(())
    }

    fn check_nulls(&self, batch: &RecordBatch) -> Result<(), CheckError> {
        for (column, field) in batch.columns().iter().zip(self.layout.schema.fields()) {
            let Some(nulls) = column
                .logical_nulls()
                .filter(|nulls| nulls.null_count() > 0)
            else {
                continue;
            };
            let row = nulls.iter().position(|valid| !valid).unwrap_or_default();
            return Err(self.at(row, field.name(), Fault::Null));
        }
        Ok(())
    }

    /// Gives the key columns over our own dictionaries.
    fn check_order(&mut self, batch: &RecordBatch) -> Result<Vec<ArrayRef>, CheckError> {
        let keys = self.layout.keys(batch);
        let (keys, own) = keys.map_err(|miss| self.at(miss.row, &miss.column, miss.fault))?;
        for (row, key) in keys.into_iter().enumerate() {
            match self.progress.last_key {
                Some(last) if key == last => return Err(self.at_row(row, Fault::Duplicate)),
                Some(last) if key < last => return Err(self.at_row(row, Fault::Order)),
                _ => self.progress.last_key = Some(key),
            }
        }
        Ok(own)
    }

    fn check_ranges(&mut self, batch: &RecordBatch) -> Result<(), CheckError> {
        let numbers = self.layout.numbers(batch)?;
        let broken = range::first_broken(&numbers, self.per_cell_max);
        if let Some(broken) = broken {
            return Err(self.at(broken.row, broken.column, broken.fault));
        }
        // Each is at most VALUE_MAX by now, of at most 2⁶⁴ rows: the sum stays inside 128 bits.
        let contributors = numbers.contributors.map(|column| column.values.iter());
        let sum: u128 = contributors
            .into_iter()
            .flatten()
            .map(|n| u128::from(*n))
            .sum();
        self.progress.contributors += sum;
        Ok(())
    }

    fn at(&self, row: usize, column: &str, fault: Fault) -> CheckError {
        let row = self.progress.rows + row as u64;
        CheckError {
            fault,
            row: Some(row),
            column: Some(column.to_owned()),
        }
    }

    fn at_row(&self, row: usize, fault: Fault) -> CheckError {
        CheckError {
            fault,
            row: Some(self.progress.rows + row as u64),
            column: None,
        }
    }
}

impl CheckedBatch {
    /// The columns.
    #[must_use]
    pub fn batch(&self) -> &RecordBatch {
        &self.0
    }
}

impl Checked {
    /// How many cells passed. It counts what was contributed: it MUST NOT leave the broker.
    #[must_use]
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }
}
