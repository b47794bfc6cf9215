//! `POST /add-checkpoint`, over plain HTTP: every answer is signed or tells nothing. Behind a proxy
//! where TLS is wanted.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use audit::checkpoint::LogKey;
use audit::cosignature::Cosigner;
use audit::note::{KeyName, VerifierKey};
use audit::witness::{AddCheckpoint, REQUEST_BYTES_MAX};
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use certs::Ed25519Seed;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::{Book, BookError};
use crate::clock::Clock;
use crate::store::disk::OsDisk;
use crate::web;

/// What `weir witness serve --config` reads. Paths are relative to the file's folder.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Its name, by custom a URL without scheme.
    pub name: String,
    /// Its Ed25519 key (PKCS#8 PEM, mode 0600), used for nothing else.
    pub key: PathBuf,
    /// Where it keeps what it saw; lost, the key is worth nothing any more.
    pub state: PathBuf,
    /// The keys of the logs it watches.
    pub logs: Vec<LogKey>,
}

/// Why a witness does not start.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {cause}")]
pub struct WitnessError {
    /// What was being done.
    pub doing: &'static str,
    /// What went wrong, and what to do.
    pub cause: String,
}

fn during<E: std::fmt::Display>(doing: &'static str) -> impl FnOnce(E) -> WitnessError {
    move |cause| WitnessError {
        doing,
        cause: cause.to_string(),
    }
}

/// A witness that serves.
#[derive(Debug)]
pub struct Witnessing {
    /// Where.
    pub address: SocketAddr,
    /// Its cosigning key, for policies.
    pub key: VerifierKey,
    served: tokio::task::JoinHandle<()>,
}

impl Witnessing {
    /// Waits until it has ended.
    pub async fn ended(self) {
        drop(self.served.await);
    }
}

impl WitnessConfig {
    /// Reads a config file.
    ///
    /// # Errors
    /// [`WitnessError`] names what is wrong.
    pub fn read(path: &Path) -> Result<Self, WitnessError> {
        let doing = "read the witness's config";
        let text = std::fs::read_to_string(path).map_err(during(doing))?;
        let mut config: Self = toml::from_str(&text).map_err(during(doing))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        config.key = folder.join(&config.key);
        config.state = folder.join(&config.state);
        Ok(config)
    }
}

/// Begins the state of a new witness: it has seen nothing. Nobody else makes one, so that a state that was lost is
/// noticed.
///
/// # Errors
/// [`WitnessError`] where there is one already, or it cannot be written.
pub fn begin(state: &Path) -> Result<(), WitnessError> {
    let disk = OsDisk::open(state).map_err(during("open the state directory"))?;
    Book::begin(&disk).map_err(during("begin what was seen"))
}

/// Starts a witness, until `stop`.
///
/// # Errors
/// [`WitnessError`] names the file or key and what to do.
pub async fn start(
    config: &WitnessConfig,
    clock: Clock,
    stop: CancellationToken,
) -> Result<Witnessing, WitnessError> {
    let name: KeyName = config.name.parse().map_err(during("read `name`"))?;
    let seed = Ed25519Seed::read(&config.key).map_err(during("read the witness's key"))?;
    let cosigner = Cosigner::from_seed(name, &Zeroizing::new(*seed.as_bytes()));
    let cosigner = cosigner.map_err(during("read the witness's key"))?;
    let disk = OsDisk::open(&config.state).map_err(during("open the state directory"))?;
    let book = Book::open(Arc::new(disk), config.logs.clone(), cosigner);
    let book = book.map_err(during("read what was seen"))?;
    let listener = TcpListener::bind(config.listen).await;
    let listener = listener.map_err(during("listen"))?;
    let address = listener.local_addr().map_err(during("listen"))?;
    let key = book.verifier_key().clone();
    let desk = Arc::new(Desk { book, clock });
    let routes = Router::new()
        .route("/add-checkpoint", post(add))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .with_state(desk);
    let served = tokio::spawn(web::serve(listener, None, routes, stop));
    Ok(Witnessing {
        address,
        key,
        served,
    })
}

struct Desk {
    book: Book,
    clock: Clock,
}

async fn add(State(desk): State<Arc<Desk>>, body: String) -> Response {
    // It waits for the disk, so it runs beside the async threads.
    let answered = tokio::task::spawn_blocking(move || {
        let time = u64::try_from(desk.clock.now().as_second()).unwrap_or(0);
        let request: AddCheckpoint = body.parse()?;
        desk.book.add(&request, time)
    });
    match answered.await {
        Ok(Ok(line)) => format!("{line}\n").into_response(),
        Ok(Err(error)) => refused(&error),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn refused(error: &BookError) -> Response {
    let BookError::Refused(refused) = error else {
        tracing::error!(%error, "nothing is cosigned any more");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    if let Some(evidence) = refused.evidence() {
        let (before, after) = (evidence.before.to_string(), evidence.after.to_string());
        if refused.proves_fork() {
            tracing::error!(%before, %after, "a log has signed two trees of one size");
        } else {
            tracing::warn!(%before, %after, "no proof came that one tree continues the other; anybody may have sent this");
        }
    }
    let status = StatusCode::from_u16(refused.status()).unwrap_or(StatusCode::BAD_REQUEST);
    match refused.known_size() {
        Some(size) => {
            let kind = [(CONTENT_TYPE, "text/x.tlog.size")];
            (status, kind, format!("{size}\n")).into_response()
        }
        None => (status, format!("{refused}\n")).into_response(),
    }
}

#[cfg(test)]
mod tests;
