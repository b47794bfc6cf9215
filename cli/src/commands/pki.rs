//! `weir pki`: keys, certificates and ready config files for a test installation.

pub mod files;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use certs::{DevPki, Options, OrgFiles};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use policies::id::Role;
use sdk::sign::{Admission, Signer};
use serde::Serialize;

use super::Session;
use crate::errors::{CliError, OrFail};
use crate::output::{View, facts, grouped};

const DAY: Duration = Duration::from_secs(86_400);

/// Make keys and certificates for a test installation.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a CA, the broker's certificate, its log key, and a broker.toml to start from.
    #[command(after_help = NEW_HELP)]
    New(New),
    /// Make an organisation: certificate, signing key, a user's token, and its weir.toml.
    #[command(after_help = ORG_HELP)]
    Org(Org),
    /// Make a fresh token for a user (they live one day).
    #[command(after_help = TOKEN_HELP)]
    Token(Token),
    /// Take an organisation's certificate back: the broker closes its connections.
    #[command(after_help = REVOKE_HELP)]
    Revoke(Revoke),
}

const NEW_HELP: &str = "\
Example:
  weir pki new certs
  weir serve --config certs/broker.toml

Everything is made on this machine, mode 0600, and never replaced unless you say --overwrite.
certs/log.vkey is the log's public key: give it to every client and auditor by another way than
the broker, for it is what they check the broker with. Not for production: the CA says so.";

const ORG_HELP: &str = "\
Example:
  weir pki org certs city-bikes --role provider --user push-job
  weir org list --profile certs/city-bikes/weir.toml

The folder certs/city-bikes then holds cert.pem, key.pem, signing.key, token.jwt, weir.toml and
admission.json (what the steward admits it with). The first steward's admission is written into
certs/broker.toml, so that the broker knows it from its first start.";

const TOKEN_HELP: &str = "\
Example:
  weir pki token certs city-bikes --role provider --user push-job
  weir pki token certs city-bikes --role provider --user push-job --print";

const REVOKE_HELP: &str = "\
Example:
  weir pki revoke certs city-bikes
  weir pki org certs city-bikes --role provider --user push-job --renew      a new certificate

Adds the certificate in certs/city-bikes to certs/ca.crl.pem, the list that the CA signs. A broker whose config names it
(client_crl = [\"ca.crl.pem\"]) reads it again within seconds and closes open connections. The first time, put that line
in and restart the broker.";

/// Arguments of `weir pki revoke`.
#[derive(Debug, Args)]
pub struct Revoke {
    /// The folder that `weir pki new` made.
    pub dir: PathBuf,
    /// The organisation's name.
    pub name: String,
}

/// Arguments of `weir pki new`.
#[derive(Debug, Args)]
pub struct New {
    /// The folder to make.
    pub dir: PathBuf,
    /// The SPIFFE trust domain of the broker and of all organisations.
    #[arg(long, default_value = "weir.test", value_name = "NAME")]
    pub trust_domain: String,
    /// Where the broker will listen.
    #[arg(long, default_value = "127.0.0.1:7443", value_name = "ADDRESS")]
    pub listen: std::net::SocketAddr,
    /// Replace what is there: every certificate made before is then worth nothing.
    #[arg(long)]
    pub overwrite: bool,
}

/// Arguments of `weir pki org`.
#[derive(Debug, Args)]
pub struct Org {
    /// The folder that `weir pki new` made.
    pub dir: PathBuf,
    /// The organisation's name: a-z, 0-9 and inner `-`.
    pub name: String,
    /// provider, planner, auditor or steward.
    #[arg(long)]
    pub role: Role,
    /// The user or job that the token is for, a pseudonym.
    #[arg(long)]
    pub user: String,
    /// Renew certificate and token of an organisation that is there; its signing key stays.
    #[arg(long)]
    pub renew: bool,
}

/// Arguments of `weir pki token`.
#[derive(Debug, Args)]
pub struct Token {
    /// The folder that `weir pki new` made.
    pub dir: PathBuf,
    /// The organisation's name.
    pub name: String,
    /// Its role.
    #[arg(long)]
    pub role: Role,
    /// The user or job that the token is for, a pseudonym.
    #[arg(long)]
    pub user: String,
    /// How long it lives, 1 to 30 days; never longer than the certificate.
    #[arg(long, default_value_t = 1, value_name = "DAYS",
        value_parser = clap::value_parser!(u32).range(1..=30))]
    pub days: u32,
    /// Print it instead of replacing the organisation's token.jwt.
    #[arg(long)]
    pub print: bool,
}

/// Runs one of them.
///
/// # Errors
/// [`CliError`].
pub fn run(command: Command, session: &Session) -> Result<(), CliError> {
    match command {
        Command::New(args) => new(&args, session),
        Command::Org(args) => org(&args, session),
        Command::Token(args) => token(&args, session),
        Command::Revoke(args) => revoke(&args, session),
    }
}

fn revoke(args: &Revoke, session: &Session) -> Result<(), CliError> {
    let pki = DevPki::open(&args.dir).or_fail()?;
    let added = pki.revoke(&args.name).or_fail()?;
    let config = args.dir.join("broker.toml");
    let named = broker::config::Config::read(&config)
        .is_ok_and(|config| config.tls.client_crl.contains(&pki.crl()));
    session.output.show(&Taken {
        org: args.name.clone(),
        list: pki.crl(),
        added,
        broker_reads_it: named,
    })
}

fn new(args: &New, session: &Session) -> Result<(), CliError> {
    let options = Options {
        overwrite: args.overwrite,
        ..Options::default()
    };
    let config = args.dir.join("broker.toml");
    if config.exists() && !args.overwrite {
        let why = CliError::new(format_args!("`{}` exists and was kept", config.display()));
        return Err(why.or_try("another folder, or --overwrite"));
    }
    let pki = DevPki::create_with(&args.dir, &args.trust_domain, options).or_fail()?;
    let log_key = files::write_log_key(&args.dir, &pki)?;
    files::write(&config, &files::broker_toml(&pki, args.listen))?;
    session.output.show(&Made {
        dir: args.dir.clone(),
        trust_domain: args.trust_domain.clone(),
        listen: args.listen.to_string(),
        config,
        log_key: log_key.to_string(),
    })
}

fn org(args: &Org, session: &Session) -> Result<(), CliError> {
    let pki = DevPki::open(&args.dir).or_fail()?;
    let role = args.role.as_str();
    let files = if args.renew {
        pki.renew(&args.name, role, &args.user).or_fail()?
    } else {
        pki.org(&args.name, role, &args.user).or_fail()?
    };
    let folder = args.dir.join(&args.name);
    let profile = folder.join("weir.toml");
    if !profile.exists() {
        let listen = files::listen_of(&args.dir);
        files::write(
            &profile,
            &files::profile_toml(&args.name, role, listen.as_deref()),
        )?;
    }
    let admission = admission(args, &files)?;
    let admission_file = folder.join("admission.json");
    write_json(&admission_file, &admission)?;
    let first_steward = args.role == Role::Steward && files::name_steward(&args.dir, &args.name)?;
    session.output.show(&MadeOrg {
        org: args.name.clone(),
        role,
        spiffe: files.id.to_string(),
        key_fingerprint: admission.key.fingerprint().to_string(),
        profile,
        admission: admission_file,
        first_steward,
    })
}

fn token(args: &Token, session: &Session) -> Result<(), CliError> {
    let options = Options {
        token_validity: DAY * args.days,
        ..Options::default()
    };
    let pki = DevPki::open(&args.dir).or_fail()?.with(options).or_fail()?;
    let token = pki
        .token(&args.name, args.role.as_str(), &args.user)
        .or_fail()?;
    if args.print {
        return crate::output::write_out(token.as_bytes(), true);
    }
    let file = pki.org_files(&args.name).or_fail()?.token;
    certs::write_secret(&file, token.as_bytes(), true).or_fail()?;
    session.output.show(&MadeToken {
        token: file,
        days: args.days,
    })
}

fn admission(args: &Org, files: &OrgFiles) -> Result<Admission, CliError> {
    let signer = Signer::from_pem_file(&files.signing_key).or_fail()?;
    let org = args.name.parse().or_fail()?;
    signer
        .admission(org, args.role, files.id.to_string(), Timestamp::now())
        .or_fail()
}

/// Writes a small JSON document, replacing what is there.
///
/// # Errors
/// [`CliError`] names the file.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), CliError> {
    let mut text = serde_json::to_string_pretty(value).or_fail()?;
    text.push('\n');
    fs::write(path, text).map_err(|e| CliError::file("write", path, e))
}

#[derive(Serialize)]
struct Made {
    dir: PathBuf,
    trust_domain: String,
    listen: String,
    config: PathBuf,
    log_key: String,
}

impl View for Made {
    fn text(&self) -> String {
        let rows = facts(&[
            ("trust domain", self.trust_domain.clone()),
            ("broker", self.listen.clone()),
            ("config", self.config.display().to_string()),
            ("log key", self.log_key.clone()),
        ]);
        let dir = self.dir.display();
        format!(
            "{rows}\nNot for production: this CA says so, and so does broker.toml.\n\
             Next: weir pki org {dir} NAME --role steward --user YOU\n\
             Then: weir serve --config {}",
            self.config.display()
        )
    }
}

#[derive(Serialize)]
struct MadeOrg {
    org: String,
    role: &'static str,
    spiffe: String,
    key_fingerprint: String,
    profile: PathBuf,
    admission: PathBuf,
    first_steward: bool,
}

impl View for MadeOrg {
    fn text(&self) -> String {
        let rows = facts(&[
            ("organisation", format!("{} ({})", self.org, self.role)),
            ("SPIFFE id", self.spiffe.clone()),
            ("fingerprint", grouped(&self.key_fingerprint)),
            ("profile", self.profile.display().to_string()),
        ]);
        let admission = self.admission.display();
        let next = if self.first_steward {
            "It is the first steward: broker.toml names it, and the broker's start admits it."
                .into()
        } else {
            format!("Next: give {admission} to the steward, who runs `weir org add {admission}`.")
        };
        format!("{rows}\n{next}")
    }
}

#[derive(Serialize)]
struct Taken {
    org: String,
    list: PathBuf,
    /// Was it not on the list before?
    added: bool,
    /// Does the config beside it name the list?
    broker_reads_it: bool,
}

impl View for Taken {
    fn text(&self) -> String {
        let list = self.list.display();
        let done = match self.added {
            true => format!("the certificate of `{}` is on {list}", self.org),
            false => format!("the certificate of `{}` was on {list} already", self.org),
        };
        let next = match self.broker_reads_it {
            true => "The broker reads the list again within seconds.".to_owned(),
            false => "Next: client_crl = [\"ca.crl.pem\"] in broker.toml, and a restart; from then on it is read live."
                .to_owned(),
        };
        format!("{done}\n{next}")
    }
}

#[derive(Serialize)]
struct MadeToken {
    token: PathBuf,
    days: u32,
}

impl View for MadeToken {
    fn text(&self) -> String {
        format!("{} is good for {} day(s)", self.token.display(), self.days)
    }
}

#[cfg(test)]
mod tests;
