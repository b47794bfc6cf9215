//! Cosignatures (c2sp.org/tlog-cosignature): a witness says that it saw this tree, and that every
//! smaller tree of the log it ever saw is a part of it.

#[cfg(test)]
mod tests;

use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use zeroize::Zeroizing;

use crate::checkpoint::TreeHead;
use crate::note::{KeyName, NoteSignature, PublicKey, SignError, VerifierKey};

/// Bytes of the time before each signature: seconds since 1970, big-endian.
const TIME_BYTES: usize = 8;

/// A witness's private key: Ed25519, type 0x04, the one that the public witness network issues.
pub struct Cosigner {
    key: VerifierKey,
    pair: Ed25519KeyPair,
}

impl Cosigner {
    /// The key that this RFC 8032 seed makes, under the witness's name. MUST NOT be a key that
    /// signs anything else.
    ///
    /// # Errors
    /// [`SignError::Key`] when the library refuses the seed.
    pub fn from_seed(name: KeyName, seed: &Zeroizing<[u8; 32]>) -> Result<Self, SignError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.as_slice());
        let made = pair.ok().and_then(|pair| {
            let public = pair.public_key().as_ref().try_into().ok()?;
            Some((pair, PublicKey::CosignEd25519(public)))
        });
        match made {
            Some((pair, public)) => Ok(Self {
                key: VerifierKey::new(name, public),
                pair,
            }),
            None => Err(SignError::Key { name }),
        }
    }

    /// The public half, for policies.
    #[must_use]
    pub const fn verifier_key(&self) -> &VerifierKey {
        &self.key
    }

    /// Says that `head` is the largest tree of its log seen by `time`, in seconds since 1970. The
    /// caller MUST have seen that it continues every tree cosigned before, and have stored it
    /// durably.
    ///
    /// # Errors
    /// [`SignError::Failed`] when the library cannot.
    pub fn cosign(&self, head: &TreeHead, time: u64) -> Result<NoteSignature, SignError> {
        let name = self.key.name().clone();
        let message = ed25519_message(time, &head.to_string());
        match self.pair.try_sign(message.as_bytes()) {
            Ok(signature) => Ok(NoteSignature {
                name,
                id: self.key.id(),
                bytes: [time.to_be_bytes().as_slice(), signature.as_ref()].concat(),
            }),
            Err(_) => Err(SignError::Failed { name }),
        }
    }
}

impl fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cosigner({})", self.key)
    }
}

/// When it was cosigned, in seconds since 1970; nothing where the bytes are no cosignature. To be
/// believed only of a signature that verified.
#[must_use]
pub fn time(signature: &NoteSignature) -> Option<u64> {
    split(&signature.bytes).map(|(time, _)| time)
}

/// Time and signature, as they lie in a signature line.
pub(crate) fn split(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (time, signature) = bytes.split_first_chunk::<TIME_BYTES>()?;
    let time = u64::from_be_bytes(*time);
    (i64::try_from(time).is_ok() && !signature.is_empty()).then_some((time, signature))
}

/// What an Ed25519 cosigner signs.
pub(crate) fn ed25519_message(time: u64, note_text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{note_text}")
}

/// What an ML-DSA-44 cosigner signs: `cosigned_message`, with a tree from its first leaf.
pub(crate) fn ml_dsa_message(cosigner: &KeyName, time: u64, head: &TreeHead) -> Option<Vec<u8>> {
    let mut message = b"subtree/v1\n\0".to_vec();
    append_short(&mut message, cosigner)?;
    message.extend(time.to_be_bytes());
    append_short(&mut message, head.origin())?;
    message.extend(0_u64.to_be_bytes());
    message.extend(head.size().to_be_bytes());
    message.extend(head.root().as_bytes());
    Some(message)
}

/// Behind its length in one byte; key names are never longer.
fn append_short(message: &mut Vec<u8>, name: &KeyName) -> Option<()> {
    message.push(u8::try_from(name.as_str().len()).ok()?);
    message.extend(name.as_str().as_bytes());
    Some(())
}
