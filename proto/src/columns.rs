//! The Arrow columns of cells on their way in and of released tables on their way out: one place,
//! so that SDK, broker and auditor cannot disagree.
//!
//! No column has nulls. An unknown kind has no dimensions and no measures; a valid agreement has
//! none.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use policies::agreement::Unit;
use policies::coarse::{AT_LEAST, is_bounded};
use policies::kind::{DimensionKind, MeasureKind};
use policies::mechanism::Mechanism;
use policies::table::{Histogram, Table};

mod k_only;

pub use k_only::k_only_schema;
pub use policies::column::{
    CONTRIBUTORS, K_ONLY, MARGIN, NEAR_THRESHOLD, PARENT, PROTECTION, PROVIDERS, QUALITY, RUNG,
    is_over_all,
};

/// The type of a zone or category column: text with `i32` keys.
#[must_use]
pub fn text_type() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

/// The columns of one batch of cells: the kind's dimensions (zone and category as [`text_type`],
/// day bin as `UInt8`, the bin's index), then `contributors: UInt64` where there is a unit, then
/// the measures in the kind's order: counts `UInt64`, sums `Int64`; then, for each histogram of the
/// table, `<m>_bin_00: UInt64` and so on.
///
/// A measure of type `units` is `contributors` by another name, and a column of its own (`UInt64`)
/// only where there is no unit. A sum without a clamp is not contributed.
///
/// ```
/// # use policies::{agreement::Unit, table::Table};
/// let table: Table = serde_json::from_str(r#"{"name": "od", "kind": "od_trips", "zoning": "post",
///     "period": "day", "bins": [0], "categories": [{"dimension": "mode", "values": ["bike"]}],
///     "cells_max": 4, "per_cell_max": 2, "clamps": []}"#).unwrap();
/// let schema = proto::columns::cells_schema(&table, Unit::Trip);
/// let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
/// assert_eq!(names, ["origin", "destination", "start", "mode", "contributors", "trips"]);
/// ```
#[must_use]
pub fn cells_schema(table: &Table, unit: Unit) -> SchemaRef {
    let mut fields = key_fields(table);
    if unit != Unit::None {
        fields.push(Field::new(CONTRIBUTORS, DataType::UInt64, false));
    }
    let measures = table
        .kind()
        .map(|kind| kind.measures.as_slice())
        .unwrap_or_default();
    fields.extend(measures.iter().filter_map(|measure| {
        let wire = match measure.kind {
            MeasureKind::Units => (unit == Unit::None).then_some(DataType::UInt64),
            MeasureKind::Count => Some(DataType::UInt64),
            MeasureKind::Sum => table.clamp(&measure.name).map(|_| DataType::Int64),
        };
        wire.map(|wire| Field::new(&measure.name, wire, false))
    }));
    let bins = table.histograms.iter().flat_map(Histogram::columns);
    fields.extend(bins.map(|bin| Field::new(bin, DataType::UInt64, false)));
    Arc::new(Schema::new(fields))
}

/// The columns of a released table: the dimensions as in [`cells_schema`], then `contributors`,
/// `contributors_low`, `contributors_high`, then `<m>`, `<m>_low`, `<m>_high` per published
/// column ([`shown_columns`]), in the order given, all `Int64`, then `near_threshold: Boolean`.
///
/// Low and high are the ends of the 95 % interval. Where there is no unit there is no noise and no
/// selection: only the dimensions and one `Int64` per measure.
#[must_use]
pub fn released_schema(table: &Table, unit: Unit, measures: &[String]) -> SchemaRef {
    let mut fields = key_fields(table);
    let number = |name: String| Field::new(name, DataType::Int64, false);
    if unit == Unit::None {
        fields.extend(measures.iter().map(|name| number(name.clone())));
        return Arc::new(Schema::new(fields));
    }
    let noisy = std::iter::once(CONTRIBUTORS).chain(measures.iter().map(String::as_str));
    fields.extend(noisy.flat_map(|name| {
        [
            number(name.to_owned()),
            number(format!("{name}_low")),
            number(format!("{name}_high")),
        ]
    }));
    fields.push(Field::new(NEAR_THRESHOLD, DataType::Boolean, false));
    Arc::new(Schema::new(fields))
}

/// The columns that a release shows with their intervals, for [`released_schema`].
#[must_use]
pub fn shown_columns(table: &Table, unit: Unit, mechanism: &Mechanism) -> Vec<String> {
    match mechanism {
        Mechanism::Thresholded { .. } | Mechanism::Dense { .. } => table.shown_columns(mechanism),
        Mechanism::KOnly { .. } => Vec::new(),
        Mechanism::Unprotected => measure_names(table, unit),
    }
}

/// The columns of cells that a release by this mechanism reads beside `contributors`, in the order
/// it takes them.
#[must_use]
pub fn read_columns(table: &Table, unit: Unit, mechanism: &Mechanism) -> Vec<String> {
    match mechanism {
        Mechanism::Thresholded { .. } | Mechanism::Dense { .. } => table.drawn_columns(mechanism),
        Mechanism::KOnly { .. } => Vec::new(),
        Mechanism::Unprotected => measure_names(table, unit),
    }
}

/// How a release was made of cells, as far as its columns tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// Of several keys or periods.
    pub merged: bool,
    /// On rungs.
    pub on_rungs: bool,
    /// Of several providers' parts.
    pub joint: bool,
}

/// The columns of one released table, which follow from its terms, the mechanism and how it was made.
#[must_use]
pub fn columns_of(table: &Table, unit: Unit, mechanism: &Mechanism, made: Made) -> SchemaRef {
    if mechanism.is_k_only() {
        return k_only_schema(table);
    }
    let mut columns = released_schema(table, unit, &shown_columns(table, unit, mechanism));
    if made.on_rungs {
        columns = with_rungs(&columns);
    }
    if is_bounded(made.merged || made.on_rungs, unit) {
        columns = bounded(&columns);
    }
    if made.joint {
        columns = joint(&columns);
    }
    columns
}

/// The columns of a released table with rungs: [`RUNG`] comes last.
#[must_use]
pub fn with_rungs(released: &Schema) -> SchemaRef {
    let rung = Arc::new(Field::new(RUNG, DataType::UInt8, false));
    let fields = released.fields().iter().cloned().chain([rung]);
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The columns of a released table whose contributors are a lower bound: `contributors` is
/// [`AT_LEAST`], and so are its ends. Cells of several keys or periods were merged, and distinct
/// people do not add up; what was gated and noised is the bound (`privacy::merge`).
#[must_use]
pub fn bounded(released: &Schema) -> SchemaRef {
    let renamed = released.fields().iter().map(|field| {
        let ends = field.name().strip_prefix(CONTRIBUTORS);
        match ends.filter(|ends| ["", "_low", "_high"].contains(ends)) {
            Some(ends) => Arc::new(
                field
                    .as_ref()
                    .clone()
                    .with_name(format!("{AT_LEAST}{ends}")),
            ),
            None => Arc::clone(field),
        }
    });
    Arc::new(Schema::new(renamed.collect::<Vec<_>>()))
}

/// The columns of a released table of several providers' parts: those given, then
/// `providers: Int64`, how many providers each row counts.
#[must_use]
pub fn joint(released: &Schema) -> SchemaRef {
    let providers = Arc::new(Field::new(PROVIDERS, DataType::Int64, false));
    let fields = released.fields().iter().cloned().chain([providers]);
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The measured columns of [`cells_schema`] beside `contributors`, in their order.
#[must_use]
pub fn measure_names(table: &Table, unit: Unit) -> Vec<String> {
    let schema = cells_schema(table, unit);
    let measured = schema.fields().iter().skip(key_fields(table).len());
    let measured = measured.filter(|field| field.name() != CONTRIBUTORS);
    measured.map(|field| field.name().clone()).collect()
}

/// The key columns alone, in the order cells are sorted by.
#[must_use]
pub fn key_fields(table: &Table) -> Vec<Field> {
    let dimensions = table
        .kind()
        .map(|kind| kind.dimensions.as_slice())
        .unwrap_or_default();
    dimensions
        .iter()
        .map(|dimension| {
            let wire = match dimension.kind {
                DimensionKind::Zone | DimensionKind::Category => text_type(),
                DimensionKind::DayBin => DataType::UInt8,
            };
            Field::new(&dimension.name, wire, false)
        })
        .collect()
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]
mod tests {
    use super::*;

    fn table(kind: &str, axis: &str, clamps: &str) -> Table {
        let json = format!(
            r#"{{"name": "t", "kind": "{kind}", "zoning": "z", "period": "day", "bins": [0, 12],
            "categories": [{{"dimension": "{axis}", "values": ["a"]}}], "cells_max": 4,
            "per_cell_max": 2, "clamps": [{clamps}]}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    fn shape(schema: &Schema) -> Vec<String> {
        let fields = schema.fields().iter();
        assert!(fields.clone().all(|field| !field.is_nullable()));
        fields
            .map(|field| format!("{} {}", field.name(), field.data_type()))
            .collect()
    }

    #[test]
    fn a_sum_is_there_when_it_has_a_clamp() {
        let clamp = r#"{"measure": "distance_m", "min": 0, "max": 9}"#;
        let schema = cells_schema(&table("od_trips", "mode", clamp), Unit::Trip);
        assert_eq!(
            shape(&schema),
            [
                "origin Dictionary(Int32, Utf8)",
                "destination Dictionary(Int32, Utf8)",
                "start UInt8",
                "mode Dictionary(Int32, Utf8)",
                "contributors UInt64",
                "trips UInt64",
                "distance_m Int64"
            ]
        );
    }

    #[test]
    fn bins_come_last() {
        let clamp = r#"{"measure": "duration_s", "min": 0, "max": 9}"#;
        let mut table = table("od_trips", "mode", clamp);
        table.histograms =
            serde_json::from_str(r#"[{"measure": "duration_s", "edges": [3]}]"#).unwrap();
        let schema = cells_schema(&table, Unit::Trip);
        assert_eq!(
            shape(&schema)[5..],
            [
                "trips UInt64",
                "duration_s Int64",
                "duration_s_bin_00 UInt64",
                "duration_s_bin_01 UInt64"
            ]
        );
    }

    #[test]
    fn units_are_contributors_or_a_column_of_their_own() {
        let presence = table("presence", "category", "");
        let dims = [
            "zone Dictionary(Int32, Utf8)",
            "time UInt8",
            "category Dictionary(Int32, Utf8)",
        ];
        let with = shape(&cells_schema(&presence, Unit::PersonDay));
        assert_eq!(with, [&dims[..], &["contributors UInt64"]].concat());
        assert!(measure_names(&presence, Unit::PersonDay).is_empty());
        assert_eq!(measure_names(&presence, Unit::None), ["people"]);
        let without = shape(&cells_schema(&presence, Unit::None));
        assert_eq!(without, [&dims[..], &["people UInt64"]].concat());
    }

    #[test]
    fn a_release_has_intervals_only_where_there_is_noise() {
        let lodging = table("lodging", "type", "");
        let nights = ["nights".to_owned()];
        let protected = shape(&released_schema(&lodging, Unit::PersonMonth, &nights));
        assert_eq!(
            protected[2..],
            [
                "contributors Int64",
                "contributors_low Int64",
                "contributors_high Int64",
                "nights Int64",
                "nights_low Int64",
                "nights_high Int64",
                "near_threshold Boolean"
            ]
        );
        let lower = released_schema(&lodging, Unit::PersonMonth, &nights);
        let lower = shape(&bounded(&lower));
        assert_eq!(
            lower[2..6],
            [
                "contributors_at_least Int64",
                "contributors_at_least_low Int64",
                "contributors_at_least_high Int64",
                "nights Int64"
            ]
        );
        let plain = shape(&released_schema(&lodging, Unit::None, &nights));
        assert_eq!(plain[2..], ["nights Int64"]);
    }

    #[test]
    fn a_joint_table_counts_its_providers_last() {
        let lodging = table("lodging", "type", "");
        let released = released_schema(&lodging, Unit::PersonMonth, &[]);
        let schema = joint(&released);
        assert_eq!(shape(&schema).last().unwrap(), "providers Int64");
        assert_eq!(schema.fields().len(), released.fields().len() + 1);
    }
}
