//! Kinds of table: data in `policies/kinds/`, not code. A new kind is a new file and one line here.

use std::sync::LazyLock;

use serde::Deserialize;

/// What a table of this kind counts, along which dimensions, with which measures.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    /// Its name, for example `od_trips`.
    pub kind: String,
    /// One line for screens.
    pub counts: String,
    /// Columns of a cell's key, in the order they are stored and sorted.
    pub dimensions: Vec<Dimension>,
    /// What a cell measures beside `contributors`.
    pub measures: Vec<Measure>,
}

/// One column of a cell's key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dimension {
    /// Column name.
    pub name: String,
    /// What its values are.
    #[serde(rename = "type")]
    pub kind: DimensionKind,
}

/// What the values of a dimension are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DimensionKind {
    /// A zone id of the table's zoning.
    Zone,
    /// The index of one of the table's day bins.
    DayBin,
    /// One of the categories the table lists.
    Category,
}

/// One measured column.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// Column name; the unit of measurement comes last in it.
    pub name: String,
    /// How it is made.
    #[serde(rename = "type")]
    pub kind: MeasureKind,
}

/// How a measure is made from one unit's records in one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasureKind {
    /// Another name for `contributors`: 1 per unit.
    Units,
    /// Events, at most `per_cell_max` per unit.
    Count,
    /// A sum over those events, each clamped to the table's range.
    Sum,
}

impl Kind {
    /// The kind of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|kind| kind.kind == name)
    }

    /// All kinds this build knows.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &ALL
    }

    /// The measure of this name.
    #[must_use]
    pub fn measure(&self, name: &str) -> Option<&Measure> {
        self.measures.iter().find(|measure| measure.name == name)
    }
}

const FILES: [&str; 7] = [
    include_str!("../kinds/od_trips.json"),
    include_str!("../kinds/presence.json"),
    include_str!("../kinds/telecom_od.json"),
    include_str!("../kinds/segment_counts.json"),
    include_str!("../kinds/parking.json"),
    include_str!("../kinds/lodging.json"),
    include_str!("../kinds/energy.json"),
];

// A file that does not parse is left out here and fails `every_file_is_a_kind`.
static ALL: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    FILES
        .iter()
        .filter_map(|file| serde_json::from_str(file).ok())
        .collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_kind() {
        assert_eq!(Kind::all().len(), FILES.len());
        assert!(Kind::named("od_trips").is_some_and(|kind| kind.measure("trips").is_some()));
    }
}
