//! What the operator sees: spans and events without counts of anything contributed, and metrics on
//! loopback.
//!
//! | metric | labels | counts |
//! | --- | --- | --- |
//! | `weir_calls_total` | `method`, `let_through` | calls that reached the access gate |
//! | `weir_releases_published_total` | | requests answered with a table |
//! | `weir_releases_refused_total` | `reason` | reasons of refusals |
//! | `weir_contributions_total` | `outcome` | contributions accepted or refused |
//! | `weir_witness_forgot_total` | `witness` | answers of a witness that knew less than it had cosigned |

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// How the operator's log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object per line.
    Json,
}

/// Starts the operator's log on standard error. `WEIR_LOG` (a `tracing` filter) overrides `filter`.
/// A second start in one process changes nothing.
pub fn init(format: LogFormat, filter: &str) {
    let filter = EnvFilter::try_from_env("WEIR_LOG").unwrap_or_else(|_| EnvFilter::new(filter));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let _ = match format {
        LogFormat::Text => log.with_target(false).try_init(),
        LogFormat::Json => log.json().try_init(),
    };
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    method: String,
    let_through: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WordLabel {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WitnessLabel {
    witness: String,
}

/// The counters, counted where things are decided.
#[derive(Debug, Default)]
pub struct Metrics {
    registry: Registry,
    calls: Family<CallLabels, Counter>,
    published: Counter,
    refused: Family<WordLabel, Counter>,
    contributions: Family<OutcomeLabel, Counter>,
    witness_forgot: Family<WitnessLabel, Counter>,
}

impl Metrics {
    /// All counters at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut metrics = Self::default();
        let m = &mut metrics;
        m.registry.register(
            "weir_calls",
            "Calls that reached the access gate",
            m.calls.clone(),
        );
        let help = "Requests answered with a table";
        m.registry
            .register("weir_releases_published", help, m.published.clone());
        let help = "Reasons of refusals";
        m.registry
            .register("weir_releases_refused", help, m.refused.clone());
        let help = "Contributions accepted or refused";
        m.registry
            .register("weir_contributions", help, m.contributions.clone());
        let help = "Answers of a witness that knew less than it had cosigned";
        m.registry
            .register("weir_witness_forgot", help, m.witness_forgot.clone());
        metrics
    }

    /// A call at the access gate. Unknown methods (`None`) share one label, so nobody can grow the table.
    pub fn call(&self, method: Option<&str>, let_through: bool) {
        let method = method.unwrap_or("other").to_owned();
        let let_through = if let_through { "yes" } else { "no" };
        self.calls
            .get_or_create(&CallLabels {
                method,
                let_through,
            })
            .inc();
    }

    /// A request was answered with a table.
    pub fn release_published(&self) {
        self.published.inc();
    }

    /// A request was refused for this reason.
    pub fn release_refused(&self, reason: &'static str) {
        self.refused.get_or_create(&WordLabel { reason }).inc();
    }

    /// A contribution ended.
    pub fn contribution(&self, outcome: &'static str) {
        self.contributions
            .get_or_create(&OutcomeLabel { outcome })
            .inc();
    }

    /// A witness, by its name in the policy, has forgotten what it cosigned.
    pub fn witness_forgot(&self, witness: &str) {
        let witness = witness.to_owned();
        self.witness_forgot
            .get_or_create(&WitnessLabel { witness })
            .inc();
    }

    /// In the OpenMetrics text format.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a String does not fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}

/// Serves `/metrics` on a loopback address until `stop`.
///
/// # Errors
/// A sentence where the address is not loopback or cannot be bound.
pub async fn serve_metrics(
    address: SocketAddr,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) -> Result<SocketAddr, String> {
    if !address.ip().is_loopback() {
        return Err(format!("metrics stay on loopback: `{address}` is not"));
    }
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|e| format!("metrics cannot listen on `{address}`: {e}"))?;
    let bound = listener.local_addr().map_err(|e| e.to_string())?;
    let page = |State(metrics): State<Arc<Metrics>>| async move { metrics.text() };
    let router = Router::new()
        .route("/metrics", get(page))
        .with_state(metrics);
    tokio::spawn(async move {
        let served = axum::serve(listener, router)
            .with_graceful_shutdown(async move { stop.cancelled().await })
            .await;
        if let Err(error) = served {
            tracing::warn!(%error, "metrics ended");
        }
    });
    Ok(bound)
}
