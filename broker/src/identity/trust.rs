//! What the broker trusts at this moment: its own certificate, the clients' CAs and revocation lists,
//! the token issuer's keys. One snapshot, replaced as a whole or not at all.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, UnixTime};

use super::keys::{KeyError, TokenKeys};
use super::tls::{self, TlsError, TlsFiles, TlsSide};
use crate::config::Mode;

/// Every file that a snapshot is made of.
#[derive(Debug, Clone)]
pub struct TrustFiles {
    /// Production refuses what `weir pki` made.
    pub mode: Mode,
    /// Certificates, their keys, revocation lists.
    pub tls: TlsFiles,
    /// Public keys of the token issuer; PEM.
    pub token_keys: Vec<PathBuf>,
}

/// Why a set of files is not trusted. The text names the file.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// On the TLS side.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Among the token issuer's keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
}

/// One snapshot.
#[derive(Debug)]
pub struct Trust {
    tls: TlsSide,
    token_keys: TokenKeys,
}

impl TrustFiles {
    /// Every path.
    pub(super) fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        let tls = &self.tls;
        [&tls.cert, &tls.key, &tls.client_ca]
            .into_iter()
            .chain(&tls.client_crl)
            .chain(&self.token_keys)
    }
}

impl Trust {
    /// Reads all files; never half of them.
    ///
    /// # Errors
    /// [`TrustError`] names the first file that does not fit.
    pub fn load(files: &TrustFiles) -> Result<Self, TrustError> {
        Ok(Self {
            tls: tls::load(&files.tls, files.mode)?,
            token_keys: TokenKeys::read(&files.token_keys, files.mode)?,
        })
    }

    /// The configuration of new connections of the public side.
    #[must_use]
    pub fn public(&self) -> &Arc<ServerConfig> {
        &self.tls.public
    }

    /// The configuration of new connections of organisations.
    #[must_use]
    pub fn server(&self) -> &Arc<ServerConfig> {
        &self.tls.server
    }

    /// The issuer's keys from files.
    #[must_use]
    pub fn token_keys(&self) -> &TokenKeys {
        &self.token_keys
    }

    /// Would a handshake with this certificate chain (leaf first) pass now?
    ///
    /// # Errors
    /// The TLS library's reason; revoked, for example.
    pub fn accepts(&self, chain: &[CertificateDer<'_>]) -> Result<(), rustls::Error> {
        let (leaf, intermediates) = chain
            .split_first()
            .ok_or(rustls::Error::NoCertificatesPresented)?;
        let now = UnixTime::now();
        self.tls
            .clients
            .verify_client_cert(leaf, intermediates, now)
            .map(drop)
    }
}
