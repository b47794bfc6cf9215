//! What the columns of a file mean: titles, units.

use arrow::datatypes::{DataType, Schema};
use policies::agreement::Unit;
use policies::coarse::AT_LEAST;
use policies::column::{CONTRIBUTORS, MARGIN, NEAR_THRESHOLD, PROTECTION, PROVIDERS, RUNG};
use policies::kind::{DimensionKind, MeasureKind};
use policies::table::Table;

/// The last column of every file: true where the key has no released row.
pub const WITHHELD: &str = "withheld";

/// One column of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What it says, for people.
    pub title: String,
    /// Unit of measurement, where it has one.
    pub unit: Option<String>,
    /// What it is for.
    pub role: Role,
    /// May it be empty, where the row is withheld?
    pub optional: bool,
}

/// What a column is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A part of the key.
    Key(DimensionKind),
    /// A part of the key beside the dimensions (`rung`, `margin`), or a label.
    Text,
    /// A whole number.
    Number,
    /// True or false.
    Flag,
}

/// The columns of a schema whose first ones are the table's dimensions.
pub(crate) fn columns(schema: &Schema, table: &Table, unit: Unit) -> Vec<Column> {
    let dimensions = table.kind().map(|kind| kind.dimensions.as_slice());
    let mut dimensions = dimensions.unwrap_or_default().iter();
    let fields = schema.fields().iter();
    let column = |field: &arrow::datatypes::FieldRef| {
        let name = field.name().as_str();
        let (role, (title, unit)) = match (dimensions.next(), field.data_type()) {
            (Some(dimension), _) => (
                Role::Key(dimension.kind),
                (dimension_title(name, dimension.kind), None),
            ),
            (None, DataType::Int64 | DataType::UInt8) => (Role::Number, number(name, table, unit)),
            (None, DataType::Boolean) => (Role::Flag, (other(name).to_owned(), None)),
            (None, _) => (Role::Text, (other(name).to_owned(), None)),
        };
        Column {
            name: name.to_owned(),
            title,
            unit,
            role,
            optional: field.is_nullable(),
        }
    };
    fields.map(column).collect()
}

fn dimension_title(name: &str, kind: DimensionKind) -> String {
    match kind {
        DimensionKind::Zone => format!("{name} (zone id)"),
        DimensionKind::DayBin => format!("{name} (local time of day)"),
        DimensionKind::Category => name.to_owned(),
    }
}

fn other(name: &str) -> &str {
    match name {
        NEAR_THRESHOLD => "could noise have decided that the row is here",
        MARGIN => "over which dimensions the row is a sum; empty for a cell",
        PROTECTION => "how the row is protected",
        WITHHELD => "no released row has this key: suppressed or absent, which nobody can tell",
        _ => name,
    }
}

/// Title and unit of a number.
fn number(name: &str, table: &Table, unit: Unit) -> (String, Option<String>) {
    match name {
        RUNG => {
            return (
                "rung of the ladder, 0 for the table's own grain".into(),
                None,
            );
        }
        PROVIDERS => {
            return (
                "providers that the row counts".into(),
                Some("providers".into()),
            );
        }
        _ => {}
    }
    let (base, end) = if let Some(base) = name.strip_suffix("_low") {
        (base, ", lower end of the 95 % interval")
    } else if let Some(base) = name.strip_suffix("_high") {
        (base, ", upper end of the 95 % interval")
    } else {
        (name, "")
    };
    let (measure, how) = ["_mean", "_p15", "_p50", "_p85"]
        .iter()
        .find_map(|how| Some((base.strip_suffix(how)?, *how)))
        .unwrap_or((base, ""));
    let what = match (measure, how) {
        (CONTRIBUTORS, _) => "distinct units behind the row".to_owned(),
        (AT_LEAST, _) => "distinct units behind the row, at least".to_owned(),
        (measure, "_mean") => format!("mean of {measure}"),
        (measure, "_p50") => format!("median of {measure}"),
        (measure, "") => measure.to_owned(),
        (measure, how) => format!("{}th percentile of {measure}", how.trim_start_matches("_p")),
    };
    (format!("{what}{end}"), measured_in(measure, table, unit))
}

fn measured_in(measure: &str, table: &Table, unit: Unit) -> Option<String> {
    if [CONTRIBUTORS, AT_LEAST].contains(&measure) {
        return Some(unit.word().to_owned());
    }
    let kind = table.kind()?.measure(measure)?.kind;
    if kind != MeasureKind::Sum {
        return Some(measure.to_owned());
    }
    // The unit of measurement comes last in a sum's name.
    let unit = match measure.rsplit_once('_')?.1 {
        "s" => "seconds",
        "m" => "metres",
        "kmh" => "kilometres per hour",
        "kwh" => "kilowatt hours",
        other => other,
    };
    Some(unit.to_owned())
}
