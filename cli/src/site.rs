//! One HTTP server: JSON in and out, bounded in time and size, https except on this machine.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use crate::errors::CliError;

/// Longest exchange.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Largest answer.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// The word for scripts where nothing answers, or something that is not what was asked for.
pub const NO_ANSWER: &str = "no_answer";
/// The word for scripts where a CKAN says that the token may not.
pub const NOT_ALLOWED: &str = "not_allowed";

/// Where a server is, and by which certificates it is known.
pub struct Site {
    url: Uri,
    host: String,
    /// How it is spoken to; in the clear on this machine only.
    tls: Option<TlsConnector>,
}

impl Site {
    /// `https://host[:port][/path]`; `http` on this machine only, so that no token and no table goes over a wire in
    /// the clear.
    ///
    /// # Errors
    /// [`CliError`] for any other address, and for a file without certificates.
    pub fn new(url: &str, ca: &Path) -> Result<Self, CliError> {
        let bad = || {
            let why = format!("`{url}` is no address that can be used here");
            CliError::new(why)
                .or_try("https://host[:port][/path], without a user; http on this machine only")
        };
        let parsed: Uri = url.parse().map_err(|_| bad())?;
        let host = parsed
            .host()
            .ok_or_else(bad)?
            .trim_matches(['[', ']'])
            .to_owned();
        let plain = parsed
            .authority()
            .is_some_and(|a| !a.as_str().contains('@'));
        let here = host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback());
        let secure = match parsed.scheme_str() {
            Some("https") => true,
            Some("http") if here => false,
            _ => return Err(bad()),
        };
        if !plain {
            return Err(bad());
        }
        let tls = secure.then(|| tls(ca)).transpose()?;
        Ok(Self {
            url: parsed,
            host,
            tls,
        })
    }

    /// Its path with the query.
    pub fn path(&self) -> &str {
        self.url.path_and_query().map_or("/", |path| path.as_str())
    }

    /// An address of this server, which may be written as a path, in full.
    ///
    /// # Errors
    /// [`CliError`] for what is no address.
    pub fn absolute(&self, address: &str) -> Result<String, CliError> {
        if address.starts_with("https://") || address.starts_with("http://") {
            return Ok(address.to_owned());
        }
        let authority = self.url.authority().map_or("", |a| a.as_str());
        let scheme = self.tls.as_ref().map_or("http", |_| "https");
        match address.starts_with('/') && !address.starts_with("//") {
            true => Ok(format!("{scheme}://{authority}{address}")),
            false => Err(CliError::new(format!("`{address}` is no address"))),
        }
    }

    /// The path of an address that has to be this server's.
    ///
    /// # Errors
    /// [`CliError`] for another server's.
    pub fn own_path(&self, address: &str) -> Result<String, CliError> {
        let full: Uri = self
            .absolute(address)?
            .parse()
            .map_err(|_| CliError::new("no address"))?;
        if full.authority() != self.url.authority() {
            return Err(CliError::new(format!(
                "`{address}` leads to another server"
            )));
        }
        Ok(full
            .path_and_query()
            .map_or("/", |path| path.as_str())
            .to_owned())
    }

    /// A JSON document.
    ///
    /// # Errors
    /// [`CliError`] for any other answer.
    pub async fn get(&self, path: &str) -> Result<Value, CliError> {
        match self.ask(Method::GET, path, None, None).await? {
            (200, body) => Ok(body),
            (503, _) => Err(self.failed(path, "the answer is 503").or_try(
                "again in some minutes: it is still making files, or has too many readers",
            )),
            (status, _) => Err(self.failed(path, &format!("the answer is {status}"))),
        }
    }

    /// A CKAN action and its `result`; `None` where CKAN itself says that it finds nothing.
    ///
    /// # Errors
    /// [`CliError`] with what CKAN says; [`NO_ANSWER`] where it is not a CKAN that answers.
    pub async fn action(
        &self,
        name: &str,
        query: &str,
        token: Option<&String>,
        body: Option<&Value>,
    ) -> Result<Option<Value>, CliError> {
        let base = self.url.path().trim_end_matches('/');
        let query = if query.is_empty() {
            String::new()
        } else {
            format!("?{query}")
        };
        let path = format!("{base}/api/3/action/{name}{query}");
        let method = if body.is_some() {
            Method::POST
        } else {
            Method::GET
        };
        let (status, mut answer) = self.ask(method, &path, token, body).await?;
        let success = answer.get("success").and_then(Value::as_bool);
        match (status, success) {
            (200, Some(true)) => Ok(answer.get_mut("result").map(Value::take)),
            (404, Some(false)) if body.is_none() => Ok(None),
            (403, Some(false)) => {
                let failed = self.failed(name, "not authorised").coded(NOT_ALLOWED);
                Err(failed.or_try("a token with editor rights for the organisation of --owner"))
            }
            (status, Some(_)) => {
                let told = answer
                    .get("error")
                    .map_or_else(String::new, |error| format!(": {error}"));
                Err(self.failed(name, &format!("the answer is {status}{told}")))
            }
            // A page of a proxy, or of a CKAN that is elsewhere: it says nothing about packages.
            (status, None) => {
                let why = format!("the answer is {status}, and none of CKAN's action API");
                let failed = self.failed(&path, &why).coded(NO_ANSWER);
                Err(failed.or_try(
                    "is --ckan the address of the CKAN, its path included, without `/api`?",
                ))
            }
        }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        token: Option<&String>,
        body: Option<&Value>,
    ) -> Result<(u16, Value), CliError> {
        let asked = tokio::time::timeout(TIMEOUT, self.try_ask(method, path, token, body)).await;
        let late = |_| format!("no answer within {TIMEOUT:?}");
        let asked = asked.map_err(late).flatten();
        asked.map_err(|why| self.failed(path, &why).coded(NO_ANSWER))
    }

    async fn try_ask(
        &self,
        method: Method,
        path: &str,
        token: Option<&String>,
        body: Option<&Value>,
    ) -> Result<(u16, Value), String> {
        let authority = self.url.authority().map_or("", |a| a.as_str());
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, authority)
            .header(header::ACCEPT, "application/ld+json, application/json");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, token.as_str());
        }
        let sent = match body {
            None => Bytes::new(),
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                serde_json::to_vec(body).map_err(|e| e.to_string())?.into()
            }
        };
        let request = request.body(Full::new(sent)).map_err(|e| e.to_string())?;
        let usual = self.tls.as_ref().map_or(80, |_| 443);
        let port = self.url.port_u16().unwrap_or(usual);
        let socket = TcpStream::connect((self.host.as_str(), port)).await;
        let socket = socket.map_err(|e| e.to_string())?;
        let Some(tls) = &self.tls else {
            return exchange(socket, request).await;
        };
        let name = ServerName::try_from(self.host.clone()).map_err(|e| e.to_string())?;
        let stream = tls.connect(name, socket).await;
        exchange(stream.map_err(|e| e.to_string())?, request).await
    }

    fn failed(&self, what: &str, why: &str) -> CliError {
        CliError::new(format!("`{}`, {what}: {why}", self.host))
    }
}

/// Trusts the certificates of a file.
fn tls(ca: &Path) -> Result<TlsConnector, CliError> {
    let wrong = |e: &dyn std::fmt::Display| CliError::new(format!("`{}`: {e}", ca.display()));
    let mut roots = RootCertStore::empty();
    for found in CertificateDer::pem_file_iter(ca).map_err(|e| wrong(&e))? {
        // A bundle may hold a root that this build cannot read; the others count.
        let root = found.map_err(|e| wrong(&e))?;
        let _ = roots.add(root);
    }
    if roots.is_empty() {
        return Err(wrong(&"no certificate"));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| wrong(&e))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<(u16, Value), String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let shaken = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(|e| e.to_string())?;
    let _driver = AbortOnDropHandle::new(tokio::spawn(connection));
    let answer = sender
        .send_request(request)
        .await
        .map_err(|e| e.to_string())?;
    let status = answer.status().as_u16();
    let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX)
        .collect()
        .await;
    let body = body.map_err(|e| e.to_string())?.to_bytes();
    // What is no JSON is no answer of these servers; its status says the rest.
    Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::Site;

    #[test]
    fn nothing_goes_over_a_wire_in_the_clear() {
        let folder = tempfile::tempdir().unwrap();
        let pki = certs::DevPki::create(folder.path(), "weir.test").unwrap();
        let site = |url: &str| Site::new(url, &pki.ca());
        for url in [
            "https://ckan.example/x",
            "http://127.0.0.1:5000",
            "http://localhost",
            "http://[::1]:80/",
        ] {
            assert!(site(url).is_ok(), "{url}");
        }
        for url in [
            "http://ckan.example",
            "ftp://ckan.example",
            "https://user:word@ckan.example",
            "ckan.example",
            "http://127.0.0.1.example",
        ] {
            assert!(site(url).is_err(), "{url}");
        }
        let own = site("https://data.example/open.jsonld").unwrap();
        assert!(
            own.own_path("/open.jsonld?before=3")
                .is_ok_and(|path| path == "/open.jsonld?before=3")
        );
        for other in [
            "https://evil.example/open.jsonld",
            "//evil.example/",
            "open",
        ] {
            assert!(own.own_path(other).is_err(), "{other}");
        }
        // Without certificates that it could be known by, no server is asked.
        let none = folder.path().join("none.pem");
        assert!(Site::new("https://data.example", &none).is_err());
        std::fs::write(&none, "").unwrap();
        assert!(Site::new("https://data.example", &none).is_err());
        assert!(Site::new("http://localhost", &none).is_ok());
    }
}
