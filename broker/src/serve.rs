//! A running broker: config → open store → sequencer → one TLS port, until it is told to stop.

use std::net::SocketAddr;
use std::sync::Arc;

use arrow_flight::flight_service_server::FlightServiceServer;
use audit::checkpoint::LogKey;
use audit::quorum::{Policy, PolicyError};
use certs::TrustDomain;
use proto::v1::agreement_service_server::AgreementServiceServer;
use proto::v1::contribution_service_server::ContributionServiceServer;
use proto::v1::directory_service_server::DirectoryServiceServer;
use proto::v1::release_service_server::ReleaseServiceServer;
use proto::v1::transparency_service_server::TransparencyServiceServer;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

use crate::access::InForce;
use crate::access::in_force::watch;
use crate::api::trace::TraceLayer;
use crate::api::{access, agreement, contribution, directory, flight, rate, release, transparency};
use crate::clock::Clock;
use crate::config::{Config, Web, Witnesses};
use crate::cosign::{Collector, CosignError, Heads};
use crate::flow::Broker;
use crate::flow::admit::Admission;
use crate::flow::broker::Terms;
use crate::identity::accept::{AcceptBounds, Incoming, incoming};
use crate::identity::keys::KeyRing;
use crate::identity::layer::IdentityLayer;
use crate::identity::reload::{self, Reload};
use crate::identity::token::TokenVerifier;
use crate::identity::trust::Trust;
use crate::limits;
use crate::sequencer::Sequencer;
use crate::store::open::{Store, StoreConfig};
use crate::telemetry::{Metrics, serve_metrics};
use crate::web;

mod keys;

use keys::{key_set, signer, trust_files, verifier};

/// Why a broker does not start, or has ended. The text is for its operator.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {cause}")]
pub struct ServeError {
    /// What was being done.
    pub doing: &'static str,
    /// What went wrong, and what to do.
    pub cause: String,
}

fn during<E: std::fmt::Display>(doing: &'static str) -> impl FnOnce(E) -> ServeError {
    move |cause| ServeError {
        doing,
        cause: cause.to_string(),
    }
}

/// A broker that serves.
#[derive(Debug)]
pub struct Running {
    /// Where it serves.
    pub address: SocketAddr,
    /// Where its metrics are, if anywhere.
    pub metrics_address: Option<SocketAddr>,
    /// Where its public side is, if anywhere.
    pub web_address: Option<SocketAddr>,
    /// Its use cases and state.
    pub broker: Arc<Broker>,
    stop: CancellationToken,
    reload: Reload,
    served: JoinHandle<Result<Writer, ServeError>>,
}

/// Tells when the sequencer has let go of the state directory.
type Writer = oneshot::Receiver<String>;

impl Running {
    /// Ends it: no new calls, calls in work finish.
    ///
    /// # Errors
    /// [`ServeError`] where it ended badly.
    pub async fn stop(self) -> Result<(), ServeError> {
        self.stop.cancel();
        self.ended().await
    }

    /// The token that ends it.
    #[must_use]
    pub fn stop_token(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// What SIGHUP asks: certificates, revocation lists and token keys read again.
    #[must_use]
    pub fn reload(&self) -> Reload {
        self.reload.clone()
    }

    /// Waits until it has ended by itself or through its token, and has let go of the state directory.
    ///
    /// # Errors
    /// [`ServeError`] where it ended badly: the process MUST end then.
    pub async fn ended(self) -> Result<(), ServeError> {
        let Self { broker, served, .. } = self;
        let writer = served.await.map_err(during("serve"))??;
        drop(broker);
        // The next start on this state directory must not meet this one's lock.
        if tokio::time::timeout(limits::LET_GO, writer).await.is_err() {
            tracing::warn!("the state directory is still held: somebody keeps the broker's handle");
        }
        Ok(())
    }
}

/// Starts a broker as the config says.
///
/// # Errors
/// [`ServeError`] names the file or key and what to do.
pub async fn start(config: &Config, clock: Clock) -> Result<Running, ServeError> {
    let domain = TrustDomain::new(&config.trust_domain).map_err(during("read trust_domain"))?;
    let stop = CancellationToken::new();
    // Ends with this function where the start fails, and with the broker where it does not.
    let unless_started = stop.clone().drop_guard();
    let every = limits::TRUST_LOOK_EVERY;
    let (trust, reload) = reload::keep(trust_files(config), every, stop.clone())
        .map_err(during("load certificates and token keys"))?;
    let keys = KeyRing {
        trust: trust.clone(),
        set: key_set(config, stop.clone())?,
    };
    let verifier = verifier(config, keys)?;
    let signer = signer(config)?;
    let in_force =
        InForce::load(config.policies.as_deref()).map_err(during("load the policies"))?;
    let log_key = LogKey::new(signer.verifier_key().clone());
    let store = Store::open(StoreConfig {
        directory: config.state.clone(),
        signer,
    })
    .map_err(during("open the state directory"))?;
    let Store {
        log,
        state,
        index,
        blobs,
        ..
    } = store;
    let (sequencer, on_stop) = Sequencer::start(log, state, Some(index), clock.clone());
    let watched = match witnesses(config, &sequencer).await {
        Ok(watched) => watched,
        Err(error) => {
            // The next start must not meet this one's lock.
            drop(sequencer);
            drop(tokio::time::timeout(limits::LET_GO, on_stop).await);
            return Err(error);
        }
    };
    let tick = config.publish_tick;
    let broker = Broker::new(sequencer, blobs, clock, log_key, in_force, tick);
    let (broker, watching) = match watched {
        None => (broker, None),
        Some((collector, heads)) => {
            let watching = tokio::spawn(collector.run(stop.clone()));
            (broker.leaning_on(heads), Some(watching))
        }
    };
    let broker = Arc::new(broker);
    broker
        .begin(terms(config)?)
        .await
        .map_err(during("begin"))?;
    broker.resume();
    broker.keep_time();
    broker.keep_schedule();
    tokio::spawn(watch(Arc::clone(&broker), stop.clone()));

    let listener = TcpListener::bind(config.listen)
        .await
        .map_err(during("listen"))?;
    let address = listener.local_addr().map_err(during("listen"))?;
    let bounds = AcceptBounds {
        connections_max: limits::CONNECTIONS_MAX,
        connections_per_org_max: limits::CONNECTIONS_PER_ORG_MAX,
        handshake_timeout: limits::HANDSHAKE_TIMEOUT,
    };
    let connections = incoming(listener, trust.clone(), domain, bounds);
    let metrics = Arc::new(Metrics::new());
    let metrics_address = match config.metrics {
        None => None,
        Some(at) => Some(
            serve_metrics(at, Arc::clone(&metrics), stop.clone())
                .await
                .map_err(during("serve metrics"))?,
        ),
    };
    let web_address = match &config.web {
        None => None,
        Some(web) => Some(public_side(web, trust.clone(), &broker, &stop).await?),
    };
    let layers = Layers {
        verifier: Arc::new(verifier),
        metrics,
    };
    let serving = serve(
        Arc::clone(&broker),
        connections,
        layers,
        stop.clone(),
        Ends { on_stop, watching },
    );
    let served = tokio::spawn(serving);
    unless_started.disarm();
    tracing::info!(%address, "serving");
    Ok(Running {
        address,
        metrics_address,
        web_address,
        broker,
        stop,
        reload,
        served,
    })
}

struct Layers {
    verifier: Arc<TokenVerifier>,
    metrics: Arc<Metrics>,
}

async fn serve(
    broker: Arc<Broker>,
    connections: Incoming,
    layers: Layers,
    stop: CancellationToken,
    ends: Ends,
) -> Result<Writer, ServeError> {
    let Layers { verifier, metrics } = layers;
    let (health, health_service) = tonic_health::server::health_reporter();
    health
        .set_service_status("", tonic_health::ServingStatus::Serving)
        .await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
        .build_v1()
        .map_err(during("describe the services"))?;
    let of = || Arc::clone(&broker);
    let releases = release::Releases {
        broker: of(),
        metrics: Arc::clone(&metrics),
    };
    let flights = flight::Flight {
        broker: of(),
        metrics: Arc::clone(&metrics),
    };
    let agreements = agreement::Agreements {
        broker: of(),
        stop: stop.clone(),
    };
    let router = Server::builder()
        .max_concurrent_streams(Some(limits::STREAMS_PER_CONNECTION_MAX))
        .initial_stream_window_size(Some(limits::STREAM_WINDOW_BYTES))
        .max_connection_age(limits::CONNECTION_AGE_MAX)
        .timeout(limits::CALL_TIMEOUT)
        // The first is the outermost: even a refused call has an id, and bad tokens cost their bucket.
        .layer(TraceLayer)
        .layer(rate::RateLayer::default())
        .layer(IdentityLayer::new(verifier))
        .layer(access::AccessLayer::new(of(), metrics))
        .add_service(health_service)
        .add_service(reflection)
        .add_service(
            DirectoryServiceServer::new(directory::Directory(of()))
                .max_decoding_message_size(limits::MESSAGE_BYTES_MAX)
                .max_encoding_message_size(limits::MESSAGE_BYTES_MAX),
        )
        .add_service(AgreementServiceServer::new(agreements))
        .add_service(ContributionServiceServer::new(contribution::Contributions(
            of(),
        )))
        .add_service(ReleaseServiceServer::new(releases))
        .add_service(TransparencyServiceServer::new(transparency::Transparency(
            of(),
        )))
        .add_service(
            FlightServiceServer::new(flights)
                .max_decoding_message_size(limits::FLIGHT_MESSAGE_BYTES_MAX),
        );
    let (ended, on_end) = oneshot::channel();
    let drain = CancellationToken::new();
    let draining = drain.clone();
    let ending = async move {
        drop(ended.send(ends.first(&stop).await));
        stop.cancel();
        draining.cancel();
    };
    let deadline = async {
        drain.cancelled().await;
        tokio::time::sleep(limits::DRAIN).await;
    };
    tokio::select! {
        served = router.serve_with_incoming_shutdown(connections, ending) => {
            served.map_err(during("serve"))?;
        }
        () = deadline => tracing::warn!("calls that did not end in time are cut"),
    }
    on_end.await.map_err(during("serve"))?
}

/// What may end a broker beside its operator.
struct Ends {
    on_stop: Writer,
    watching: Option<JoinHandle<Result<(), CosignError>>>,
}

impl Ends {
    /// Waits for the first of them.
    async fn first(self, stop: &CancellationToken) -> Result<Writer, ServeError> {
        let Self {
            mut on_stop,
            watching,
        } = self;
        let contradicted = async {
            match watching {
                None => std::future::pending().await,
                Some(watching) => watching.await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => Ok(on_stop),
            why = &mut on_stop => Err(ServeError {
                doing: "write the log",
                cause: why.unwrap_or_else(|_| "it died".into()),
            }),
            ended = contradicted => match ended {
                Ok(Ok(())) => Ok(on_stop),
                Ok(Err(error)) => Err(during("show the log to its witnesses")(error)),
                Err(error) => Err(during("show the log to its witnesses")(error)),
            },
        }
    }
}

/// The first look of the witnesses at the log, before anything is appended to it.
async fn witnesses(
    config: &Config,
    sequencer: &Sequencer,
) -> Result<Option<(Collector, Heads)>, ServeError> {
    let Some(Witnesses { policy, ca }) = &config.witnesses else {
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
    let begun = Collector::begin(policy, ca.as_deref(), sequencer.clone()).await;
    begun
        .map(Some)
        .map_err(during("show the log to its witnesses"))
}

async fn public_side(
    web: &Web,
    trust: watch::Receiver<Arc<Trust>>,
    broker: &Arc<Broker>,
    stop: &CancellationToken,
) -> Result<SocketAddr, ServeError> {
    let listener = TcpListener::bind(web.listen).await;
    let listener = listener.map_err(during("listen on `web.listen`"))?;
    let address = listener.local_addr();
    let routes = web::routes(Arc::clone(broker));
    tokio::spawn(web::serve(listener, Some(trust), routes, stop.clone()));
    address.map_err(during("listen on `web.listen`"))
}

fn terms(config: &Config) -> Result<Terms, ServeError> {
    let steward = match &config.steward {
        None => None,
        Some(path) => {
            let wrong = |cause: String| ServeError {
                doing: "read the steward's admission",
                cause: format!("`{}`: {cause}", path.display()),
            };
            let json = std::fs::read(path).map_err(|e| wrong(e.to_string()))?;
            let admission: Admission =
                serde_json::from_slice(&json).map_err(|e| wrong(e.to_string()))?;
            Some(admission)
        }
    };
    Ok(Terms {
        floors: config.floors,
        steward,
    })
}
