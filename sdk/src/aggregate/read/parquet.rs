//! Parquet: only the wanted columns, a few thousand rows at a time.

use std::fs::File;
use std::path::Path;
use std::sync::mpsc::sync_channel;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use arrow::array::{Array, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::array::{ArrayRef, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Float64Type, Int64Type, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Columns, Each, Field, Row, Slot, Step, failed, locate};
use crate::aggregate::error::AggregateError;

/// Rows decoded at once.
const BATCH_ROWS: usize = 8192;
/// Batches that are decoded while one is read.
const BATCHES_AHEAD: usize = 2;

/// A column of a batch in one of the few types that fields are read from.
pub(crate) enum Values {
    Text(StringArray),
    Int(Int64Array),
    Float(Float64Array),
    Local(TimestampMicrosecondArray),
    Instant(TimestampMicrosecondArray),
}

#[derive(Clone, Copy)]
pub(crate) struct ParquetRow<'a> {
    columns: &'a [Values],
    row: usize,
}

impl<'a> ParquetRow<'a> {
    pub fn field(&self, slot: Slot) -> Field<'a> {
        self.columns
            .get(slot.0)
            .and_then(|values| field(values, self.row))
            .unwrap_or(Field::Missing)
    }
}

fn field(values: &Values, row: usize) -> Option<Field<'_>> {
    let array: &dyn Array = match values {
        Values::Text(array) => array,
        Values::Int(array) => array,
        Values::Float(array) => array,
        Values::Local(array) | Values::Instant(array) => array,
    };
    if array.is_null(row) {
        return None;
    }
    match values {
        Values::Text(array) => match array.value(row).trim() {
            "" => None,
            text => Some(Field::Text(text)),
        },
        Values::Int(array) => Some(Field::Int(array.value(row))),
        Values::Float(array) => Some(Field::Float(array.value(row))),
        // Local time is stored as if it were UTC.
        Values::Local(array) => {
            let moment = Timestamp::from_microsecond(array.value(row)).ok()?;
            Some(Field::Local(TimeZone::UTC.to_datetime(moment)))
        }
        Values::Instant(array) => Timestamp::from_microsecond(array.value(row))
            .ok()
            .map(Field::Instant),
    }
}

pub(super) fn read(
    path: &Path,
    columns: &Columns,
    each: &mut Each<'_>,
) -> Result<(), AggregateError> {
    let file = File::open(path).map_err(|e| failed(path, &e))?;
    let bytes = file.metadata().map_err(|e| failed(path, &e))?.len();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| failed(path, &e))?;
    let schema = SchemaRef::clone(builder.schema());
    let names = schema.fields().iter().map(|field| field.name().as_str());
    let places = locate(path, columns, names)?;
    let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or_default();
    let mask = ProjectionMask::roots(builder.parquet_schema(), places.iter().copied());
    let reader = builder.with_projection(mask).with_batch_size(BATCH_ROWS);

    let batches = reader.build().map_err(|e| failed(path, &e))?;
    let batches = batches.map(|batch| {
        let batch = batch.map_err(|e| failed(path, &e))?;
        let values = columns.0.iter().map(|name| convert(path, name, &batch));
        Ok((batch.num_rows(), values.collect::<Result<Vec<_>, _>>()?))
    });
    let mut done = 0_u64;
    ahead(batches, |(count, columns)| {
        for row in 0..count {
            let columns = columns.as_slice();
            each(Step::Row(Row::Parquet(ParquetRow { columns, row })))?;
        }
        done = done.saturating_add(count as u64);
        let share = u128::from(bytes) * u128::from(done) / u128::from(rows.max(1));
        each(Step::Bytes(u64::try_from(share).unwrap_or(bytes)))
    })
}

/// Takes what comes, while the next is made on another thread.
fn ahead<T: Send, E: Send>(
    items: impl Iterator<Item = Result<T, E>> + Send,
    mut take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    std::thread::scope(|threads| {
        let (sender, made) = sync_channel(BATCHES_AHEAD);
        threads.spawn(move || {
            for item in items {
                // Who takes may have gone, with an error of its own.
                if sender.send(item).is_err() {
                    return;
                }
            }
        });
        made.into_iter().try_for_each(|item| take(item?))
    })
}

fn convert(path: &Path, column: &str, batch: &RecordBatch) -> Result<Values, AggregateError> {
    let unknown = |found: &DataType| AggregateError::ColumnType {
        path: path.to_owned(),
        column: column.to_owned(),
        found: found.to_string(),
    };
    let array = batch.column_by_name(column);
    let array = array.ok_or_else(|| unknown(&DataType::Null))?;
    let to = |wanted: &DataType| cast(array, wanted).map_err(|e| failed(path, &e));
    let kept = target(array.data_type()).ok_or_else(|| unknown(array.data_type()))?;
    let instant = matches!(array.data_type(), DataType::Timestamp(_, Some(_)));
    let cast: ArrayRef = to(&kept)?;
    Ok(match kept {
        DataType::Int64 => Values::Int(cast.as_primitive::<Int64Type>().clone()),
        DataType::Float64 => Values::Float(cast.as_primitive::<Float64Type>().clone()),
        DataType::Timestamp(_, _) => {
            let times = cast.as_primitive::<TimestampMicrosecondType>().clone();
            if instant {
                Values::Instant(times)
            } else {
                Values::Local(times)
            }
        }
        _ => Values::Text(cast.as_string::<i32>().clone()),
    })
}

/// The type a column is read in; `None` for types that are no id, number, time or text.
fn target(found: &DataType) -> Option<DataType> {
    match found {
        found if found.is_integer() => Some(DataType::Int64),
        found if found.is_floating() => Some(DataType::Float64),
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => Some(DataType::Float64),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Boolean => {
            Some(DataType::Utf8)
        }
        DataType::Dictionary(_, values) => target(values),
        DataType::Date32 | DataType::Date64 => {
            Some(DataType::Timestamp(TimeUnit::Microsecond, None))
        }
        DataType::Timestamp(_, zone) => {
            Some(DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))
        }
        _ => None,
    }
}
