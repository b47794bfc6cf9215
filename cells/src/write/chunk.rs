//! Rows copied into chunks of one length: what Parquet writes then depends on the cells alone, and
//! no buffer of a sender lives longer than its batch.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, Int64Array, RecordBatch, UInt8Array,
    UInt64Array,
};
use arrow::datatypes::{Int32Type, Int64Type, SchemaRef, UInt8Type, UInt64Type};

use super::WriteError;

/// Rows of a full chunk.
const ROWS: usize = 65_536;

pub(super) struct Chunk {
    schema: SchemaRef,
    columns: Vec<Column>,
    rows: usize,
}

enum Column {
    /// Nothing taken yet.
    Empty,
    Text {
        codes: Vec<i32>,
        values: ArrayRef,
    },
    Bin(Vec<u8>),
    Count(Vec<u64>),
    Sum(Vec<i64>),
}

impl Chunk {
    pub fn new(schema: SchemaRef) -> Self {
        let columns = schema.fields().iter().map(|_| Column::Empty).collect();
        Self {
            schema,
            columns,
            rows: 0,
        }
    }

    /// Copies rows from `from` on until the chunk is full; says how many.
    pub fn take(&mut self, batch: &RecordBatch, from: usize) -> Result<usize, WriteError> {
        let rows = (ROWS - self.rows).min(batch.num_rows().saturating_sub(from));
        if batch.num_columns() != self.columns.len() {
            return Err(WriteError::Columns);
        }
        for (column, array) in self.columns.iter_mut().zip(batch.columns()) {
            column
                .extend(&array.slice(from, rows))
                .ok_or(WriteError::Columns)?;
        }
        self.rows += rows;
        Ok(rows)
    }

    pub fn is_full(&self) -> bool {
        self.rows == ROWS
    }

    /// Its rows, leaving it empty.
    pub fn empty(&mut self) -> Result<RecordBatch, WriteError> {
        if self.rows == 0 {
            return Ok(RecordBatch::new_empty(Arc::clone(&self.schema)));
        }
        self.rows = 0;
        let taken = self
            .columns
            .iter_mut()
            .map(|c| std::mem::replace(c, Column::Empty).finish());
        let arrays: Option<Vec<ArrayRef>> = taken.collect();
        let arrays = arrays.ok_or(WriteError::Columns)?;
        RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(|_| WriteError::Columns)
    }

    pub fn bytes(&self) -> usize {
        let width = |column: &Column| match column {
            Column::Empty => 0,
            Column::Text { codes, .. } => codes.capacity() * 4,
            Column::Bin(bins) => bins.capacity(),
            Column::Count(counts) => counts.capacity() * 8,
            Column::Sum(sums) => sums.capacity() * 8,
        };
        self.columns.iter().map(width).sum()
    }
}

impl Column {
    /// `None` where the array is of another type than the rows before.
    fn extend(&mut self, array: &ArrayRef) -> Option<()> {
        if matches!(self, Self::Empty) {
            *self = Self::like(array)?;
        }
        match self {
            Self::Empty => return None,
            Self::Text { codes, values } => {
                let array: &DictionaryArray<Int32Type> = array.as_any().downcast_ref()?;
                // Checked batches of one checker share one dictionary.
                if !Arc::ptr_eq(array.values(), values) {
                    return None;
                }
                codes.extend_from_slice(array.keys().values());
            }
            Self::Bin(bins) => {
                bins.extend_from_slice(array.as_primitive_opt::<UInt8Type>()?.values());
            }
            Self::Count(counts) => {
                counts.extend_from_slice(array.as_primitive_opt::<UInt64Type>()?.values());
            }
            Self::Sum(sums) => {
                sums.extend_from_slice(array.as_primitive_opt::<Int64Type>()?.values());
            }
        }
        Some(())
    }

    fn like(array: &ArrayRef) -> Option<Self> {
        if let Some(array) = array.as_any().downcast_ref::<DictionaryArray<Int32Type>>() {
            return Some(Self::Text {
                codes: Vec::new(),
                values: Arc::clone(array.values()),
            });
        }
        if array.as_primitive_opt::<UInt8Type>().is_some() {
            return Some(Self::Bin(Vec::new()));
        }
        if array.as_primitive_opt::<UInt64Type>().is_some() {
            return Some(Self::Count(Vec::new()));
        }
        array
            .as_primitive_opt::<Int64Type>()
            .map(|_| Self::Sum(Vec::new()))
    }

    fn finish(self) -> Option<ArrayRef> {
        Some(match self {
            Self::Empty => return None,
            Self::Text { codes, values } => {
                let codes = Int32Array::from(codes);
                Arc::new(DictionaryArray::<Int32Type>::try_new(codes, values).ok()?)
            }
            Self::Bin(bins) => Arc::new(UInt8Array::from(bins)),
            Self::Count(counts) => Arc::new(UInt64Array::from(counts)),
            Self::Sum(sums) => Arc::new(Int64Array::from(sums)),
        })
    }
}
