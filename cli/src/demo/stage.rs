//! The demo's hands: commands typed in-process, and the files they need.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use clap::Parser;
use policies::agreement::Agreement;

use super::company::{Company, merge};
use crate::args::Cli;
use crate::commands;
use crate::errors::{CliError, OrFail};
use crate::output::tell;

/// One folder, in which every command runs.
#[derive(Debug)]
pub struct Stage {
    folder: PathBuf,
}

impl Stage {
    /// Makes the folder the working directory: what is typed here can be typed there.
    ///
    /// # Errors
    /// [`CliError`] where it cannot be entered.
    pub fn in_folder(folder: &Path) -> Result<Self, CliError> {
        let folder = folder.canonicalize().or_fail()?;
        std::env::set_current_dir(&folder).map_err(|e| CliError::file("enter", &folder, e))?;
        Ok(Self { folder })
    }

    /// A heading and what happens under it.
    pub fn act(&self, title: &str, about: &str) {
        tell(&format!("\n━━ {title}"));
        for line in wrap(about, 96) {
            tell(&format!("   {line}"));
        }
    }

    /// One line.
    pub fn say(&self, line: &str) {
        tell(&format!("   {line}"));
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A path as it is typed: short where it lies in the folder.
    pub fn file(&self, path: &Path) -> String {
        path.strip_prefix(&self.folder)
            .unwrap_or(path)
            .display()
            .to_string()
    }

    /// Types a command and shows what it prints.
    pub async fn weir(&self, words: &[&str]) -> Result<(), CliError> {
        tell(&format!("\n$ weir {}", typed(words)));
        run(words).await
    }

    /// As an organisation.
    pub async fn weir_as(&self, org: &str, words: &[&str]) -> Result<(), CliError> {
        let profile = format!("certs/{org}/weir.toml");
        self.weir(&[words, &["--profile", &profile]].concat()).await
    }

    /// Types a command whose own output would tell nothing new.
    pub async fn quietly(&self, words: &[&str]) -> Result<(), CliError> {
        tell(&format!("$ weir {}", typed(words)));
        run(&[words, &["--quiet"]].concat()).await
    }

    /// As an organisation.
    pub async fn quietly_as(&self, org: &str, words: &[&str]) -> Result<(), CliError> {
        let profile = format!("certs/{org}/weir.toml");
        self.quietly(&[words, &["--profile", &profile]].concat())
            .await
    }

    /// Types a command that has to be refused.
    pub async fn refused_as(&self, org: &str, words: &[&str]) -> Result<(), CliError> {
        match self.weir_as(org, words).await {
            Err(refusal @ CliError::Refused { .. }) => {
                tell(&refusal.text());
                Ok(())
            }
            Err(other) => Err(other),
            Ok(()) => Err(CliError::new(
                "the demo expected a refusal and got a release",
            )),
        }
    }

    /// Types a command that has to find the log broken.
    pub async fn broken(&self, words: &[&str]) -> Result<(), CliError> {
        match self.weir(words).await {
            Err(broken @ CliError::Broken { .. }) => {
                tell(&broken.text());
                Ok(())
            }
            Err(other) => Err(other),
            Ok(()) => Err(CliError::new("the demo changed the log and nobody noticed")),
        }
    }

    /// Where a company's agreement lies.
    pub fn agreement_file(&self, company: &Company) -> String {
        format!("{}/agreement.json", company.name)
    }

    /// Writes a company's agreement with the parties' fingerprints and the zoning's hash.
    pub fn write_agreement(&self, company: &Company) -> Result<String, CliError> {
        let file = self.agreement_file(company);
        let agreement = self.agreement(company)?;
        let path = self.path(&file);
        std::fs::create_dir_all(self.path(company.name)).or_fail()?;
        std::fs::write(&path, agreement.canonical().or_fail()?)
            .map_err(|e| CliError::file("write", &path, e))?;
        Ok(file)
    }

    /// Its id.
    pub fn agreement_id(&self, company: &Company) -> Result<String, CliError> {
        Ok(self.agreement(company)?.id().or_fail()?.to_string())
    }

    /// Writes a company's mapping beside its agreement.
    pub fn write_mapping(&self, company: &Company) -> Result<String, CliError> {
        let file = format!("{}/mapping.toml", company.name);
        let path = self.path(&file);
        std::fs::write(&path, &company.mapping).map_err(|e| CliError::file("write", &path, e))?;
        Ok(file)
    }

    fn agreement(&self, company: &Company) -> Result<Agreement, CliError> {
        let key = |org: &str| -> Result<serde_json::Value, CliError> {
            let path = self.path(&format!("certs/{org}/admission.json"));
            let json = std::fs::read(&path).map_err(|e| CliError::file("read", &path, e))?;
            let admission: sdk::sign::Admission = serde_json::from_slice(&json).or_fail()?;
            Ok(serde_json::json!({ "org": org, "key": admission.key.fingerprint() }))
        };
        let zoning = std::fs::read(&company.zoning)
            .map_err(|e| CliError::file("read", &company.zoning, e))?;
        let zones = sdk::aggregate::Zoning::parse(&zoning)
            .or_fail()?
            .ids()
            .len();
        let filled = serde_json::json!({
            "provider": key(company.name)?,
            "planner": key("city")?,
            "zonings": [{
                "id": company.zoning_id,
                "sha256": policies::id::sha256_hex(&zoning),
                "zones": zones,
            }],
        });
        let json = merge(company.agreement.clone(), filled);
        serde_json::from_value(json).or_fail()
    }
}

async fn run(words: &[&str]) -> Result<(), CliError> {
    let words = std::iter::once("weir").chain(words.iter().copied());
    let cli = Cli::try_parse_from(words).map_err(CliError::new)?;
    // Boxed: the demo is itself a command.
    Box::pin(commands::run(cli)).await
}

/// As a shell would take it: long digests shortened, since `weir` takes their first digits too.
fn typed(words: &[&str]) -> String {
    let word = |word: &&str| {
        let digest = word.len() == 64 && word.bytes().all(|b| b.is_ascii_hexdigit());
        if digest {
            word.chars().take(12).collect()
        } else {
            (*word).to_owned()
        }
    };
    words.iter().map(word).collect::<Vec<_>>().join(" ")
}

fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A port that is free now.
///
/// # Errors
/// [`CliError`] where the system gives none.
pub fn free_port() -> Result<u16, CliError> {
    let listener = TcpListener::bind("127.0.0.1:0").or_fail()?;
    Ok(listener.local_addr().or_fail()?.port())
}

/// Copies the files of a log.
///
/// # Errors
/// [`CliError`] names the file.
pub fn copy_log(from: &Path, to: &Path) -> Result<(), CliError> {
    std::fs::create_dir_all(to).map_err(|e| CliError::file("make", to, e))?;
    for file in std::fs::read_dir(from).map_err(|e| CliError::file("read", from, e))? {
        let file = file.or_fail()?;
        std::fs::copy(file.path(), to.join(file.file_name()))
            .map_err(|e| CliError::file("copy", &file.path(), e))?;
    }
    Ok(())
}

/// Changes one digit of the first release's charge.
///
/// # Errors
/// [`CliError`] where the log holds no release.
pub fn tamper(entries: &Path) -> Result<(), CliError> {
    let mut bytes = std::fs::read(entries).map_err(|e| CliError::file("read", entries, e))?;
    let reserved = br#""kind":"release.reserved""#;
    let charge = br#""charge":{"delta":"0.0"#;
    // An entry's keys are sorted: the charge of a reservation is the last before its kind.
    let end = bytes
        .windows(reserved.len())
        .position(|window| window == reserved);
    let before = end.and_then(|end| bytes.get(..end)).unwrap_or_default();
    let place = before
        .windows(charge.len())
        .rposition(|window| window == charge);
    let place = place.map(|at| at + charge.len() - 1);
    let digit = place.and_then(|at| bytes.get_mut(at));
    *digit.ok_or_else(|| CliError::new("the log holds no release to change"))? = b'1';
    std::fs::write(entries, bytes).map_err(|e| CliError::file("write", entries, e))
}
