//! Released rows as they came, with every value as a reader says it.

use std::borrow::Cow;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type, UInt8Type};
use policies::coarse::{ALL, Coarsening};
use policies::column::{MARGIN, RUNG, is_over_all};
use policies::kind::DimensionKind;
use policies::period::DayBins;
use policies::table::Table;

use crate::error::ExportError;
use crate::label::bin_text;

/// Rows of one released table.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    batch: &'a RecordBatch,
    table: &'a Table,
    coarser: &'a [Coarsening],
    is_ladder: bool,
}

/// One value of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// A zone, a category, or a day bin as `07:00-09:00`.
    Text(Cow<'a, str>),
    /// A released number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
    /// Nothing: the row is withheld.
    Missing,
}

impl<'a> Rows<'a> {
    /// Rows with the columns of `proto::columns::released_schema`. `coarser` is what became of the table's
    /// cells: of a merge one coarsening, of a ladder one per rung above 0. Day bins are shown as long as they
    /// are there.
    #[must_use]
    pub fn new(batch: &'a RecordBatch, table: &'a Table, coarser: &'a [Coarsening]) -> Self {
        Self {
            batch,
            table,
            coarser,
            is_ladder: batch.column_by_name(RUNG).is_some(),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(self) -> usize {
        self.batch.num_rows()
    }

    /// The rows as Arrow columns.
    #[must_use]
    pub fn batch(self) -> &'a RecordBatch {
        self.batch
    }

    /// Are there rows of coarser rungs?
    #[must_use]
    pub fn is_ladder(self) -> bool {
        self.is_ladder
    }

    /// How many columns, from the left, are the key's.
    #[must_use]
    pub fn key_columns(self) -> usize {
        self.table.kind().map_or(0, |kind| kind.dimensions.len())
    }

    /// The columns' names.
    pub fn names(self) -> impl Iterator<Item = &'a str> {
        let fields = self.batch.schema_ref().fields();
        fields.iter().map(|field| field.name().as_str())
    }

    /// The values of one row.
    ///
    /// # Errors
    /// [`ExportError::Column`] where a column has another type than a release's, or the row is not there.
    pub fn values(self, row: usize) -> Result<Vec<Value<'a>>, ExportError> {
        let columns = self.batch.columns().iter().zip(self.names());
        columns
            .map(|(column, name)| self.value(column.as_ref(), name, row))
            .collect()
    }

    /// Is it a row of the table's own grain, neither of a coarser rung nor a margin?
    #[must_use]
    pub fn is_finest(self, row: usize) -> bool {
        self.rung(row).unwrap_or(0) == 0 && self.margin(row).unwrap_or("").is_empty()
    }

    fn value(
        self,
        column: &'a dyn Array,
        name: &str,
        row: usize,
    ) -> Result<Value<'a>, ExportError> {
        let value = if let Some(bins) = column.as_primitive_opt::<UInt8Type>() {
            let bin = bins.values().get(row);
            bin.map(|bin| self.bin(name, *bin, row))
        } else {
            value(column, row)
        };
        value.ok_or_else(|| ExportError::Column {
            name: name.to_owned(),
        })
    }

    fn rung(self, row: usize) -> Option<u8> {
        let rungs = self.batch.column_by_name(RUNG)?;
        let rungs = rungs.as_primitive_opt::<UInt8Type>()?;
        rungs.values().get(row).copied()
    }

    fn margin(self, row: usize) -> Option<&'a str> {
        text(self.batch.column_by_name(MARGIN)?.as_ref(), row)
    }

    /// The day bins of a row: the table's own, or those of its rung or merge.
    fn bins_of(self, row: usize) -> &'a DayBins {
        let coarsening = match (self.is_ladder, self.rung(row)) {
            (true, Some(rung)) => usize::from(rung).checked_sub(1),
            (true, None) => None,
            (false, _) => Some(0),
        };
        let coarsening = coarsening.and_then(|n| self.coarser.get(n));
        let bins = coarsening.and_then(|coarsening| coarsening.bins.as_ref());
        bins.unwrap_or(&self.table.bins)
    }

    fn bin(self, name: &str, bin: u8, row: usize) -> Value<'a> {
        let dimensions = self.table.kind().map(|kind| kind.dimensions.as_slice());
        let mut dimensions = dimensions.unwrap_or_default().iter();
        let kind = dimensions.find(|d| d.name == name).map(|d| d.kind);
        match kind {
            // The total over a day is not its first bin.
            Some(DimensionKind::DayBin)
                if self
                    .margin(row)
                    .is_some_and(|margin| is_over_all(margin, name)) =>
            {
                Value::Text(ALL.into())
            }
            Some(DimensionKind::DayBin) => {
                // A coarser bin is keyed by the first of the table's bins in it.
                let bins = self.bins_of(row);
                let start = self.table.bins.starts().get(usize::from(bin));
                let own = start.and_then(|s| bins.starts().iter().position(|b| b == s));
                let own = own.and_then(|n| u8::try_from(n).ok()).unwrap_or(bin);
                Value::Text(bin_text(bins, own).into())
            }
            _ => Value::Number(i64::from(bin)),
        }
    }
}

/// One value of a column as it stands; `None` for other types than a release's.
pub(crate) fn value(column: &dyn Array, row: usize) -> Option<Value<'_>> {
    if row >= column.len() {
        return None;
    }
    if column.is_null(row) {
        return Some(Value::Missing);
    }
    if let Some(numbers) = column.as_primitive_opt::<Int64Type>() {
        return Some(Value::Number(numbers.value(row)));
    }
    if let Some(numbers) = column.as_primitive_opt::<UInt8Type>() {
        return Some(Value::Number(numbers.value(row).into()));
    }
    if let Some(flags) = column.as_boolean_opt() {
        return Some(Value::Flag(flags.value(row)));
    }
    text(column, row).map(|text| Value::Text(text.into()))
}

/// One text of a dictionary column.
pub(crate) fn text(column: &dyn Array, row: usize) -> Option<&str> {
    let values = column.as_dictionary_opt::<Int32Type>()?;
    let texts = values.values().as_string_opt::<i32>()?;
    let key = (row < values.len()).then(|| values.key(row))??;
    (key < texts.len()).then(|| texts.value(key))
}
