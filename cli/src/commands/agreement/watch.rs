//! Being told what happens to our agreements.

use std::path::PathBuf;

use clap::Args;
use sdk::client::Proof;
use serde_json::json;

use super::super::Session;
use super::super::audit::line;
use super::super::session::from_client;
use crate::errors::CliError;
use crate::files;
use crate::output::write_out;

pub const HELP: &str = "\
Example:
  weir agreement watch --profile certs/city-bikes/weir.toml
  weir agreement watch --once --json | jq .kind

Tells offers, signatures, suspensions, ends and releases of the agreements that concern us, and calls for data, as they
happen; each is proven to be in the log. What happened while nobody watched is told first: the place reached is kept in the
profile's `state` folder. --from 0 tells everything again.";

/// Arguments of `weir agreement watch`.
#[derive(Debug, Args)]
pub struct Watch {
    /// Stop when everything up to the present end of the log is told.
    #[arg(long)]
    pub once: bool,
    /// Tell from this entry on, whatever was told before.
    #[arg(long, value_name = "ENTRY")]
    pub from: Option<u64>,
}

pub async fn run(args: &Watch, session: &Session) -> Result<(), CliError> {
    let place = Place(session.profile()?.state.join("watched"));
    let client = session.client().await?;
    let start = match args.from {
        Some(from) => from,
        None => place.read()?,
    };
    let size = client.checkpoint().await.map_err(from_client)?.size();
    let mut watching = client.watch(start);
    while !args.once || watching.next_start() < size {
        let proofs = tokio::select! {
            proofs = watching.next() => proofs.map_err(from_client)?,
            _ = tokio::signal::ctrl_c() => return Ok(()),
        };
        for proof in &proofs {
            tell(proof, session)?;
        }
        // Told twice after a crash rather than never.
        place.write(watching.next_start())?;
    }
    Ok(())
}

fn tell(proof: &Proof, session: &Session) -> Result<(), CliError> {
    if session.output.is_quiet() {
        return Ok(());
    }
    let (index, entry) = (proof.index(), proof.entry());
    let (kind, time, what) = (entry.body.kind(), entry.time, line(&entry.body));
    let text = if session.output.json() {
        json!({"index": index, "time": time, "kind": kind, "what": what}).to_string()
    } else {
        format!("{index:>6}  {time:.0}  {kind:<22} {what}")
    };
    write_out(text.as_bytes(), true)
}

/// The file that says how far was told.
struct Place(PathBuf);

impl Place {
    fn read(&self) -> Result<u64, CliError> {
        let text = match std::fs::read_to_string(&self.0) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(0),
            text => text.map_err(|e| CliError::file("read", &self.0, e))?,
        };
        let again = "remove it to be told everything again";
        text.trim()
            .parse()
            .map_err(|e| CliError::file("understand", &self.0, e).or_try(again))
    }

    fn write(&self, next: u64) -> Result<(), CliError> {
        files::replace(&self.0, next.to_string().as_bytes())
    }
}
