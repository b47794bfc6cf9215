//! Writing an agreement.

use std::path::PathBuf;

use clap::Args;

use super::super::Session;
use super::super::session::read_agreement;
use crate::errors::{CliError, OrFail};

pub const HELP: &str = "\
Example:
  weir agreement new --from edited.json --out agreement.json";

/// Arguments of `weir agreement new`.
#[derive(Debug, Args)]
pub struct New {
    /// Bring this file into canonical form.
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
    /// Where to write it.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

pub async fn run(args: New, _session: &Session) -> Result<(), CliError> {
    let agreement = read_agreement(&args.from)?;
    let bytes = agreement.canonical().or_fail()?;
    std::fs::write(&args.out, bytes).map_err(|e| CliError::file("write", &args.out, e))
}
