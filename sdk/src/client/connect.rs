//! One connection to the broker: TLS 1.3 with our certificate, HTTP/2, and the user's token on
//! every call. There is no other mode.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint as Transport};
use tonic::{Request, Status};
use tower::service_fn;
use zeroize::Zeroizing;

use super::config::{Endpoint, Profile};
use super::error::{ClientError, chain};
use super::identity::{ALPN, Identity, Stamp};
use super::limits::{
    CONNECT_TIMEOUT, CONNECTION_WINDOW_BYTES, KEEPALIVE_INTERVAL, KEEPALIVE_TIMEOUT,
    STREAM_WINDOW_BYTES,
};
use super::resend::Resend;

type Stream = TokioIo<TlsStream<TcpStream>>;
type Dialled = Pin<Box<dyn Future<Output = Result<Stream, DialError>> + Send>>;

/// What calls travel on: the connection, with the token on every call, which the end of a connection does not fail.
pub(super) type Wire = InterceptedService<Resend<Channel>, Bearer>;

/// A wire and the version of the files behind it. It connects again by itself when the connection
/// ends; when the token's file has changed, another line is needed.
pub(super) struct Line {
    pub wire: Wire,
    pub stamp: Option<Stamp>,
}

/// Puts the token on every call.
#[derive(Clone)]
pub(super) struct Bearer(Arc<Zeroizing<String>>);

/// Without the token.
impl std::fmt::Debug for Bearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bearer(..)")
    }
}

/// Where a line leads, and how it is secured.
struct Way {
    endpoint: Endpoint,
    tls: Arc<ClientConfig>,
    host: ServerName<'static>,
}

/// Why one attempt to connect failed.
#[derive(Debug, thiserror::Error)]
enum DialError {
    #[error("no TCP connection ({0})")]
    Tcp(std::io::Error),
    #[error("no TLS ({0})")]
    Tls(std::io::Error),
    #[error("the other side does not speak HTTP/2")]
    Protocol,
}

impl Line {
    /// Reads the files and connects.
    ///
    /// # Errors
    /// [`ClientError::Identity`] or [`ClientError::Connect`].
    pub async fn open(profile: &Profile) -> Result<Self, ClientError> {
        let stamp = Stamp::of(profile);
        let (transport, way, bearer) = prepare(profile)?;
        let dialled = service_fn(move |_: http::Uri| dialled(&way));
        let channel = transport.connect_with_connector(dialled).await;
        let channel = channel.map_err(|e| cannot(profile, &e))?;
        let wire = InterceptedService::new(Resend(channel), bearer);
        Ok(Self { wire, stamp })
    }

    /// Reads the files; the first call connects.
    ///
    /// # Errors
    /// [`ClientError::Identity`].
    pub fn open_later(profile: &Profile) -> Result<Self, ClientError> {
        let stamp = Stamp::of(profile);
        let (transport, way, bearer) = prepare(profile)?;
        let dialled = service_fn(move |_: http::Uri| dialled(&way));
        let channel = transport.connect_with_connector_lazy(dialled);
        let wire = InterceptedService::new(Resend(channel), bearer);
        Ok(Self { wire, stamp })
    }
}

fn prepare(profile: &Profile) -> Result<(Transport, Arc<Way>, Bearer), ClientError> {
    let Identity { tls, host, token } = Identity::load(profile)?;
    let way = Way {
        endpoint: profile.endpoint.clone(),
        tls,
        host,
    };
    let transport = transport(profile).map_err(|e| cannot(profile, &e))?;
    Ok((transport, Arc::new(way), Bearer(Arc::new(token))))
}

fn cannot(profile: &Profile, error: &tonic::transport::Error) -> ClientError {
    ClientError::Connect {
        endpoint: profile.endpoint.clone(),
        cause: chain(error),
    }
}

/// The connector always does TLS, so the library's own scheme is the plain one; what the broker is
/// told is `https`.
fn transport(profile: &Profile) -> Result<Transport, tonic::transport::Error> {
    let https = profile.endpoint.to_string();
    let inner = https.replacen("https://", "http://", 1);
    let transport = Transport::from_shared(inner)?
        .user_agent(concat!("weir-sdk/", env!("CARGO_PKG_VERSION")))?
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
    Ok(match https.parse() {
        Ok(origin) => transport.origin(origin),
        Err(_) => transport, // an endpoint is a URI
    })
}

fn dialled(way: &Arc<Way>) -> Dialled {
    let way = Arc::clone(way);
    Box::pin(async move { dial(&way).await.map(TokioIo::new) })
}

async fn dial(way: &Way) -> Result<TlsStream<TcpStream>, DialError> {
    let (name, port) = (way.endpoint.host(), way.endpoint.port());
    let tcp = TcpStream::connect((name, port)).await;
    let tcp = tcp.map_err(DialError::Tcp)?;
    tcp.set_nodelay(true).map_err(DialError::Tcp)?;
    let tls = TlsConnector::from(Arc::clone(&way.tls));
    let stream = tls.connect(way.host.clone(), tcp).await;
    let stream = stream.map_err(DialError::Tls)?;
    if stream.get_ref().1.alpn_protocol() != Some(ALPN) {
        return Err(DialError::Protocol);
    }
    Ok(stream)
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let header = Zeroizing::new(format!("Bearer {}", self.0.as_str()));
        let value: Result<MetadataValue<Ascii>, _> = header.as_str().try_into();
        let mut value = value.map_err(|_| Status::unauthenticated("the token is not ASCII"))?;
        value.set_sensitive(true);
        request.metadata_mut().insert("authorization", value);
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_shows_the_token() {
        let bearer = Bearer(Arc::new(Zeroizing::new("secret".to_owned())));
        assert_eq!(format!("{bearer:?}"), "Bearer(..)");
    }
}
