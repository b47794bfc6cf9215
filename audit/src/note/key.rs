use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, ML_DSA_44, UnparsedPublicKey, VerificationAlgorithm};
use serde::{Deserialize, Serialize};

use super::NoteSignature;
use crate::checkpoint::TreeHead;
use crate::cosignature;

/// Bytes of an ML-DSA-44 public key (FIPS 204).
pub const ML_DSA_44_BYTES: usize = 1312;

/// Longest key name, in bytes: the length that cosignatures can carry (c2sp.org/tlog-cosignature).
pub(super) const NAME_BYTES_MAX: usize = 255;

/// Name of a key, by custom a URL without scheme: no spaces, no plus, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyName(pub(super) String);

/// First four bytes of a hash over name, type and public key: a hint, not a fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub(super) [u8; 4]);

/// A public key by signature type; more types may come.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublicKey {
    /// Type 0x01: Ed25519 over the note text. Logs sign so.
    Ed25519([u8; 32]),
    /// Type 0x04: Ed25519 over a checkpoint and a time (c2sp.org/tlog-cosignature). Witnesses sign
    /// so.
    CosignEd25519([u8; 32]),
    /// Type 0x06: ML-DSA-44 over the same. Verified here, never issued.
    CosignMlDsa44(Box<[u8; ML_DSA_44_BYTES]>),
}

/// A named public key; printed and parsed as a C2SP verifier key, `name+id+base64(type ‖ key)`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct VerifierKey {
    name: KeyName,
    id: KeyId,
    key: PublicKey,
}

/// Why a text is not a key name or verifier key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a key name.
    #[error(
        "`{given}` is not a key name: 1 to 255 bytes without spaces, `+` or control characters"
    )]
    Name {
        /// What was given, shortened.
        given: String,
    },
    /// Not `name+id+base64`.
    #[error(
        "`{given}` is not a verifier key: name, 8 hexadecimal digits and base64 with `+` between"
    )]
    Form {
        /// What was given, shortened.
        given: String,
    },
    /// A signature type nobody here can check, or a key of the wrong length.
    #[error(
        "verifier key of `{name}` is of no type known here: Ed25519 (1), or a cosigner's Ed25519 (4) \
         or ML-DSA-44 (6)"
    )]
    Type {
        /// The key's name.
        name: KeyName,
    },
    /// A witness's key, where a log's is wanted.
    #[error("the key of `{name}` is a witness's: a log's is of type 1")]
    NotALog {
        /// The key's name.
        name: KeyName,
    },
    /// The id is not that of this name and key.
    #[error("verifier key of `{name}` has id {found}, its bytes give {expected}: it was miscopied")]
    Id {
        /// The key's name.
        name: KeyName,
        /// The id of name and key.
        expected: KeyId,
        /// The id in the text.
        found: KeyId,
    },
}

impl KeyName {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl KeyId {
    /// The id that these bytes are.
    #[must_use]
    pub const fn new(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// The four bytes as they stand in a signature.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }
}

impl PublicKey {
    /// The key without its type.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Ed25519(key) | Self::CosignEd25519(key) => key.as_slice(),
            Self::CosignMlDsa44(key) => key.as_slice(),
        }
    }

    /// Does it make cosignatures, and nothing else?
    #[must_use]
    pub const fn cosigns(&self) -> bool {
        match self {
            Self::Ed25519(_) => false,
            Self::CosignEd25519(_) | Self::CosignMlDsa44(_) => true,
        }
    }

    /// Type byte and key, as they go into id and verifier key.
    pub(super) fn encoded(&self) -> Vec<u8> {
        let kind = match self {
            Self::Ed25519(_) => 0x01,
            Self::CosignEd25519(_) => 0x04,
            Self::CosignMlDsa44(_) => 0x06,
        };
        [&[kind], self.bytes()].concat()
    }

    pub(super) fn decode(encoded: &[u8]) -> Option<Self> {
        match encoded.split_first()? {
            (0x01, key) => key.try_into().ok().map(Self::Ed25519),
            (0x04, key) => key.try_into().ok().map(Self::CosignEd25519),
            (0x06, key) => {
                let key = Box::<[u8]>::from(key).try_into();
                key.ok().map(Self::CosignMlDsa44)
            }
            _ => None,
        }
    }
}

impl VerifierKey {
    /// The key under this name; the id follows from both.
    #[must_use]
    pub fn new(name: KeyName, key: PublicKey) -> Self {
        let named = [name.0.as_bytes(), b"\n", &key.encoded()].concat();
        let hash = digest(&SHA256, &named);
        let mut id = [0; 4];
        id.iter_mut()
            .zip(hash.as_ref())
            .for_each(|(to, from)| *to = *from);
        Self {
            name,
            id: KeyId(id),
            key,
        }
    }

    /// Whose key it is.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        &self.name
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// The key itself.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Whether the line says to be this key's.
    pub(super) fn made(&self, line: &NoteSignature) -> bool {
        line.name == self.name && line.id == self.id
    }

    /// Whether `signature` is this key's over the note text.
    pub(super) fn verifies(&self, text: &str, signature: &[u8]) -> bool {
        match &self.key {
            PublicKey::Ed25519(_) => self.made_by(&ED25519, text.as_bytes(), signature),
            PublicKey::CosignEd25519(_) => {
                cosignature::split(signature).is_some_and(|(time, signature)| {
                    let message = cosignature::ed25519_message(time, text);
                    self.made_by(&ED25519, message.as_bytes(), signature)
                })
            }
            PublicKey::CosignMlDsa44(_) => self.cosigned(text, signature).unwrap_or(false),
        }
    }

    /// Only checkpoints can be cosigned so: the message is made of their parts.
    fn cosigned(&self, text: &str, signature: &[u8]) -> Option<bool> {
        let (time, signature) = cosignature::split(signature)?;
        let head: TreeHead = text.parse().ok()?;
        let message = cosignature::ml_dsa_message(&self.name, time, &head)?;
        Some(self.made_by(&ML_DSA_44, &message, signature))
    }

    fn made_by(
        &self,
        algorithm: &'static dyn VerificationAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        let key = UnparsedPublicKey::new(algorithm, self.key.bytes());
        key.verify(message, signature).is_ok()
    }
}
