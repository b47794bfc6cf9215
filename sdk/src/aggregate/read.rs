//! Rows of CSV and Parquet files, one at a time: never a whole file in memory.

use std::path::Path;

use jiff::Timestamp;
use jiff::civil::DateTime;

use super::error::AggregateError;
use super::mapping::SourceFormat;

mod csv;
mod parquet;
#[cfg(test)]
mod tests;

/// The place of a column in the list that was given to [`read`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot(usize);

/// The columns that a run needs, each once.
#[derive(Debug, Default)]
pub(crate) struct Columns(Vec<String>);

impl Columns {
    /// The slot of a column, new or known.
    pub fn slot(&mut self, name: &str) -> Slot {
        let known = self.0.iter().position(|have| have == name);
        Slot(known.unwrap_or_else(|| {
            self.0.push(name.to_owned());
            self.0.len() - 1
        }))
    }
}

/// What one field of a row holds.
#[derive(Clone, Copy, PartialEq)]
#[cfg_attr(test, derive(Debug))] // raw records reach no log
pub(crate) enum Field<'a> {
    /// Null, or a text of blanks only.
    Missing,
    /// Text without blanks around it.
    Text(&'a str),
    Int(i64),
    Float(f64),
    /// A time without zone.
    Local(DateTime),
    /// A time that is the same everywhere.
    Instant(Timestamp),
}

/// One row; fields are looked up by slot.
#[derive(Clone, Copy)]
pub(crate) enum Row<'a> {
    Csv(csv::CsvRow<'a>),
    Parquet(parquet::ParquetRow<'a>),
}

impl<'a> Row<'a> {
    pub fn field(&self, slot: Slot) -> Field<'a> {
        match self {
            Self::Csv(row) => row.field(slot),
            Self::Parquet(row) => row.field(slot),
        }
    }
}

/// What a reader hands on.
pub(crate) enum Step<'a> {
    Row(Row<'a>),
    /// A line that is no row: another number of fields than the header, or not UTF-8.
    Malformed,
    /// So many bytes of the file are read.
    Bytes(u64),
}

/// Takes the steps of [`read`]; its error ends the reading.
pub(crate) type Each<'e> = dyn FnMut(Step<'_>) -> Result<(), AggregateError> + 'e;

/// Reads a file from start to end.
///
/// # Errors
/// [`AggregateError::Read`] and its column variants for the file; what `each` returns.
pub(crate) fn read(
    path: &Path,
    format: SourceFormat,
    columns: &Columns,
    each: &mut Each<'_>,
) -> Result<(), AggregateError> {
    match format {
        SourceFormat::Csv { delimiter } => csv::read(path, delimiter.0, columns, each),
        SourceFormat::Parquet {} => parquet::read(path, columns, each),
    }
}

/// Where each wanted column stands among those a file has.
fn locate<'n>(
    path: &Path,
    columns: &Columns,
    names: impl Iterator<Item = &'n str> + Clone,
) -> Result<Vec<usize>, AggregateError> {
    let find = |column: &String| {
        let mut places = (0..).zip(names.clone()).filter(|(_, name)| name == column);
        match (places.next(), places.next()) {
            (Some((place, _)), None) => Ok(place),
            (Some(_), Some(_)) => Err(AggregateError::ColumnTwice {
                path: path.to_owned(),
                column: column.clone(),
            }),
            (None, _) => Err(AggregateError::NoColumn {
                path: path.to_owned(),
                column: column.clone(),
                found: shown(names.clone()),
            }),
        }
    };
    columns.0.iter().map(find).collect()
}

/// The first names, for an error message.
fn shown<'n>(names: impl Iterator<Item = &'n str>) -> String {
    const SHOWN_MAX: usize = 30;
    let mut list: Vec<String> = names
        .take(SHOWN_MAX + 1)
        .map(|n| format!("`{n}`"))
        .collect();
    if list.len() > SHOWN_MAX {
        list.truncate(SHOWN_MAX);
        list.push("…".to_owned());
    }
    list.join(", ")
}

fn failed(path: &Path, error: &dyn std::error::Error) -> AggregateError {
    AggregateError::Read {
        path: path.to_owned(),
        message: error.to_string(),
    }
}
