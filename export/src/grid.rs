//! Released rows among all keys of the public domain.
//!
//! Held are the released rows alone. A file that lists every key reads pages made on its way, so that a domain of many
//! millions needs no memory.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, DictionaryArray, RecordBatch, StringDictionaryBuilder,
    UInt8Array, UInt32Array, new_null_array,
};
use arrow::compute::{concat, take};
use arrow::datatypes::{Field, Int32Type, Schema};
use policies::coarse::Merge;
use policies::column::{K_ONLY, MARGIN, PROTECTION, RUNG};
use serde::Serialize;

use crate::column::{Column, WITHHELD, columns};
use crate::domain::Keys;
use crate::error::ExportError;
use crate::rows::{Rows, Value, value};
use crate::sheet::Sheet;
use crate::zones::Zones;

/// Rows of one page.
const PAGE_ROWS: usize = 65_536;

/// Which keys of the public domain have a row in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// Every one, released or withheld.
    Every,
    /// Those with a released row; the papers say how many others there are.
    Released,
}

/// The released rows of a table, and the public domain that they stand in.
#[derive(Debug, Clone)]
pub struct Grid {
    /// Those of the table's own grain by the numbers of their keys, then coarser ones and margins.
    batch: RecordBatch,
    /// The columns behind the key once more, with one row more: what stands there of a withheld key.
    behind: Vec<ArrayRef>,
    /// The numbers of the keys of the rows of the table's own grain.
    numbers: Vec<u64>,
    keys: Keys,
    /// How many keys there are.
    count: u64,
    columns: Vec<Column>,
}

/// What a file says about the table's public domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Domain {
    /// Its keys.
    pub keys: u64,
    /// Those without a released row: suppressed and absent alike.
    pub withheld: u64,
    /// Does each of them have a row?
    pub listed: bool,
}

impl Grid {
    /// Puts released rows in the order of the public domain, coarser rows and margins behind them.
    pub(crate) fn build(rows: Rows, sheet: &Sheet, zones: &Zones) -> Result<Self, ExportError> {
        let merge = sheet.merge.as_ref().map(Merge::coarsening).cloned();
        let keys = Keys::of(&sheet.table, &merge.unwrap_or_default(), zones)?;
        let count = keys.count();
        if count != Some(sheet.domain_keys) {
            return Err(ExportError::Domain {
                found: count.map_or_else(|| "too many".into(), |n| n.to_string()),
                stated: sheet.domain_keys,
            });
        }
        let (finest, beside) = order(rows, &keys)?;
        let from: UInt32Array = finest.iter().map(|(_, row)| *row).chain(beside).collect();
        let behind = behind(rows, &from)?;
        let batch = as_written(rows, &from, &behind)?;
        Ok(Self {
            columns: columns(batch.schema_ref(), &sheet.table, sheet.unit),
            batch,
            behind,
            numbers: finest.into_iter().map(|(number, _)| number).collect(),
            keys,
            count: sheet.domain_keys,
        })
    }

    /// The released rows as Arrow columns: texts are dictionaries, day bins are texts, `withheld` is false.
    #[must_use]
    pub fn batch(&self) -> &RecordBatch {
        &self.batch
    }

    /// The rows of a file, a page at a time: keys in the order of the domain, then coarser rows and margins.
    /// Of a withheld key all columns but labels are null.
    ///
    /// # Errors
    /// [`ExportError::Arrow`] for each page that cannot be made.
    pub fn pages(
        &self,
        listed: Listed,
    ) -> impl Iterator<Item = Result<RecordBatch, ExportError>> + '_ {
        let every = listed == Listed::Every;
        let keys = 0..if every { self.count } else { 0 };
        let pages = keys.step_by(PAGE_ROWS).map(|first| {
            let until = first.saturating_add(PAGE_ROWS as u64).min(self.count);
            self.page(first..until)
        });
        let from = if every { self.numbers.len() } else { 0 };
        let rest = self.batch.slice(from, self.count() - from);
        pages.chain((rest.num_rows() > 0).then_some(Ok(rest)))
    }

    /// A row for each of these keys.
    fn page(&self, keys: Range<u64>) -> Result<RecordBatch, ExportError> {
        let number = |n: usize| u32::try_from(n).map_err(|_| ExportError::Key);
        let withheld = number(self.count())?;
        let mut columns = self.keys.columns(keys.clone())?;
        let mut from: Vec<u32> = keys.clone().map(|_| withheld).collect();
        let first = self.numbers.partition_point(|known| *known < keys.start);
        let released = self.numbers.iter().enumerate().skip(first);
        for (row, known) in released.take_while(|(_, known)| **known < keys.end) {
            let place = usize::try_from(known - keys.start).ok();
            if let Some(place) = place.and_then(|place| from.get_mut(place)) {
                *place = number(row)?;
            }
        }
        let from = UInt32Array::from(from);
        for column in &self.behind {
            columns.push(take(column, &from, None)?);
        }
        Ok(RecordBatch::try_new(self.batch.schema(), columns)?)
    }

    /// What the columns mean, in their order.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// What a file says about the public domain.
    #[must_use]
    pub fn domain(&self, listed: Listed) -> Domain {
        Domain {
            keys: self.count,
            withheld: self.count.saturating_sub(self.numbers.len() as u64),
            listed: listed == Listed::Every,
        }
    }

    /// The public domain.
    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// How many released rows there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.batch.num_rows()
    }

    /// How many columns, from the left, are the key's.
    pub(crate) fn key_columns(&self) -> usize {
        self.keys.axes().len()
    }

    /// One value of a released row; missing where the row is not there.
    #[must_use]
    pub fn value(&self, column: usize, row: usize) -> Value<'_> {
        cell(&self.batch, column, row)
    }

    /// The place of a column.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Rows of coarser rungs, and margins.
    pub(crate) fn beside(&self) -> Range<usize> {
        self.numbers.len()..self.count()
    }

    /// Is it a row of the table's own grain, neither of a coarser rung nor a margin?
    pub(crate) fn is_finest(&self, row: usize) -> bool {
        row < self.numbers.len()
    }
}

/// One value of a page; missing where it is withheld, or not there.
pub(crate) fn cell(page: &RecordBatch, column: usize, row: usize) -> Value<'_> {
    let column = page.columns().get(column);
    column
        .and_then(|column| value(column.as_ref(), row))
        .unwrap_or(Value::Missing)
}

/// The rows of the table's own grain with the numbers of their keys, in order, and the others.
type Order = (Vec<(u64, u32)>, Vec<u32>);

fn order(rows: Rows, keys: &Keys) -> Result<Order, ExportError> {
    let (mut finest, mut beside) = (Vec::new(), Vec::new());
    let mut known = HashSet::new();
    for row in 0..rows.count() {
        let number = u32::try_from(row).map_err(|_| ExportError::Key)?;
        if !rows.is_finest(row) {
            beside.push(number);
            continue;
        }
        let values = rows.values(row)?;
        let key = values.get(..rows.key_columns()).unwrap_or_default();
        let key = keys.number(key).ok_or(ExportError::Key)?;
        if !known.insert(key) {
            return Err(ExportError::Key);
        }
        finest.push((key, number));
    }
    finest.sort_unstable();
    Ok((finest, beside))
}

/// The columns behind the key in an order, and `withheld`; then the row of a withheld key. That is one of the table's
/// own grain: of rung 0, and no margin.
fn behind(rows: Rows, from: &UInt32Array) -> Result<Vec<ArrayRef>, ExportError> {
    let mut arrays: Vec<ArrayRef> = Vec::new();
    let columns = rows.batch().columns().iter().zip(rows.names());
    for (column, name) in columns.skip(rows.key_columns()) {
        let withheld: ArrayRef = match name {
            RUNG => Arc::new(UInt8Array::from(vec![0])),
            MARGIN => label(""),
            PROTECTION => label(K_ONLY),
            _ => new_null_array(column.data_type(), 1),
        };
        if withheld.data_type() != column.data_type() {
            return Err(ExportError::Column { name: name.into() });
        }
        arrays.push(concat(&[&take(column, from, None)?, &withheld])?);
    }
    let mut withheld = vec![false; from.len()];
    withheld.push(true);
    arrays.push(Arc::new(BooleanArray::from(withheld)));
    Ok(arrays)
}

fn label(text: &str) -> ArrayRef {
    Arc::new(std::iter::once(text).collect::<DictionaryArray<Int32Type>>())
}

/// The rows as files have them, in an order.
fn as_written(
    rows: Rows,
    from: &UInt32Array,
    behind: &[ArrayRef],
) -> Result<RecordBatch, ExportError> {
    let mut arrays = keys_as_text(rows, from)?;
    arrays.extend(behind.iter().map(|column| column.slice(0, from.len())));
    let names = rows.names().chain([WITHHELD]);
    let always = [RUNG, MARGIN, PROTECTION, WITHHELD];
    let fields = names.zip(&arrays).enumerate().map(|(n, (name, array))| {
        let optional = n >= rows.key_columns() && !always.contains(&name);
        Field::new(name, array.data_type().clone(), optional)
    });
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    Ok(RecordBatch::try_new(schema, arrays)?)
}

fn keys_as_text(rows: Rows, from: &UInt32Array) -> Result<Vec<ArrayRef>, ExportError> {
    let mut builders: Vec<StringDictionaryBuilder<Int32Type>> = (0..rows.key_columns())
        .map(|_| StringDictionaryBuilder::new())
        .collect();
    for row in from.values() {
        let row = usize::try_from(*row).map_err(|_| ExportError::Key)?;
        for (builder, value) in builders.iter_mut().zip(rows.values(row)?) {
            match value {
                Value::Text(text) => builder.append(&text)?,
                _ => return Err(ExportError::Key),
            };
        }
    }
    let columns = builders.into_iter();
    Ok(columns
        .map(|mut builder| Arc::new(builder.finish()) as ArrayRef)
        .collect())
}

#[cfg(test)]
mod tests;
