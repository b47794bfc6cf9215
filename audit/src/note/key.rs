use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use super::NoteSignature;
use crate::text;

/// Longest key name, in bytes: the length that cosignatures can carry (c2sp.org/tlog-cosignature).
const NAME_BYTES_MAX: usize = 255;

/// Name of a key, by custom a URL without scheme: no spaces, no plus, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyName(String);

/// First four bytes of a hash over name, type and public key: a hint, not a fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; 4]);

/// A public key by signature type; more types will come (cosignatures, ML-DSA-44).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PublicKey {
    /// Type 0x01: Ed25519 over the note text.
    Ed25519([u8; 32]),
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
    #[error("verifier key of `{name}` is not an Ed25519 key (type 1 and 32 bytes)")]
    Type {
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
    /// Type byte and key, as they go into id and verifier key.
    fn encoded(&self) -> Vec<u8> {
        match self {
            Self::Ed25519(key) => [&[0x01], key.as_slice()].concat(),
        }
    }

    fn decode(encoded: &[u8]) -> Option<Self> {
        match encoded.split_first()? {
            (0x01, key) => key.try_into().ok().map(Self::Ed25519),
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
            PublicKey::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key)
                .verify(text.as_bytes(), signature)
                .is_ok(),
        }
    }
}

impl FromStr for KeyName {
    type Err = KeyError;

    fn from_str(given: &str) -> Result<Self, KeyError> {
        let length_fits = (1..=NAME_BYTES_MAX).contains(&given.len());
        let barred = |c: char| c.is_whitespace() || c.is_control() || c == '+';
        if !length_fits || given.contains(barred) {
            return Err(KeyError::Name {
                given: text::shorten(given),
            });
        }
        Ok(Self(given.to_owned()))
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(given: &str) -> Result<Self, KeyError> {
        let form = || KeyError::Form {
            given: text::shorten(given),
        };
        // Base64 may hold a plus: only the first two part the fields.
        let (name, rest) = given.split_once('+').ok_or_else(form)?;
        let (id, encoded) = rest.split_once('+').ok_or_else(form)?;
        let name: KeyName = name.parse()?;
        let found: KeyId = id.parse().map_err(|()| form())?;
        let encoded = text::decode(encoded).ok_or_else(form)?;
        let Some(key) = PublicKey::decode(&encoded) else {
            return Err(KeyError::Type { name });
        };
        let parsed = Self::new(name, key);
        if parsed.id != found {
            return Err(KeyError::Id {
                name: parsed.name,
                expected: parsed.id,
                found,
            });
        }
        Ok(parsed)
    }
}

impl FromStr for KeyId {
    type Err = ();

    /// Eight lower-case hexadecimal digits.
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut id = [0; 4];
        hex::decode_to_slice(text, &mut id).map_err(|_| ())?;
        if hex::encode(id) == text {
            Ok(Self(id))
        } else {
            Err(())
        }
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}+{}+{}",
            self.name,
            self.id,
            text::encode(self.key.encoded())
        )
    }
}

impl TryFrom<String> for KeyName {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        text.parse()
    }
}

impl From<KeyName> for String {
    fn from(name: KeyName) -> Self {
        name.0
    }
}

impl TryFrom<String> for VerifierKey {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        text.parse()
    }
}

impl From<VerifierKey> for String {
    fn from(key: VerifierKey) -> Self {
        key.to_string()
    }
}
