//! One connection to the broker: TLS 1.3 with our certificate, HTTP/2, and the user's token on
//! every call. There is no other mode.
//!
//! Certificate, key and token are read anew for every connection, together: a token counts only
//! with the certificate it was made for.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};

use hyper_util::rt::TokioIo;
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::transport::{Channel, Endpoint as Transport};
use tonic::{Request, Status};
use tower::service_fn;
use zeroize::Zeroizing;

use super::config::Profile;
use super::error::{ClientError, IdentityError, chain};
use super::limits::{
    CONNECT_TIMEOUT, CONNECTION_WINDOW_BYTES, KEEPALIVE_INTERVAL, KEEPALIVE_TIMEOUT,
    STREAM_WINDOW_BYTES, TOKEN_BYTES_MAX,
};

/// The broker speaks HTTP/2 only.
const ALPN: &[u8] = b"h2";

type Stream = TokioIo<TlsStream<TcpStream>>;
type Dialled = Pin<Box<dyn Future<Output = Result<Stream, DialError>> + Send>>;

/// Puts the token of the present connection on every call.
#[derive(Clone, Default)]
pub struct Bearer(Arc<RwLock<Zeroizing<String>>>);

/// Without the token.
impl std::fmt::Debug for Bearer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bearer(..)")
    }
}

/// Why one attempt to connect failed.
#[derive(Debug, thiserror::Error)]
enum DialError {
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error("no TCP connection ({0})")]
    Tcp(std::io::Error),
    #[error("no TLS ({0})")]
    Tls(std::io::Error),
    #[error("the other side does not speak HTTP/2")]
    Protocol,
}

/// What we show of ourselves, and whom we believe.
struct Identity {
    tls: Arc<ClientConfig>,
    host: ServerName<'static>,
    token: Zeroizing<String>,
}

/// Connects, or says why not. The channel connects again by itself when the connection ends.
pub(super) async fn connect(profile: &Profile) -> Result<(Channel, Bearer), ClientError> {
    Identity::load(profile)?; // the files' own errors first, in full
    let bearer = Bearer::default();
    let dialled = {
        let (profile, bearer) = (Arc::new(profile.clone()), bearer.clone());
        service_fn(move |_: http::Uri| -> Dialled {
            let (profile, bearer) = (Arc::clone(&profile), bearer.clone());
            Box::pin(async move { dial(&profile, &bearer).await.map(TokioIo::new) })
        })
    };
    let cannot = |e: &tonic::transport::Error| ClientError::Connect {
        endpoint: profile.endpoint.clone(),
        cause: chain(e),
    };
    let transport = transport(profile).map_err(|e| cannot(&e))?;
    let channel = transport.connect_with_connector(dialled).await;
    channel
        .map(|channel| (channel, bearer))
        .map_err(|e| cannot(&e))
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

async fn dial(profile: &Profile, bearer: &Bearer) -> Result<TlsStream<TcpStream>, DialError> {
    let Identity { tls, host, token } = Identity::load(profile)?;
    let (name, port) = (profile.endpoint.host(), profile.endpoint.port());
    let tcp = TcpStream::connect((name, port))
        .await
        .map_err(DialError::Tcp)?;
    tcp.set_nodelay(true).map_err(DialError::Tcp)?;
    let stream = TlsConnector::from(tls).connect(host, tcp).await;
    let stream = stream.map_err(DialError::Tls)?;
    if stream.get_ref().1.alpn_protocol() != Some(ALPN) {
        return Err(DialError::Protocol);
    }
    *bearer.0.write().unwrap_or_else(PoisonError::into_inner) = token;
    Ok(stream)
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let token = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let header = Zeroizing::new(format!("Bearer {}", token.as_str()));
        let value: Result<MetadataValue<Ascii>, _> = header.as_str().try_into();
        let mut value = value.map_err(|_| Status::unauthenticated("the token is not ASCII"))?;
        value.set_sensitive(true);
        request.metadata_mut().insert("authorization", value);
        Ok(request)
    }
}

impl Identity {
    fn load(profile: &Profile) -> Result<Self, IdentityError> {
        let tls = |e: rustls::Error| IdentityError::Tls {
            cause: e.to_string(),
        };
        let mut roots = RootCertStore::empty();
        for authority in certificates(&profile.ca, "the broker's CA")? {
            roots.add(authority).map_err(|e| IdentityError::Pem {
                what: "the broker's CA",
                path: profile.ca.clone(),
                cause: e.to_string(),
            })?;
        }
        let chain = certificates(&profile.cert, "our certificate")?;
        let key = private_key(&profile.key)?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .map_err(tls)?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .map_err(|e| IdentityError::Pair {
                cert: profile.cert.clone(),
                key: profile.key.clone(),
                cause: e.to_string(),
            })?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        // Each connection shows its certificate: the broker resumes none.
        config.resumption = Resumption::disabled();
        let host = profile.endpoint.host().to_owned();
        Ok(Self {
            tls: Arc::new(config),
            host: ServerName::try_from(host.clone()).map_err(|_| IdentityError::Host { host })?,
            token: read_token(&profile.token)?,
        })
    }
}

fn certificates(
    path: &Path,
    what: &'static str,
) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let bad = |cause: String| IdentityError::Pem {
        what,
        path: path.to_owned(),
        cause,
    };
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| bad(e.to_string()))?;
    if found.is_empty() {
        return Err(bad("it holds no certificate".to_owned()));
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, IdentityError> {
    let bytes = secret(path)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|e| IdentityError::Pem {
        what: "our private key",
        path: path.to_owned(),
        cause: e.to_string(),
    })
}

fn read_token(path: &Path) -> Result<Zeroizing<String>, IdentityError> {
    let bytes = secret(path)?;
    let text = bytes.trim_ascii_end();
    let fits = !text.is_empty() && text.len() <= TOKEN_BYTES_MAX;
    match std::str::from_utf8(text) {
        Ok(token) if fits && text.iter().all(u8::is_ascii_graphic) => {
            Ok(Zeroizing::new(token.to_owned()))
        }
        _ => Err(IdentityError::Token {
            path: path.to_owned(),
        }),
    }
}

fn secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    certs::read_secret(path).map_err(|e| IdentityError::Secret {
        cause: e.to_string(),
    })
}
