//! The columns of a k-only table: exact counts, which rows are margins, and a label that no copy loses.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use policies::coarse::ALL;
use policies::table::Table;

use super::{CONTRIBUTORS, key_fields, text_type};

/// Empty for the table's own cells; else the dimensions in which the row is a sum, in the table's order, as
/// `origin=parent;start=all`. There its key is the parent's id, or [`ALL`], or bin 0.
pub const MARGIN: &str = "margin";
/// What stands in [`MARGIN`] for a zone's parent.
pub const PARENT: &str = "parent";
/// Says of every row how it is protected: [`K_ONLY`].
pub const PROTECTION: &str = "protection";
/// The label of a k-only table, in its rows and, under `weir.protection`, in its schema's metadata.
pub const K_ONLY: &str = "k-only: not differentially private";

/// The columns of a k-only table: the dimensions as in [`super::cells_schema`], `contributors: Int64`, exact,
/// then [`MARGIN`] and [`PROTECTION`], texts.
#[must_use]
pub fn k_only_schema(table: &Table) -> SchemaRef {
    let mut fields = key_fields(table);
    fields.push(Field::new(CONTRIBUTORS, DataType::Int64, false));
    fields.extend([MARGIN, PROTECTION].map(|name| Field::new(name, text_type(), false)));
    Arc::new(Schema::new(fields))
}

/// Is a row with this [`MARGIN`] a sum over all values of the dimension?
#[must_use]
pub fn is_over_all(margin: &str, dimension: &str) -> bool {
    let mut parts = margin.split(';').filter_map(|part| part.split_once('='));
    parts.any(|(name, level)| name == dimension && level == ALL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_margin_says_over_what_it_adds_up() {
        let margin = "origin=parent;start=all";
        assert!(is_over_all(margin, "start"));
        assert!(!is_over_all(margin, "origin") && !is_over_all(margin, "mode"));
        assert!(!is_over_all("", "start"));
    }
}
