//! `weir witness`: watch somebody's log and cosign what holds.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use audit::cosignature::Cosigner;
use broker::clock::Clock;
use broker::witness::{WitnessConfig, begin, start};
use certs::{Ed25519Seed, write_secret};
use clap::Subcommand;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::Session;
use super::audit::log_key;
use super::pki::files::write;
use crate::errors::{CliError, OrFail};
use crate::output::{View, facts};

const NEW_HELP: &str = "\
Example:
  weir witness new north --name north.example/weir --log certs/log.vkey
  weir witness serve --config north/witness.toml

Writes a key, a config and the line for a policy (c2sp.org/tlog-policy). A broker asks the witnesses
of the policy that `[witnesses]` in its config names; clients that name the same policy in their
profile refuse what no quorum cosigned. Run a witness on another machine, under another
organisation, than the log.";

const SERVE_HELP: &str = "\
Example:
  weir witness serve --config north/witness.toml

Answers POST /add-checkpoint as c2sp.org/tlog-witness says: a checkpoint that continues the last one
is stored durably, then cosigned; any other is refused, and two signed checkpoints that do not go
together are printed as errors. Plain HTTP: put a proxy with TLS before it where it leaves the
machine. Its state is as precious as its key: without it, begin with a new key.";

/// Watch a log and cosign what holds.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a witness: key, config, and its line for a policy.
    #[command(after_help = NEW_HELP)]
    New(New),
    /// Run a witness.
    #[command(after_help = SERVE_HELP)]
    Serve(Serve),
}

/// Arguments of `weir witness new`.
#[derive(Debug, clap::Args)]
pub struct New {
    /// The folder to make.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// The witness's name, by custom a URL without scheme.
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// The key of the log to watch, or a file that holds it.
    #[arg(long, value_name = "KEY|FILE")]
    pub log: String,
    /// Where it will listen.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7470")]
    pub listen: SocketAddr,
}

/// Arguments of `weir witness serve`.
#[derive(Debug, clap::Args)]
pub struct Serve {
    /// The witness's config: `weir witness new` writes one.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}

/// Runs one of them.
///
/// # Errors
/// [`CliError`] says what to do.
pub async fn run(command: Command, session: &Session) -> Result<(), CliError> {
    match command {
        Command::New(args) => new(&args, session),
        Command::Serve(args) => serve(&args.config, session).await,
    }
}

fn new(args: &New, session: &Session) -> Result<(), CliError> {
    let New {
        dir,
        name,
        log,
        listen,
    } = args;
    let log = log_key(Some(log), session)?;
    let seed = Ed25519Seed::generate().or_fail()?;
    let named = name.parse().or_try("a name without spaces and `+`")?;
    let cosigner = Cosigner::from_seed(named, &Zeroizing::new(*seed.as_bytes())).or_fail()?;
    std::fs::create_dir_all(dir).map_err(|e| CliError::file("make", dir, e))?;
    let pem = seed.to_pem().or_fail()?;
    write_secret(&dir.join("witness.key"), pem.as_bytes(), false)
        .or_try("another folder: a key is never written over")?;
    begin(&dir.join("state")).or_fail()?;
    let vkey = cosigner.verifier_key().to_string();
    // TOML strings: none of these can hold a quote or a backslash that a debug form would not escape.
    let config = format!(
        "# weir witness serve --config THIS FILE; paths are relative to it\n\n\
         listen = \"{listen}\"\nname = {name:?}\nkey = \"witness.key\"\n\
         state = \"state\"                  # what it saw: as precious as the key\n\
         logs = [{:?}]\n",
        log.to_string()
    );
    let config_file = dir.join("witness.toml");
    write(&config_file, &config)?;
    write(&dir.join("witness.vkey"), &format!("{vkey}\n"))?;
    let short = dir.file_name().map(|n| n.to_string_lossy().into_owned());
    let short = short.unwrap_or_else(|| "witness".to_owned());
    session.output.show(&Made {
        config: config_file,
        policy_line: format!("witness {short} {vkey} http://{listen}"),
        vkey,
    })
}

async fn serve(config: &Path, session: &Session) -> Result<(), CliError> {
    let config = WitnessConfig::read(config).or_try("weir witness new DIR writes a config")?;
    broker::telemetry::init(broker::telemetry::LogFormat::Text, "info");
    let mut terminate = signal(SignalKind::terminate()).or_fail()?;
    let stop = CancellationToken::new();
    let running = start(&config, Clock::system(), stop.clone())
        .await
        .or_fail()?;
    session.output.show(&Serving {
        address: format!("http://{}", running.address),
        vkey: running.key.to_string(),
    })?;
    tokio::select! {
        done = tokio::signal::ctrl_c() => done.or_fail()?,
        _ = terminate.recv() => {}
    }
    stop.cancel();
    running.ended().await;
    Ok(())
}

#[derive(Serialize)]
struct Made {
    config: PathBuf,
    vkey: String,
    policy_line: String,
}

impl View for Made {
    fn text(&self) -> String {
        facts(&[
            ("config", self.config.display().to_string()),
            ("key", self.vkey.clone()),
            ("for a policy", self.policy_line.clone()),
        ])
    }
}

#[derive(Serialize)]
struct Serving {
    address: String,
    vkey: String,
}

impl View for Serving {
    fn text(&self) -> String {
        format!("witness on {} as {}", self.address, self.vkey)
    }
}
