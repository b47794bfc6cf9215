//! A running broker: config → open store → sequencer → one TLS port, until it is told to stop.

use std::net::SocketAddr;
use std::sync::Arc;

use audit::checkpoint::LogKey;
use audit::note::Signer;
use certs::TrustDomain;
use policies::entry::Configuration;
use policies::id::{Fingerprint, sha256_hex};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::access::InForce;
use crate::access::in_force::watch;
use crate::clock::Clock;
use crate::config::{Config, Mode, Witnesses};
use crate::cosign::{Collector, CosignError, Heads};
use crate::flow::Broker;
use crate::flow::admit::Admission;
use crate::flow::broker::Terms;
use crate::identity::reload::{self, Reload};
use crate::limits::{self, Times};
use crate::sequencer::Sequencer;
use crate::store::blobs::Blobs;
use crate::store::open::{Store, StoreConfig};
use crate::telemetry::Metrics;

mod calls;
mod keys;
mod sides;
mod software;

use calls::{Ends, Layers, serve};
use keys::{signer, trust_files, verifier};
use sides::{metrics_page, organisations, public_side, witnesses};

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
    start_within(config, clock, Times::default()).await
}

/// The same with other bounds in time, for tests that wait for them.
///
/// # Errors
/// As [`start`].
pub async fn start_within(
    config: &Config,
    clock: Clock,
    times: Times,
) -> Result<Running, ServeError> {
    let domain = TrustDomain::new(&config.trust_domain).map_err(during("read trust_domain"))?;
    let stop = CancellationToken::new();
    // Ends with this function where the start fails, and with the broker where it does not.
    let unless_started = stop.clone().drop_guard();
    let every = limits::TRUST_LOOK_EVERY;
    let (trust, reload) = reload::keep(trust_files(config), every, stop.clone())
        .map_err(during("load certificates and token keys"))?;
    let verifier = verifier(config, trust.clone(), stop.clone())?;
    let signer = signer(config)?;
    let in_force =
        InForce::load(config.policies.as_deref()).map_err(during("load the policies"))?;
    let log_key = LogKey::new(signer.verifier_key().clone());
    let metrics = Arc::new(Metrics::new());
    let clock = match config.witnesses {
        Some(_) => clock.unvouched(),
        None => clock,
    };
    let Opened {
        sequencer,
        blobs,
        on_stop,
        watched,
    } = open(config, signer, clock.clone(), &metrics).await?;
    let tick = config.publish_tick;
    let broker = Broker::new(sequencer, blobs, clock, log_key, in_force, tick).within(times);
    let (broker, mut watching) = match watched {
        None => (broker, None),
        Some((collector, heads)) => {
            let watching = tokio::spawn(collector.run(stop.clone()));
            (broker.leaning_on(heads), Some(watching))
        }
    };
    let broker = Arc::new(broker);
    may_go_on(&broker, watching.as_mut()).await?;
    broker
        .begin(terms(config)?)
        .await
        // Its reader is the operator: the cause, where there is one.
        .map_err(|e| during("begin")(e.cause().map_or_else(|| e.to_string(), ToOwned::to_owned)))?;
    // Without a quorum this may be an older copy, and what it does not name all that is left of newer payloads.
    if broker.heads().has_quorum() {
        broker
            .erase_unnamed()
            .await
            .map_err(during("erase payloads that no entry names"))?;
    }
    broker.keep_time();
    broker.keep_schedule();
    tokio::spawn(watch(Arc::clone(&broker), stop.clone()));

    let (connections, address) = organisations(config, trust.clone(), domain, times).await?;
    let metrics_address = metrics_page(config, &metrics, &stop).await?;
    let web_address = public_side(config, trust, &broker, &stop).await?;
    let layers = Layers {
        verifier: Arc::new(verifier),
        metrics,
        age: times.connection_age,
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

/// Waits until the first entry may be written: where cells have to go they go ahead of it, and for that witnesses have
/// to say the time.
async fn may_go_on(
    broker: &Broker,
    watching: Option<&mut JoinHandle<Result<(), CosignError>>>,
) -> Result<(), ServeError> {
    let Some(watching) = watching else {
        return Ok(());
    };
    let ended = tokio::select! {
        () = broker.until_cells_may_go() => return Ok(()),
        ended = watching => ended,
    };
    let doing = "show the log to its witnesses";
    ended.map_err(during(doing))?.map_err(during(doing))?;
    // It asks on until it is told to stop: nothing may be written now, and its end cannot be waited for twice.
    Err(during("start")("it was told to stop"))
}

/// The state directory, and the one who writes it.
struct Opened {
    sequencer: Sequencer,
    blobs: Blobs,
    on_stop: Writer,
    watched: Option<(Collector, Heads)>,
}

async fn open(
    config: &Config,
    signer: Signer,
    clock: Clock,
    metrics: &Arc<Metrics>,
) -> Result<Opened, ServeError> {
    let store = Store::open(StoreConfig {
        directory: config.state.clone(),
        signer,
    })
    .map_err(during("open the state directory"))?;
    store
        .check_clock(clock.now())
        .and_then(|()| store.check_payloads())
        .map_err(during("open the state directory"))?;
    let Store {
        log,
        state,
        index,
        blobs,
        ..
    } = store;
    let (sequencer, on_stop) = Sequencer::start(log, state, Some(index), clock.clone());
    let watched = match witnesses(config, &sequencer, clock, metrics).await {
        Ok(watched) => watched,
        Err(error) => {
            // The next start must not meet this one's lock.
            drop(sequencer);
            drop(tokio::time::timeout(limits::LET_GO, on_stop).await);
            return Err(error);
        }
    };
    Ok(Opened {
        sequencer,
        blobs,
        on_stop,
        watched,
    })
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
        binary: software::digest(),
        configuration: configuration(config)?,
        floors: config.floors,
        steward,
    })
}

/// The settings that others feel, as they are logged.
fn configuration(config: &Config) -> Result<Configuration, ServeError> {
    let witnesses = match &config.witnesses {
        None => None,
        Some(Witnesses { policy, .. }) => {
            let text = std::fs::read(policy).map_err(during("read `witnesses.policy`"))?;
            let digest = Fingerprint::new(sha256_hex(&text));
            Some(digest.map_err(during("read `witnesses.policy`"))?)
        }
    };
    Ok(Configuration {
        development: config.mode == Mode::Development,
        publish_tick_ms: u64::try_from(config.publish_tick.as_millis()).unwrap_or(u64::MAX),
        heartbeat_s: u32::try_from(limits::HEARTBEAT.as_secs()).unwrap_or(u32::MAX),
        witnesses,
        limits: limits::told(),
    })
}
