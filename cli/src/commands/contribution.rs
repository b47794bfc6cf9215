//! `weir contribution`: what was contributed, what became of it, and taking it back.

use clap::{Args, Subcommand};
use policies::id::{BatchId, ReleaseKey, TableName};
use policies::life::Cause;
use policies::period::Period;
use proto::convert::{ContributionStatus, ReleaseSummary};
use serde::Serialize;

use super::Session;
use super::session::from_client;
use crate::errors::CliError;
use crate::output::{View, facts, right, short, table};

/// Contributions: list, look one up, take one back.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the live contributions of an agreement.
    #[command(after_help = LIST_HELP)]
    List(List),
    /// Where one contribution of ours stands, and what was released from it.
    #[command(after_help = SHOW_HELP)]
    Show(Show),
    /// Take a contribution of ours back: its cells are erased, what was released from it is listed.
    #[command(after_help = WITHDRAW_HELP)]
    Withdraw(Withdraw),
}

const LIST_HELP: &str = "\
Example:
  weir contribution list 3f9ac2
  weir contribution list 3f9ac2 --table od --json

Live is what releases of a period read. What was corrected, taken back or kept as long as agreed is not in the
list: `weir contribution show` tells about each by its batch id.";

const SHOW_HELP: &str = "\
Example:
  weir contribution show 3f9ac2 1b4e28ba-2fa1-11d2-883f-0016d3cca427

The batch id stands in the answer of `weir push` and in `weir contribution list`.";

const WITHDRAW_HELP: &str = "\
Example:
  weir contribution withdraw 3f9ac2 1b4e28ba-2fa1-11d2-883f-0016d3cca427 --reason \"counted twice\"

Only the provider can, at any time, also after the agreement has ended. Cells and salt are erased when this
returns; the log keeps which batch of which period it was, and the reason. Nothing new is made of it: a release
that was charged and not drawn ends without a table, and the charge stays. What was published before stays
published and is listed. The period can be pushed again, under a new batch id.";

/// Arguments of `weir contribution list`.
#[derive(Debug, Args)]
pub struct List {
    /// The agreement: its file, its id, or the first digits of its id.
    #[arg(value_name = "AGREEMENT")]
    pub agreement: String,
    /// Only this table.
    #[arg(long)]
    pub table: Option<TableName>,
}

/// Arguments of `weir contribution show`.
#[derive(Debug, Args)]
pub struct Show {
    /// The agreement: its file, its id, or the first digits of its id.
    #[arg(value_name = "AGREEMENT")]
    pub agreement: String,
    /// The id of the push.
    #[arg(value_name = "BATCH")]
    pub batch: BatchId,
}

/// Arguments of `weir contribution withdraw`.
#[derive(Debug, Args)]
pub struct Withdraw {
    /// Which one.
    #[command(flatten)]
    pub which: Show,
    /// Why, in one line of at most 280 bytes. It stands in the log for ever: name no person.
    #[arg(long, value_name = "TEXT")]
    pub reason: Cause,
}

/// Runs one of them.
///
/// # Errors
/// [`CliError`].
pub async fn run(command: Command, session: &Session) -> Result<(), CliError> {
    match command {
        Command::List(args) => list(args, session).await,
        Command::Show(args) => show(args, session).await,
        Command::Withdraw(args) => withdraw(args, session).await,
    }
}

async fn list(args: List, session: &Session) -> Result<(), CliError> {
    let client = session.client().await?;
    let agreement = session.agreement_id(&client, &args.agreement).await?;
    let found = client.contributions(&agreement, args.table.as_ref()).await;
    let found = found.map_err(from_client)?;
    session.output.show(&Listed {
        contributions: found.into_iter().map(Line::of).collect(),
    })
}

async fn show(args: Show, session: &Session) -> Result<(), CliError> {
    let client = session.client().await?;
    let agreement = session.agreement_id(&client, &args.agreement).await?;
    let proven = client.contribution(&agreement, &args.batch).await;
    let proven = proven.map_err(from_client)?;
    session
        .output
        .show(&Told::of(proven.what, proven.proof.index()))
}

async fn withdraw(args: Withdraw, session: &Session) -> Result<(), CliError> {
    let (client, signer) = (session.client().await?, session.signer()?);
    let agreement = session.agreement_id(&client, &args.which.agreement).await?;
    let batch = &args.which.batch;
    let proven = client.withdraw_contribution(&agreement, batch, args.reason, &signer);
    let proven = proven.await.map_err(from_client)?;
    session
        .output
        .show(&Told::of(proven.what, proven.proof.index()))
}

#[derive(Serialize)]
struct Line {
    batch: BatchId,
    table: TableName,
    period: Period,
    state: &'static str,
    late: bool,
    supersedes: Option<BatchId>,
    entry: u64,
}

impl Line {
    fn of(status: ContributionStatus) -> Self {
        let ContributionStatus {
            agreement: _,
            table,
            period,
            batch,
            supersedes,
            late,
            standing,
            entry,
            releases: _,
        } = status;
        Self {
            batch,
            table,
            period,
            state: standing.as_str(),
            late,
            supersedes,
            entry,
        }
    }
}

#[derive(Serialize)]
struct Listed {
    contributions: Vec<Line>,
}

impl View for Listed {
    fn text(&self) -> String {
        let mut rows = table(&["table", "period", "batch", "late", "entry"]);
        for line in &self.contributions {
            rows.add_row([
                line.table.to_string(),
                line.period.to_string(),
                line.batch.to_string(),
                if line.late { "late" } else { "" }.to_owned(),
                line.entry.to_string(),
            ]);
        }
        right(&mut rows, &[4]);
        rows.to_string()
    }
}

/// A release that was made of a contribution.
#[derive(Serialize)]
struct Released {
    key: ReleaseKey,
    period: Period,
    edition: u32,
    entry: u64,
}

/// One contribution, and what was released from it.
#[derive(Serialize)]
struct Told {
    agreement: String,
    #[serde(flatten)]
    line: Line,
    /// The entry that the receipt proves: its acceptance, or its withdrawal.
    proven_entry: u64,
    releases: Vec<Released>,
}

impl Told {
    fn of(status: ContributionStatus, proven_entry: u64) -> Self {
        let releases = status.releases.iter().map(|release| {
            let ReleaseSummary {
                key,
                period,
                edition,
                entry,
                ..
            } = release;
            Released {
                key: key.clone(),
                period: *period,
                edition: *edition,
                entry: *entry,
            }
        });
        Self {
            agreement: status.agreement.to_string(),
            releases: releases.collect(),
            line: Line::of(status),
            proven_entry,
        }
    }
}

impl View for Told {
    fn text(&self) -> String {
        let line = &self.line;
        let mut known = vec![
            ("batch", line.batch.to_string()),
            ("agreement", short(&self.agreement)),
            ("table", format!("{} {}", line.table, line.period)),
            ("state", line.state.to_owned()),
        ];
        if let Some(before) = &line.supersedes {
            known.push(("corrects", before.to_string()));
        }
        let proof = format!("entry {}, receipt verified", self.proven_entry);
        known.push(("in the log", proof));
        if self.releases.is_empty() {
            return format!("{}\nNothing was released from it.", facts(&known));
        }
        let mut rows = table(&["release", "period", "edition", "entry"]);
        for release in &self.releases {
            rows.add_row([
                release.key.to_string(),
                release.period.to_string(),
                release.edition.to_string(),
                release.entry.to_string(),
            ]);
        }
        right(&mut rows, &[2, 3]);
        format!("{}\nReleased from it:\n{rows}", facts(&known))
    }
}
