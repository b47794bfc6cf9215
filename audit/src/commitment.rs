//! Salted commitments: names for payloads that may have to be erased.
//!
//! An entry holds `HMAC-SHA256(salt, payload)`, the salt lies beside the payload. With both erased,
//! the entry says nothing about the payload, not even to someone who can guess it.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key};
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::text;

#[cfg(test)]
mod tests;

/// 128 random bits that hide what a commitment commits to; 32 lower-case hexadecimal digits as text.
///
/// Cleared from memory when dropped, and never in a Debug text.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Salt([u8; 16]);

/// `HMAC-SHA256(salt, bytes)`: safe to publish; 64 lower-case hexadecimal digits as text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Commitment([u8; 32]);

/// Commits to bytes that come in pieces.
pub struct Committer(Context);

/// Why there is no salt or commitment, or why one does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitmentError {
    /// The operating system gave no random bytes.
    #[error("the operating system's random generator failed: nothing can be committed to")]
    Random,
    /// Not hexadecimal digits of the right number. The text is not repeated: it may be a secret.
    #[error("not a {what}: {digits} lower-case hexadecimal digits are")]
    Form {
        /// `salt` or `commitment`.
        what: &'static str,
        /// Digits wanted.
        digits: usize,
    },
    /// Salt and bytes give another commitment.
    #[error("bytes and salt do not match commitment {expected}: one of them was changed")]
    Mismatch {
        /// The commitment that was to be opened.
        expected: Commitment,
    },
}

impl Salt {
    /// A fresh salt from the operating system's generator.
    ///
    /// # Errors
    /// [`CommitmentError::Random`] when the generator fails: MUST NOT be replaced by anything else.
    pub fn random() -> Result<Self, CommitmentError> {
        Self::filled(|bytes| SystemRandom::new().fill(bytes))
    }

    /// The salt that these bytes are, as read from a store.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    fn filled(
        fill: impl FnOnce(&mut [u8]) -> Result<(), Unspecified>,
    ) -> Result<Self, CommitmentError> {
        let mut salt = Self([0; 16]);
        fill(&mut salt.0).map_err(|_| CommitmentError::Random)?;
        Ok(salt)
    }
}

impl Commitment {
    /// Commits to `bytes`.
    #[must_use]
    pub fn new(salt: &Salt, bytes: &[u8]) -> Self {
        let mut committer = Committer::new(salt);
        committer.update(bytes);
        committer.finish()
    }

    /// Checks, in constant time, that this commitment is to `bytes` under `salt`.
    ///
    /// # Errors
    /// [`CommitmentError::Mismatch`] when it is not.
    pub fn verify(&self, salt: &Salt, bytes: &[u8]) -> Result<(), CommitmentError> {
        let found = Self::new(salt, bytes);
        verify_slices_are_equal(&found.0, &self.0)
            .map_err(|_| CommitmentError::Mismatch { expected: *self })
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Committer {
    /// Starts a commitment under `salt`.
    #[must_use]
    pub fn new(salt: &Salt) -> Self {
        Self(Context::with_key(&Key::new(HMAC_SHA256, &salt.0)))
    }

    /// Takes the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The commitment to all pieces.
    #[must_use]
    pub fn finish(self) -> Commitment {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.sign().as_ref()); // HMAC-SHA256 gives 32
        Commitment(bytes)
    }
}

fn decode_hex<const N: usize>(given: &str, what: &'static str) -> Result<[u8; N], CommitmentError> {
    let mut bytes = [0; N];
    let lower = !given.bytes().any(|b| b.is_ascii_uppercase());
    match hex::decode_to_slice(given, &mut bytes) {
        Ok(()) if lower => Ok(bytes),
        _ => Err(CommitmentError::Form {
            what,
            digits: 2 * N,
        }),
    }
}

impl FromStr for Salt {
    type Err = CommitmentError;

    fn from_str(given: &str) -> Result<Self, CommitmentError> {
        decode_hex(given, "salt").map(Self)
    }
}

impl FromStr for Commitment {
    type Err = CommitmentError;

    fn from_str(given: &str) -> Result<Self, CommitmentError> {
        decode_hex(given, "commitment").map(Self)
    }
}

impl TryFrom<String> for Salt {
    type Error = CommitmentError;

    fn try_from(text: String) -> Result<Self, CommitmentError> {
        text.parse()
    }
}

impl From<Salt> for String {
    fn from(salt: Salt) -> Self {
        hex::encode(salt.0)
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(…)")
    }
}

impl fmt::Display for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Commitment({self})")
    }
}

text::as_text!(Commitment, CommitmentError);
