//! `weir serve`: the broker, until it is told to stop.

use std::path::PathBuf;

use broker::clock::Clock;
use broker::config::{Config, Mode};
use broker::serve::{Running, start};
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};

use super::Session;
use crate::errors::{CliError, OrFail};
use crate::output::View;

const HELP: &str = "\
Example:
  weir pki new certs
  weir serve --config certs/broker.toml

Ctrl-C or SIGTERM ends it after the calls in work; what was acknowledged is on disk at any time, so
a kill loses nothing either. The operator's log goes to standard error (WEIR_LOG sets its filter)
and holds no counts. SIGHUP reads certificates, revocation lists and token keys again; so does a
change of their files, within seconds. A damaged state directory stops the start and says which file.";

/// Run the broker.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    /// The broker's config: `weir pki new` writes one to start from.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}

/// Serves until a signal or a failure ends it.
///
/// # Errors
/// [`CliError`] where it does not start, or has to end: the log cannot be written, for example.
pub async fn run(args: Args, session: &Session) -> Result<(), CliError> {
    let config = Config::read(&args.config).or_try("weir pki new DIR writes a config")?;
    broker::telemetry::init(config.log.format, &config.log.filter);
    // Before the start, so that no signal falls between.
    let mut terminate = signal(SignalKind::terminate()).or_fail()?;
    let mut hangup = signal(SignalKind::hangup()).or_fail()?;
    let running = tokio::select! {
        running = start(&config, Clock::system()) => running.or_fail()?,
        // It may wait for witnesses: nothing is served yet, and what was written is durable.
        _ = terminate.recv() => return Ok(()),
    };
    session.output.show(&Serving::of(&running, &config))?;

    let (stop, reload) = (running.stop_token(), running.reload());
    let ended = running.ended();
    tokio::pin!(ended);
    let failed = loop {
        tokio::select! {
            done = &mut ended => return done.or_try("fix the cause, then start it again"),
            done = tokio::signal::ctrl_c() => break done,
            _ = terminate.recv() => break Ok(()),
            // What comes of it stands in the operator's log: a bad set is refused, the old one stays.
            Some(()) = hangup.recv() => drop(reload.now().await),
        }
    };
    failed.or_fail()?;
    session
        .output
        .note("stopping: calls in work finish first; once more to stop at once");
    stop.cancel();
    tokio::select! {
        done = &mut ended => done.or_try("fix the cause, then start it again"),
        // What was acknowledged is durable: leaving now loses calls in work only.
        _ = tokio::signal::ctrl_c() => Err(CliError::new("stopped with calls in work")),
    }
}

#[derive(Serialize)]
struct Serving {
    address: String,
    metrics: Option<String>,
    web: Option<String>,
    state: PathBuf,
    development: bool,
}

impl Serving {
    fn of(running: &Running, config: &Config) -> Self {
        Self {
            address: running.address.to_string(),
            metrics: running
                .metrics_address
                .map(|at| format!("http://{at}/metrics")),
            web: running.web_address.map(|at| format!("https://{at}")),
            state: config.state.clone(),
            development: config.mode == Mode::Development,
        }
    }
}

impl View for Serving {
    fn text(&self) -> String {
        let metrics = self.metrics.as_ref().map(|at| format!(", metrics on {at}"));
        let web = self.web.as_ref().map(|at| format!(", public log on {at}"));
        let development = if self.development {
            "; development mode: test certificates are accepted"
        } else {
            ""
        };
        format!(
            "serving on {}{}{}, state in {}{development}",
            self.address,
            metrics.unwrap_or_default(),
            web.unwrap_or_default(),
            self.state.display()
        )
    }
}
