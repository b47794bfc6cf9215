//! The listener: a cap on connections, deadlines for handshake, head, answer and connection.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::patient::Patient;
use super::routes::finish;
use crate::identity::trust::Trust;
use crate::limits::{
    HANDSHAKE_TIMEOUT, WEB_ANSWER_BEGINS, WEB_CONNECTION_AGE_MAX, WEB_CONNECTION_GRACE,
    WEB_CONNECTIONS_MAX, WEB_HEAD_BYTES_MAX, WEB_HEAD_TIMEOUT, WEB_READER_SLOW,
};

/// How long to wait after the system could not accept.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(100);

/// What bounds a connection in time.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// [`WEB_CONNECTION_AGE_MAX`].
    age: Duration,
    /// [`WEB_CONNECTION_GRACE`].
    grace: Duration,
    /// [`WEB_READER_SLOW`].
    slow: Duration,
}

const BOUNDS: Bounds = Bounds {
    age: WEB_CONNECTION_AGE_MAX,
    grace: WEB_CONNECTION_GRACE,
    slow: WEB_READER_SLOW,
};

/// Serves `routes` until `stop`, in the clear where there is no `trust`; a connection over the cap is closed at once.
pub async fn serve(
    listener: TcpListener,
    trust: Option<watch::Receiver<Arc<Trust>>>,
    routes: Router,
    stop: CancellationToken,
) {
    let routes = begun_within(WEB_ANSWER_BEGINS, routes);
    let slots = Arc::new(Semaphore::new(WEB_CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let socket = match accepted {
            Ok((socket, _)) => socket,
            Err(error) => {
                tracing::warn!(%error, "the public side cannot accept a connection");
                tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                continue;
            }
        };
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
            continue;
        };
        let (routes, stop) = (routes.clone(), stop.clone());
        let trust = trust.as_ref();
        let tls = trust.map(|trust| TlsAcceptor::from(Arc::clone(trust.borrow().public())));
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => (),
                () = connection(socket, tls, routes) => (),
            }
            drop(slot);
        });
    }
}

/// One connection to its end. Whoever breaks it off, or sends what is not HTTP, is nobody's concern.
async fn connection(socket: TcpStream, tls: Option<TlsAcceptor>, routes: Router) {
    let Some(tls) = tls else {
        return exchange(socket, routes, BOUNDS).await;
    };
    let handshake = timeout(HANDSHAKE_TIMEOUT, tls.accept(socket)).await;
    if let Ok(Ok(stream)) = handshake {
        exchange(stream, routes, BOUNDS).await;
    }
}

/// Requests one after the other, for as long as the connection may take them, and the answer that is then in work for as
/// long as its reader goes on.
async fn exchange<S>(stream: S, routes: Router, bounds: Bounds)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = TokioIo::new(Patient::new(stream, bounds.slow));
    let mut served = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(WEB_HEAD_TIMEOUT)
            .max_buf_size(WEB_HEAD_BYTES_MAX)
            .serve_connection(stream, TowerToHyperService::new(routes))
    );
    let ended = match timeout(bounds.age, served.as_mut()).await {
        Ok(ended) => Ok(ended),
        Err(_) => {
            served.as_mut().graceful_shutdown();
            timeout(bounds.grace, served).await
        }
    };
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a public connection ended badly"),
        Err(_) => tracing::debug!("a public connection was cut: its answer took too long"),
    }
}

/// Answers 503 where an answer has not begun in time.
fn begun_within(most: Duration, routes: Router) -> Router {
    routes.layer(from_fn(move |request: Request, next: Next| async move {
        match timeout(most, next.run(request)).await {
            Ok(answer) => answer,
            Err(_) => {
                finish((StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "10")]).into_response())
                    .await
            }
        }
    }))
}

#[cfg(test)]
mod tests;
