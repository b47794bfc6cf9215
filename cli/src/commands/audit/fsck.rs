//! Log, index and payloads of a stopped broker against each other.

use std::path::PathBuf;

use broker::store::fsck::{Report, fsck};
use clap::Args;
use serde::Serialize;

use super::super::Session;
use super::verify::log_key;
use crate::errors::{CliError, OrFail};
use crate::output::View;

pub const HELP: &str = "\
Example:
  weir audit fsck certs/state --log-key certs/log.vkey

DIR is the state directory of a broker that is stopped, or a restored backup. Nothing in it is
changed. Told apart: what the next start mends by itself (a tail that was never committed, missing
hashes, an index that is gone or behind), and damage, with the file and what to do. Exit code 4:
there is damage.";

/// Arguments of `weir audit fsck`.
#[derive(Debug, Args)]
pub struct Fsck {
    /// The state directory.
    #[arg(value_name = "DIR")]
    pub directory: PathBuf,
    /// The log's public key, or a file that holds it; the profile's where it is left out.
    #[arg(long, value_name = "KEY|FILE")]
    pub log_key: Option<String>,
}

pub fn run(args: &Fsck, session: &Session) -> Result<(), CliError> {
    let key = log_key(args.log_key.as_deref(), session)?;
    let report = fsck(&args.directory, &key).or_try("the state directory of a stopped broker")?;
    if !report.is_sound() {
        return Err(CliError::broken(report.damage.join("\n")));
    }
    let Report {
        entries,
        blobs,
        mended_at_start,
        damage: _,
    } = report;
    session.output.show(&Told {
        sound: true,
        entries,
        blobs,
        mended_at_start,
    })
}

#[derive(Serialize)]
struct Told {
    sound: bool,
    entries: u64,
    blobs: u64,
    mended_at_start: Vec<String>,
}

impl View for Told {
    fn text(&self) -> String {
        let mended = self.mended_at_start.iter();
        let mended: String = mended
            .map(|what| format!("\nmended at the next start: {what}"))
            .collect();
        format!(
            "{} entries and {} payloads hold{mended}",
            self.entries, self.blobs
        )
    }
}
