//! A released table's rows for people and programs: a head on the screen, CSV, JSON, Parquet.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type, UInt8Type};
use parquet::arrow::ArrowWriter;
use policies::coarse::{ALL, Coarsening};
use policies::kind::DimensionKind;
use policies::period::DayBins;
use policies::table::Table;
use proto::columns::{MARGIN, RUNG, is_over_all};
use sdk::shares::{Share, Shares};
use serde_json::{Map, Value};

use crate::errors::CliError;
use crate::output::{right, table, thousands};

/// Rows of one released table.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    batch: &'a RecordBatch,
    table: &'a Table,
    /// What became of the table's cells: of a merge one, of a ladder one per rung above 0.
    coarser: &'a [Coarsening],
    is_ladder: bool,
}

/// One value of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Field {
    Text(String),
    Number(i64),
    Flag(bool),
}

impl<'a> Rows<'a> {
    /// Rows with the columns of `proto::columns::released_schema`.
    #[must_use]
    pub fn new(batch: &'a RecordBatch, table: &'a Table) -> Self {
        Self {
            batch,
            table,
            coarser: &[],
            is_ladder: false,
        }
    }

    /// The same for merged rows (one coarsening), or for the rungs of a ladder: their day bins are shown as
    /// long as they are.
    #[must_use]
    pub fn coarser(self, coarser: &'a [Coarsening]) -> Self {
        let is_ladder = self.batch.column_by_name(RUNG).is_some();
        Self {
            coarser,
            is_ladder,
            ..self
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(self) -> usize {
        self.batch.num_rows()
    }

    /// All rows as CSV with a header. A text that a spreadsheet would run as a formula (its first
    /// sign is `=`, `+`, `-`, `@`, a tab or a carriage return) gets a leading apostrophe; numbers
    /// stay numbers.
    ///
    /// # Errors
    /// [`CliError`] where `out` cannot be written.
    pub fn write_csv(self, out: impl Write) -> Result<(), CliError> {
        let fail = |e: csv::Error| CliError::new(format_args!("cannot write the CSV: {e}"));
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(self.names()).map_err(fail)?;
        for row in 0..self.count() {
            let fields = self.fields(row)?.into_iter().map(|field| match field {
                Field::Text(text) => defused(text),
                Field::Number(number) => number.to_string(),
                Field::Flag(flag) => flag.to_string(),
            });
            writer.write_record(fields).map_err(fail)?;
        }
        writer
            .flush()
            .map_err(|e| CliError::new(format_args!("cannot write the CSV: {e}")))
    }

    /// All rows as JSON objects.
    ///
    /// # Errors
    /// [`CliError`] where a column has another type than a release's.
    pub fn json(self) -> Result<Vec<Value>, CliError> {
        let object = |row| {
            let fields = self.fields(row)?.into_iter().map(|field| match field {
                Field::Text(text) => Value::from(text),
                Field::Number(number) => Value::from(number),
                Field::Flag(flag) => Value::from(flag),
            });
            let names = self.names().map(ToOwned::to_owned);
            Ok(Value::Object(
                names.zip(fields).collect::<Map<String, Value>>(),
            ))
        };
        (0..self.count()).map(object).collect()
    }

    /// The rows as one Parquet file; the day bins keep their numbers.
    ///
    /// # Errors
    /// [`CliError`] names the file.
    pub fn write_parquet(self, path: &Path) -> Result<(), CliError> {
        let fail = |e: &dyn std::fmt::Display| CliError::file("write", path, e);
        let file = File::create(path).map_err(|e| fail(&e))?;
        let writer = ArrowWriter::try_new(file, self.batch.schema(), None);
        let mut writer = writer.map_err(|e| fail(&e))?;
        writer.write(self.batch).map_err(|e| fail(&e))?;
        writer.close().map(|_| ()).map_err(|e| fail(&e))
    }

    /// The largest rows by the first measured column, with their 95 % intervals and, where there is more than one
    /// category, their share of what is published. Of a sum only the mean is shown, of percentiles the median:
    /// the other columns are in all other forms.
    ///
    /// # Errors
    /// [`CliError`] where a column has another type than a release's.
    pub fn head(self, rows: usize) -> Result<String, CliError> {
        let names: Vec<&str> = self.names().collect();
        let first_value = self.key_columns();
        let mut all = (0..self.count())
            .map(|row| Ok((row, self.fields(row)?)))
            .collect::<Result<Vec<_>, CliError>>()?;
        let size = |fields: &Vec<Field>| match fields.get(first_value) {
            Some(Field::Number(number)) => *number,
            _ => 0,
        };
        all.sort_by_key(|(_, fields)| std::cmp::Reverse(size(fields)));
        let shown: Vec<usize> = (0..names.len())
            .filter(|n| !names.get(*n).is_some_and(|name| is_beside(name, &names)))
            .collect();
        // Rows of several rungs are of unlike cells: their shares say nothing.
        let shares = Shares::of(self.batch, self.table).filter(|_| !self.is_ladder);
        let share_title = shares
            .as_ref()
            .map(|s| format!("share of published {} by {}", s.counted, s.dimension));
        let mut header: Vec<&str> = shown
            .iter()
            .filter_map(|n| names.get(*n).copied())
            .collect();
        header.extend(share_title.as_deref());
        let mut screen = table(&header);
        for (row, fields) in all.iter().take(rows) {
            let share = shares.as_ref().and_then(|s| s.of_published.get(*row));
            let values = shown.iter().map(|n| value_text(fields, &names, *n));
            screen.add_row(values.chain(share.map(share_text)));
        }
        let numbers: Vec<usize> = (first_value..header.len()).collect();
        right(&mut screen, &numbers);
        Ok(screen.to_string())
    }

    fn names(&self) -> impl Iterator<Item = &'a str> {
        self.batch
            .schema_ref()
            .fields()
            .iter()
            .map(|field| field.name().as_str())
    }

    fn key_columns(self) -> usize {
        self.table.kind().map_or(0, |kind| kind.dimensions.len())
    }

    fn fields(self, row: usize) -> Result<Vec<Field>, CliError> {
        let columns = self.batch.columns().iter().zip(self.names());
        columns
            .map(|(column, name)| self.field(column.as_ref(), name, row))
            .collect()
    }

    fn field(self, column: &dyn Array, name: &str, row: usize) -> Result<Field, CliError> {
        let field = if let Some(values) = column.as_dictionary_opt::<Int32Type>() {
            let key = values.key(row);
            let texts = values.values().as_string_opt::<i32>();
            key.zip(texts)
                .filter(|(key, texts)| *key < texts.len())
                .map(|(key, texts)| Field::Text(texts.value(key).to_owned()))
        } else if let Some(bins) = column.as_primitive_opt::<UInt8Type>() {
            bins.values().get(row).map(|bin| self.bin(name, *bin, row))
        } else if let Some(numbers) = column.as_primitive_opt::<Int64Type>() {
            numbers
                .values()
                .get(row)
                .map(|number| Field::Number(*number))
        } else {
            let flags = column.as_boolean_opt().filter(|flags| row < flags.len());
            flags.map(|flags| Field::Flag(flags.value(row)))
        };
        field.ok_or_else(|| CliError::new(format_args!("column `{name}` is not one of a release")))
    }

    /// The day bins of a row: the table's own, or those of its rung or merge.
    fn bins_of(self, row: usize) -> &'a DayBins {
        let rung = self.batch.column_by_name(RUNG);
        let rung = rung.and_then(|column| column.as_primitive_opt::<UInt8Type>());
        let rung = rung.and_then(|rungs| rungs.values().get(row).copied());
        let coarsening = match (self.is_ladder, rung) {
            (true, Some(rung)) => usize::from(rung).checked_sub(1),
            (true, None) => None,
            (false, _) => Some(0),
        };
        let coarsening = coarsening.and_then(|n| self.coarser.get(n));
        let bins = coarsening.and_then(|coarsening| coarsening.bins.as_ref());
        bins.unwrap_or(&self.table.bins)
    }

    /// Is the row of a k-only table a sum over this dimension?
    fn is_over_all(self, name: &str, row: usize) -> bool {
        let margins = self.batch.column_by_name(MARGIN);
        let margins = margins.and_then(|column| column.as_dictionary_opt::<Int32Type>());
        margins.is_some_and(|margins| {
            let texts = margins.values().as_string_opt::<i32>();
            let margin = margins.key(row).zip(texts);
            margin.is_some_and(|(key, texts)| is_over_all(texts.value(key), name))
        })
    }

    fn bin(self, name: &str, bin: u8, row: usize) -> Field {
        let dimensions = self.table.kind().map(|kind| kind.dimensions.as_slice());
        let dimension = dimensions
            .unwrap_or_default()
            .iter()
            .find(|d| d.name == name);
        match dimension.map(|d| d.kind) {
            Some(DimensionKind::DayBin) if self.is_over_all(name, row) => {
                Field::Text(ALL.to_owned())
            }
            Some(DimensionKind::DayBin) => {
                // A coarser bin is named by the first of the table's bins in it.
                let bins = self.bins_of(row);
                let start = self.table.bins.starts().get(usize::from(bin));
                let own = start.and_then(|s| bins.starts().iter().position(|b| b == s));
                let own = own.and_then(|n| u8::try_from(n).ok()).unwrap_or(bin);
                Field::Text(bin_text(bins, own))
            }
            _ => Field::Number(i64::from(bin)),
        }
    }
}

/// `07:00-09:00`: unlike `07-09`, no spreadsheet takes it for a day in July.
#[must_use]
pub fn bin_text(bins: &DayBins, bin: u8) -> String {
    match bins
        .label(bin)
        .as_deref()
        .and_then(|label| label.split_once('-'))
    {
        Some((from, until)) => format!("{from}:00-{until}:00"),
        None => bin.to_string(),
    }
}

/// A text cell that no spreadsheet runs as a formula.
#[must_use]
pub fn defused(text: String) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text
    }
}

/// Shown with another column, or not on a screen: `x_low` and `x_high` beside `x`, a sum `x` beside `x_mean`, other
/// percentiles beside `x_p50`.
fn is_beside(name: &str, names: &[&str]) -> bool {
    let has = |name: &str| names.contains(&name);
    let bound = ["_low", "_high"]
        .iter()
        .any(|end| name.strip_suffix(end).is_some_and(has));
    let percentile = ["_p15", "_p85"].iter().any(|end| {
        let measure = name.strip_suffix(end);
        measure.is_some_and(|measure| has(&format!("{measure}_p50")))
    });
    bound || percentile || has(&format!("{name}_mean"))
}

/// Per cent with one decimal, ends outwards.
fn share_text(share: &Share) -> String {
    let (low, high) = ((share.low * 1000.0).floor(), (share.high * 1000.0).ceil());
    let percent = share.value * 100.0;
    format!("{percent:.1} % ({:.1} to {:.1})", low / 10.0, high / 10.0)
}

fn value_text(fields: &[Field], names: &[&str], column: usize) -> String {
    let number = |suffix: &str| {
        let name = names.get(column).map(|name| format!("{name}{suffix}"))?;
        let at = names.iter().position(|n| *n == name)?;
        match fields.get(at) {
            Some(Field::Number(number)) => Some(thousands(*number)),
            _ => None,
        }
    };
    match fields.get(column) {
        Some(Field::Text(text)) => text.clone(),
        Some(Field::Flag(flag)) => if *flag { "yes" } else { "" }.to_owned(),
        Some(Field::Number(value)) => match number("_low").zip(number("_high")) {
            Some((low, high)) => format!("{} ({low} to {high})", thousands(*value)),
            None => thousands(*value),
        },
        None => String::new(),
    }
}

#[cfg(test)]
mod tests;
