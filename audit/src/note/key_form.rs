//! How names, ids and verifier keys are written and read.

use std::fmt;
use std::str::FromStr;

use super::key::NAME_BYTES_MAX;
use super::{KeyError, KeyId, KeyName, PublicKey, VerifierKey};
use crate::text;

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
        if parsed.id() != found {
            return Err(KeyError::Id {
                name: parsed.name().clone(),
                expected: parsed.id(),
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
            self.name(),
            self.id(),
            text::encode(self.key().encoded())
        )
    }
}

text::as_text!(KeyName, KeyError);

text::as_text!(VerifierKey, KeyError);
