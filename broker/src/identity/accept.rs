//! The accept loop: a cap on connections, a handshake with a deadline, a certificate read once.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use certs::TrustDomain;
use futures::Stream;
use policies::id::OrgId;
use rustls::pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::Sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use super::peer::{Peer, PeerError};
use super::share::{Share, Shares};
use super::tls::ALPN;
use super::trust::Trust;

/// How long to wait after the system could not accept, for example for want of file descriptors.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(100);

/// The bounds of the accept loop.
#[derive(Debug, Clone, Copy)]
pub struct AcceptBounds {
    /// Connections at one time, handshakes included; one more is closed at once.
    pub connections_max: usize,
    /// Connections of one organisation at one time; one more is closed after its handshake.
    pub connections_per_org_max: usize,
    /// From the first byte to a finished handshake; after it the connection is closed.
    pub handshake_timeout: Duration,
    /// From a finished handshake on; then the connection is cut, whatever it does.
    pub life_max: Duration,
}

/// Accepts TLS connections of organisations until the stream is dropped, which closes the listener.
/// Every connection that comes out has a verified certificate with exactly one id of `domain`; any
/// other was closed. When `trust` changes, new connections are judged by the new one, and an open
/// one whose certificate it does not accept any more ends at its next byte, in either direction.
///
/// MUST be called inside a tokio runtime. `tonic`'s `serve_with_incoming_shutdown` takes the
/// stream.
#[must_use]
pub fn incoming(
    listener: TcpListener,
    trust: watch::Receiver<Arc<Trust>>,
    domain: TrustDomain,
    bounds: AcceptBounds,
) -> Incoming {
    let (ready, connections) = mpsc::channel(1);
    let gate = Gate {
        trust,
        domain,
        timeout: bounds.handshake_timeout,
        life_max: bounds.life_max,
        shares: Shares::new(bounds.connections_per_org_max),
        ready,
    };
    let slots = bounds.connections_max.min(Semaphore::MAX_PERMITS);
    tokio::spawn(accept_all(
        listener,
        Arc::new(gate),
        Arc::new(Semaphore::new(slots)),
    ));
    Incoming { connections }
}

/// Connections, each past its handshake.
#[derive(Debug)]
pub struct Incoming {
    connections: mpsc::Receiver<Connection>,
}

impl Stream for Incoming {
    type Item = Result<Connection, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.connections.poll_recv(cx).map(|next| next.map(Ok))
    }
}

/// A TLS connection with its [`Peer`]; it counts against the cap as long as it lives.
#[derive(Debug)]
pub struct Connection {
    stream: TlsStream<TcpStream>,
    peer: Peer,
    standing: Standing,
    end: Pin<Box<Sleep>>,
    _slot: OwnedSemaphorePermit,
    _share: Share,
}

impl Connected for Connection {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

/// A client's certificate chain and whether it is still accepted.
#[derive(Debug)]
struct Standing {
    chain: Vec<CertificateDer<'static>>,
    trust: watch::Receiver<Arc<Trust>>,
    lost: bool,
}

impl Standing {
    /// Looks again where the trust has changed since the last look; otherwise one atomic read.
    fn check(&mut self, peer: &Peer) -> io::Result<()> {
        if self.trust.has_changed().unwrap_or(false) {
            let trust = Arc::clone(&self.trust.borrow_and_update());
            if let Err(cause) = trust.accepts(&self.chain) {
                self.lost = true;
                let (org, remote) = (peer.org().as_str(), peer.remote());
                tracing::info!(org, %remote, %cause, "open connection closed: not trusted any more");
            }
        }
        if self.lost {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}

struct Gate {
    trust: watch::Receiver<Arc<Trust>>,
    domain: TrustDomain,
    timeout: Duration,
    life_max: Duration,
    shares: Arc<Shares>,
    ready: mpsc::Sender<Connection>,
}

/// Why a connection was closed before it was one.
#[derive(Debug, thiserror::Error)]
enum Closed {
    #[error("no handshake within {after:?}")]
    Slow { after: Duration },
    #[error("handshake failed: {0}")]
    Handshake(#[from] io::Error),
    #[error("the client does not speak HTTP/2 (ALPN h2)")]
    Protocol,
    #[error(transparent)]
    Peer(#[from] PeerError),
    #[error("`{org}` holds all the connections it may")]
    Share { org: OrgId },
}

async fn accept_all(listener: TcpListener, gate: Arc<Gate>, slots: Arc<Semaphore>) {
    let mut full = false;
    loop {
        let accepted = tokio::select! {
            biased;
            () = gate.ready.closed() => return,
            accepted = listener.accept() => accepted,
        };
        let (socket, remote) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                continue;
            }
        };
        let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else {
            // Told once per crowd: an attacker must not fill the operator's log.
            if !full {
                tracing::warn!(%remote, "too many connections: new ones are closed");
            }
            full = true;
            continue;
        };
        full = false;
        let gate = Arc::clone(&gate);
        tokio::spawn(async move {
            match gate.admit(socket, remote, slot).await {
                // The stream may be gone by now: then the connection goes too.
                Ok(connection) => drop(gate.ready.send(connection).await),
                Err(cause) => tracing::info!(%remote, %cause, "connection closed"),
            }
        });
    }
}

impl Gate {
    async fn admit(
        &self,
        socket: TcpStream,
        remote: SocketAddr,
        slot: OwnedSemaphorePermit,
    ) -> Result<Connection, Closed> {
        socket.set_nodelay(true)?;
        // Taken before the handshake: a change during it counts as one after it.
        let mut trust = self.trust.clone();
        let tls = TlsAcceptor::from(Arc::clone(trust.borrow_and_update().server()));
        let stream = tokio::time::timeout(self.timeout, tls.accept(socket))
            .await
            .map_err(|_| Closed::Slow {
                after: self.timeout,
            })??;
        let (_, session) = stream.get_ref();
        if session.alpn_protocol() != Some(ALPN) {
            return Err(Closed::Protocol);
        }
        let chain = session.peer_certificates().unwrap_or_default();
        let leaf = chain.first().ok_or(PeerError::Absent)?;
        let standing = Standing {
            chain: chain.iter().map(|cert| cert.clone().into_owned()).collect(),
            trust,
            lost: false,
        };
        let peer = Peer::from_certificate(leaf, &self.domain, remote)?;
        let share = self.shares.take(peer.org());
        let share = share.ok_or_else(|| Closed::Share {
            org: peer.org().clone(),
        })?;
        Ok(Connection {
            stream,
            peer,
            standing,
            end: Box::pin(tokio::time::sleep(self.life_max)),
            _slot: slot,
            _share: share,
        })
    }
}

impl Connection {
    /// May it go on?
    fn check(&mut self) -> io::Result<()> {
        if self.end.is_elapsed() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.standing.check(&self.peer)
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check()?;
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        // Who waits for bytes waits for the end as well.
        if read.is_pending() && this.end.as_mut().poll(cx).is_ready() {
            return Poll::Ready(this.check());
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check()?;
        Pin::new(&mut this.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check()?;
        Pin::new(&mut this.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
