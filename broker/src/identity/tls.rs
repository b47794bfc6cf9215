//! The server's TLS: version 1.3 only, aws-lc-rs, client certificates demanded, HTTP/2 only.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, ServerConfig, WebPkiClientVerifier};
use rustls::version::TLS13;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::crl;
use crate::config::Mode;

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
    /// Lists of certificates that those CAs took back; PEM. With any list, every CA needs one: a
    /// certificate whose standing is unknown is refused.
    pub client_crl: Vec<PathBuf>,
}

/// Both configurations and the judge of client certificates, who is asked again about connections
/// that are open when he changes.
#[derive(Debug, Clone)]
pub struct TlsSide {
    /// For the handshakes of organisations.
    pub server: Arc<ServerConfig>,
    /// For those of the public side.
    pub public: Arc<ServerConfig>,
    /// For the certificates behind open connections.
    pub clients: Arc<dyn ClientCertVerifier>,
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
    /// A revocation list that would let nobody in, or not keep out whom it should.
    #[error("`{path}` is no list to go by: {why}")]
    Crl {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        why: String,
    },
    /// The library does not offer TLS 1.3.
    #[error("the TLS library refused TLS 1.3: {source}")]
    Version {
        /// Its reason.
        source: rustls::Error,
    },
}

/// Loads the files into two configurations of TLS 1.3: one that accepts a client certificate and
/// nothing else, one that asks nobody for one and speaks HTTP/1.1, for the public side. Sessions are never resumed: each connection has its certificate checked anew.
///
/// # Errors
/// [`TlsError`] names the file and what to do.
pub fn load(files: &TlsFiles, mode: Mode) -> Result<TlsSide, TlsError> {
    let chain = certificates(&files.cert, "the broker's certificate")?;
    let authorities = certificates(&files.client_ca, "the clients' CA")?;
    for (path, found) in [(&files.cert, &chain), (&files.client_ca, &authorities)] {
        check_origin(path, found, mode)?;
    }
    check_validity(&files.cert, &chain)?;
    let key = private_key(&files.key)?;

    let provider = Arc::new(aws_lc_rs::default_provider());
    let clients = clients(files, authorities, &provider)?;
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])
        .map_err(|source| TlsError::Version { source })?;
    let mut public = builder
        .clone()
        .with_no_client_auth()
        .with_single_cert(chain.clone(), key.clone_key())
        .map_err(|source| files.no_pair(source))?;
    public.alpn_protocols = vec![b"http/1.1".to_vec()];
    let mut server = builder
        .with_client_cert_verifier(Arc::clone(&clients))
        .with_single_cert(chain, key)
        .map_err(|source| files.no_pair(source))?;
    server.alpn_protocols = vec![ALPN.to_vec()];
    // A resumed session would skip the check of the client's certificate, its end included.
    server.send_tls13_tickets = 0;
    server.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(TlsSide {
        server: Arc::new(server),
        public: Arc::new(public),
        clients,
    })
}

fn clients(
    files: &TlsFiles,
    authorities: Vec<CertificateDer<'static>>,
    provider: &Arc<rustls::crypto::CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let mut lists = Vec::new();
    for path in &files.client_crl {
        let found = revocations(path)?;
        crl::check(&found, &authorities).map_err(|why| TlsError::Crl {
            path: path.clone(),
            why,
        })?;
        lists.extend(found);
    }
    let roots = roots(&files.client_ca, authorities)?;
    WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider))
        .with_crls(lists)
        // Fail closed: a list past its next update no longer says who is revoked.
        .enforce_revocation_expiration()
        .build()
        .map_err(|e| TlsError::ClientCa {
            path: files.client_ca.clone(),
            cause: e.to_string(),
        })
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

fn check_origin(path: &Path, found: &[CertificateDer<'_>], mode: Mode) -> Result<(), TlsError> {
    if mode == Mode::Production && found.iter().any(|c| certs::is_development(c)) {
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

fn revocations(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    let bad = |e: pem::Error| TlsError::Pem {
        what: "a revocation list",
        path: path.to_owned(),
        cause: e.to_string(),
    };
    let found: Vec<_> = CertificateRevocationListDer::pem_file_iter(path)
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
