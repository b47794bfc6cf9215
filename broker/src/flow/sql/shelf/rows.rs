//! The rows of several releases under one another, each with the period that it is of.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use cells::release::decode;
use cells::sql::{Loaded, SqlError};
use policies::id::OrgId;
use policies::period::Period;

use super::{Item, released};
use crate::access::method::DO_GET;
use crate::error::Error;
use crate::flow::Broker;
use crate::limits::SQL_READ_BYTES_MAX;

/// Which period a row is of, as the agreement writes it; of a merge the first and the last with `/` between.
const PERIOD: &str = "period";
/// The first day of the period.
const PERIOD_START: &str = "period_start";

pub(super) async fn load(broker: &Broker, by: &OrgId, items: &[&Item]) -> Result<Loaded, SqlError> {
    let mut loaded: Option<Loaded> = None;
    let mut bytes = 0;
    for item in items {
        let table = broker.released(by, DO_GET, &item.key).await;
        let table = table.map_err(|error| unfetched(&error))?;
        bytes += table.bytes.len();
        if bytes > SQL_READ_BYTES_MAX {
            let limit = SQL_READ_BYTES_MAX;
            return Err(SqlError::Read { limit });
        }
        let (schema, batches) = decode(table.bytes.as_ref()).map_err(failed)?;
        // Lists of tables promise these.
        if schema.fields() != released(&item.reservation).fields() {
            return Err(failed("a release has other columns than were reserved"));
        }
        let schema = with_period(&schema);
        let loaded = loaded.get_or_insert_with(|| Loaded {
            schema: Arc::clone(&schema),
            batches: Vec::new(),
        });
        for batch in batches {
            let batch = of_period(item, &loaded.schema, &batch);
            loaded.batches.push(batch.map_err(failed)?);
        }
    }
    loaded.ok_or_else(|| failed("a table of no release"))
}

/// The columns as any release of the table has them: the facts that a release carries are of it alone.
pub(super) fn with_period(schema: &Schema) -> SchemaRef {
    let fields = [
        Arc::new(Field::new(PERIOD, DataType::Utf8, false)),
        Arc::new(Field::new(PERIOD_START, DataType::Date32, false)),
    ];
    let fields = fields.into_iter().chain(schema.fields().iter().cloned());
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn of_period(
    item: &Item,
    schema: &SchemaRef,
    batch: &RecordBatch,
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let rows = batch.num_rows();
    let (first, _) = item.periods();
    let names = std::iter::repeat_n(period_name(item), rows);
    let starts = std::iter::repeat_n(days_since_1970(first), rows);
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(names)),
        Arc::new(Date32Array::from_iter_values(starts)),
    ];
    columns.extend(batch.columns().iter().cloned());
    RecordBatch::try_new(Arc::clone(schema), columns)
}

pub(super) fn period_name(item: &Item) -> String {
    match item.periods() {
        (first, last) if first == last => first.to_string(),
        (first, last) => format!("{first}/{last}"),
    }
}

pub(super) fn days_since_1970(period: Period) -> i32 {
    let days = jiff::civil::date(1970, 1, 1).until(period.first());
    days.map_or(0, |days| days.get_days())
}

/// A release that is there and cannot be read: the broker's own fault.
pub(super) fn failed(why: impl fmt::Display) -> SqlError {
    SqlError::Tables {
        why: why.to_string(),
    }
}

fn unfetched(error: &Error) -> SqlError {
    failed(error.cause().unwrap_or(error.code()))
}
