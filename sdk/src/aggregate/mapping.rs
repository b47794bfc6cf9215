//! How a company's columns become the fields of a table: a TOML file, written once per source.
//!
//! ```toml
//! only = ["od_hour", "od_night"]       # the plan's tables it serves, where not all
//!
//! [source]
//! format = "csv"                       # or "parquet"; `.gz` files are unpacked
//!
//! [unit]                               # only where the agreement protects persons
//! column = "rider"
//!
//! [time]                               # gives the period and the day bin
//! column = "Departure"
//! format = "iso"                       # or "epoch_s", "epoch_ms", "%d.%m.%Y %H:%M"
//!
//! [dimensions.origin]
//! column = "Departure station id"
//! lookup = { file = "station_zone.csv", key = "station_id", zone = "zone_id" }
//! [dimensions.destination]
//! lon = "end_lon"
//! lat = "end_lat"
//! [dimensions.mode]
//! const = "bike"
//!
//! [sums.duration_s]
//! column = "minutes"
//! scale = 60.0
//! missing = [-1]
//!
//! [tables.od_night.time]               # a table may differ from the rest
//! column = "Return"
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use policies::id::TableName;
use serde::Deserialize;

use super::error::MappingError;

mod aggregates;
mod field;
#[cfg(test)]
mod tests;

pub use aggregates::{ActiveUnits, Aggregates, Combine, FilePart, ValueColumns, ValueSource};
pub use field::{
    ColumnSource, Delimiter, DimensionSource, End, Lookup, Place, Sentinel, SourceFormat,
    SumSource, TimeFormat, TimeSource,
};

/// A mapping file, and the folder its lookup files are named from.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapping {
    document: Document,
    folder: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    source: SourceFormat,
    /// The plan's tables this source serves; all where it is absent.
    only: Option<Vec<TableName>>,
    unit: Option<ColumnSource>,
    time: Option<TimeSource>,
    #[serde(default)]
    dimensions: BTreeMap<String, DimensionSource>,
    #[serde(default)]
    sums: BTreeMap<String, SumSource>,
    #[serde(default)]
    tables: BTreeMap<TableName, Overrides>,
    aggregates: Option<Aggregates>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Overrides {
    time: Option<TimeSource>,
    #[serde(default)]
    dimensions: BTreeMap<String, DimensionSource>,
    #[serde(default)]
    sums: BTreeMap<String, SumSource>,
}

impl Mapping {
    /// Reads a mapping; lookup files are found from its folder.
    ///
    /// # Errors
    /// [`MappingError`] where the file cannot be read or is not a mapping.
    pub fn open(path: &Path) -> Result<Self, MappingError> {
        let text = std::fs::read_to_string(path).map_err(|source| MappingError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, path.parent().unwrap_or(Path::new(".")))
    }

    /// Reads a mapping from its text; lookup files are found from `folder`.
    ///
    /// # Errors
    /// [`MappingError::Shape`] with line and column.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, MappingError> {
        let document = toml::from_str(text).map_err(|e| MappingError::Shape {
            message: e.to_string(),
        })?;
        Ok(Self {
            document,
            folder: folder.to_owned(),
        })
    }

    pub(crate) fn source(&self) -> &SourceFormat {
        &self.document.source
    }

    /// Does this source serve the table?
    pub(crate) fn serves(&self, table: &TableName) -> bool {
        let only = self.document.only.as_ref();
        only.is_none_or(|tables| tables.contains(table))
    }

    /// Tables that the mapping names; a name the agreement does not have is a typing error.
    pub(crate) fn named_tables(&self) -> impl Iterator<Item = &TableName> {
        let only = self.document.only.iter().flatten();
        only.chain(self.document.tables.keys())
    }

    pub(crate) fn unit(&self) -> Option<&ColumnSource> {
        self.document.unit.as_ref()
    }

    pub(crate) fn aggregates(&self) -> Option<&Aggregates> {
        self.document.aggregates.as_ref()
    }

    pub(crate) fn time(&self, table: &TableName) -> Option<&TimeSource> {
        let own = self.overrides(table).and_then(|own| own.time.as_ref());
        own.or(self.document.time.as_ref())
    }

    pub(crate) fn dimension(&self, table: &TableName, name: &str) -> Option<&DimensionSource> {
        let own = self.overrides(table);
        own.and_then(|own| own.dimensions.get(name))
            .or_else(|| self.document.dimensions.get(name))
    }

    pub(crate) fn sum(&self, table: &TableName, name: &str) -> Option<&SumSource> {
        let own = self.overrides(table);
        own.and_then(|own| own.sums.get(name))
            .or_else(|| self.document.sums.get(name))
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn overrides(&self, table: &TableName) -> Option<&Overrides> {
        self.document.tables.get(table)
    }
}
