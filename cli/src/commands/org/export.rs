//! What the log says about us, to keep and to hand on (EU Data Governance Act, article 12 c and o).

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use futures::TryStreamExt;
use sdk::client::Proof;
use serde::Serialize;

use super::super::Session;
use super::super::session::from_client;
use crate::errors::CliError;
use crate::output::{View, facts};
use crate::progress;

pub const HELP: &str = "\
Example:
  weir org export --out our-entries --profile certs/city-bikes/weir.toml
  weir audit verify our-entries --log-key certs/log.vkey          offline, on any machine

One file for each entry: 000000000042.tlog-proof holds entry 42, its proof and a signed checkpoint. What the
directory holds already is kept, so a later export adds what has happened since. The proofs say that each entry is
in the log; that none was left out only an auditor can say, who reads all of them.";

/// Arguments of `weir org export`.
#[derive(Debug, Args)]
pub struct Export {
    /// Where to write; made where it is not there.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

pub async fn run(args: &Export, session: &Session) -> Result<(), CliError> {
    let client = session.client().await?;
    let end = client.checkpoint().await.map_err(from_client)?.size();
    let out = &args.out;
    std::fs::create_dir_all(out).map_err(|e| CliError::file("make", out, e))?;
    let start = next_start(out)?;
    let bar = progress::steps(session.output, "entries", end.saturating_sub(start));
    let mut proofs = std::pin::pin!(client.proofs(start, end));
    let mut added = 0_u64;
    while let Some(proof) = proofs.try_next().await.map_err(from_client)? {
        bar.set_position(proof.index().saturating_sub(start));
        keep(out, &proof)?;
        added = added.saturating_add(1);
    }
    bar.finish_and_clear();
    session.output.show(&Exported {
        directory: out.clone(),
        from: start,
        until: end,
        added,
    })
}

/// The place after the last entry that the directory holds: files come in the order of the log, each whole.
fn next_start(folder: &Path) -> Result<u64, CliError> {
    let fail = |e| CliError::file("read", folder, e);
    let mut next = 0;
    for file in std::fs::read_dir(folder).map_err(fail)? {
        let name = file.map_err(fail)?.file_name();
        let index = name
            .to_str()
            .and_then(|name| name.strip_suffix(".tlog-proof"));
        if let Some(index) = index.and_then(|digits| digits.parse::<u64>().ok()) {
            next = next.max(index.saturating_add(1));
        }
    }
    Ok(next)
}

/// Writes a file whole, and never over another.
fn keep(folder: &Path, proof: &Proof) -> Result<(), CliError> {
    let path = folder.join(format!("{:012}.tlog-proof", proof.index()));
    let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut new| {
        new.write_all(proof.receipt().to_string().as_bytes())?;
        new.as_file().sync_all()?;
        new.persist_noclobber(&path).map_err(|e| e.error)
    });
    written
        .map(drop)
        .map_err(|e| CliError::file("write", &path, e))
}

#[derive(Serialize)]
struct Exported {
    directory: PathBuf,
    from: u64,
    until: u64,
    added: u64,
}

impl View for Exported {
    fn text(&self) -> String {
        let directory = self.directory.display();
        facts(&[
            (
                "looked at",
                format!("entries {} to {} of the log", self.from, self.until),
            ),
            (
                "concern us",
                format!("{} of them, each with its proof", self.added),
            ),
            ("written to", directory.to_string()),
        ]) + &format!("\nNext: weir audit verify {directory} --log-key log.vkey, offline.")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::next_start;

    #[test]
    fn an_export_goes_on_after_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(next_start(folder.path()).unwrap(), 0);
        for name in [
            "000000000007.tlog-proof",
            "000000000012.tlog-proof",
            "99.csv",
            "x.tlog-proof",
        ] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert_eq!(next_start(folder.path()).unwrap(), 13);
    }
}
