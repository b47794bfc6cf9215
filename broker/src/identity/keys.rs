//! Keys that verify tokens, by `kid`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jsonwebtoken::DecodingKey;
use tokio::sync::watch;

use super::jwks::KeySet;
use super::trust::Trust;
use crate::config::Mode;

/// Why a file's key is not taken.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It cannot be read.
    #[error("cannot read the token key `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It holds something else.
    #[error("`{}` holds no P-256 public key (SubjectPublicKeyInfo PEM): export the issuer's", path.display())]
    Form {
        /// The file.
        path: PathBuf,
    },
    /// A key that `weir pki` made, in production.
    #[error("`{}` is a development key, which production refuses: use your own issuer's", path.display())]
    Development {
        /// The file.
        path: PathBuf,
    },
}

/// ES256 public keys by `kid`. The algorithm comes with the key, never from a token.
#[derive(Clone, Default)]
pub struct TokenKeys(BTreeMap<String, Arc<DecodingKey>>);

impl TokenKeys {
    /// Reads SubjectPublicKeyInfo PEM files; a key's `kid` is its fingerprint.
    ///
    /// # Errors
    /// [`KeyError`] names the file.
    pub fn read(paths: &[PathBuf], mode: Mode) -> Result<Self, KeyError> {
        let mut keys = BTreeMap::new();
        for path in paths {
            let pem = std::fs::read_to_string(path).map_err(|source| KeyError::Read {
                path: path.clone(),
                source,
            })?;
            if mode == Mode::Production && certs::is_development_key(&pem) {
                return Err(KeyError::Development { path: path.clone() });
            }
            let form = || KeyError::Form { path: path.clone() };
            let kid = certs::fingerprint(&pem).map_err(|_| form())?;
            let key = DecodingKey::from_ec_pem(pem.as_bytes()).map_err(|_| form())?;
            keys.insert(kid, Arc::new(key));
        }
        Ok(Self(keys))
    }

    /// Adds a key; `false`, and nothing is added, where its `kid` is taken.
    pub(super) fn insert(&mut self, kid: String, key: DecodingKey) -> bool {
        if self.0.contains_key(&kid) {
            return false;
        }
        self.0.insert(kid, Arc::new(key));
        true
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key of this `kid`, which is only ever compared: it never becomes a path or an address.
    #[must_use]
    pub fn get(&self, kid: &str) -> Option<Arc<DecodingKey>> {
        self.0.get(kid).cloned()
    }
}

/// All keys that count now: those from files, then those of the issuer's key set.
#[derive(Debug, Clone)]
pub struct KeyRing {
    /// Where the files' keys are.
    pub trust: watch::Receiver<Arc<Trust>>,
    /// The issuer's key set, where one is configured.
    pub set: Option<KeySet>,
}

impl KeyRing {
    /// The key of this `kid`.
    #[must_use]
    pub fn get(&self, kid: &str) -> Option<Arc<DecodingKey>> {
        let from_file = self.trust.borrow().token_keys().get(kid);
        from_file.or_else(|| self.set.as_ref()?.get(kid))
    }
}

impl std::fmt::Debug for TokenKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
