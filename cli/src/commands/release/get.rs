//! Fetching a release: the head on the screen, the rows where they are wanted, its papers beside
//! them.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use clap::Args;
use policies::id::ReleaseKey;
use sdk::client::{Client, Table};
use serde::Serialize;
use serde_json::Value;

use super::super::Session;
use super::super::session::from_client;
use super::save::{self, Format, Save, Saved};
use super::sheet;
use crate::errors::{CliError, OrFail};
use crate::output::{View, stream_out};
use crate::progress;
use crate::rows::Rows;

/// Rows on the screen.
const HEAD_ROWS: usize = 10;

pub const HELP: &str = "\
Example:
  weir release get KEY                              the largest rows and the quality sheet
  weir release get KEY --csv                        all rows to standard output
  weir release get KEY --csv --out od.csv           with od.csv-metadata.json (W3C CSVW) beside it
  weir release get KEY --parquet --out od.parquet
  weir release get KEY --geojson --out od.geojson   zones, or lines from origin to destination
  weir release get KEY --gpkg --out od.gpkg         for QGIS: the table, and all zones
  weir release get KEY --mds --out od.json          the shape of MDS Metrics; not of a merge with gaps
  weir release get KEY --arrow --out od.arrows      the very bytes that the log committed to

The screen shows the mean of a sum and the median of a histogram, and, where the table has several
categories, each row's share of what is published; all columns are in the other forms.

Every form but --arrow and --json has a row for each key of the table's public domain; those without a
released row say `withheld`, which tells nobody whether they were suppressed or empty. Up to 100 million
keys are listed so in CSV, Parquet (the smallest) and MDS, in GeoJSON what makes 20 million vertices, in a
GeoPackage a million, or all in its view TABLE_domain; --released leaves withheld keys out. Each file carries the
agreement's id, what protects it, the quality sheet and the receipt.

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

pub async fn run(args: Get, session: &Session) -> Result<(), CliError> {
    args.save.check()?;
    let client = session.client().await?;
    let table = client.fetch(&args.key).await.map_err(from_client)?;
    show(&client, &table, &args.save, session).await
}

/// Shows a verified release, or saves it.
///
/// # Errors
/// [`CliError`] where a file cannot be written.
pub async fn show(
    client: &Client,
    table: &Table,
    save: &Save,
    session: &Session,
) -> Result<(), CliError> {
    let batch = concat_batches(table.schema(), table.batches()).or_fail()?;
    let coarser = table.sheet().coarser();
    let rows = Rows::new(&batch, &table.sheet().table, &coarser);
    let Some(out) = &save.out else {
        if save.csv {
            let export = save::export(client, table, std::slice::from_ref(&batch)).await?;
            let listed = save.listed(&export, Format::Csv);
            return stream_out(|out| export.csv(listed, out));
        }
        let rows_json = if session.output.json() {
            Some(rows.json()?)
        } else {
            None
        };
        return session
            .output
            .show(&Shown::of(table, &batch, rows_json, None)?);
    };
    let saved = match save.format() {
        None if save.arrow => save::raw(table, out)?,
        None if session.output.json() => save::json(&rows.json()?, out)?,
        format => {
            let export = save::export(client, table, std::slice::from_ref(&batch)).await?;
            let format = format.unwrap_or(Format::Csv);
            let bar = progress::waiting(session.output, &format!("writing {}", out.display()));
            let saved = save::write(&export, format, save.listed(&export, format), out);
            bar.finish_and_clear();
            saved?
        }
    };
    save::papers(table, out)?;
    session
        .output
        .show(&Shown::of(table, &batch, None, Some(saved))?)
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
    #[serde(flatten)]
    saved: Option<Saved>,
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
        saved: Option<Saved>,
    ) -> Result<Self, CliError> {
        let coarser = table.sheet().coarser();
        let all = Rows::new(batch, &table.sheet().table, &coarser);
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
            saved,
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
        let saved = self.saved.as_ref().map(Saved::text);
        format!(
            "{head}\n\n{summary}\nReceipt verified: entry {entry} of the log publishes these very \
             rows.\nKey {release}{}",
            saved.unwrap_or_default()
        )
    }
}
