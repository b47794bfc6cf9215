//! The values of any columns as JSON values: numbers and flags as they are, everything else as text.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::Value;

/// One batch, made ready to be read row by row.
pub(super) struct Values(Vec<Column>);

enum Column {
    Whole(ArrayRef),
    /// Up to 64 bits, where a whole number has 63.
    Natural(ArrayRef),
    Broken(ArrayRef),
    Flag(ArrayRef),
    Text(ArrayRef),
}

impl Values {
    /// # Errors
    /// [`ArrowError`] where a number is of a kind that has no nearest one in 64 bits.
    pub(super) fn of(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let columns: Result<_, ArrowError> = batch.columns().iter().map(Column::of).collect();
        Ok(Self(columns?))
    }

    /// One row's values; an absent one is null.
    pub(super) fn row(&self, row: usize) -> Vec<Value> {
        self.0.iter().map(|column| column.value(row)).collect()
    }
}

impl Column {
    fn of(column: &ArrayRef) -> Result<Self, ArrowError> {
        use DataType::{Boolean, UInt64};
        let kind = column.data_type();
        Ok(match kind {
            Boolean => Self::Flag(column.clone()),
            UInt64 => Self::Natural(column.clone()),
            whole if whole.is_integer() => Self::Whole(cast(column, &DataType::Int64)?),
            // Also decimals: as text, a negative one would be taken for a formula.
            broken if broken.is_numeric() => Self::Broken(cast(column, &DataType::Float64)?),
            _ => Self::Text(column.clone()),
        })
    }

    fn value(&self, row: usize) -> Value {
        match self {
            Self::Whole(array)
            | Self::Natural(array)
            | Self::Broken(array)
            | Self::Flag(array)
            | Self::Text(array)
                if array.is_null(row) =>
            {
                Value::Null
            }
            Self::Natural(array) => array.as_primitive::<UInt64Type>().value(row).into(),
            Self::Whole(array) => array.as_primitive::<Int64Type>().value(row).into(),
            Self::Broken(array) => array.as_primitive::<Float64Type>().value(row).into(),
            Self::Flag(array) => array.as_boolean().value(row).into(),
            Self::Text(array) => {
                let options = FormatOptions::default();
                let formatter = ArrayFormatter::try_new(array.as_ref(), &options);
                formatter.map_or(Value::Null, |f| f.value(row).to_string().into())
            }
        }
    }
}
