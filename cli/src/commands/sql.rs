//! `weir sql`: one statement over the released tables.

mod values;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use clap::Args;
use export::label::defused;
use parquet::arrow::ArrowWriter;
use sdk::client::SqlRows;
use serde::Serialize;
use serde_json::Value;

use super::Session;
use super::session::from_client;
use crate::errors::CliError;
use crate::output::{View, right, table, thousands, write_out};
use crate::progress;
use values::Values;

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
    /// All rows as CSV; a text that a spreadsheet would run as a formula gets a leading apostrophe.
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
    match (&args.out, args.parquet) {
        (Some(out), true) => answer.write_parquet(out)?,
        (Some(out), false) if !args.csv && session.output.json() => {
            let rows = serde_json::to_vec_pretty(&answer.json()?).map_err(CliError::new)?;
            std::fs::write(out, rows).map_err(|e| CliError::file("write", out, e))?;
        }
        (Some(out), false) => {
            let file = File::create(out).map_err(|e| CliError::file("write", out, e))?;
            answer.write_csv(BufWriter::new(file))?;
        }
        (None, _) if args.csv => {
            let mut csv = Vec::new();
            answer.write_csv(&mut csv)?;
            return write_out(&csv, false);
        }
        (None, _) => (),
    }
    session.output.show(&Shown::of(&answer, args.out)?)
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
        mut row: impl FnMut(Vec<Value>) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        let mut left = most;
        for batch in &self.batches {
            let values = Values::of(batch)?;
            let here = batch.num_rows().min(left);
            left -= here;
            (0..here).try_for_each(|n| row(values.row(n)))?;
        }
        Ok(())
    }

    pub(super) fn json(&self) -> Result<Vec<Value>, CliError> {
        let names = self.names();
        let mut all = Vec::with_capacity(self.rows());
        self.each(usize::MAX, |row| {
            let names = names.iter().map(|name| (*name).to_owned());
            all.push(Value::Object(names.zip(row).collect()));
            Ok(())
        })?;
        Ok(all)
    }

    pub(super) fn write_csv(&self, out: impl Write) -> Result<(), CliError> {
        let fail = |e: csv::Error| CliError::new(format_args!("cannot write the CSV: {e}"));
        let mut writer = csv::Writer::from_writer(out);
        let names = self
            .names()
            .into_iter()
            .map(|name| defused(name).into_owned());
        writer.write_record(names).map_err(fail)?;
        self.each(usize::MAX, |row| {
            let fields = row.into_iter().map(|value| match value {
                Value::String(text) => defused(&text).into_owned(),
                Value::Null => String::new(),
                other => other.to_string(),
            });
            writer.write_record(fields).map_err(fail)
        })?;
        let flushed = writer.flush();
        flushed.map_err(|e| CliError::new(format_args!("cannot write the CSV: {e}")))
    }

    /// The first rows as a table.
    pub(super) fn screen(&self) -> Result<String, CliError> {
        let names = self.names();
        let mut screen = table(&names);
        let mut numbers = vec![true; names.len()];
        self.each(SCREEN_ROWS, |row| {
            let is_number = |value: &Value| value.is_number() || value.is_null();
            let both = numbers.iter_mut().zip(&row);
            both.for_each(|(number, value)| *number &= is_number(value));
            screen.add_row(row.iter().map(text));
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

    fn write_parquet(&self, path: &Path) -> Result<(), CliError> {
        let fail = |e: &dyn std::fmt::Display| CliError::file("write", path, e);
        let file = File::create(path).map_err(|e| fail(&e))?;
        let writer = ArrowWriter::try_new(file, self.schema.clone(), None);
        let mut writer = writer.map_err(|e| fail(&e))?;
        for batch in &self.batches {
            writer.write(batch).map_err(|e| fail(&e))?;
        }
        writer.close().map(|_| ()).map_err(|e| fail(&e))
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
    fn of(answer: &Answer, file: Option<PathBuf>) -> Result<Self, CliError> {
        Ok(Self {
            count: answer.rows(),
            rows: file.is_none().then(|| answer.json()).transpose()?,
            screen: format!("{}\n{}", answer.screen()?, answer.said()),
            file,
        })
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) => number
            .as_i64()
            .map_or_else(|| number.to_string(), thousands),
        other => other.to_string(),
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
