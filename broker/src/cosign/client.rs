use std::path::Path;
use std::sync::Arc;

use audit::quorum::Witness;
use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::limits::{WITNESS_ANSWER_BYTES_MAX, WITNESS_TIMEOUT};

/// Where one witness is asked.
#[derive(Clone)]
pub(super) struct Line {
    host: String,
    port: u16,
    path: String,
    /// For `https`.
    tls: Option<TlsConnector>,
}

impl Line {
    /// The line to a witness of the policy.
    pub(super) fn to(witness: &Witness, ca: Option<&Path>) -> Result<Self, String> {
        let wrong = |why: &str| format!("witness `{}`: {why}", witness.name);
        let url = witness.url.as_ref();
        let url = url.ok_or_else(|| wrong("its line in the policy needs a URL"))?;
        let uri: Uri = url.parse().map_err(|e| wrong(&format!("`{url}`: {e}")))?;
        let host = uri.host().ok_or_else(|| wrong("its URL has no host"))?;
        let (tls, port) = match uri.scheme_str() {
            Some("http") => (None, 80),
            Some("https") => {
                let ca = ca.ok_or_else(|| wrong("`witnesses.ca` is needed for https"))?;
                (Some(connector(ca).map_err(|e| wrong(&e))?), 443)
            }
            _ => return Err(wrong("its URL begins neither with `http:` nor `https:`")),
        };
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: uri.port_u16().unwrap_or(port),
            path: format!("{}/add-checkpoint", uri.path().trim_end_matches('/')),
            tls,
        })
    }

    /// Sends one request and gives status and body, within [`WITNESS_TIMEOUT`].
    pub(super) async fn post(&self, body: String) -> Result<(u16, String), String> {
        let answered = tokio::time::timeout(WITNESS_TIMEOUT, self.try_post(body)).await;
        answered.map_err(|_| format!("no answer within {WITNESS_TIMEOUT:?}"))?
    }

    async fn try_post(&self, body: String) -> Result<(u16, String), String> {
        let socket = TcpStream::connect((self.host.as_str(), self.port)).await;
        let socket = socket.map_err(|e| e.to_string())?;
        let Some(tls) = &self.tls else {
            return self.exchange(socket, body).await;
        };
        let name = ServerName::try_from(self.host.clone()).map_err(|e| e.to_string())?;
        let stream = tls.connect(name, socket).await;
        self.exchange(stream.map_err(|e| e.to_string())?, body)
            .await
    }

    async fn exchange<S>(&self, stream: S, body: String) -> Result<(u16, String), String>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let shaken = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = shaken.map_err(|e| e.to_string())?;
        let talking = tokio::spawn(connection);
        let request = Request::post(&self.path)
            .header(header::HOST, format!("{}:{}", self.host, self.port))
            .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
            .body(Full::new(Bytes::from(body)))
            .map_err(|e| e.to_string())?;
        let answer = sender.send_request(request).await;
        let answer = answer.map_err(|e| e.to_string())?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), WITNESS_ANSWER_BYTES_MAX);
        let body = body.collect().await.map_err(|e| e.to_string())?.to_bytes();
        talking.abort();
        let text = String::from_utf8(body.to_vec()).map_err(|e| e.to_string())?;
        Ok((status, text))
    }
}

fn connector(ca: &Path) -> Result<TlsConnector, String> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    let wrong = |e: &dyn std::fmt::Display| format!("`{}`: {e}", ca.display());
    let mut roots = RootCertStore::empty();
    for found in CertificateDer::pem_file_iter(ca).map_err(|e| wrong(&e))? {
        let root = found.map_err(|e| wrong(&e))?;
        roots.add(root).map_err(|e| wrong(&e))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|e| wrong(&e))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Line({}:{}{})", self.host, self.port, self.path)
    }
}
