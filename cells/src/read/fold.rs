//! Rows in the order of their keys → one row per key.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, RecordBatch, StringArray, UInt8Array,
};
use arrow::datatypes::{Field, Int32Type, Int64Type, Schema, UInt8Type, UInt64Type};

use super::ReadError;

/// What has been read so far.
pub(super) struct Fold {
    fields: Vec<Field>,
    keys: Vec<KeyColumn>,
    sums: Vec<Vec<u64>>,
    rows_read: u64,
}

enum KeyColumn {
    Bins(Vec<u8>),
    /// Codes into `texts`, which are numbered as they come.
    Texts {
        codes: Vec<i32>,
        texts: Vec<String>,
        code_of: HashMap<String, i32>,
    },
}

const DAMAGED: ReadError = ReadError::Damaged {
    what: "columns of other types",
};

impl Fold {
    pub fn new(fields: Vec<Field>, numbers: usize) -> Self {
        let column = |field: &Field| match field.data_type() {
            arrow::datatypes::DataType::UInt8 => KeyColumn::Bins(Vec::new()),
            _ => KeyColumn::Texts {
                codes: Vec::new(),
                texts: Vec::new(),
                code_of: HashMap::new(),
            },
        };
        Self {
            keys: fields.iter().map(column).collect(),
            fields,
            sums: vec![Vec::new(); numbers],
            rows_read: 0,
        }
    }

    /// Takes the next rows: key columns, then numbers.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<(), ReadError> {
        let (keys, numbers) = batch
            .columns()
            .split_at_checked(self.keys.len())
            .ok_or(DAMAGED)?;
        let before = self.rows();
        self.rows_read += batch.num_rows() as u64;
        for (column, array) in self.keys.iter_mut().zip(keys) {
            column.append(array)?;
        }
        // Where the key is that of the row before, the row is added to it; else it is a new one.
        let mut target = before;
        let mut targets = Vec::with_capacity(batch.num_rows());
        for row in before..before + batch.num_rows() {
            match self.compare_with_last(target, row)? {
                Ordering::Equal => {}
                Ordering::Less => {
                    self.keys
                        .iter_mut()
                        .for_each(|column| column.move_row(row, target));
                    target += 1;
                }
                Ordering::Greater => return Err(ReadError::Damaged { what: "not sorted" }),
            }
            targets.push(target - 1);
        }
        self.keys
            .iter_mut()
            .for_each(|column| column.truncate(target));
        for (sums, array) in self.sums.iter_mut().zip(numbers) {
            sums.resize(target, 0);
            add_numbers(sums, &targets, array)?;
        }
        Ok(())
    }

    /// Rows taken so far, before adding up.
    pub fn rows_read(&self) -> u64 {
        self.rows_read
    }

    /// The keys as columns, and the sums.
    pub fn finish(self) -> Result<(RecordBatch, Vec<Vec<u64>>), ReadError> {
        let arrays = self
            .keys
            .into_iter()
            .map(KeyColumn::finish)
            .collect::<Result<_, _>>()?;
        let schema = Arc::new(Schema::new(self.fields));
        let keys = RecordBatch::try_new(schema, arrays).map_err(|_| DAMAGED)?;
        Ok((keys, self.sums))
    }

    fn rows(&self) -> usize {
        self.keys.first().map_or(0, KeyColumn::len)
    }

    /// How the last kept row, the one before `target`, stands to `row`.
    fn compare_with_last(&self, target: usize, row: usize) -> Result<Ordering, ReadError> {
        let Some(last) = target.checked_sub(1) else {
            return Ok(Ordering::Less);
        };
        for column in &self.keys {
            match column.compare(last, row).ok_or(DAMAGED)? {
                Ordering::Equal => {}
                other => return Ok(other),
            }
        }
        Ok(Ordering::Equal)
    }
}

impl KeyColumn {
    fn len(&self) -> usize {
        match self {
            Self::Bins(bins) => bins.len(),
            Self::Texts { codes, .. } => codes.len(),
        }
    }

    fn append(&mut self, array: &ArrayRef) -> Result<(), ReadError> {
        if array.logical_null_count() > 0 {
            return Err(ReadError::Damaged {
                what: "a key is null",
            });
        }
        match self {
            Self::Bins(bins) => {
                let array = array.as_primitive_opt::<UInt8Type>().ok_or(DAMAGED)?;
                bins.extend_from_slice(array.values());
            }
            Self::Texts {
                codes,
                texts,
                code_of,
            } => {
                let array: Option<&DictionaryArray<Int32Type>> = array.as_any().downcast_ref();
                let array = array.ok_or(DAMAGED)?;
                let values = array.values().as_string_opt::<i32>().ok_or(DAMAGED)?;
                let mut own = vec![None; values.len()];
                for key in array.keys().values() {
                    let place = usize::try_from(*key).map_err(|_| DAMAGED)?;
                    let code = own.get_mut(place).ok_or(DAMAGED)?;
                    let code = match code {
                        Some(code) => *code,
                        None => *code.insert(intern(values.value(place), texts, code_of)?),
                    };
                    codes.push(code);
                }
            }
        }
        Ok(())
    }

    fn compare(&self, a: usize, b: usize) -> Option<Ordering> {
        match self {
            Self::Bins(bins) => Some(bins.get(a)?.cmp(bins.get(b)?)),
            Self::Texts { codes, texts, .. } => {
                let (a, b) = (*codes.get(a)?, *codes.get(b)?);
                if a == b {
                    return Some(Ordering::Equal);
                }
                let text = |code: i32| texts.get(usize::try_from(code).ok()?);
                Some(text(a)?.cmp(text(b)?))
            }
        }
    }

    fn move_row(&mut self, from: usize, to: usize) {
        match self {
            Self::Bins(bins) => bins.swap(from, to),
            Self::Texts { codes, .. } => codes.swap(from, to),
        }
    }

    fn truncate(&mut self, rows: usize) {
        match self {
            Self::Bins(bins) => bins.truncate(rows),
            Self::Texts { codes, .. } => codes.truncate(rows),
        }
    }

    fn finish(self) -> Result<ArrayRef, ReadError> {
        match self {
            Self::Bins(bins) => Ok(Arc::new(UInt8Array::from(bins))),
            Self::Texts { codes, texts, .. } => {
                let values = Arc::new(StringArray::from(texts));
                let array = DictionaryArray::<Int32Type>::try_new(Int32Array::from(codes), values);
                Ok(Arc::new(array.map_err(|_| DAMAGED)?))
            }
        }
    }
}

fn intern(
    text: &str,
    texts: &mut Vec<String>,
    code_of: &mut HashMap<String, i32>,
) -> Result<i32, ReadError> {
    if let Some(code) = code_of.get(text) {
        return Ok(*code);
    }
    let code = i32::try_from(texts.len()).map_err(|_| ReadError::Overflow)?;
    texts.push(text.to_owned());
    code_of.insert(text.to_owned(), code);
    Ok(code)
}

/// Adds one number column to the sums of the rows' targets.
fn add_numbers(sums: &mut [u64], targets: &[usize], array: &ArrayRef) -> Result<(), ReadError> {
    if array.null_count() > 0 {
        return Err(ReadError::Damaged {
            what: "a number is null",
        });
    }
    let mut add = |target: usize, number: u64| {
        let sum = sums.get_mut(target).ok_or(DAMAGED)?;
        *sum = sum.checked_add(number).ok_or(ReadError::Overflow)?;
        Ok(())
    };
    let targets = targets.iter().copied();
    if let Some(counts) = array.as_primitive_opt::<UInt64Type>() {
        return targets
            .zip(counts.values())
            .try_for_each(|(row, n)| add(row, *n));
    }
    let sums = array.as_primitive_opt::<Int64Type>().ok_or(DAMAGED)?;
    targets.zip(sums.values()).try_for_each(|(row, n)| {
        let n = u64::try_from(*n).map_err(|_| ReadError::Damaged {
            what: "a sum is negative",
        })?;
        add(row, n)
    })
}
