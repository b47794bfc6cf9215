//! The whole log, checked from its first entry: from a copied directory, or from the broker.

use std::path::{Path, PathBuf};

use audit::checkpoint::{Checkpoint, LogKey};
use audit::replay::Replayer;
use clap::Args;
use futures::StreamExt;
use jiff::Timestamp;
use policies::entry::Entry;

use super::super::Session;
use super::super::session::from_client;
use super::archive::Archive;
use super::books::Books;
use super::verify::{log_key, read_policy};
use crate::errors::CliError;
use crate::progress;

pub const HELP: &str = "\
Example:
  weir audit replay state-copy --log-key certs/log.vkey      offline, from copied files
  weir audit replay --profile certs/ombudsman/weir.toml      from the broker, as an auditor

DIR is a state directory or a copy of its `log` folder (entries, checkpoint, h0, cosigned). Every entry is
checked: form, signatures, that each reservation and each refusal is what the rules come to, that
noise and threshold cost what was charged, that nothing was charged over a cap, and that all entries
together are the tree whose root the log signed. Without OpenDP, without the broker. Reservations
that have not ended are listed.
Exit code 4 names the first entry that does not hold.";

/// Arguments of `weir audit replay`.
#[derive(Debug, Args)]
pub struct Replay {
    /// Where the log comes from.
    #[command(flatten)]
    pub source: Source,
}

/// Where a whole log comes from.
#[derive(Debug, Args)]
pub struct Source {
    /// A copied state directory; without it, the profile's broker.
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// The log's public key, or a file that holds it; the profile's where it is left out.
    #[arg(long, value_name = "KEY|FILE")]
    pub log_key: Option<String>,
    /// Ask for a quorum of witnesses too: a policy (c2sp.org/tlog-policy). Of a directory, what lies
    /// in `log/cosigned` counts; of a broker, what it shows.
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
}

pub async fn run(args: Replay, session: &Session) -> Result<(), CliError> {
    let (replayer, checkpoint) = each(&args.source, session, |_, _, _| Ok(())).await?;
    session.output.show(&Books::of(&replayer, &checkpoint))
}

/// Checks a whole log, and shows every entry as it holds: index, entry, bytes. All of them are under
/// the checkpoint when this returns.
///
/// # Errors
/// [`CliError::Broken`] names the first entry that does not hold; what `seen` returns.
pub async fn each(
    source: &Source,
    session: &Session,
    seen: impl FnMut(u64, &Entry, &[u8]) -> Result<(), CliError>,
) -> Result<(Replayer, Checkpoint), CliError> {
    match &source.directory {
        Some(directory) => {
            let key = log_key(source.log_key.as_deref(), session)?;
            if let Some(path) = &source.policy {
                let loaded = Archive::at(directory).load()?;
                let archive = loaded.verify(&key)?;
                let policy = read_policy(path, &key)?;
                let cosigned = loaded.cosigned(&archive, &key, &policy, Timestamp::now())?;
                told(session, cosigned, archive.checkpoint().size());
            }
            offline(directory, &key, seen)
        }
        None => {
            let (replayer, checkpoint) = online(session, seen).await?;
            if let Some(path) = &source.policy {
                let key = log_key(source.log_key.as_deref(), session)?;
                let policy = read_policy(path, &key)?;
                policy.check(&checkpoint).map_err(CliError::broken)?;
                let now = Timestamp::now();
                policy
                    .check_times(&checkpoint, now)
                    .map_err(CliError::broken)?;
                told(session, checkpoint.size(), checkpoint.size());
            }
            Ok((replayer, checkpoint))
        }
    }
}

fn told(session: &Session, cosigned: u64, size: u64) {
    session.output.note(&format!(
        "a quorum of witnesses cosigned {cosigned} of {size} entries"
    ));
}

/// Replays a directory.
///
/// # Errors
/// As [`each`].
pub fn offline(
    directory: &Path,
    key: &LogKey,
    mut seen: impl FnMut(u64, &Entry, &[u8]) -> Result<(), CliError>,
) -> Result<(Replayer, Checkpoint), CliError> {
    let loaded = Archive::at(directory).load()?;
    let archive = loaded.verify(key)?;
    let mut replayer = Replayer::default();
    for bytes in archive.entries() {
        let index = replayer.size();
        let entry = replayer.step(bytes).map_err(CliError::broken)?;
        seen(index, &entry, bytes)?;
    }
    Ok((replayer, archive.checkpoint().clone()))
}

fn other_root(checkpoint: &Checkpoint) -> String {
    let size = checkpoint.size();
    format!("the {size} entries that were sent are not those that the log signed")
}

async fn online(
    session: &Session,
    mut seen: impl FnMut(u64, &Entry, &[u8]) -> Result<(), CliError>,
) -> Result<(Replayer, Checkpoint), CliError> {
    let client = session.client().await?;
    let checkpoint = client.checkpoint().await.map_err(from_client)?;
    let bar = progress::steps(session.output, "replaying", checkpoint.size());
    let mut replayer = Replayer::default();
    let mut bundles = std::pin::pin!(client.entries(0, checkpoint.size()));
    while let Some(bundle) = bundles.next().await {
        for (index, bytes) in bundle.map_err(from_client)?.entries {
            in_turn(replayer.size(), index)?;
            let entry = replayer.step(&bytes).map_err(CliError::broken)?;
            seen(index, &entry, &bytes)?;
        }
        bar.set_position(replayer.size());
    }
    bar.finish_and_clear();
    in_turn(replayer.size(), checkpoint.size())?;
    if replayer.root() != *checkpoint.root() {
        return Err(CliError::broken(other_root(&checkpoint)));
    }
    Ok((replayer, checkpoint))
}

/// Only auditors see every entry: others cannot replay.
///
/// # Errors
/// [`CliError`] where entries were left out.
pub fn in_turn(next: u64, index: u64) -> Result<(), CliError> {
    if next == index {
        return Ok(());
    }
    let why = format!("the broker shows no entry {next}");
    Err(CliError::new(why).or_try("an auditor's profile: other parties see what concerns them"))
}
