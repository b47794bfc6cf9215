//! Where a signing key is: in a file, or in a module that never gives it away.

use std::path::Path;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use policies::id::Fingerprint;
use policies::sign::PublicKey;

use super::SignError;

/// How a key signs, as a JWS header says it. One word until agreements know another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alg {
    /// ECDSA over P-256 with SHA-256, the signature as r and s, 32 bytes each (RFC 7518 section 3.4).
    Es256,
}

/// A private key that can be used and not read.
pub trait SigningKey: Send + Sync {
    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// What other parties call the key: the fingerprint of the public half.
    fn key_id(&self) -> &Fingerprint {
        self.public_key().fingerprint()
    }

    /// How it signs.
    fn alg(&self) -> Alg;

    /// Signs `message`, which MUST not be hashed before.
    ///
    /// # Errors
    /// [`SignError::Failed`] or [`SignError::Module`]; nothing was signed then.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// A key in a PKCS#8 PEM file. AWS-LC wipes it when this is dropped, the file's bytes are wiped after
/// reading.
pub struct FileKey {
    pair: EcdsaKeyPair,
    public: PublicKey,
}

impl FileKey {
    /// Reads a file that only its owner can read.
    ///
    /// # Errors
    /// [`SignError::File`] or [`SignError::Key`]; both name the file.
    pub fn read(path: &Path) -> Result<Self, SignError> {
        let key = certs::Es256Key::read(path)?;
        Self::from_pkcs8(key.pkcs8_der()).ok_or_else(|| SignError::Key {
            path: path.to_owned(),
        })
    }

    fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).ok()?;
        let spki = pair.public_key().as_der().ok()?;
        let public = PublicKey::from_spki(spki.as_ref()).ok()?;
        Some(Self { pair, public })
    }
}

impl SigningKey for FileKey {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn alg(&self) -> Alg {
        Alg::Es256
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature = self.pair.sign(&SystemRandom::new(), message);
        signature
            .map(|signature| signature.as_ref().to_vec())
            .map_err(|_| SignError::Failed)
    }
}
