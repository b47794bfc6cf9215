//! Which file is where in a PKI's directory.

use std::path::{Path, PathBuf};

use crate::SpiffeId;

/// Where the broker's certificate and key are.
#[derive(Debug, Clone)]
pub struct BrokerFiles {
    /// Server certificate, PEM.
    pub cert: PathBuf,
    /// Its key, PKCS#8 PEM.
    pub key: PathBuf,
}

/// Where an organisation's files are.
#[derive(Debug, Clone)]
pub struct OrgFiles {
    /// The organisation's SPIFFE id.
    pub id: SpiffeId,
    /// Client certificate, PEM.
    pub cert: PathBuf,
    /// Its key, PKCS#8 PEM.
    pub key: PathBuf,
    /// The key that signs agreements (ES256), PKCS#8 PEM.
    pub signing_key: PathBuf,
    /// Its public half, SubjectPublicKeyInfo PEM: what `weir org add` sends.
    pub signing_pub: PathBuf,
    /// A user's token, one line.
    pub token: PathBuf,
}

impl OrgFiles {
    pub(crate) fn in_dir(dir: &Path, id: SpiffeId) -> Self {
        Self {
            id,
            cert: dir.join("cert.pem"),
            key: dir.join("key.pem"),
            signing_key: dir.join("signing.key"),
            signing_pub: dir.join("signing.pub.pem"),
            token: dir.join("token.jwt"),
        }
    }
}
