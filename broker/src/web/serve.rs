//! The listener: a cap on connections, deadlines for handshake, head and connection, no bodies.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::identity::trust::Trust;
use crate::limits::{
    HANDSHAKE_TIMEOUT, WEB_CONNECTION_AGE_MAX, WEB_CONNECTIONS_MAX, WEB_HEAD_BYTES_MAX,
    WEB_HEAD_TIMEOUT,
};

/// How long to wait after the system could not accept.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(100);

/// Serves `routes` until `stop`, in the clear where there is no `trust`; a connection over the cap is closed at once.
pub async fn serve(
    listener: TcpListener,
    trust: Option<watch::Receiver<Arc<Trust>>>,
    routes: Router,
    stop: CancellationToken,
) {
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
                () = tokio::time::sleep(WEB_CONNECTION_AGE_MAX) => (),
                () = connection(socket, tls, routes) => (),
            }
            drop(slot);
        });
    }
}

/// One connection to its end. Whoever breaks it off, or sends what is not HTTP, is nobody's concern.
async fn connection(socket: TcpStream, tls: Option<TlsAcceptor>, routes: Router) {
    let Some(tls) = tls else {
        return exchange(socket, routes).await;
    };
    let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(socket)).await;
    if let Ok(Ok(stream)) = handshake {
        exchange(stream, routes).await;
    }
}

async fn exchange<S>(stream: S, routes: Router)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(WEB_HEAD_TIMEOUT)
        .max_buf_size(WEB_HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes))
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a public connection ended badly");
    }
}
