//! Signatures of organisations: JWS (RFC 7515) in its general JSON form, ES256, over the exact
//! RFC 8785 bytes. This module verifies and says what is signed; making a signature needs a private
//! key and randomness and lives in the SDK.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::id::{Fingerprint, OrgId, Role, sha256_hex};

/// Largest protected header, in bytes.
const HEADER_BYTES_MAX: usize = 1024;
/// SubjectPublicKeyInfo of a P-256 key up to its point (RFC 5480); 65 bytes of point follow.
const P256_SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const P256_POINT_BYTES: usize = 65;

/// What a signature is for; its `typ`, so that none can be used for another purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signs {
    /// An agreement.
    Agreement,
    /// Possession of a key, at admission.
    KeyPossession,
    /// An act in the life of an agreement ([`crate::life::payload`]).
    AgreementAct,
    /// A change of key, by the old one and by the new one.
    KeyRotation,
    /// A contribution that is taken back ([`crate::entry::withdrawal_payload`]).
    ContributionWithdrawal,
    /// A step of a release towards everybody, or back ([`crate::entry::opening_payload`]).
    OpenData,
}

impl Signs {
    /// The `typ` of the protected header.
    #[must_use]
    pub fn typ(self) -> &'static str {
        match self {
            Self::Agreement => "weir-agreement+jws",
            Self::KeyPossession => "weir-key-possession+jws",
            Self::AgreementAct => "weir-agreement-act+jws",
            Self::KeyRotation => "weir-key-rotation+jws",
            Self::ContributionWithdrawal => "weir-contribution-withdrawal+jws",
            Self::OpenData => "weir-open-data+jws",
        }
    }
}

/// Why a signature does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// Not a P-256 SubjectPublicKeyInfo.
    #[error("not a P-256 public key: give the SubjectPublicKeyInfo (DER) that `weir pki` writes")]
    Key,
    /// The protected header is not what this purpose asks for.
    #[error("the signature's header is not {expected}")]
    Header {
        /// What it has to say.
        expected: &'static str,
    },
    /// The signature does not verify over these bytes with this key.
    #[error("the signature does not verify with key `{key}`")]
    Invalid {
        /// Fingerprint of the key tried.
        key: Fingerprint,
    },
}

/// A P-256 public key as SubjectPublicKeyInfo; in JSON base64url.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey {
    spki: Vec<u8>,
    fingerprint: Fingerprint,
}

impl PublicKey {
    /// From DER. Whether the point lies on the curve is found when a signature is verified: none is
    /// by a point off it.
    ///
    /// # Errors
    /// [`SignError::Key`] for anything but the form of an uncompressed P-256 point.
    pub fn from_spki(spki: &[u8]) -> Result<Self, SignError> {
        let point = spki.strip_prefix(&P256_SPKI_PREFIX).ok_or(SignError::Key)?;
        if point.len() != P256_POINT_BYTES || point.first() != Some(&4) {
            return Err(SignError::Key);
        }
        let fingerprint = Fingerprint::new(sha256_hex(spki)).map_err(|_| SignError::Key)?;
        Ok(Self {
            spki: spki.to_vec(),
            fingerprint,
        })
    }

    /// From an uncompressed point: 65 bytes, the first of them 4.
    ///
    /// # Errors
    /// [`SignError::Key`] for anything else.
    pub fn from_point(point: &[u8]) -> Result<Self, SignError> {
        Self::from_spki(&[&P256_SPKI_PREFIX, point].concat())
    }

    /// DER.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// SHA-256 over the DER.
    #[must_use]
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    fn point(&self) -> &[u8] {
        self.spki
            .strip_prefix(&P256_SPKI_PREFIX)
            .unwrap_or_default()
    }
}

impl TryFrom<String> for PublicKey {
    type Error = SignError;
    fn try_from(text: String) -> Result<Self, SignError> {
        Self::from_spki(&URL_SAFE_NO_PAD.decode(text).map_err(|_| SignError::Key)?)
    }
}

impl From<PublicKey> for String {
    fn from(key: PublicKey) -> Self {
        URL_SAFE_NO_PAD.encode(key.spki)
    }
}

/// One member of the `signatures` array of a JWS in general JSON form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartySignature {
    /// Protected header, base64url.
    pub protected: String,
    /// The signature, base64url.
    pub signature: String,
}

/// A JWS in general JSON form (RFC 7515 section 7.2.1): one document, and a signature of each party.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeneralJws {
    /// The bytes that are signed, base64url.
    pub payload: String,
    /// In the order they were made.
    pub signatures: Vec<PartySignature>,
}

impl GeneralJws {
    /// Of a document and the signatures over it.
    #[must_use]
    pub fn of(document: &[u8], signatures: Vec<PartySignature>) -> Self {
        Self {
            payload: URL_SAFE_NO_PAD.encode(document),
            signatures,
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    kid: Fingerprint,
    typ: String,
    iat: i64,
}

/// The protected header of a signature made by `key` at `iat` (seconds since 1970).
///
/// # Errors
/// [`SignError::Header`] where it cannot be written as JSON.
pub fn protected_header(signs: Signs, key: &Fingerprint, iat: i64) -> Result<String, SignError> {
    let header = Header {
        alg: "ES256".into(),
        kid: key.clone(),
        typ: signs.typ().into(),
        iat,
    };
    let json = serde_json::to_vec(&header).map_err(|_| SignError::Header { expected: "JSON" })?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

/// The bytes a signature covers (RFC 7515 section 5.1).
#[must_use]
pub fn signing_input(protected: &str, payload: &[u8]) -> Vec<u8> {
    format!("{protected}.{}", URL_SAFE_NO_PAD.encode(payload)).into_bytes()
}

/// Does `signature` cover `payload`, for this purpose, with this key? The time it states (`iat`) is
/// not judged: the log's order says what came when.
///
/// # Errors
/// [`SignError`] where algorithm, purpose, key id or signature differ.
pub fn verify(
    signs: Signs,
    key: &PublicKey,
    payload: &[u8],
    signature: &PartySignature,
) -> Result<(), SignError> {
    if signature.protected.len() > HEADER_BYTES_MAX {
        return Err(SignError::Header {
            expected: "at most 1024 bytes",
        });
    }
    let json = URL_SAFE_NO_PAD.decode(&signature.protected);
    let json = json.map_err(|_| SignError::Header {
        expected: "base64url",
    })?;
    let header: Header = serde_json::from_slice(&json).map_err(|_| SignError::Header {
        expected: "alg, kid, typ and iat, nothing else",
    })?;
    if header.alg != "ES256" {
        return Err(SignError::Header {
            expected: "alg ES256",
        });
    }
    if header.typ != signs.typ() {
        return Err(SignError::Header {
            expected: signs.typ(),
        });
    }
    let invalid = || SignError::Invalid {
        key: key.fingerprint.clone(),
    };
    if header.kid != key.fingerprint {
        return Err(invalid());
    }
    let raw = URL_SAFE_NO_PAD
        .decode(&signature.signature)
        .map_err(|_| invalid())?;
    let message = signing_input(&signature.protected, payload);
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key.point())
        .verify(&message, &raw)
        .map_err(|_| invalid())
}

/// What an organisation signs to prove that it holds the key it is admitted with.
#[must_use]
pub fn possession_payload(org: &OrgId, role: Role, spiffe: &str, key: &Fingerprint) -> Vec<u8> {
    format!("weir admission\norg {org}\nrole {role}\nspiffe {spiffe}\nkey {key}\n").into_bytes()
}

/// What both keys of an organisation sign, the old one and the new one, when it changes its key. A
/// key never comes back, so no such signature can be used twice.
#[must_use]
pub fn rotation_payload(org: &OrgId, from: &Fingerprint, to: &Fingerprint) -> Vec<u8> {
    format!("weir key rotation\norg {org}\nfrom {from}\nto {to}\n").into_bytes()
}

#[cfg(test)]
mod tests;
