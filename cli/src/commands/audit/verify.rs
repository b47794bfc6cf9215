//! One receipt, offline.

use std::path::{Path, PathBuf};

use audit::checkpoint::LogKey;
use audit::commitment::{Commitment, Salt};
use audit::quorum::Policy;
use audit::receipt::{Receipt, ReceiptError};
use clap::Args;
use policies::entry::{Body, Entry};
use serde::Serialize;
use serde_json::Value;

use super::super::Session;
use crate::errors::{CliError, OrFail};
use crate::output::{View, facts};

pub const HELP: &str = "\
Example:
  weir audit verify cells/od_2023-10-05.tlog-proof
  weir audit verify od.csv.tlog-proof --log-key certs/log.vkey --entry
  weir audit verify od.arrows.tlog-proof --table od.arrows --policy witnesses.policy

Needs no broker, only the log's public key: from --log-key, else from the profile. Exit code 4: the
receipt does not hold, and nothing in it may be believed.";

/// Arguments of `weir audit verify`.
#[derive(Debug, Args)]
pub struct Verify {
    /// The receipt, a .tlog-proof file.
    #[arg(value_name = "FILE.tlog-proof")]
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
    let read = std::fs::read_to_string(&args.proof);
    let text = read.map_err(|e| CliError::file("read", &args.proof, e))?;
    let broken =
        |e: ReceiptError| CliError::broken(format_args!("`{}`: {e}", args.proof.display()));
    let receipt: Receipt = text.parse().map_err(broken)?;
    let verified = receipt.verify(&key).map_err(broken)?;
    if let Some(path) = &args.policy {
        let policy = read_policy(path, &key)?;
        let checked = policy.check(verified.checkpoint());
        checked.map_err(|e| CliError::broken(format_args!("`{}`: {e}", args.proof.display())))?;
    }
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
