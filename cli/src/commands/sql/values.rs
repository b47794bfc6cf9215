//! The values of any columns as JSON values: numbers and flags as they are, everything else as text.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::Value;

use crate::errors::{CliError, OrFail};

/// One batch, made ready to be read row by row.
pub(super) struct Values(Vec<Column>);

enum Column {
    Whole(ArrayRef),
    Broken(ArrayRef),
    Flag(ArrayRef),
    Text(ArrayRef),
}

impl Values {
    /// # Errors
    /// [`CliError`] where a number is over 63 bits.
    pub(super) fn of(batch: &RecordBatch) -> Result<Self, CliError> {
        let columns: Result<_, CliError> = batch.columns().iter().map(Column::of).collect();
        Ok(Self(columns?))
    }

    /// One row's values; an absent one is null.
    pub(super) fn row(&self, row: usize) -> Vec<Value> {
        self.0.iter().map(|column| column.value(row)).collect()
    }
}

impl Column {
    fn of(column: &ArrayRef) -> Result<Self, CliError> {
        use DataType::{Boolean, Float16, Float32, Float64};
        Ok(match column.data_type() {
            Boolean => Self::Flag(column.clone()),
            Float16 | Float32 | Float64 => {
                Self::Broken(cast(column, &DataType::Float64).or_fail()?)
            }
            whole if whole.is_integer() => Self::Whole(cast(column, &DataType::Int64).or_fail()?),
            _ => Self::Text(column.clone()),
        })
    }

    fn value(&self, row: usize) -> Value {
        match self {
            Self::Whole(array) | Self::Broken(array) | Self::Flag(array) | Self::Text(array)
                if array.is_null(row) =>
            {
                Value::Null
            }
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
