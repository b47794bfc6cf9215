//! Released rows among all keys of the public domain.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, RecordBatch, StringDictionaryBuilder, UInt8Array, UInt32Array,
};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Int32Type, Schema};
use policies::coarse::Merge;
use policies::column::{K_ONLY, MARGIN, PROTECTION, RUNG};
use serde::Serialize;

use crate::column::{Column, WITHHELD, columns};
use crate::domain::Keys;
use crate::error::ExportError;
use crate::limits::DOMAIN_KEYS_MAX;
use crate::rows::{Rows, Value, text, value};
use crate::sheet::Sheet;
use crate::zones::Zones;

/// The rows of a file: those released, and where the domain is not too large one for every key without.
#[derive(Debug, Clone)]
pub struct Grid {
    batch: RecordBatch,
    columns: Vec<Column>,
    domain: Domain,
}

/// What the rows say about the table's public domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Domain {
    /// Its keys.
    pub keys: u64,
    /// Those without a released row: suppressed and absent alike.
    pub withheld: u64,
    /// Does each of them have a row? Not above [`DOMAIN_KEYS_MAX`].
    pub listed: bool,
}

/// Which rows a file has: keys by number with the released row of each, then rows beside the domain.
struct Order {
    keys: Vec<(u64, Option<u32>)>,
    beside: Vec<u32>,
    domain: Domain,
}

impl Grid {
    /// Puts released rows in the order of the public domain, coarser rows and margins behind them.
    pub(crate) fn build(rows: Rows, sheet: &Sheet, zones: &Zones) -> Result<Self, ExportError> {
        let merge = sheet.merge.as_ref().map(Merge::coarsening).cloned();
        let keys = Keys::of(&sheet.table, &merge.unwrap_or_default(), zones)?;
        let order = order(rows, &keys, sheet)?;
        let from: Vec<Option<u32>> = order
            .keys
            .iter()
            .map(|(_, row)| *row)
            .chain(order.beside.iter().copied().map(Some))
            .collect();
        let mut arrays = key_columns(rows, &keys, &order)?;
        let source = rows.batch();
        let indices = UInt32Array::from(from.clone());
        for (column, field) in source
            .columns()
            .iter()
            .zip(source.schema_ref().fields())
            .skip(rows.key_columns())
        {
            arrays.push(match field.name().as_str() {
                RUNG => rungs(column, &indices)?,
                MARGIN => labels(column, &from, ""),
                PROTECTION => labels(column, &from, K_ONLY),
                _ => take(column, &indices, None)?,
            });
        }
        let withheld: Vec<bool> = from.iter().map(Option::is_none).collect();
        arrays.push(Arc::new(BooleanArray::from(withheld)));
        let names = rows.names().chain([WITHHELD]);
        let always = [RUNG, MARGIN, PROTECTION, WITHHELD];
        let fields = names.zip(&arrays).enumerate().map(|(n, (name, array))| {
            let optional = n >= rows.key_columns() && !always.contains(&name);
            Field::new(name, array.data_type().clone(), optional)
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Ok(Self {
            columns: columns(&schema, &sheet.table, sheet.unit),
            batch: RecordBatch::try_new(schema, arrays)?,
            domain: order.domain,
        })
    }

    /// The rows as Arrow columns: texts are dictionaries, day bins are texts, empty values are null.
    #[must_use]
    pub fn batch(&self) -> &RecordBatch {
        &self.batch
    }

    /// What the columns mean, in their order.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// What the rows say about the public domain.
    #[must_use]
    pub fn domain(&self) -> Domain {
        self.domain
    }

    /// How many rows there are, withheld ones included.
    #[must_use]
    pub fn count(&self) -> usize {
        self.batch.num_rows()
    }

    /// One value; missing where the row is withheld, or not there.
    #[must_use]
    pub fn value(&self, column: usize, row: usize) -> Value<'_> {
        let column = self.batch.columns().get(column);
        column
            .and_then(|column| value(column.as_ref(), row))
            .unwrap_or(Value::Missing)
    }

    /// The place of a column.
    #[must_use]
    pub fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The texts of a column, by name.
    pub(crate) fn text(&self, name: &str, row: usize) -> Option<&str> {
        text(self.batch.column_by_name(name)?.as_ref(), row)
    }
}

fn order(rows: Rows, keys: &Keys, sheet: &Sheet) -> Result<Order, ExportError> {
    let count = keys.count();
    if count != Some(sheet.domain_keys) {
        return Err(ExportError::Domain {
            found: count.map_or_else(|| "too many".into(), |n| n.to_string()),
            stated: sheet.domain_keys,
        });
    }
    let (mut of_key, mut beside) = (HashMap::new(), Vec::new());
    for row in 0..rows.count() {
        let number = u32::try_from(row).map_err(|_| ExportError::Key)?;
        if !rows.is_finest(row) {
            beside.push(number);
            continue;
        }
        let values = rows.values(row)?;
        let key = values.get(..rows.key_columns()).unwrap_or_default();
        let key = keys.number(key).ok_or(ExportError::Key)?;
        if of_key.insert(key, number).is_some() {
            return Err(ExportError::Key);
        }
    }
    let domain = Domain {
        keys: sheet.domain_keys,
        withheld: sheet.domain_keys.saturating_sub(of_key.len() as u64),
        listed: sheet.domain_keys <= DOMAIN_KEYS_MAX,
    };
    let mut keys: Vec<(u64, Option<u32>)> = if domain.listed {
        let all = 0..domain.keys;
        all.map(|key| (key, of_key.get(&key).copied())).collect()
    } else {
        of_key
            .into_iter()
            .map(|(key, row)| (key, Some(row)))
            .collect()
    };
    keys.sort_unstable();
    Ok(Order {
        keys,
        beside,
        domain,
    })
}

fn key_columns(rows: Rows, keys: &Keys, order: &Order) -> Result<Vec<ArrayRef>, ExportError> {
    let mut builders: Vec<StringDictionaryBuilder<Int32Type>> = (0..rows.key_columns())
        .map(|_| StringDictionaryBuilder::new())
        .collect();
    for (number, _) in &order.keys {
        for (builder, text) in builders.iter_mut().zip(keys.key(*number)) {
            builder.append(text)?;
        }
    }
    for row in &order.beside {
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

/// A withheld key is one of the table's own grain: rung 0.
fn rungs(column: &ArrayRef, from: &UInt32Array) -> Result<ArrayRef, ExportError> {
    use arrow::array::AsArray;
    use arrow::datatypes::UInt8Type;
    let taken = take(column, from, None)?;
    let taken = taken.as_primitive_opt::<UInt8Type>();
    let taken = taken.ok_or_else(|| ExportError::Column { name: RUNG.into() })?;
    let rungs = taken.iter().map(|rung| rung.unwrap_or(0));
    Ok(Arc::new(UInt8Array::from_iter_values(rungs)))
}

fn labels(column: &ArrayRef, from: &[Option<u32>], withheld: &str) -> ArrayRef {
    let mut builder = StringDictionaryBuilder::<Int32Type>::new();
    for row in from {
        let row = row.and_then(|row| usize::try_from(row).ok());
        let text = row.and_then(|row| text(column.as_ref(), row));
        builder.append_value(text.unwrap_or(withheld));
    }
    debug_assert_eq!(
        column.data_type(),
        &DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
    );
    Arc::new(builder.finish())
}

#[cfg(test)]
mod tests;
