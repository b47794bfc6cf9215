//! What we show of ourselves, and whom we believe: read from the profile's files, together.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore};
use zeroize::Zeroizing;

use super::config::Profile;
use super::error::IdentityError;
use super::limits::TOKEN_BYTES_MAX;

/// The broker speaks HTTP/2 only.
pub(super) const ALPN: &[u8] = b"h2";

/// Certificate, key and token; a token counts only with the certificate it was made for.
pub(super) struct Identity {
    pub tls: Arc<ClientConfig>,
    pub host: ServerName<'static>,
    pub token: Zeroizing<String>,
}

/// Which version of the token's file was read. The token is written last when a certificate is
/// renewed, so a new one means that all files are new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: u64,
    changed: (i64, i64),
    bytes: u64,
}

impl Stamp {
    /// None where the file is not there now.
    pub fn of(profile: &Profile) -> Option<Self> {
        let about = fs::metadata(&profile.token).ok()?;
        Some(Self {
            inode: about.ino(),
            changed: (about.mtime(), about.mtime_nsec()),
            bytes: about.len(),
        })
    }
}

impl Identity {
    /// # Errors
    /// [`IdentityError`] names the file.
    pub fn load(profile: &Profile) -> Result<Self, IdentityError> {
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
