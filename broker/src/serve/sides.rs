//! What a broker has beside its calls: who watches its log, and where it listens.

use std::net::SocketAddr;
use std::sync::Arc;

use audit::quorum::{Policy, PolicyError};
use certs::TrustDomain;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{ServeError, during};
use crate::clock::Clock;
use crate::config::{Config, Witnesses};
use crate::cosign::{Collector, Heads};
use crate::flow::Broker;
use crate::identity::accept::{AcceptBounds, Incoming, incoming};
use crate::identity::trust::Trust;
use crate::limits;
use crate::sequencer::Sequencer;
use crate::telemetry::{Metrics, serve_metrics};
use crate::web;

/// The first look of the witnesses at the log, before anything is appended to it.
pub(super) async fn witnesses(
    config: &Config,
    sequencer: &Sequencer,
    clock: Clock,
    metrics: &Arc<Metrics>,
) -> Result<Option<(Collector, Heads)>, ServeError> {
    let Some(Witnesses { policy, ca }) = &config.witnesses else {
        tracing::warn!(
            "no witnesses: this machine's clock is believed, and nobody else sees the log"
        );
        return Ok(None);
    };
    let wrong = |cause: String| ServeError {
        doing: "read `witnesses.policy`",
        cause: format!("`{}`: {cause}", policy.display()),
    };
    let text = std::fs::read_to_string(policy).map_err(|e| wrong(e.to_string()))?;
    let policy: Policy = text
        .parse()
        .map_err(|e: PolicyError| wrong(e.to_string()))?;
    let (sequencer, metrics) = (sequencer.clone(), Arc::clone(metrics));
    let begun = Collector::begin(policy, ca.as_deref(), sequencer, clock, metrics).await;
    begun
        .map(Some)
        .map_err(during("show the log to its witnesses"))
}

/// What everybody may read, where it is configured.
pub(super) async fn public_side(
    config: &Config,
    trust: watch::Receiver<Arc<Trust>>,
    broker: &Arc<Broker>,
    stop: &CancellationToken,
) -> Result<Option<SocketAddr>, ServeError> {
    let Some(web) = &config.web else {
        return Ok(None);
    };
    let listener = TcpListener::bind(web.listen).await;
    let listener = listener.map_err(during("listen on `web.listen`"))?;
    let address = listener.local_addr();
    let presented = web::Presented {
        url: web
            .url
            .as_deref()
            .map(|url| url.trim_end_matches('/').to_owned()),
        publisher: web.publisher.clone(),
        contact: web.contact.clone(),
    };
    let open = web::Open::new(broker, presented);
    tokio::spawn(Arc::clone(&open).make_ahead(stop.clone()));
    let routes = web::routes(Arc::clone(broker), open);
    tokio::spawn(web::serve(listener, Some(trust), routes, stop.clone()));
    address.map(Some).map_err(during("listen on `web.listen`"))
}

/// The port of organisations, with its bounds.
pub(super) async fn organisations(
    config: &Config,
    trust: watch::Receiver<Arc<Trust>>,
    domain: TrustDomain,
    times: limits::Times,
) -> Result<(Incoming, SocketAddr), ServeError> {
    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(during("listen"))?;
    let address = listener.local_addr().map_err(during("listen"))?;
    let bounds = AcceptBounds {
        connections_max: limits::CONNECTIONS_MAX,
        connections_per_org_max: limits::CONNECTIONS_PER_ORG_MAX,
        handshake_timeout: limits::HANDSHAKE_TIMEOUT,
        life_max: times.connection_age.saturating_add(times.connection_grace),
    };
    Ok((incoming(listener, trust, domain, bounds), address))
}

/// The page of metrics, where one is configured.
pub(super) async fn metrics_page(
    config: &Config,
    metrics: &Arc<Metrics>,
    stop: &CancellationToken,
) -> Result<Option<SocketAddr>, ServeError> {
    let Some(at) = config.metrics else {
        return Ok(None);
    };
    let served = serve_metrics(at, Arc::clone(metrics), stop.clone()).await;
    served.map(Some).map_err(during("serve metrics"))
}
