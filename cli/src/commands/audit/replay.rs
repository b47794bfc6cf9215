//! The whole log, checked from its first entry: from a copied directory, or from the broker.

use std::path::{Path, PathBuf};

use audit::checkpoint::{Checkpoint, LogKey};
use audit::replay::Replayer;
use clap::Args;
use futures::StreamExt;
use jiff::Timestamp;
use policies::entry::Entry;
use sdk::client::Client;

use super::super::Session;
use super::super::session::from_client;
use super::archive::Archive;
use super::books::Books;
use super::compared::Compared;
use super::follow::silence_line;
use super::verify::{log_key, read_policy};
use crate::errors::CliError;
use crate::progress;
use crate::site::Site;

pub const HELP: &str = "\
Example:
  weir audit replay state-copy --log-key certs/log.vkey      offline, from copied files
  weir audit replay --profile certs/ombudsman/weir.toml      from the broker, as an auditor
  weir audit replay --register https://data.city.example/register.json

DIR is a state directory or a copy of its `log` folder (entries, checkpoint, h0, cosigned). Every
entry is checked: form, signatures, that each reservation and each refusal is what the rules come to, that
noise and threshold cost what was charged, that nothing was charged over a cap, and that all entries
together are the tree whose root the log signed. Without OpenDP, without the broker. Reservations
that have not ended are listed, with every agreement's state and every balance, and silences that
are longer than the log promises, and settings that say little of a broker.
What the broker says beside its log is compared with that: snapshots of its state in the log; asked
without DIR, its answers about every agreement; with --register, what its public register says that
was released and lost. What was not compared is said.
Exit code 4 names the first entry that does not hold, or what the broker says otherwise.";

/// Arguments of `weir audit replay`.
#[derive(Debug, Args)]
pub struct Replay {
    /// Where the log comes from.
    #[command(flatten)]
    pub source: Source,
    /// The broker's public register, to be compared: `https://…/register.json`.
    #[arg(long, value_name = "URL", conflicts_with = "directory")]
    pub register: Option<String>,
    /// Certificates of the register's server; the profile's `ca` where they are left out.
    #[arg(long, value_name = "FILE", requires = "register")]
    pub ca: Option<PathBuf>,
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
    let mut checked = each(&args.source, session, |_, _, _| Ok(())).await?;
    let compared = if args.source.directory.is_some() {
        Compared::offline(&checked.replayer)
    } else {
        let (register, size) = (args.register(session)?, checked.checkpoint.size());
        let log = (&mut checked.replayer, &mut checked.checkpoint);
        let compared = Compared::online(session, log, register.as_ref()).await?;
        if checked.checkpoint.size() > size {
            on_time(&checked.replayer)?;
            checked.cosigned = args.source.quorum(session, &checked.checkpoint)?;
        }
        compared
    };
    let silence = args.source.silence(&checked.replayer, Timestamp::now());
    session.output.show(&Books::of(&checked, compared, silence))
}

impl Replay {
    fn register(&self, session: &Session) -> Result<Option<Site>, CliError> {
        let Some(url) = &self.register else {
            return Ok(None);
        };
        let ca = match &self.ca {
            Some(ca) => ca.clone(),
            None => session.profile()?.ca,
        };
        Site::new(url, &ca).map(Some)
    }
}

impl Source {
    /// Has the broker that was asked said nothing for longer than its log promises? A copy is as old as it is.
    pub fn silence(&self, replayer: &Replayer, now: Timestamp) -> Option<String> {
        let since = replayer
            .silent_since(now)
            .filter(|_| self.directory.is_none())?;
        Some(silence_line(since))
    }

    /// Is the broker's checkpoint one that the policy's quorum has cosigned, where a policy is named?
    fn quorum(&self, session: &Session, checkpoint: &Checkpoint) -> Result<Option<u64>, CliError> {
        let Some(path) = &self.policy else {
            return Ok(None);
        };
        let key = log_key(self.log_key.as_deref(), session)?;
        let policy = read_policy(path, &key)?;
        policy.check(checkpoint).map_err(CliError::broken)?;
        let now = Timestamp::now();
        policy
            .check_times(checkpoint, now)
            .map_err(CliError::broken)?;
        Ok(Some(checkpoint.size()))
    }
}

/// A whole log that holds.
#[derive(Debug)]
pub struct Checked {
    /// What its entries imply.
    pub replayer: Replayer,
    /// What all of them are under.
    pub checkpoint: Checkpoint,
    /// How many of them a quorum has cosigned, where a policy was named.
    pub cosigned: Option<u64>,
}

impl Checked {
    /// What to look at: entries that no quorum has seen yet.
    pub fn behind(&self) -> Option<String> {
        let (cosigned, size) = (self.cosigned?, self.checkpoint.size());
        (cosigned < size).then(|| {
            format!("a quorum of witnesses cosigned {cosigned} of {size} entries: the rest could be others elsewhere")
        })
    }
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
) -> Result<Checked, CliError> {
    let checked = match &source.directory {
        Some(directory) => {
            let key = log_key(source.log_key.as_deref(), session)?;
            let cosigned = match &source.policy {
                None => None,
                Some(path) => {
                    let loaded = Archive::at(directory).load()?;
                    let archive = loaded.verify(&key)?;
                    let policy = read_policy(path, &key)?;
                    Some(loaded.cosigned(&archive, &key, &policy, Timestamp::now())?)
                }
            };
            let (replayer, checkpoint) = offline(directory, &key, seen)?;
            Checked {
                replayer,
                checkpoint,
                cosigned,
            }
        }
        None => {
            let (replayer, checkpoint) = online(session, seen).await?;
            let cosigned = source.quorum(session, &checkpoint)?;
            Checked {
                replayer,
                checkpoint,
                cosigned,
            }
        }
    };
    on_time(&checked.replayer)?;
    Ok(checked)
}

fn on_time(replayer: &Replayer) -> Result<(), CliError> {
    let clock = replayer.check_clock(Timestamp::now());
    clock.map_err(CliError::broken)
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
    let counted = |index: u64, entry: &Entry, bytes: &[u8]| {
        if index.is_multiple_of(256) {
            bar.set_position(index);
        }
        seen(index, entry, bytes)
    };
    advance(&client, &mut replayer, &checkpoint, counted).await?;
    bar.finish_and_clear();
    Ok((replayer, checkpoint))
}

/// Replays what a broker has between the replayer's last entry and a checkpoint, whose tree all of it has to be.
///
/// # Errors
/// As [`each`].
pub async fn advance(
    client: &Client,
    replayer: &mut Replayer,
    checkpoint: &Checkpoint,
    mut seen: impl FnMut(u64, &Entry, &[u8]) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let mut bundles = std::pin::pin!(client.entries(replayer.size(), checkpoint.size()));
    while let Some(bundle) = bundles.next().await {
        for (index, bytes) in bundle.map_err(from_client)?.entries {
            in_turn(replayer.size(), index)?;
            let entry = replayer.step(&bytes).map_err(CliError::broken)?;
            seen(index, &entry, &bytes)?;
        }
    }
    in_turn(replayer.size(), checkpoint.size())?;
    if replayer.root() != *checkpoint.root() {
        return Err(CliError::broken(other_root(checkpoint)));
    }
    Ok(())
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
