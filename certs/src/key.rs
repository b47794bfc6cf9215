//! Key pairs: ES256 for TLS, agreements and tokens; Ed25519 for the broker's log.

use std::fmt;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsBigEndian, AsDer};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256_SHA256_FIXED, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    ParsedPublicKey,
};
use zeroize::Zeroizing;

use crate::{Error, files, pem};

const PRIVATE: &str = "PRIVATE KEY";
const PUBLIC: &str = "PUBLIC KEY";

/// An ECDSA P-256 key pair. Its bytes are wiped when it goes; `Debug` shows the fingerprint only.
pub struct Es256Key {
    pair: EcdsaKeyPair,
    pkcs8: Zeroizing<Vec<u8>>,
    spki: Vec<u8>,
}

impl Es256Key {
    /// A new key from the operating system's randomness.
    ///
    /// # Errors
    /// [`Error::Crypto`] when there is no randomness.
    pub fn generate() -> Result<Self, Error> {
        let doing = || Error::Crypto {
            doing: "make an ES256 key",
        };
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random)
            .map_err(|_| doing())?;
        Self::from_pkcs8(Zeroizing::new(pkcs8.as_ref().to_vec())).ok_or_else(doing)
    }

    /// Reads a PKCS#8 `PRIVATE KEY` block that holds a P-256 key.
    ///
    /// # Errors
    /// [`Error::Pem`].
    pub fn from_pem(text: &str) -> Result<Self, Error> {
        pem::decode(PRIVATE, text)
            .and_then(Self::from_pkcs8)
            .ok_or(Error::Pem {
                what: "an ES256 private key (PKCS#8)",
            })
    }

    /// Reads [`Self::from_pem`]'s form from a file.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Exposed`] or [`Error::Damaged`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let what = "an ES256 private key (PKCS#8 PEM)";
        let damaged = || Error::Damaged {
            path: path.to_owned(),
            what,
        };
        let bytes = files::read_secret(path)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| damaged())?;
        Self::from_pem(text).map_err(|_| damaged())
    }

    /// The private key as a PKCS#8 PEM block.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        pem::encode(PRIVATE, &self.pkcs8)
    }

    /// The private key as PKCS#8 DER, for the libraries that sign.
    #[must_use]
    pub fn pkcs8_der(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The public key as a SubjectPublicKeyInfo PEM block.
    #[must_use]
    pub fn public_pem(&self) -> String {
        pem::encode(PUBLIC, &self.spki).to_string()
    }

    /// Lower-case hex SHA-256 of the SubjectPublicKeyInfo: what the parties confirm to each other.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        sha256_hex(&self.spki)
    }

    fn from_pkcs8(pkcs8: Zeroizing<Vec<u8>>) -> Option<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &pkcs8).ok()?;
        let spki = pair.public_key().as_der().ok()?.as_ref().to_vec();
        Some(Self { pair, pkcs8, spki })
    }
}

impl fmt::Debug for Es256Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Es256Key")
            .field("fingerprint", &self.fingerprint())
            .finish_non_exhaustive()
    }
}

impl rcgen::PublicKeyData for Es256Key {
    fn der_bytes(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for Es256Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature = self.pair.sign(&SystemRandom::new(), message);
        signature
            .map(|s| s.as_ref().to_vec())
            .map_err(|_| rcgen::Error::RingUnspecified)
    }
}

/// The fingerprint of an ES256 public key in PEM form, as [`Es256Key::fingerprint`] gives it.
///
/// # Errors
/// [`Error::Pem`] when the text is anything but one P-256 `PUBLIC KEY` block.
pub fn fingerprint(public_pem: &str) -> Result<String, Error> {
    let other = || Error::Pem {
        what: "an ES256 public key",
    };
    let der = pem::decode(PUBLIC, public_pem).ok_or_else(other)?;
    let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &**der).map_err(|_| other())?;
    let canonical = key.as_der().map_err(|_| other())?;
    Ok(sha256_hex(canonical.as_ref()))
}

/// The 32-byte secret of an Ed25519 key, kept on disk as PKCS#8 PEM; what it signs is up to the
/// holder.
pub struct Ed25519Seed(Zeroizing<[u8; 32]>);

impl Ed25519Seed {
    /// A new secret from the operating system's randomness.
    ///
    /// # Errors
    /// [`Error::Crypto`] when there is no randomness.
    pub fn generate() -> Result<Self, Error> {
        let mut seed = Zeroizing::new([0; 32]);
        aws_lc_rs::rand::fill(seed.as_mut()).map_err(|_| Error::Crypto {
            doing: "make an Ed25519 key",
        })?;
        Ok(Self(seed))
    }

    /// Reads a PKCS#8 `PRIVATE KEY` block from a file.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Exposed`] or [`Error::Damaged`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        let what = "an Ed25519 private key (PKCS#8 PEM)";
        let bytes = files::read_secret(path)?;
        std::str::from_utf8(&bytes)
            .ok()
            .and_then(|text| pem::decode(PRIVATE, text))
            .and_then(|der| Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).ok())
            .and_then(|pair| seed_of(&pair))
            .map(Self)
            .ok_or_else(|| Error::Damaged {
                path: path.to_owned(),
                what,
            })
    }

    /// The secret as a PKCS#8 (version 1, as OpenSSL writes it) PEM block.
    ///
    /// # Errors
    /// [`Error::Crypto`], which no seed causes.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, Error> {
        let doing = || Error::Crypto {
            doing: "encode an Ed25519 key",
        };
        let pair = Ed25519KeyPair::from_seed_unchecked(self.as_bytes()).map_err(|_| doing())?;
        let der = pair.to_pkcs8v1().map_err(|_| doing())?;
        Ok(pem::encode(PRIVATE, der.as_ref()))
    }

    /// The secret.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Ed25519Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ed25519Seed(secret)")
    }
}

fn seed_of(pair: &Ed25519KeyPair) -> Option<Zeroizing<[u8; 32]>> {
    let bytes = pair.seed().ok()?.as_be_bytes().ok()?;
    let mut seed = Zeroizing::new([0; 32]);
    if bytes.as_ref().len() != seed.len() {
        return None;
    }
    seed.copy_from_slice(bytes.as_ref());
    Some(seed)
}

pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}
