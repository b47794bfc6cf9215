//! The columns of a k-only table: exact counts, which rows are margins, and a label that no copy loses.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use policies::table::Table;

use super::{CONTRIBUTORS, MARGIN, PROTECTION, key_fields, text_type};

/// The columns of a k-only table: the dimensions as in [`super::cells_schema`], `contributors: Int64`, exact,
/// then [`MARGIN`] and [`PROTECTION`], texts.
#[must_use]
pub fn k_only_schema(table: &Table) -> SchemaRef {
    let mut fields = key_fields(table);
    fields.push(Field::new(CONTRIBUTORS, DataType::Int64, false));
    fields.extend([MARGIN, PROTECTION].map(|name| Field::new(name, text_type(), false)));
    Arc::new(Schema::new(fields))
}
