//! `weir org`: who takes part.

mod export;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use policies::id::Fingerprint;
use proto::convert::Organisation;
use sdk::sign::{Admission, Signer};
use serde::Serialize;

use super::Session;
use super::confirm::{self, Expected};
use super::pki::write_json;
use super::session::from_client;
use crate::errors::{CliError, OrFail};
use crate::output::{View, facts, grouped, table};

/// Organisations: ask to be admitted, admit, list, export.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write what the steward needs to admit us: who we are, our key, and the proof that we hold
    /// it.
    #[command(after_help = REQUEST_HELP)]
    Request(Request),
    /// Admit an organisation (steward).
    #[command(after_help = ADD_HELP)]
    Add(Add),
    /// Sign with another key from here on: both keys sign the change.
    #[command(after_help = ROTATE_HELP)]
    Rotate(Rotate),
    /// List the organisations and the fingerprints of their keys.
    #[command(after_help = LIST_HELP)]
    List,
    /// Write every entry of the log that concerns us, each with its proof, into a directory.
    #[command(after_help = export::HELP)]
    Export(export::Export),
}

const REQUEST_HELP: &str = "\
Example:
  weir org request --profile certs/city-bikes/weir.toml --out city-bikes.json

Send the file to the steward, and tell them the fingerprint by another way (a call, a letter).";

const ADD_HELP: &str = "\
Example:
  weir org add city-bikes.json --expect-fingerprint \"1f3a 90bc 77d2 05ee\"
  weir org add city-bikes.json           asks on the terminal

Compare the fingerprint with what the organisation tells you by another way than this file: whoever
holds that key signs agreements in its name. Adding the same file again answers the first receipt.";

const ROTATE_HELP: &str = "\
Example:
  weir org rotate --new-key certs/city-bikes/signing-2.key --make
  weir org rotate --new-key certs/city-bikes/signing-2.key      again, after a broken connection

What the old key signed stays signed; offers that name it lapse and have to be made anew. Afterwards
put the new file into weir.toml as signing_key, and tell the other parties the new fingerprint by
another way than the broker. A key never comes back.";

const LIST_HELP: &str = "\
Example:
  weir org list --profile certs/city-bikes/weir.toml
  weir org list --json

Before you sign an agreement, ask the other party for its fingerprint and compare it with this
list.";

/// Arguments of `weir org request`.
#[derive(Debug, Args)]
pub struct Request {
    /// Where to write it.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Arguments of `weir org add`.
#[derive(Debug, Args)]
pub struct Add {
    /// What `weir org request` or `weir pki org` wrote.
    pub admission: PathBuf,
    /// The fingerprint that the organisation told you: its first 16 digits or more.
    #[arg(long, value_name = "DIGITS")]
    pub expect_fingerprint: Option<Expected>,
    /// Do not ask: the fingerprint was confirmed before.
    #[arg(long)]
    pub yes: bool,
}

/// Arguments of `weir org rotate`.
#[derive(Debug, Args)]
pub struct Rotate {
    /// The new key (PKCS#8 PEM, P-256, mode 0600), or its `pkcs11:` URI.
    #[arg(long, value_name = "FILE")]
    pub new_key: PathBuf,
    /// Make the file first; one that is there is never replaced.
    #[arg(long)]
    pub make: bool,
}

/// Runs one of them.
///
/// # Errors
/// [`CliError`].
pub async fn run(command: Command, session: &Session) -> Result<(), CliError> {
    match command {
        Command::Request(args) => request(&args, session),
        Command::Add(args) => add(&args, session).await,
        Command::Rotate(args) => rotate(&args, session).await,
        Command::List => list(session).await,
        Command::Export(args) => export::run(&args, session).await,
    }
}

fn request(args: &Request, session: &Session) -> Result<(), CliError> {
    let (who, signer) = (session.identity()?, session.signer()?);
    let admission = signer
        .admission(who.org, who.role, who.spiffe, Timestamp::now())
        .or_fail()?;
    write_json(&args.out, &admission)?;
    session.output.show(&Requested {
        org: admission.org.to_string(),
        role: admission.role.as_str(),
        key_fingerprint: admission.key.fingerprint().clone(),
        admission: args.out.clone(),
    })
}

async fn add(args: &Add, session: &Session) -> Result<(), CliError> {
    let path = &args.admission;
    let json = std::fs::read(path).map_err(|e| CliError::file("read", path, e))?;
    let admission: Admission = serde_json::from_slice(&json).map_err(|e| {
        CliError::file("use", path, e).or_try("weir org request --out FILE writes such a file")
    })?;
    admission
        .verify()
        .or_try("ask the organisation for a new file: this one was changed")?;
    let key = admission.key.fingerprint();
    confirm::fingerprint(
        admission.org.as_str(),
        key,
        args.expect_fingerprint.as_ref(),
        args.yes,
    )?;
    let client = session.client().await?;
    let proven = client.admit(admission).await.map_err(from_client)?;
    session.output.show(&Admitted {
        org: OrgView::of(&proven.what),
        entry: proven.proof.index(),
    })
}

async fn rotate(args: &Rotate, session: &Session) -> Result<(), CliError> {
    let (who, old) = (session.identity()?, session.signer()?);
    if args.make {
        let key = certs::Es256Key::generate().or_fail()?;
        certs::write_secret(&args.new_key, key.to_pem().as_bytes(), false)
            .or_try("without --make, to go on with the key that is there")?;
    }
    let new = Signer::open(&args.new_key).or_try("--make makes the file, where it is not there")?;
    let client = session.client().await?;
    let rotated = client.rotate_key(&who.org, &old, &new).await;
    let proven = rotated.map_err(from_client)?;
    session.output.show(&Rotated {
        org: OrgView::of(&proven.what),
        former_fingerprint: old.public_key().fingerprint().clone(),
        signing_key: args.new_key.clone(),
        entry: proven.proof.index(),
    })
}

async fn list(session: &Session) -> Result<(), CliError> {
    let client = session.client().await?;
    let organisations = client.organisations().await.map_err(from_client)?;
    session.output.show(&Listed {
        organisations: organisations.iter().map(OrgView::of).collect(),
    })
}

#[derive(Serialize)]
struct Requested {
    org: String,
    role: &'static str,
    key_fingerprint: Fingerprint,
    admission: PathBuf,
}

impl View for Requested {
    fn text(&self) -> String {
        let rows = facts(&[
            ("organisation", format!("{} ({})", self.org, self.role)),
            ("fingerprint", grouped(self.key_fingerprint.as_str())),
            ("written to", self.admission.display().to_string()),
        ]);
        format!(
            "{rows}\nNext: send the file to the steward, and tell them the fingerprint yourself."
        )
    }
}

#[derive(Serialize)]
struct OrgView {
    org: String,
    role: &'static str,
    spiffe: String,
    key_fingerprint: String,
}

impl OrgView {
    fn of(organisation: &Organisation) -> Self {
        Self {
            org: organisation.org.to_string(),
            role: organisation.role.as_str(),
            spiffe: organisation.spiffe.clone(),
            key_fingerprint: organisation.key.fingerprint().to_string(),
        }
    }
}

#[derive(Serialize)]
struct Admitted {
    org: OrgView,
    entry: u64,
}

impl View for Admitted {
    fn text(&self) -> String {
        let OrgView {
            org,
            role,
            spiffe,
            key_fingerprint,
        } = &self.org;
        facts(&[
            ("admitted", format!("{org} ({role})")),
            ("SPIFFE id", spiffe.clone()),
            ("fingerprint", grouped(key_fingerprint)),
            (
                "in the log",
                format!("entry {}, receipt verified", self.entry),
            ),
        ])
    }
}

#[derive(Serialize)]
struct Rotated {
    org: OrgView,
    former_fingerprint: Fingerprint,
    signing_key: PathBuf,
    entry: u64,
}

impl View for Rotated {
    fn text(&self) -> String {
        let rows = facts(&[
            ("organisation", self.org.org.clone()),
            ("fingerprint", grouped(&self.org.key_fingerprint)),
            ("before", grouped(self.former_fingerprint.as_str())),
            (
                "in the log",
                format!("entry {}, receipt verified", self.entry),
            ),
        ]);
        let file = self.signing_key.display();
        format!(
            "{rows}\nNext: signing_key = \"{file}\" in weir.toml, and tell the other parties the \
             new fingerprint."
        )
    }
}

#[derive(Serialize)]
struct Listed {
    organisations: Vec<OrgView>,
}

impl View for Listed {
    fn text(&self) -> String {
        let mut rows = table(&["organisation", "role", "key fingerprint"]);
        for org in &self.organisations {
            rows.add_row([org.org.as_str(), org.role, &grouped(&org.key_fingerprint)]);
        }
        rows.to_string()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_list_keeps_its_json_shape() {
        let org = OrgView {
            org: "city-bikes".into(),
            role: "provider",
            spiffe: "spiffe://weir.test/org/city-bikes".into(),
            key_fingerprint: "ab".repeat(32),
        };
        let listed = Listed {
            organisations: vec![org],
        };
        let json = serde_json::to_value(&listed).unwrap();
        let expected = serde_json::json!({"organisations": [{
            "org": "city-bikes",
            "role": "provider",
            "spiffe": "spiffe://weir.test/org/city-bikes",
            "key_fingerprint": "ab".repeat(32),
        }]});
        assert_eq!(json, expected);
        assert!(listed.text().contains("abab abab"), "{}", listed.text());
    }
}
