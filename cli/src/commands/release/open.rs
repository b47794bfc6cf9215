//! `weir release open`: released tables as open data, by two persons.

mod ckan;
mod described;

use clap::{Args, Subcommand};
use policies::id::{AgreementId, ReleaseKey, TableName};
use policies::life::Cause;
use policies::period::Period;
use proto::convert::ReleaseSummary;
use sdk::client::Proven;
use serde::Serialize;

use self::described::described;
use super::super::session::from_client;
use super::super::{Session, confirm};
use crate::errors::CliError;
use crate::output::{View, facts, short};

/// Open data: propose, approve, withdraw; push the catalogue into a CKAN.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Propose a published release as open data. Nothing is public by that.
    #[command(after_help = PROPOSE_HELP)]
    Propose(Propose),
    /// Approve what another person proposed: from then on it is public.
    #[command(after_help = APPROVE_HELP)]
    Approve(Approve),
    /// Withdraw what is proposed or public, for good.
    #[command(after_help = WITHDRAW_HELP)]
    Withdraw(Withdraw),
    /// Push the catalogue of open data into a CKAN. Asks no broker but for its public side.
    #[command(after_help = ckan::HELP)]
    Ckan(ckan::Ckan),
}

pub const HELP: &str = "\
Example:
  weir release open propose KEY                     one person of the provider or the planner
  weir release open approve KEY                     another person, of either
  weir release list 3f9ac2                          who may see which release
  weir release open withdraw KEY --reason \"…\"

Only where the agreement has a `publication` with a licence (`weir agreement show` tells), while it is active.
Open data is fetched over HTTPS, without a login; the catalogue is at /open.";

const PROPOSE_HELP: &str = "\
Example:
  weir release open propose KEY

Look at it first: weir release get KEY. The proposal is signed with your organisation's key and stands in the log
with a pseudonym of yours. Next, another person of the provider or the planner runs `weir release open approve
KEY` with a token of their own; whoever proposed it is refused. Proposing again takes the place of the first.";

const APPROVE_HELP: &str = "\
Example:
  weir release open approve KEY                     shows what it is, and asks
  weir release open approve KEY --yes               for a script that somebody has read

Four eyes: it has to be another person than the one who proposed it. Which person you are, your token says
(`weir pki token … --user NAME` in development). From then on everybody may have the table; it can be withdrawn,
but copies already fetched are out of reach.";

const WITHDRAW_HELP: &str = "\
Example:
  weir release open withdraw KEY --reason \"a zone was named wrongly\"

Any party can, at any time, alone. The table is public no more; its address says that it was withdrawn, and why.
It cannot be proposed again: a corrected table is another release. Entitled organisations keep it. Where the
agreement's `publication.on_end` is `withdrawn`, its end does the same by itself; so does an amendment without a
`publication`, for good, whatever a later one says.";

/// Arguments of `weir release open propose`.
#[derive(Debug, Args)]
pub struct Propose {
    /// The release's key, as `weir release list` shows it.
    pub key: ReleaseKey,
}

/// Arguments of `weir release open approve`.
#[derive(Debug, Args)]
pub struct Approve {
    /// The release's key.
    pub key: ReleaseKey,
    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
}

/// Arguments of `weir release open withdraw`.
#[derive(Debug, Args)]
pub struct Withdraw {
    /// The release's key.
    pub key: ReleaseKey,
    /// Why, in one line of at most 280 bytes. Everybody reads it in the place of the data: name no person.
    #[arg(long, value_name = "TEXT")]
    pub reason: Cause,
    /// Do not ask.
    #[arg(long)]
    pub yes: bool,
}

/// Runs one of them.
///
/// # Errors
/// [`CliError`].
pub async fn run(command: Command, session: &Session) -> Result<(), CliError> {
    match command {
        Command::Propose(args) => propose(&args, session).await,
        Command::Approve(args) => approve(&args, session).await,
        Command::Withdraw(args) => withdraw(args, session).await,
        Command::Ckan(args) => ckan::run(args, session).await,
    }
}

async fn propose(args: &Propose, session: &Session) -> Result<(), CliError> {
    let (client, signer) = (session.client().await?, session.signer()?);
    let done = client.propose_open_data(&args.key, &signer).await;
    told(session, done.map_err(from_client)?)
}

async fn approve(args: &Approve, session: &Session) -> Result<(), CliError> {
    let (client, signer) = (session.client().await?, session.signer()?);
    if !args.yes {
        let what = described(&client, &args.key).await?;
        let question = "Shall everybody have it? It cannot be taken out of the world again.";
        confirm::sure(&what, question)?;
    }
    let done = client.approve_open_data(&args.key, &signer).await;
    told(session, done.map_err(from_client)?)
}

async fn withdraw(args: Withdraw, session: &Session) -> Result<(), CliError> {
    let (client, signer) = (session.client().await?, session.signer()?);
    let Withdraw { key, reason, yes } = args;
    if !yes {
        let what = format!("Release {key} would be open data no more, for good.");
        confirm::sure(&what, "Shall it be withdrawn?")?;
    }
    let done = client.withdraw_open_data(&key, reason, &signer).await;
    told(session, done.map_err(from_client)?)
}

fn told(session: &Session, done: Proven<ReleaseSummary>) -> Result<(), CliError> {
    let Proven { what, proof } = done;
    session.output.show(&Told::of(what, proof.index()))
}

/// A release after a step.
#[derive(Serialize)]
struct Told {
    release: ReleaseKey,
    agreement: AgreementId,
    table: TableName,
    period: Period,
    edition: u32,
    open_data: &'static str,
    entry: u64,
}

impl Told {
    fn of(release: ReleaseSummary, entry: u64) -> Self {
        let ReleaseSummary {
            key,
            agreement,
            table,
            period,
            edition,
            charge: _,
            entry: _,
            replaces: _,
            open,
        } = release;
        Self {
            release: key,
            agreement,
            table,
            period,
            edition,
            open_data: open.as_str(),
            entry,
        }
    }
}

impl View for Told {
    fn text(&self) -> String {
        let known = facts(&[
            ("release", self.release.to_string()),
            ("agreement", short(self.agreement.as_str())),
            ("table", format!("{} {}", self.table, self.period)),
            ("open data", self.open_data.to_owned()),
            (
                "in the log",
                format!("entry {}, receipt verified", self.entry),
            ),
        ]);
        let next = match self.open_data {
            "proposed" => "\nNext, another person: weir release open approve KEY",
            "public" => "\nEverybody finds it under /open of the broker's public side.",
            _ => "",
        };
        format!("{known}{next}")
    }
}
