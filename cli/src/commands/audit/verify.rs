//! One receipt, or a directory of them, offline.

use std::path::{Path, PathBuf};

use audit::checkpoint::LogKey;
use audit::commitment::{Commitment, Salt};
use audit::quorum::Policy;
use audit::receipt::{Receipt, ReceiptError, Verified as Held};
use clap::Args;
use jiff::Timestamp;
use policies::entry::{Body, Entry};
use serde::Serialize;
use serde_json::Value;

use super::super::Session;
use crate::errors::{CliError, OrFail};
use crate::output::{View, facts, right, table};

pub const HELP: &str = "\
Example:
  weir audit verify cells/od_2023-10-05.tlog-proof
  weir audit verify od.csv.tlog-proof --log-key certs/log.vkey --entry
  weir audit verify od.arrows.tlog-proof --table od.arrows --policy witnesses.policy
  weir audit verify our-entries                        every receipt that `weir org export` wrote

Needs no broker, only the log's public key: from --log-key, else from the profile. Exit code 4: the
receipt does not hold, and nothing in it may be believed.";

/// Arguments of `weir audit verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The receipt, a .tlog-proof file; or a directory with such files.
    #[arg(value_name = "FILE.tlog-proof|DIR")]
    pub proof: PathBuf,
    /// The log's public key, or a file that holds it; the profile's where it is left out.
    #[arg(long, value_name = "KEY|FILE")]
    pub log_key: Option<String>,
    /// Ask for a quorum of witnesses too: a policy (c2sp.org/tlog-policy).
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Compare a released table too: what `weir release get --arrow --out FILE` wrote, with its
    /// .salt.
    #[arg(long, value_name = "FILE")]
    pub table: Option<PathBuf>,
    /// Print the whole entry.
    #[arg(long)]
    pub entry: bool,
}

pub fn run(args: &Verify, session: &Session) -> Result<(), CliError> {
    let key = log_key(args.log_key.as_deref(), session)?;
    let policy = args.policy.as_ref();
    let policy = policy.map(|path| read_policy(path, &key)).transpose()?;
    if args.proof.is_dir() {
        if args.table.is_some() || args.entry {
            let why = "--table and --entry are about one receipt";
            return Err(CliError::new(why).or_try("name its .tlog-proof file"));
        }
        let all = directory(&args.proof, &key, policy.as_ref())?;
        return session.output.show(&all);
    }
    let verified = receipt(&args.proof, &key, policy.as_ref())?;
    let entry = Entry::from_bytes(verified.entry()).or_fail()?;
    if let Some(table) = &args.table {
        same_bytes(table, &entry)?;
    }
    let whole = serde_json::from_slice(verified.entry()).or_fail()?;
    session.output.show(&Verified {
        holds: true,
        table: args.table.clone(),
        log: verified.checkpoint().origin().to_string(),
        index: verified.index(),
        size: verified.checkpoint().size(),
        kind: entry.body.kind(),
        time: entry.time.to_string(),
        entry: args.entry.then_some(whole),
    })
}

/// A receipt that holds.
fn receipt(path: &Path, key: &LogKey, policy: Option<&Policy>) -> Result<Held, CliError> {
    let text = std::fs::read_to_string(path).map_err(|e| CliError::file("read", path, e))?;
    let broken = |e: ReceiptError| CliError::broken(format_args!("`{}`: {e}", path.display()));
    let receipt: Receipt = text.parse().map_err(broken)?;
    let verified = receipt.verify(key).map_err(broken)?;
    if let Some(policy) = policy {
        let checked = policy
            .check(verified.checkpoint())
            .and_then(|()| policy.check_times(verified.checkpoint(), Timestamp::now()));
        checked.map_err(|e| CliError::broken(format_args!("`{}`: {e}", path.display())))?;
    }
    Ok(verified)
}

/// Every receipt of a directory, in the order of the log. One that does not hold, or says that it is another entry
/// than its name does, makes the whole fail.
pub(super) fn directory(
    folder: &Path,
    key: &LogKey,
    policy: Option<&Policy>,
) -> Result<All, CliError> {
    let fail = |e| CliError::file("read", folder, e);
    let mut files = Vec::new();
    for file in std::fs::read_dir(folder).map_err(fail)? {
        let path = file.map_err(fail)?.path();
        if path.extension().is_some_and(|end| end == "tlog-proof") {
            files.push(path);
        }
    }
    files.sort();
    let mut all = All {
        holds: true,
        log: String::new(),
        size: 0,
        entries: Vec::new(),
    };
    for path in files {
        let verified = receipt(&path, key, policy)?;
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        let named = stem.and_then(|stem| stem.parse::<u64>().ok());
        if named.is_some_and(|named| named != verified.index()) {
            let why = format!("`{}` holds entry {}", path.display(), verified.index());
            return Err(CliError::broken(why));
        }
        let entry = Entry::from_bytes(verified.entry()).or_fail()?;
        all.log = verified.checkpoint().origin().to_string();
        all.size = all.size.max(verified.checkpoint().size());
        all.entries.push(Line {
            index: verified.index(),
            kind: entry.body.kind(),
            time: entry.time.to_string(),
        });
    }
    if all.entries.is_empty() {
        let why = format!("`{}` holds no .tlog-proof file", folder.display());
        return Err(CliError::new(why).or_try("weir org export --out DIR writes such a directory"));
    }
    Ok(all)
}

/// The log's key as given, from the file named, or from the profile.
///
/// # Errors
/// [`CliError`] where there is none.
pub fn log_key(given: Option<&str>, session: &Session) -> Result<LogKey, CliError> {
    let Some(given) = given else {
        return match session.profile() {
            Ok(profile) => Ok(profile.log_key),
            Err(error) => Err(CliError::new(error).or_try("--log-key certs/log.vkey")),
        };
    };
    let path = Path::new(given);
    let text = if path.is_file() {
        std::fs::read_to_string(path).map_err(|e| CliError::file("read", path, e))?
    } else {
        given.to_owned()
    };
    text.trim()
        .parse()
        .or_try("the `log.vkey` that `weir pki new` wrote")
}

/// The policy in a file, about this log.
///
/// # Errors
/// [`CliError`] names the line that is wrong.
pub fn read_policy(path: &Path, key: &LogKey) -> Result<Policy, CliError> {
    let text = std::fs::read_to_string(path).map_err(|e| CliError::file("read", path, e))?;
    let policy: Policy = text.parse().map_err(|e| CliError::file("use", path, e))?;
    policy
        .check_log(key)
        .map_err(|e| CliError::file("use", path, e))?;
    Ok(policy)
}

/// Are these bytes the ones that the entry publishes?
fn same_bytes(table: &Path, entry: &Entry) -> Result<(), CliError> {
    let Body::ReleasePublished { blob, .. } = &entry.body else {
        let why = format!("a receipt of `{}` is about no table", entry.body.kind());
        return Err(CliError::new(why).or_try("the receipt that was saved with the table"));
    };
    let mut salt_file = table.as_os_str().to_owned();
    salt_file.push(".salt");
    let salt_file = PathBuf::from(salt_file);
    let text = std::fs::read_to_string(&salt_file);
    let text = text.map_err(|e| CliError::file("read", &salt_file, e))?;
    let mut salt = [0; 16];
    hex::decode_to_slice(text.trim(), &mut salt)
        .map_err(|e| CliError::file("use", &salt_file, e))?;
    let bytes = std::fs::read(table).map_err(|e| CliError::file("read", table, e))?;
    let commitment: Commitment = blob.as_str().parse().or_fail()?;
    let held = commitment.verify(&Salt::new(salt), &bytes);
    held.map_err(|e| CliError::broken(format_args!("`{}`: {e}", table.display())))
}

#[derive(Serialize)]
pub(super) struct All {
    holds: bool,
    log: String,
    pub(super) size: u64,
    pub(super) entries: Vec<Line>,
}

#[derive(Serialize)]
pub(super) struct Line {
    index: u64,
    pub(super) kind: &'static str,
    time: String,
}

impl View for All {
    fn text(&self) -> String {
        let mut rows = table(&["entry", "when", "what"]);
        right(&mut rows, &[0]);
        for line in &self.entries {
            rows.add_row([&line.index.to_string(), &line.time, line.kind]);
        }
        format!(
            "{rows}\n\nAll {} are in the log `{}`, under signed checkpoints of up to {} entries.",
            self.entries.len(),
            self.log,
            self.size
        )
    }
}

#[derive(Serialize)]
struct Verified {
    holds: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<PathBuf>,
    log: String,
    index: u64,
    size: u64,
    kind: &'static str,
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<Value>,
}

impl View for Verified {
    fn text(&self) -> String {
        let rows = facts(&[
            (
                "holds",
                format!("entry {} is in the log `{}`", self.index, self.log),
            ),
            ("what", format!("{} at {}", self.kind, self.time)),
            (
                "under",
                format!("a signed checkpoint of {} entries", self.size),
            ),
        ]);
        let table = self.table.as_ref();
        let table = table.map(|t| format!("table  {} holds its very bytes\n", t.display()));
        let rows = rows + &table.unwrap_or_default();
        let entry = self
            .entry
            .as_ref()
            .and_then(|e| serde_json::to_string_pretty(e).ok());
        format!(
            "{}{}",
            rows,
            entry.map(|e| format!("\n{e}")).unwrap_or_default()
        )
    }
}
