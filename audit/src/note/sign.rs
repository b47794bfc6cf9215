use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use zeroize::Zeroizing;

use super::{KeyName, NoteSignature, PublicKey, VerifierKey};

/// A named Ed25519 private key.
///
/// AWS-LC keeps the key in memory it clears when freed; the seed or document it was made from is
/// the caller's to clear, which `Zeroizing` does.
pub struct Signer {
    key: VerifierKey,
    pair: Ed25519KeyPair,
}

/// Why there is no signer or signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// The bytes are no private key.
    #[error("private key of `{name}` is not Ed25519 in PKCS#8")]
    Key {
        /// The name the key was to have.
        name: KeyName,
    },
    /// The library gave up.
    #[error("signing as `{name}` failed in the cryptographic library")]
    Failed {
        /// Whose signature it was to be.
        name: KeyName,
    },
}

impl Signer {
    /// The key in a PKCS#8 document (DER; version 1 or 2), under this name.
    ///
    /// # Errors
    /// [`SignError::Key`] when the document is something else or its two halves do not match.
    pub fn from_pkcs8(name: KeyName, document: &Zeroizing<Vec<u8>>) -> Result<Self, SignError> {
        match Ed25519KeyPair::from_pkcs8(document) {
            Ok(pair) => Self::new(name, pair),
            Err(_) => Err(SignError::Key { name }),
        }
    }

    /// The key that this RFC 8032 seed makes, under this name.
    ///
    /// # Errors
    /// [`SignError::Key`] when the library refuses the seed.
    pub fn from_seed(name: KeyName, seed: &Zeroizing<[u8; 32]>) -> Result<Self, SignError> {
        match Ed25519KeyPair::from_seed_unchecked(seed.as_slice()) {
            Ok(pair) => Self::new(name, pair),
            Err(_) => Err(SignError::Key { name }),
        }
    }

    /// The public half, to hand to whoever is to check signatures.
    #[must_use]
    pub const fn verifier_key(&self) -> &VerifierKey {
        &self.key
    }

    /// Signs a note text.
    ///
    /// # Errors
    /// [`SignError::Failed`] when the library cannot; nothing was signed then.
    pub fn sign(&self, text: &str) -> Result<NoteSignature, SignError> {
        let name = self.key.name().clone();
        match self.pair.try_sign(text.as_bytes()) {
            Ok(signature) => Ok(NoteSignature {
                name,
                id: self.key.id(),
                bytes: signature.as_ref().to_vec(),
            }),
            Err(_) => Err(SignError::Failed { name }),
        }
    }

    fn new(name: KeyName, pair: Ed25519KeyPair) -> Result<Self, SignError> {
        match pair.public_key().as_ref().try_into() {
            Ok(public) => Ok(Self {
                key: VerifierKey::new(name, PublicKey::Ed25519(public)),
                pair,
            }),
            Err(_) => Err(SignError::Key { name }),
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.key)
    }
}
