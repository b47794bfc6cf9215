//! Checking an agreement's file without a broker.

use std::path::PathBuf;

use clap::Args;
use policies::agreement::Agreement;
use policies::entry::Floors;
use policies::loss::Loss;
use policies::validate::{Fault, faults};
use serde::Serialize;

use super::super::Session;
use super::super::session::read_agreement;
use crate::errors::{CliError, OrFail};
use crate::output::{View, table};

pub const HELP: &str = "\
Example:
  weir agreement check agreement.json
  weir agreement check agreement.json --broker-config certs/broker.toml

Without --broker-config the floors are those that `weir pki new` writes: k at least 5, a cap of at
most ρ 4 and δ 0.00001, cells kept at most 400 days, no k-only tables. The steward's own count when it is offered.";

/// Arguments of `weir agreement check`.
#[derive(Debug, Args)]
pub struct Check {
    /// The agreement's file.
    pub file: PathBuf,
    /// Check against the floors in this broker's config.
    #[arg(long, value_name = "FILE")]
    pub broker_config: Option<PathBuf>,
}

pub fn run(args: &Check, session: &Session) -> Result<(), CliError> {
    let agreement = read_agreement(&args.file)?;
    let floors = match &args.broker_config {
        Some(path) => broker::config::Config::read(path).or_fail()?.floors,
        None => usual_floors()?,
    };
    let bytes = std::fs::read(&args.file).map_err(|e| CliError::file("read", &args.file, e))?;
    let canonical = Agreement::parse_canonical(&bytes).is_ok();
    let found = faults(&agreement, &floors);
    let checked = Checked {
        agreement: agreement.id().or_fail()?.to_string(),
        canonical,
        faults: found.iter().map(FaultView::of).collect(),
    };
    session.output.show(&checked)?;
    if found.is_empty() {
        return Ok(());
    }
    let why = format!("`{}` has {} fault(s)", args.file.display(), found.len());
    Err(CliError::new(why).or_try("correct the fields above, then check again"))
}

/// What `weir pki new` writes into a broker's config.
///
/// # Errors
/// Never: the numbers below are losses.
pub fn usual_floors() -> Result<Floors, CliError> {
    let cap_max = Loss {
        rho: "4".parse().or_fail()?,
        delta: "0.00001".parse().or_fail()?,
    };
    Ok(Floors {
        k_min: 5,
        cap_max,
        retention_days_max: 400,
        k_only_k_min: None,
        dense_allowed: true,
    })
}

#[derive(Serialize)]
struct FaultView {
    path: String,
    message: String,
}

impl FaultView {
    fn of(fault: &Fault) -> Self {
        Self {
            path: fault.path.clone(),
            message: fault.message.clone(),
        }
    }
}

#[derive(Serialize)]
struct Checked {
    agreement: String,
    canonical: bool,
    faults: Vec<FaultView>,
}

impl View for Checked {
    fn text(&self) -> String {
        if !self.faults.is_empty() {
            let mut rows = table(&["field", "what is wrong"]);
            for fault in &self.faults {
                rows.add_row([&fault.path, &fault.message]);
            }
            return rows.to_string();
        }
        let next = if self.canonical {
            "Next: weir agreement offer FILE"
        } else {
            "It is not canonical yet: `weir agreement new --from FILE --out FILE` writes that."
        };
        format!("no faults; id {}\n{next}", self.agreement)
    }
}
