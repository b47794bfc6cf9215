//! What keeps an entry from being guessed.

use serde::{Deserialize, Serialize};

/// 128 random bits in hexadecimal: keeps the public leaf hash of a predictable entry from being
/// guessed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EntrySalt(String);

impl EntrySalt {
    /// From random bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(hex::encode(bytes))
    }
}

impl TryFrom<String> for EntrySalt {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let fits = text.len() == 32 && hex::decode(&text).is_ok() && text == text.to_lowercase();
        if fits {
            Ok(Self(text))
        } else {
            Err("a salt is 32 lower-case hexadecimal digits".into())
        }
    }
}

impl From<EntrySalt> for String {
    fn from(salt: EntrySalt) -> Self {
        salt.0
    }
}
