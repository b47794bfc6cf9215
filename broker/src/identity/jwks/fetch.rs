//! Fetching a key set: HTTPS from one pinned host under one pinned CA, no redirect, bounded.

use std::path::PathBuf;
use std::sync::Arc;

use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use super::{JwksError, parse};
use crate::identity::keys::TokenKeys;
use crate::limits::{JWKS_BYTES_MAX, JWKS_TIMEOUT};

/// Where the key set is, and under whose certificate.
#[derive(Debug, Clone)]
pub struct Source {
    url: Uri,
    host: String,
    name: ServerName<'static>,
    ca: PathBuf,
}

impl Source {
    /// `https://host[:port]/path`, and the CA (PEM) that signs the host's certificate.
    ///
    /// # Errors
    /// [`JwksError::Url`].
    pub fn new(url: &str, ca: PathBuf) -> Result<Self, JwksError> {
        let bad = || JwksError::Url;
        let parsed: Uri = url.parse().map_err(|_| bad())?;
        let host = parsed.host().ok_or_else(bad)?;
        let host = host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let named = parsed
            .authority()
            .is_some_and(|a| !a.as_str().contains('@'));
        if parsed.scheme_str() != Some("https") || !named {
            return Err(bad());
        }
        let name = ServerName::try_from(host.clone()).map_err(|_| bad())?;
        Ok(Self {
            url: parsed,
            host,
            name,
            ca,
        })
    }

    /// Fetches the set; the CA's file is read each time, so that it can be replaced.
    ///
    /// # Errors
    /// [`JwksError`].
    pub async fn fetch(&self) -> Result<TokenKeys, JwksError> {
        let tls = self.tls()?;
        let failed = |cause: String| JwksError::Fetch {
            url: self.url.to_string(),
            cause,
        };
        let body = tokio::time::timeout(JWKS_TIMEOUT, self.get(tls))
            .await
            .map_err(|_| failed(format!("no answer within {JWKS_TIMEOUT:?}")))?
            .map_err(|e| failed(e.to_string()))?;
        parse(&body)
    }

    fn tls(&self) -> Result<Arc<ClientConfig>, JwksError> {
        let bad = |cause: String| JwksError::Ca {
            path: self.ca.clone(),
            cause,
        };
        let mut roots = RootCertStore::empty();
        for cert in CertificateDer::pem_file_iter(&self.ca).map_err(|e| bad(e.to_string()))? {
            let cert = cert.map_err(|e| bad(e.to_string()))?;
            roots.add(cert).map_err(|e| bad(e.to_string()))?;
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .map_err(|e| bad(e.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Arc::new(config))
    }

    async fn get(
        &self,
        tls: Arc<ClientConfig>,
    ) -> Result<Bytes, Box<dyn std::error::Error + Send + Sync>> {
        let port = self.url.port_u16().unwrap_or(443);
        let socket = TcpStream::connect((self.host.as_str(), port)).await?;
        let stream = TlsConnector::from(tls).connect(self.name.clone(), socket);
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream.await?)).await?;
        let _driver = AbortOnDropHandle::new(tokio::spawn(connection));
        let path = self.url.path_and_query().map_or("/", |path| path.as_str());
        let authority = self.url.authority().map_or("", |a| a.as_str());
        let request = Request::get(path)
            .header(header::HOST, authority)
            .header(header::ACCEPT, "application/jwk-set+json, application/json")
            .body(Empty::<Bytes>::new())?;
        let answer = sender.send_request(request).await?;
        if answer.status() != StatusCode::OK {
            return Err(format!("the answer is {}", answer.status()).into());
        }
        let body = Limited::new(answer.into_body(), JWKS_BYTES_MAX).collect();
        Ok(body.await?.to_bytes())
    }
}

#[cfg(test)]
mod tests;
