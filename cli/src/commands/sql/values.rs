//! The values of any columns, exact: what JSON has is a JSON value, everything else is text.

use std::borrow::Cow;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use export::label::defused;
use serde_json::Value;

use crate::output::thousands;

/// One value of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Absent,
    Flag(bool),
    Whole(i64),
    /// Up to 64 bits, where a whole number has 63.
    Natural(u64),
    /// A finite one.
    Double(f64),
    /// Digits that a double may not hold, and the doubles that are no number: `NaN`, `inf`, `-inf`.
    Digits(String),
    Text(String),
}

impl Cell {
    /// As JSON: digits, which a reader might round, are text.
    pub(super) fn json(self) -> Value {
        match self {
            Self::Absent => Value::Null,
            Self::Flag(value) => value.into(),
            Self::Whole(value) => value.into(),
            Self::Natural(value) => value.into(),
            Self::Double(value) => value.into(),
            Self::Digits(text) | Self::Text(text) => text.into(),
        }
    }

    /// As a field of CSV: a number is never taken for a formula.
    pub(super) fn csv(self) -> String {
        match self {
            Self::Text(text) => defused(&text).into_owned(),
            Self::Absent => String::new(),
            Self::Digits(digits) => digits,
            other => other.json().to_string(),
        }
    }

    /// As a person reads it.
    pub(super) fn shown(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) | Self::Digits(text) => text.into(),
            Self::Whole(value) => thousands(*value).into(),
            other => other.clone().csv().into(),
        }
    }

    /// Does a column of it stand to the right?
    pub(super) fn is_number(&self) -> bool {
        !matches!(self, Self::Flag(_) | Self::Text(_))
    }
}

/// One batch, made ready to be read row by row.
pub(super) struct Values(Vec<Column>);

enum Column {
    Absent,
    Flag(ArrayRef),
    Whole(ArrayRef),
    Natural(ArrayRef),
    Double(ArrayRef),
    Decimal(ArrayRef),
    Text(ArrayRef),
}

impl Values {
    /// # Errors
    /// [`ArrowError`] where a number is of a kind that has no nearest one in 64 bits.
    pub(super) fn of(batch: &RecordBatch) -> Result<Self, ArrowError> {
        let columns: Result<_, ArrowError> = batch.columns().iter().map(Column::of).collect();
        Ok(Self(columns?))
    }

    /// One row's values.
    pub(super) fn row(&self, row: usize) -> Vec<Cell> {
        self.0.iter().map(|column| column.value(row)).collect()
    }
}

impl Column {
    fn of(column: &ArrayRef) -> Result<Self, ArrowError> {
        use DataType::{Boolean, Null, UInt64};
        let kind = column.data_type();
        Ok(match kind {
            Null => Self::Absent,
            Boolean => Self::Flag(column.clone()),
            UInt64 => Self::Natural(column.clone()),
            whole if whole.is_integer() => Self::Whole(cast(column, &DataType::Int64)?),
            double if double.is_floating() => Self::Double(cast(column, &DataType::Float64)?),
            decimal if decimal.is_decimal() => Self::Decimal(column.clone()),
            _ => Self::Text(column.clone()),
        })
    }

    fn value(&self, row: usize) -> Cell {
        match self {
            Self::Absent => Cell::Absent,
            Self::Flag(array)
            | Self::Whole(array)
            | Self::Natural(array)
            | Self::Double(array)
            | Self::Decimal(array)
            | Self::Text(array)
                if array.is_null(row) =>
            {
                Cell::Absent
            }
            Self::Flag(array) => Cell::Flag(array.as_boolean().value(row)),
            Self::Whole(array) => Cell::Whole(array.as_primitive::<Int64Type>().value(row)),
            Self::Natural(array) => Cell::Natural(array.as_primitive::<UInt64Type>().value(row)),
            Self::Double(array) => match array.as_primitive::<Float64Type>().value(row) {
                finite if finite.is_finite() => Cell::Double(finite),
                other => Cell::Digits(other.to_string()),
            },
            Self::Decimal(array) => written(array, row).map_or(Cell::Absent, Cell::Digits),
            Self::Text(array) => written(array, row).map_or(Cell::Absent, Cell::Text),
        }
    }
}

fn written(array: &ArrayRef, row: usize) -> Option<String> {
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(array.as_ref(), &options).ok()?;
    Some(formatter.value(row).to_string())
}
