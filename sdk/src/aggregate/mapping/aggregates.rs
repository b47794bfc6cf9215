//! The mapping of a company that already holds aggregates, such as a telecom operator's presence
//! table.
//!
//! ```toml
//! [aggregates]
//! period = "2017-11"                   # where no column holds a date
//! within_bin = "mean"                  # hours that share a bin: "sum" or "mean"
//!
//! [aggregates.measures.people]         # percent of 1,190,000 people
//! columns = { H0 = 0, H1 = 1 }         # column = hour of the day; or `column = "people"`
//! scale = 11900.0
//!
//! [[aggregates.files]]                 # what a file's name says and its columns do not
//! name = "HMA_Dynamic_population_24H_sat.csv.gz"
//! dimensions = { category = "saturday" }
//! ```
//!
//! Where the population has a unit, `[aggregates.contributors]` and `active_units` are needed,
//! every cell may occur once, and the agreement's bounds are checked on each.

use std::collections::BTreeMap;
use std::fmt;

use policies::period::Period;
use serde::Deserialize;

use super::field::{Sentinel, one};
use crate::aggregate::error::MappingError;
use crate::aggregate::report::Rate;

/// The `[aggregates]` part of a mapping.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aggregates {
    /// The period of all rows, where neither the file nor `[time]` gives it.
    pub period: Option<Period>,
    /// A column with the hour of the day, 0 to 23, for long tables without a time.
    pub hour: Option<String>,
    /// How hours that share a bin of the table become one value.
    pub within_bin: Option<Combine>,
    /// Distinct units behind each row; only where the population has a unit.
    pub contributors: Option<ValueSource>,
    /// The values of each measured column.
    #[serde(default)]
    pub measures: BTreeMap<String, ValueSource>,
    /// Units that contributed in a period; only where the population has a unit.
    pub active_units: Option<ActiveUnits>,
    /// Share of events that the company's own bounding dropped.
    pub truncated: Option<Rate>,
    /// Facts that belong to one input file.
    #[serde(default)]
    pub files: Vec<FilePart>,
}

/// Units that contributed: `active_units = 812`, or `active_units = { 2023-10 = 812 }`. No `Debug`
/// of the numbers: they are counts.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum ActiveUnits {
    /// In each period there is.
    All(u64),
    /// By period.
    ByPeriod(BTreeMap<Period, u64>),
}

impl fmt::Debug for ActiveUnits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ActiveUnits(..)")
    }
}

impl ActiveUnits {
    /// # Errors
    /// [`MappingError::Field`] where the period is not among those stated.
    pub(crate) fn of(&self, period: Period) -> Result<u64, MappingError> {
        let stated = match self {
            Self::All(units) => Some(*units),
            Self::ByPeriod(by_period) => by_period.get(&period).copied(),
        };
        stated.ok_or_else(|| {
            let problem = format!("the data has {period}, for which no units are stated");
            MappingError::field("aggregates.active_units", problem)
        })
    }
}

/// How hours that share a bin become one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Combine {
    /// They add up, as passages do.
    Sum,
    /// Their mean, as for people present.
    Mean,
}

/// What a file's name says and its columns do not.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilePart {
    /// The file's name without its folder.
    pub name: String,
    /// The period of its rows.
    pub period: Option<Period>,
    /// The values of zone or category dimensions.
    #[serde(default)]
    pub dimensions: BTreeMap<String, String>,
}

/// Where a measured value comes from.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "RawValue")]
pub struct ValueSource {
    /// One column, or one per hour.
    pub columns: ValueColumns,
    /// The column's unit in the measure's unit.
    pub scale: f64,
    /// Values that mean "not there", beside the empty one.
    pub missing: Vec<Sentinel>,
}

/// One column, or one per hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueColumns {
    /// Each row is one cell.
    One(String),
    /// Each row is a day: column by hour, in order of hours.
    Hours(Vec<(u8, String)>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawValue {
    column: Option<String>,
    columns: Option<BTreeMap<String, u8>>,
    #[serde(default = "one")]
    scale: f64,
    #[serde(default)]
    missing: Vec<Sentinel>,
}

impl TryFrom<RawValue> for ValueSource {
    type Error = &'static str;
    fn try_from(raw: RawValue) -> Result<Self, Self::Error> {
        if !(raw.scale.is_normal() && raw.scale > 0.0) {
            return Err("`scale` is a finite number above 0");
        }
        let columns = match (raw.column, raw.columns) {
            (Some(column), None) => ValueColumns::One(column),
            (None, Some(columns)) if !columns.is_empty() => hours(columns)?,
            _ => return Err("write either `column` or `columns = { NAME = HOUR, … }`"),
        };
        Ok(Self {
            columns,
            scale: raw.scale,
            missing: raw.missing,
        })
    }
}

fn hours(columns: BTreeMap<String, u8>) -> Result<ValueColumns, &'static str> {
    let mut hours: Vec<(u8, String)> = columns.into_iter().map(|(c, hour)| (hour, c)).collect();
    hours.sort();
    let rising = hours.is_sorted_by(|a, b| a.0 < b.0);
    if rising && hours.last().is_some_and(|(hour, _)| *hour < 24) {
        Ok(ValueColumns::Hours(hours))
    } else {
        Err("`columns` gives each column its own hour, 0 to 23")
    }
}
