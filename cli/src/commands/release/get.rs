//! Fetching a release: the head on the screen, the rows where they are wanted, its papers beside
//! them.

use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use clap::Args;
use policies::id::ReleaseKey;
use sdk::client::{Client, Table};
use serde::Serialize;
use serde_json::Value;

use super::super::Session;
use super::super::session::from_client;
use super::sheet;
use crate::errors::{CliError, OrFail};
use crate::output::{View, write_out};
use crate::rows::Rows;

/// Rows on the screen.
const HEAD_ROWS: usize = 10;

pub const HELP: &str = "\
Example:
  weir release get KEY                              the largest rows and the quality sheet
  weir release get KEY --csv                        all rows to standard output
  weir release get KEY --parquet --out od.parquet
  weir release get KEY --arrow --out od.arrows      the very bytes that the log committed to

The screen shows the mean of a sum and the median of a histogram, and, where the table has several
categories, each row's share of what is published; all columns are in the other forms.

With --out the papers are saved beside the table: FILE.quality.json and FILE.tlog-proof (and
FILE.salt with --arrow, so that `weir audit verify` can compare the very bytes). In CSV, a text
that a spreadsheet would run as a formula gets a leading apostrophe; bins read 07:00-09:00.";

/// Arguments of `weir release get`.
#[derive(Debug, Args)]
pub struct Get {
    /// The release's key, as `weir release list` shows it.
    pub key: ReleaseKey,
    /// What to do with the rows.
    #[command(flatten)]
    pub save: Save,
}

/// Where all rows go, and how.
#[derive(Debug, Clone, Args)]
pub struct Save {
    /// All rows as CSV.
    #[arg(long, group = "format")]
    pub csv: bool,
    /// All rows as Parquet; needs --out.
    #[arg(long, group = "format", requires = "out")]
    pub parquet: bool,
    /// The released bytes as they are, an Arrow IPC stream; needs --out.
    #[arg(long, group = "format", requires = "out")]
    pub arrow: bool,
    /// Where to write them; with --json alone, as JSON.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

impl Save {
    /// Says what is wrong before anything is charged.
    ///
    /// # Errors
    /// [`CliError`] where the file's folder does not exist.
    pub fn check(&self) -> Result<(), CliError> {
        let folder = self.out.as_deref().and_then(Path::parent);
        match folder.filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
            Some(folder) => Err(CliError::file("write into", folder, "no such folder")),
            None => Ok(()),
        }
    }
}

pub async fn run(args: Get, session: &Session) -> Result<(), CliError> {
    args.save.check()?;
    let client = session.client().await?;
    fetch(&client, &args.key, &args.save, session).await
}

/// Fetches and verifies a release, then shows or saves it.
///
/// # Errors
/// [`CliError`]; then nothing is shown as a release.
pub async fn fetch(
    client: &Client,
    key: &ReleaseKey,
    save: &Save,
    session: &Session,
) -> Result<(), CliError> {
    let table = client.fetch(key).await.map_err(from_client)?;
    let batch = concat_batches(table.schema(), table.batches()).or_fail()?;
    let coarser = table.sheet().coarser();
    let rows = Rows::new(&batch, &table.sheet().table).coarser(&coarser);
    let Some(out) = &save.out else {
        if save.csv {
            let mut csv = Vec::new();
            rows.write_csv(&mut csv)?;
            return write_out(&csv, false);
        }
        let rows_json = if session.output.json() {
            Some(rows.json()?)
        } else {
            None
        };
        return session
            .output
            .show(&Shown::of(&table, &batch, rows_json, None)?);
    };
    match (save.csv, save.parquet, save.arrow) {
        (_, true, _) => rows.write_parquet(out)?,
        (_, _, true) => write(out, table.bytes())?,
        (false, ..) if session.output.json() => {
            write(out, &serde_json::to_vec_pretty(&rows.json()?).or_fail()?)?;
        }
        _ => {
            let file = fs::File::create(out).map_err(|e| CliError::file("write", out, e))?;
            rows.write_csv(std::io::BufWriter::new(file))?;
        }
    }
    if save.arrow {
        // With the salt, anyone can check the bytes against the entry later.
        write(
            &beside(out, "salt"),
            format!("{}\n", hex::encode(table.salt().as_bytes())).as_bytes(),
        )?;
    }
    write(&beside(out, "quality.json"), table.quality_sheet())?;
    write(
        &beside(out, "tlog-proof"),
        table.proof().receipt().to_string().as_bytes(),
    )?;
    session
        .output
        .show(&Shown::of(&table, &batch, None, Some(out.clone()))?)
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    fs::write(path, bytes).map_err(|e| CliError::file("write", path, e))
}

fn beside(out: &Path, extension: &str) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(format!(".{extension}"));
    name.into()
}

/// A release on the screen or as JSON.
#[derive(Serialize)]
struct Shown {
    release: String,
    entry: u64,
    receipt_verified: bool,
    blob: String,
    /// Opens the commitment in the entry: HMAC-SHA256(salt, bytes) is `blob`.
    salt: String,
    quality_sheet: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
    #[serde(skip)]
    head: String,
    #[serde(skip)]
    summary: String,
}

impl Shown {
    fn of(
        table: &Table,
        batch: &RecordBatch,
        rows: Option<Vec<Value>>,
        file: Option<PathBuf>,
    ) -> Result<Self, CliError> {
        let coarser = table.sheet().coarser();
        let all = Rows::new(batch, &table.sheet().table).coarser(&coarser);
        let shown = all.count().min(HEAD_ROWS);
        let title = format!(
            "The {shown} largest of {} rows, with 95 % intervals",
            all.count()
        );
        Ok(Self {
            release: table.key().to_string(),
            entry: table.proof().index(),
            receipt_verified: true, // `Client::fetch` answers nothing else
            blob: table.blob().to_string(),
            salt: hex::encode(table.salt().as_bytes()),
            quality_sheet: serde_json::from_slice(table.quality_sheet()).or_fail()?,
            rows,
            file,
            head: format!("{title}\n{}", all.head(HEAD_ROWS)?),
            summary: sheet::summary(table.quality_sheet()),
        })
    }
}

impl View for Shown {
    fn text(&self) -> String {
        let Self {
            head,
            summary,
            entry,
            release,
            ..
        } = self;
        let saved = self.file.as_ref().map(|file| {
            format!(
                "\nSaved in {0}, with {0}.quality.json and {0}.tlog-proof.",
                file.display()
            )
        });
        format!(
            "{head}\n\n{summary}\nReceipt verified: entry {entry} of the log publishes these very \
             rows.\nKey {release}{}",
            saved.unwrap_or_default()
        )
    }
}
