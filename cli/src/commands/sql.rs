//! `weir sql`: one statement over the released tables.

mod values;

use std::io::Write;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use clap::Args;
use export::label::defused;
use parquet::arrow::ArrowWriter;
use sdk::client::SqlRows;
use serde::Serialize;
use serde_json::Value;

use super::Session;
use super::session::from_client;
use crate::errors::{CliError, OrFail};
use crate::files::{replace, replace_with};
use crate::output::{View, right, table, write_out};
use crate::progress;
use values::{Cell, Values};

/// Rows on the screen.
const SCREEN_ROWS: usize = 50;

pub const HELP: &str = "\
Example:
  weir sql \"SELECT * FROM releases\"
  weir sql \"SHOW TABLES\"
  weir sql \"DESCRIBE od\"
  weir sql \"SELECT origin, sum(trips) AS trips FROM od
            WHERE period_start >= '2023-10-01' GROUP BY origin ORDER BY trips DESC LIMIT 10\"
  weir sql --file commute.sql --csv > commute.csv
  weir sql \"SELECT * FROM od\" --parquet --out od.parquet

A table is `od` where one of your agreements has that name, else agreement_3f9ac2d41b07.od; its rows
are those of all released periods (`period`, `period_start`), of each the newest edition. Periods that
an amendment has cut another way (bins, zones, grain, unit, columns) are in `od_2`. Merged and joint
releases have tables of their own. `SELECT * FROM releases` lists them all.

Statements read what is released, so they are free and charge no budget. Two things they cannot know:
a row that is not there is withheld or zero, never surely zero; and the 95 % interval of a sum is not
the sum of intervals (`x_low`, `x_high`): independent errors add as squares.";

/// Arguments of `weir sql`.
#[derive(Debug, Args)]
pub struct Sql {
    /// The statement.
    #[arg(required_unless_present = "file", conflicts_with = "file")]
    pub statement: Option<String>,
    /// A file that holds it.
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// All rows as CSV, numbers with all their digits; a text that a spreadsheet would run as a formula gets a leading
    /// apostrophe.
    #[arg(long, group = "format")]
    pub csv: bool,
    /// All rows as Parquet; needs --out.
    #[arg(long, group = "format", requires = "out")]
    pub parquet: bool,
    /// Where to write them; with --json alone, as JSON.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Runs the statement.
///
/// # Errors
/// [`CliError`].
pub async fn run(args: Sql, session: &Session) -> Result<(), CliError> {
    let statement = statement(&args)?;
    let client = session.client().await?;
    let bar = progress::waiting(session.output, "waiting for the answer");
    let asked = client.sql(&statement).await;
    let answer = match asked {
        Ok(rows) => collected(rows).await,
        Err(error) => Err(from_client(error)),
    };
    bar.finish_and_clear();
    let answer = answer?;
    match &args.out {
        Some(out) if args.parquet => replace_with(out, |file| answer.write_parquet(file))?,
        Some(out) if !args.csv && session.output.json() => {
            let rows = answer.json().or_fail()?;
            replace(out, &serde_json::to_vec_pretty(&rows).or_fail()?)?;
        }
        Some(out) => answer.save_csv(out)?,
        None if args.csv => {
            let mut csv = Vec::new();
            answer.write_csv(&mut csv).or_fail()?;
            return write_out(&csv, false);
        }
        None => (),
    }
    session
        .output
        .show(&Shown::of(&answer, args.out).or_fail()?)
}

fn statement(args: &Sql) -> Result<String, CliError> {
    match (&args.statement, &args.file) {
        (Some(statement), _) => Ok(statement.clone()),
        (None, Some(file)) => {
            std::fs::read_to_string(file).map_err(|e| CliError::file("read", file, e))
        }
        (None, None) => Err(CliError::new("there is no statement")),
    }
}

/// Rows of any columns.
pub(super) struct Answer {
    pub schema: SchemaRef,
    pub batches: Vec<RecordBatch>,
}

async fn collected(mut rows: SqlRows) -> Result<Answer, CliError> {
    let mut batches = Vec::new();
    while let Some(batch) = rows.next().await {
        batches.push(batch.map_err(from_client)?);
    }
    let schema = batches
        .first()
        .map_or_else(|| rows.schema().clone(), RecordBatch::schema);
    Ok(Answer { schema, batches })
}

/// The names as they are, but the second of a name is `name_2`: an object has each but once.
fn numbered(names: &[&str]) -> Vec<String> {
    let mut all: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        let (mut own, mut number) = ((*name).to_owned(), 1);
        while all.contains(&own) || (number > 1 && names.contains(&own.as_str())) {
            number += 1;
            own = format!("{name}_{number}");
        }
        all.push(own);
    }
    all
}

impl Answer {
    fn names(&self) -> Vec<&str> {
        let fields = self.schema.fields().iter();
        fields.map(|field| field.name().as_str()).collect()
    }

    pub(super) fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// Row by row, at most `most` of them.
    fn each(
        &self,
        most: usize,
        mut row: impl FnMut(Vec<Cell>) -> Result<(), ArrowError>,
    ) -> Result<(), ArrowError> {
        let mut left = most;
        for batch in &self.batches {
            let values = Values::of(batch)?;
            let here = batch.num_rows().min(left);
            left -= here;
            (0..here).try_for_each(|n| row(values.row(n)))?;
        }
        Ok(())
    }

    /// The columns' names in JSON.
    pub(super) fn columns(&self) -> Vec<String> {
        numbered(&self.names())
    }

    pub(super) fn json(&self) -> Result<Vec<Value>, ArrowError> {
        let names = self.columns();
        let mut all = Vec::with_capacity(self.rows());
        self.each(usize::MAX, |row| {
            let values = row.into_iter().map(Cell::json);
            all.push(Value::Object(names.iter().cloned().zip(values).collect()));
            Ok(())
        })?;
        Ok(all)
    }

    /// Writes it whole; where it cannot be written, what had the name stays.
    pub(super) fn save_csv(&self, out: &Path) -> Result<(), CliError> {
        replace_with(out, |file| self.write_csv(file))
    }

    pub(super) fn write_csv(&self, out: impl Write) -> Result<(), ArrowError> {
        let fail = |e: csv::Error| ArrowError::CsvError(e.to_string());
        let mut writer = csv::Writer::from_writer(out);
        let names = self
            .names()
            .into_iter()
            .map(|name| defused(name).into_owned());
        writer.write_record(names).map_err(fail)?;
        self.each(usize::MAX, |row| {
            writer
                .write_record(row.into_iter().map(Cell::csv))
                .map_err(fail)
        })?;
        Ok(writer.flush()?)
    }

    /// The first rows as a table.
    pub(super) fn screen(&self) -> Result<String, ArrowError> {
        let names = self.names();
        let mut screen = table(&names);
        let mut numbers = vec![true; names.len()];
        self.each(SCREEN_ROWS, |row| {
            let both = numbers.iter_mut().zip(&row);
            both.for_each(|(number, cell)| *number &= cell.is_number());
            screen.add_row(row.iter().map(Cell::shown));
            Ok(())
        })?;
        let columns = numbers.iter().enumerate().filter(|(_, number)| **number);
        right(&mut screen, &columns.map(|(n, _)| n).collect::<Vec<_>>());
        Ok(screen.to_string())
    }

    /// What is said below them.
    pub(super) fn said(&self) -> String {
        match self.rows() {
            0 => "No rows: what is not there is withheld or zero.".into(),
            1 => "1 row.".into(),
            count if count > SCREEN_ROWS => {
                format!("The first {SCREEN_ROWS} of {count} rows; --csv and --json give all.")
            }
            count => format!("{count} rows."),
        }
    }

    fn write_parquet(&self, out: impl Write + Send) -> Result<(), ArrowError> {
        let mut writer = ArrowWriter::try_new(out, self.schema.clone(), None)?;
        for batch in &self.batches {
            writer.write(batch)?;
        }
        writer.close()?;
        Ok(())
    }
}

/// An answer on the screen or as JSON.
#[derive(Serialize)]
struct Shown {
    count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    #[serde(skip)]
    screen: String,
}

impl Shown {
    fn of(answer: &Answer, file: Option<PathBuf>) -> Result<Self, ArrowError> {
        Ok(Self {
            count: answer.rows(),
            rows: file.is_none().then(|| answer.json()).transpose()?,
            screen: format!("{}\n{}", answer.screen()?, answer.said()),
            file,
        })
    }
}

impl View for Shown {
    fn text(&self) -> String {
        let Self { count, screen, .. } = self;
        if let Some(file) = &self.file {
            return format!("{count} rows in {}.", file.display());
        }
        screen.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::numbered;

    /// Found by a reread: JSON lost the first of two columns of one name.
    #[test]
    fn columns_of_one_name_are_told_apart() {
        let names = ["trips", "trips", "zone", "trips_2", "trips"];
        let told = ["trips", "trips_3", "zone", "trips_2", "trips_4"];
        assert_eq!(numbered(&names), told);
    }
}
