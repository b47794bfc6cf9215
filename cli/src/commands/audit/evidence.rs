//! Two signed checkpoints that do not go together, as a file that convinces others.

use std::path::{Path, PathBuf};

use audit::checkpoint::{CheckpointNote, LogKey};
use audit::error::{Evidence, Verdict};
use audit::receipt::Receipt;
use audit::tree::{MemoryHashes, leaf_hash};
use clap::Args;
use serde::Serialize;

use super::super::Session;
use super::super::pki::files::write;
use super::archive::Archive;
use super::verify::log_key;
use crate::errors::{CliError, OrFail};
use crate::output::{View, facts};

pub const HELP: &str = "\
Example:
  weir audit evidence fork.json --before state/log-1a2b.checkpoint --after shown.checkpoint --copy state-copy
  weir audit evidence fork.json --log-key certs/log.vkey      checks a file that somebody else made

--before and --after take a checkpoint or a .tlog-proof. Two roots of one size prove a fork by
themselves; of two sizes, a copy of the larger log (--copy, a state directory or what `weir audit
follow` keeps) proves it without a single entry, and is added to the file. A witness prints both
notes where it refuses one; a client that is shown a contradiction writes such a file into its
profile's `state`, and says where.
Exit code 4: the file proves that the log has forked.";

/// Arguments of `weir audit evidence`.
#[derive(Debug, Args)]
pub struct Make {
    /// The evidence: made where --before and --after are given, else read.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// A checkpoint that the log signed.
    #[arg(long, value_name = "FILE", requires = "after")]
    pub before: Option<PathBuf>,
    /// One that does not go with it.
    #[arg(long, value_name = "FILE", requires = "before")]
    pub after: Option<PathBuf>,
    /// A copy of the larger of the two logs.
    #[arg(long, value_name = "DIR")]
    pub copy: Option<PathBuf>,
    /// The log's public key, or a file that holds it; the profile's where it is left out.
    #[arg(long, value_name = "KEY|FILE")]
    pub log_key: Option<String>,
}

pub fn run(args: &Make, session: &Session) -> Result<(), CliError> {
    let key = log_key(args.log_key.as_deref(), session)?;
    let made = match (&args.before, &args.after) {
        (Some(before), Some(after)) => Some(Evidence::of(checkpoint(before)?, checkpoint(after)?)),
        _ => None,
    };
    let new = made.is_some() || args.copy.is_some();
    let mut evidence = match made {
        Some(evidence) => evidence,
        None => parse(&args.file)?,
    };
    if let Some(copy) = &args.copy {
        evidence = with_copy(evidence, &Archive::at(copy))?;
    }
    if new {
        let json = serde_json::to_string_pretty(&evidence).or_fail()?;
        write(&args.file, &(json + "\n"))?;
    }
    let verdict = evidence.verdict(&key);
    let verdict = verdict.map_err(|e| CliError::file("use", &args.file, e))?;
    if verdict == Verdict::Fork {
        return Err(CliError::broken(format_args!(
            "the log has signed two trees that do not go together: {evidence}; `{}` proves it",
            args.file.display()
        )));
    }
    session.output.show(&Told {
        fork: false,
        says: match verdict {
            Verdict::Open => "nothing yet: a copy of the larger log would tell (--copy)",
            _ => "no fork: the larger tree continues the smaller",
        },
        notes: evidence.to_string(),
    })
}

fn checkpoint(path: &Path) -> Result<CheckpointNote, CliError> {
    let text = read(path)?;
    if let Ok(receipt) = text.parse::<Receipt>() {
        return Ok(receipt.checkpoint().clone());
    }
    text.parse().map_err(|e| CliError::file("use", path, e))
}

fn with_copy(evidence: Evidence, copy: &Archive) -> Result<Evidence, CliError> {
    let loaded = copy.load()?;
    let mut hashes = MemoryHashes::default();
    for entry in loaded.entries().map_while(Result::ok) {
        hashes.append(leaf_hash(entry));
    }
    evidence
        .with_copy(&hashes)
        .or_try("a copy of the larger log")
}

/// The same with what our own copy tells, where it is the larger tree's.
pub fn completed(evidence: Evidence, own: &Archive, key: &LogKey) -> Evidence {
    let more = with_copy(evidence.clone(), own).ok();
    let proves = |more: &Evidence| more.proves_fork(key) == Ok(true);
    more.filter(proves).unwrap_or(evidence)
}

/// Evidence that is kept in a file.
///
/// # Errors
/// [`CliError`] names the file.
pub fn parse(path: &Path) -> Result<Evidence, CliError> {
    serde_json::from_str(&read(path)?).map_err(|e| CliError::file("use", path, e))
}

fn read(path: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(path).map_err(|e| CliError::file("read", path, e))
}

#[derive(Serialize)]
struct Told {
    fork: bool,
    says: &'static str,
    notes: String,
}

impl View for Told {
    fn text(&self) -> String {
        facts(&[
            ("proves", self.says.to_owned()),
            ("notes", self.notes.clone()),
        ])
    }
}
