//! The server's TLS: version 1.3 only, aws-lc-rs, client certificates demanded, HTTP/2 only.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, ServerConfig, WebPkiClientVerifier};
use rustls::version::TLS13;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The one application protocol: gRPC and Flight both speak HTTP/2.
pub const ALPN: &[u8] = b"h2";

/// Where the broker's identity is, and whom it trusts.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The broker's certificate and, after it, its intermediates; PEM.
    pub cert: PathBuf,
    /// The certificate's private key; PEM, readable by the broker's user only.
    pub key: PathBuf,
    /// The CAs that sign organisations' certificates; PEM.
    pub client_ca: PathBuf,
}

/// What to do with certificates of `weir pki`'s development CA.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DevelopmentCa {
    /// Demo and tests.
    Accept,
    /// Production: the start fails.
    Refuse,
}

/// Why the server cannot start with these files. Every text says which file, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read as PEM.
    #[error("cannot read {what} from `{path}`: {cause}; it should be PEM")]
    Pem {
        /// What was expected.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The reader's reason.
        cause: String,
    },
    /// The key's file is missing or open to everybody.
    #[error(transparent)]
    Key(#[from] certs::Error),
    /// A certificate of the development CA in production.
    #[error("`{path}` is from a development CA, which production refuses: use your own CA's files")]
    Development {
        /// The file.
        path: PathBuf,
    },
    /// The broker's certificate is outside its validity.
    #[error("the certificate in `{path}` is valid from {from} to {until}, not now: renew it")]
    NotValidNow {
        /// The file.
        path: PathBuf,
        /// First moment.
        from: String,
        /// Last moment.
        until: String,
    },
    /// Key and certificate do not fit together.
    #[error("`{key}` does not fit the certificate in `{cert}`: {source}; give one pair")]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// The TLS library's reason.
        source: rustls::Error,
    },
    /// The CAs cannot be used to check clients.
    #[error("`{path}` cannot be used to check client certificates: {cause}")]
    ClientCa {
        /// The file.
        path: PathBuf,
        /// The TLS library's reason.
        cause: String,
    },
    /// The library does not offer TLS 1.3.
    #[error("the TLS library refused TLS 1.3: {source}")]
    Version {
        /// Its reason.
        source: rustls::Error,
    },
}

/// Loads the files into a configuration for the public side: TLS 1.3 under the broker's own
/// certificate, nobody's certificate asked for, HTTP/1.1 only.
///
/// # Errors
/// [`TlsError`] names the file and what to do.
pub fn public_server_config(
    files: &TlsFiles,
    development: DevelopmentCa,
) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = certificates(&files.cert, "the broker's certificate")?;
    check_origin(&files.cert, &chain, development)?;
    check_validity(&files.cert, &chain)?;
    let key = private_key(&files.key)?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&TLS13])
        .map_err(|source| TlsError::Version { source })?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|source| files.no_pair(source))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Loads the files into a configuration that accepts TLS 1.3 with a client certificate, and nothing
/// else. Sessions are never resumed: each connection has its certificate checked anew.
///
/// # Errors
/// [`TlsError`] names the file and what to do.
pub fn server_config(
    files: &TlsFiles,
    development: DevelopmentCa,
) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = certificates(&files.cert, "the broker's certificate")?;
    let authorities = certificates(&files.client_ca, "the clients' CA")?;
    for (path, found) in [(&files.cert, &chain), (&files.client_ca, &authorities)] {
        check_origin(path, found, development)?;
    }
    check_validity(&files.cert, &chain)?;
    let key = private_key(&files.key)?;

    let provider = Arc::new(aws_lc_rs::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(
        roots(&files.client_ca, authorities)?,
        Arc::clone(&provider),
    )
    .build()
    .map_err(|e| TlsError::ClientCa {
        path: files.client_ca.clone(),
        cause: e.to_string(),
    })?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(|source| TlsError::Version { source })?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .map_err(|source| files.no_pair(source))?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    // A resumed session would skip the check of the client's certificate, its end included.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(Arc::new(config))
}

impl TlsFiles {
    fn no_pair(&self, source: rustls::Error) -> TlsError {
        TlsError::Pair {
            cert: self.cert.clone(),
            key: self.key.clone(),
            source,
        }
    }
}

fn check_origin(
    path: &Path,
    found: &[CertificateDer<'_>],
    development: DevelopmentCa,
) -> Result<(), TlsError> {
    if development == DevelopmentCa::Refuse && found.iter().any(|c| certs::is_development(c)) {
        let path = path.to_owned();
        return Err(TlsError::Development { path });
    }
    Ok(())
}

fn certificates(path: &Path, what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bad = |e: pem::Error| TlsError::Pem {
        what,
        path: path.to_owned(),
        cause: e.to_string(),
    };
    let found: Vec<_> = CertificateDer::pem_file_iter(path)
        .map_err(bad)?
        .collect::<Result<_, _>>()
        .map_err(bad)?;
    if found.is_empty() {
        return Err(bad(pem::Error::NoItemsFound));
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let bytes = certs::read_secret(path)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|e| TlsError::Pem {
        what: "the broker's private key",
        path: path.to_owned(),
        cause: e.to_string(),
    })
}

fn roots(
    path: &Path,
    authorities: Vec<CertificateDer<'static>>,
) -> Result<Arc<RootCertStore>, TlsError> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority).map_err(|e| TlsError::ClientCa {
            path: path.to_owned(),
            cause: e.to_string(),
        })?;
    }
    Ok(Arc::new(roots))
}

fn check_validity(path: &Path, chain: &[CertificateDer<'_>]) -> Result<(), TlsError> {
    for der in chain {
        let (_, cert) = X509Certificate::from_der(der).map_err(|e| TlsError::Pem {
            what: "a certificate",
            path: path.to_owned(),
            cause: e.to_string(),
        })?;
        if !cert.validity().is_valid() {
            return Err(TlsError::NotValidNow {
                path: path.to_owned(),
                from: cert.validity().not_before.to_string(),
                until: cert.validity().not_after.to_string(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
