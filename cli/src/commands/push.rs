//! `weir push`: cells to the broker, with receipts.

use std::path::{Path, PathBuf};

use policies::id::{AgreementId, BatchId};
use policies::refusal::ReasonId;
use policies::state::Standing;
use proto::convert::ContributionStatus;
use sdk::aggregate::{
    Aggregated, BatchContent, BatchKey, EXTENSION, Secret, read_batch_key, read_cells_file,
};
use sdk::client::{Client, PushProgress, new_batch_id, push_of};
use serde::Serialize;

use super::Session;
use super::session::from_client;
use crate::errors::{CliError, OrFail};
use crate::output::{View, table};
use crate::progress;

/// Beside cells that another tool wrote: names their pushes.
const SECRET: &str = "weir-push.secret";
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

A broken push is repeated as it is: the batch id follows from the cells and the secret that `weir
aggregate` has, so the broker answers a repetition with the first receipt. Others see that id; without
the secret they cannot try a guess of the cells on it. Cells aggregated again with another secret have
another id: they are other cells, to be pushed with --supersede. For cells that another tool wrote a
secret is made beside them (weir-push.secret): keep it there. Receipts are saved beside the cells as
.tlog-proof files; `weir audit verify FILE` checks one offline. What was pushed is visible only when
all of it is there.";

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
    let key = batch_key(path, &agreement, &cells)?;
    let content = key.content(&agreement, &cells).or_fail()?;
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

/// The key that names pushes of this file: its own, or of cells that another tool wrote one from a secret beside them.
fn batch_key(
    path: &Path,
    agreement: &AgreementId,
    cells: &Aggregated,
) -> Result<BatchKey, CliError> {
    if let Some(key) = read_batch_key(path).or_fail()? {
        return Ok(key);
    }
    let secret = Secret::open(&path.with_file_name(SECRET)).or_fail()?;
    Ok(BatchKey::of(&secret, agreement, &cells.table, cells.period))
}

/// The batch id of this content and what it supersedes. A repetition finds its own batch live and
/// gets the same ids again; other content needs `--supersede`.
fn ids(
    content: &BatchContent,
    live: Option<&ContributionStatus>,
    supersede: bool,
    path: &Path,
) -> Result<(BatchId, Option<BatchId>), CliError> {
    let Some(live) = live else {
        return Ok((content.id(None).or_fail()?, None));
    };
    let again = content.id(live.supersedes.as_ref()).or_fail()?;
    if again == live.batch {
        return Ok((again, live.supersedes.clone()));
    }
    if supersede {
        let correction = content.id(Some(&live.batch)).or_fail()?;
        return Ok((correction, Some(live.batch.clone())));
    }
    let why = format!(
        "batch `{}` with other cells is live for that table and period",
        live.batch
    );
    Err(CliError::file("push", path, why).or_try("weir push … --supersede, if this corrects it"))
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

    use arrow::array::{RecordBatch, UInt64Array};
    use arrow::datatypes::{DataType, Field, Schema};
    use arrow::ipc::writer::FileWriter;
    use sdk::aggregate::{Declared, write_cells};

    use super::*;

    fn cells(values: &[u64]) -> Aggregated {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::UInt64, false)]));
        let column = Arc::new(UInt64Array::from(values.to_vec()));
        Aggregated {
            table: "od".parse().unwrap(),
            period: "2023-10-05".parse().unwrap(),
            cells: RecordBatch::try_new(schema, vec![column]).unwrap(),
            declared: Declared::default(),
        }
    }

    fn content(values: &[u64]) -> BatchContent {
        let (agreement, cells) = ("a".repeat(64).parse().unwrap(), cells(values));
        let secret = Secret::from_bytes(&[3; 32]);
        let key = BatchKey::of(&secret, &agreement, &cells.table, cells.period);
        key.content(&agreement, &cells).unwrap()
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

    /// Cells that another tool wrote: the secret is made once, beside them, and names them ever after.
    #[test]
    fn cells_without_a_key_are_named_by_a_secret_beside_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("od.arrow");
        let agreement: AgreementId = "a".repeat(64).parse().unwrap();
        let cells = cells(&[1, 2, 3]);
        let file = std::fs::File::create(&path).unwrap();
        let mut writer = FileWriter::try_new(file, cells.cells.schema_ref()).unwrap();
        writer.write(&cells.cells).unwrap();
        writer.finish().unwrap();
        let key = batch_key(&path, &agreement, &cells).unwrap();
        assert!(folder.path().join(SECRET).is_file());
        assert_eq!(batch_key(&path, &agreement, &cells).unwrap(), key);
        std::fs::remove_file(folder.path().join(SECRET)).unwrap();
        assert_ne!(batch_key(&path, &agreement, &cells).unwrap(), key);

        let secret = Secret::from_bytes(&[3; 32]);
        let written = write_cells(
            folder.path(),
            &agreement,
            std::slice::from_ref(&cells),
            &secret,
        )
        .unwrap();
        let of = BatchKey::of(&secret, &agreement, &cells.table, cells.period);
        assert_eq!(
            batch_key(written.first().unwrap(), &agreement, &cells).unwrap(),
            of
        );
    }

    #[test]
    fn a_repetition_has_the_same_ids_and_a_correction_names_what_it_corrects() {
        let path = Path::new("od.arrow");
        let (one, two) = (content(&[1]), content(&[2]));
        let (first, none) = ids(&one, None, false, path).unwrap();
        assert_eq!(none, None);
        let there = live(&first, None);
        assert_eq!(
            ids(&one, Some(&there), false, path).unwrap(),
            (first.clone(), None)
        );
        // Even with the flag, a repetition corrects nothing.
        assert_eq!(
            ids(&one, Some(&there), true, path).unwrap(),
            (first.clone(), None)
        );

        let refused = ids(&two, Some(&there), false, path).unwrap_err().text();
        assert!(refused.contains("--supersede"), "{refused}");
        let (second, supersedes) = ids(&two, Some(&there), true, path).unwrap();
        assert_eq!(supersedes.as_ref(), Some(&first));
        let there = live(&second, Some(&first));
        let again = ids(&two, Some(&there), true, path).unwrap();
        assert_eq!(again, (second.clone(), Some(first.clone())));

        // Back to the first content: a correction of its own, not the first push again.
        let (third, supersedes) = ids(&one, Some(&there), true, path).unwrap();
        assert_eq!(supersedes, Some(second));
        assert_ne!(third, first);
    }
}
