//! `weir push`: cells to the broker, with receipts.

use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::ipc::writer::StreamWriter;
use policies::id::{AgreementId, BatchId, sha256_hex};
use policies::refusal::ReasonId;
use policies::state::Standing;
use proto::convert::ContributionStatus;
use sdk::aggregate::{Aggregated, EXTENSION, read_cells_file};
use sdk::client::{Client, PushProgress, new_batch_id, push_of};
use serde::Serialize;

use super::Session;
use super::session::from_client;
use crate::errors::{CliError, OrFail};
use crate::output::{View, table};
use crate::progress;

/// Rows that are hashed at a time.
const HASHED_ROWS: usize = 65_536;
/// Digits of a batch id: 160 bits.
const BATCH_DIGITS: usize = 40;
/// What receipts end in.
const RECEIPT_EXTENSION: &str = "tlog-proof";

const NEVER: &str = "\n\nWARNING: what stands as NEVER RELEASED is kept, and no planner will see it. Another table \
                     of these people and days was released under k alone, or will not have one beside it: from two, \
                     the hidden numbers could be computed. A correction comes too late there.";

const HELP: &str = "\
Example:
  weir push cells                            all .arrow files of a folder
  weir push cells/od_2023-10-05.arrow        one table and period
  weir push cells --supersede                corrections of what was pushed before
  weir push cells --again                    what `weir contribution withdraw` took back, once more

A broken push is repeated as it is: the batch id follows from the content, so the broker answers a
repetition with the first receipt. Receipts are saved beside the cells as .tlog-proof files; `weir
audit verify FILE` checks one offline. What was pushed is visible only when all of it is there.";

/// Push cells to the broker, with receipts.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    /// A folder that `weir aggregate` filled, or one of its files.
    #[arg(value_name = "DIR|FILE")]
    pub cells: PathBuf,
    /// Replace the live contribution of the same table and period.
    #[arg(long)]
    pub supersede: bool,
    /// Push once more what was taken back or is deleted since, under a new id.
    #[arg(long, conflicts_with = "supersede")]
    pub again: bool,
}

/// Pushes file by file; what was accepted before a failure is shown and stays.
///
/// # Errors
/// [`CliError`] names the first file that was not accepted.
pub async fn run(args: Args, session: &Session) -> Result<(), CliError> {
    let files = files(&args.cells)?;
    let client = session.client().await?;
    let mut pushed = Vec::new();
    let mut failed = None;
    for (n, path) in files.iter().enumerate() {
        let what = format!("{}/{} {}", n + 1, files.len(), path.display());
        match push(&client, session, path, &what, &args).await {
            Ok(one) => pushed.push(one),
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    if failed.is_none() || !pushed.is_empty() {
        session.output.show(&Done { pushed })?;
    }
    failed.map_or(Ok(()), Err)
}

async fn push(
    client: &Client,
    session: &Session,
    path: &Path,
    what: &str,
    args: &Args,
) -> Result<Pushed, CliError> {
    let (agreement, cells) = read_cells_file(path).or_fail()?;
    let content = content(&agreement, &cells)?;
    let all = client
        .contributions(&agreement, Some(&cells.table))
        .await
        .map_err(from_client)?;
    let live = all
        .into_iter()
        .find(|c| c.standing == Standing::Live && c.period == cells.period);
    let (batch, supersedes) = match live {
        None if args.again => (new_batch_id().map_err(from_client)?, None),
        live => ids(&content, live.as_ref(), args.supersede, path)?,
    };
    let header =
        push_of(&agreement, &cells, batch.clone(), supersedes.clone()).map_err(from_client)?;

    let rows = u64::try_from(cells.cells.num_rows()).unwrap_or(u64::MAX);
    let bar = progress::steps(session.output, what, rows);
    let shown = bar.clone();
    let progress = move |sent: PushProgress| shown.set_position(sent.rows_sent);
    let done = client.push(&header, &[cells.cells], progress).await;
    bar.finish_and_clear();
    let proven = done.map_err(from_client)?;

    let receipt = path.with_extension(RECEIPT_EXTENSION);
    let text = proven.proof.receipt().to_string();
    std::fs::write(&receipt, text).map_err(|e| CliError::file("write", &receipt, e))?;
    Ok(Pushed {
        table: cells.table.to_string(),
        period: cells.period.to_string(),
        batch: batch.to_string(),
        supersedes: supersedes.map(|id| id.to_string()),
        late: proven.what.late,
        never_released: proven.never_released,
        entry: proven.proof.index(),
        receipt,
    })
}

/// The cells' files: of a folder in order of names, or the one.
fn files(path: &Path) -> Result<Vec<PathBuf>, CliError> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let fail = |e| CliError::file("read", path, e).or_try("weir aggregate … --out DIR");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == EXTENSION)
        {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        let why = format!("`{}` holds no .{EXTENSION} file", path.display());
        return Err(CliError::new(why).or_try("weir aggregate … --out DIR"));
    }
    Ok(files)
}

/// The batch id of this content and what it supersedes. A repetition finds its own batch live and
/// gets the same ids again; other content needs `--supersede`.
fn ids(
    content: &str,
    live: Option<&ContributionStatus>,
    supersede: bool,
    path: &Path,
) -> Result<(BatchId, Option<BatchId>), CliError> {
    let Some(live) = live else {
        return Ok((batch_id(content, None)?, None));
    };
    let again = batch_id(content, live.supersedes.as_ref())?;
    if again == live.batch {
        return Ok((again, live.supersedes.clone()));
    }
    if supersede {
        return Ok((
            batch_id(content, Some(&live.batch))?,
            Some(live.batch.clone()),
        ));
    }
    let why = format!(
        "batch `{}` with other cells is live for that table and period",
        live.batch
    );
    Err(CliError::file("push", path, why).or_try("weir push … --supersede, if this corrects it"))
}

fn batch_id(content: &str, supersedes: Option<&BatchId>) -> Result<BatchId, CliError> {
    let supersedes = supersedes.map(BatchId::as_str).unwrap_or_default();
    let digest = sha256_hex(format!("weir batch\n{content}\nsupersedes {supersedes}\n").as_bytes());
    digest
        .chars()
        .take(BATCH_DIGITS)
        .collect::<String>()
        .parse()
        .or_fail()
}

/// A hash over everything a push says: header and cells, not the file's bytes, whose order of
/// metadata may differ from run to run.
fn content(agreement: &AgreementId, cells: &Aggregated) -> Result<String, CliError> {
    let declared = serde_json::to_string(&cells.declared).or_fail()?;
    let (table, period) = (&cells.table, cells.period);
    let mut text = format!("agreement {agreement}\ntable {table}\nperiod {period}\n{declared}\n");
    let mut from = 0;
    while from < cells.cells.num_rows() {
        let length = HASHED_ROWS.min(cells.cells.num_rows() - from);
        text.push_str(&sha256_hex(&encoded(&cells.cells.slice(from, length))?));
        text.push('\n');
        from += length;
    }
    Ok(sha256_hex(text.as_bytes()))
}

fn encoded(rows: &RecordBatch) -> Result<Vec<u8>, CliError> {
    let mut stream = StreamWriter::try_new(Vec::new(), rows.schema_ref()).or_fail()?;
    stream.write(rows).or_fail()?;
    stream.into_inner().or_fail()
}

#[derive(Serialize)]
struct Pushed {
    table: String,
    period: String,
    batch: String,
    supersedes: Option<String>,
    late: bool,
    never_released: Option<ReasonId>,
    entry: u64,
    receipt: PathBuf,
}

#[derive(Serialize)]
struct Done {
    pushed: Vec<Pushed>,
}

impl View for Done {
    fn text(&self) -> String {
        let mut rows = table(&["table", "period", "batch", "entry", "remarks"]);
        for one in &self.pushed {
            let superseded = one.supersedes.as_ref().map(|id| format!("supersedes {id}"));
            let late = one.late.then(|| "late".to_owned());
            let never = one
                .never_released
                .map(|rule| format!("NEVER RELEASED ({})", rule.as_str()));
            let remarks = superseded.into_iter().chain(late).chain(never);
            let remarks: Vec<String> = remarks.collect();
            let entry = one.entry.to_string();
            rows.add_row([
                &one.table,
                &one.period,
                &one.batch,
                &entry,
                &remarks.join(", "),
            ]);
        }
        let count = self.pushed.len();
        let never = self.pushed.iter().any(|one| one.never_released.is_some());
        let warning = if never { NEVER } else { "" };
        format!("{rows}\n\n{count} accepted; receipts verified and saved beside the cells{warning}")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::sync::Arc;

    use arrow::array::UInt64Array;
    use arrow::datatypes::{DataType, Field, Schema};
    use sdk::aggregate::Declared;

    use super::*;

    fn cells(values: &[u64], units: u64) -> Aggregated {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::UInt64, false)]));
        let column = Arc::new(UInt64Array::from(values.to_vec()));
        Aggregated {
            table: "od".parse().unwrap(),
            period: "2023-10-05".parse().unwrap(),
            cells: RecordBatch::try_new(schema, vec![column]).unwrap(),
            declared: Declared {
                active_units: Some(units),
                ..Declared::default()
            },
        }
    }

    fn live(batch: &BatchId, supersedes: Option<&BatchId>) -> ContributionStatus {
        ContributionStatus {
            agreement: "a".repeat(64).parse().unwrap(),
            table: "od".parse().unwrap(),
            period: "2023-10-05".parse().unwrap(),
            batch: batch.clone(),
            supersedes: supersedes.cloned(),
            late: false,
            standing: Standing::Live,
            entry: 7,
            releases: vec![],
        }
    }

    #[test]
    fn a_correction_that_nobody_will_see_is_warned_of() {
        let pushed = |never_released| Done {
            pushed: vec![Pushed {
                table: "od".into(),
                period: "2023-10-05".into(),
                batch: "b".into(),
                supersedes: Some("a".into()),
                late: false,
                never_released,
                entry: 7,
                receipt: "od.tlog-proof".into(),
            }],
        };
        let warned = pushed(Some(ReasonId::KOnlyBeside));
        let text = warned.text();
        assert!(
            text.contains("NEVER RELEASED (k_only.beside_another)"),
            "{text}"
        );
        assert!(text.contains("WARNING"), "{text}");
        let json = serde_json::to_value(&warned).unwrap();
        let rule = json.pointer("/pushed/0/never_released").unwrap();
        assert_eq!(rule, "k_only.beside_another");
        assert!(!pushed(None).text().contains("NEVER"));
    }

    #[test]
    fn equal_content_has_an_equal_hash_and_nothing_else_has() {
        let agreement: AgreementId = "a".repeat(64).parse().unwrap();
        let of = |cells: &Aggregated| content(&agreement, cells).unwrap();
        let first = of(&cells(&[1, 2, 3], 5));
        assert_eq!(first, of(&cells(&[1, 2, 3], 5)));
        assert_ne!(first, of(&cells(&[1, 2, 4], 5)));
        assert_ne!(first, of(&cells(&[1, 2, 3], 6)));
        let other: AgreementId = "b".repeat(64).parse().unwrap();
        assert_ne!(first, content(&other, &cells(&[1, 2, 3], 5)).unwrap());
    }

    #[test]
    fn a_repetition_has_the_same_ids_and_a_correction_names_what_it_corrects() {
        let path = Path::new("od.arrow");
        let (first, none) = ids("one", None, false, path).unwrap();
        assert_eq!(none, None);
        let there = live(&first, None);
        assert_eq!(
            ids("one", Some(&there), false, path).unwrap(),
            (first.clone(), None)
        );
        // Even with the flag, a repetition corrects nothing.
        assert_eq!(
            ids("one", Some(&there), true, path).unwrap(),
            (first.clone(), None)
        );

        let refused = ids("two", Some(&there), false, path).unwrap_err().text();
        assert!(refused.contains("--supersede"), "{refused}");
        let (second, supersedes) = ids("two", Some(&there), true, path).unwrap();
        assert_eq!(supersedes.as_ref(), Some(&first));
        let there = live(&second, Some(&first));
        let again = ids("two", Some(&there), true, path).unwrap();
        assert_eq!(again, (second.clone(), Some(first.clone())));

        // Back to the first content: a correction of its own, not the first push again.
        let (third, supersedes) = ids("one", Some(&there), true, path).unwrap();
        assert_eq!(supersedes, Some(second));
        assert_ne!(third, first);
    }
}
