//! Text forms shared by the formats: base64 (RFC 4648 section 4, padded, no stray bits), decimals.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// `TryFrom<String>` and `Into<String>` by way of `FromStr` and `Display`, for serde's attributes.
macro_rules! as_text {
    ($type:ty, $error:ty) => {
        impl TryFrom<String> for $type {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, $error> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }
    };
}
pub(crate) use as_text;

/// Text of `bytes`.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

/// Bytes of `text`, or nothing when the text is not exactly what [`encode`] would print.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// As [`decode`], when the bytes are exactly `N`.
pub fn decode_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    decode(text)?.try_into().ok()
}

/// An error's copy of a foreign text: at most 80 characters.
pub fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Bytes as base64 text in JSON, for `#[serde(with = "crate::text::base64_json")]`.
pub mod base64_json {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        super::encode(bytes).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::decode(&text).ok_or_else(|| D::Error::custom("bytes are not padded base64"))
    }
}

/// A decimal of the C2SP formats: digits only, no leading zero unless it is `0`.
pub fn decode_decimal(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    let canonical = text == "0" || !text.starts_with('0');
    (digits && canonical).then(|| text.parse().ok()).flatten()
}
