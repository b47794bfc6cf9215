//! C2SP signed notes (c2sp.org/signed-note): a text and lines that sign it.

mod key;
mod key_form;
mod sign;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use crate::text;

pub use key::{KeyError, KeyId, KeyName, ML_DSA_44_BYTES, PublicKey, VerifierKey};
pub use sign::{SignError, Signer};

/// Most bytes of a note, signatures included: a checkpoint with 64 post-quantum cosignatures fits.
pub const NOTE_BYTES_MAX: usize = 512 * 1024;

/// Most signatures of a note; the format asks for at least 16.
pub const SIGNATURES_MAX: usize = 64;

/// A signed note as it was received: well-formed, and not to be believed before [`Note::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// Whose signature it says it is.
    pub name: KeyName,
    /// Which of that name's keys.
    pub id: KeyId,
    /// The signature in the form of the key's type.
    pub bytes: Vec<u8>,
}

/// Why a text is not a signed note, or not one of a known key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Larger than [`NOTE_BYTES_MAX`].
    #[error("note of {found} bytes is over the limit of {NOTE_BYTES_MAX}")]
    TooLong {
        /// How many it has.
        found: usize,
    },
    /// A control character other than newline.
    #[error("note holds a control character other than newline")]
    Control,
    /// The text must end with a newline and cannot be empty.
    #[error("note text does not end with a newline")]
    Text,
    /// No empty line parts the text from signatures.
    #[error("note has no empty line between text and signatures")]
    NoSignatures,
    /// A line after the last empty line is not `— name base64`.
    #[error("line `{given}` is not a signature: an em dash, a key name and base64 are")]
    SignatureLine {
        /// The line, shortened.
        given: String,
    },
    /// More than [`SIGNATURES_MAX`].
    #[error("note has more than {SIGNATURES_MAX} signatures")]
    TooManySignatures,
    /// None of the known keys signed it.
    #[error("note is not signed by any known key")]
    NoKnownKey,
    /// A known key's signature is false.
    #[error("signature of `{name}` does not verify: the note was changed, or the key is another")]
    Signature {
        /// Whose signature.
        name: KeyName,
    },
}

impl Note {
    /// A note of this text with a first signature.
    ///
    /// # Errors
    /// [`NoteError`] when a note may not have this text.
    pub fn new(text: impl Into<String>, signature: NoteSignature) -> Result<Self, NoteError> {
        let text = text.into();
        check_text(&text)?;
        Self {
            text,
            signatures: Vec::new(),
        }
        .with_signature(signature)
    }

    /// The same note with one signature more, as a cosigner adds it.
    ///
    /// # Errors
    /// [`NoteError::TooManySignatures`] or [`NoteError::TooLong`].
    pub fn with_signature(mut self, signature: NoteSignature) -> Result<Self, NoteError> {
        if self.signatures.len() >= SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures);
        }
        self.signatures.push(signature);
        check_length(self.to_string().len())?;
        Ok(self)
    }

    /// What was signed, with its last newline.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines in their order.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Checks the signatures of the given keys and returns the keys that signed, at least one.
    ///
    /// Signatures of other keys are ignored, as the format demands.
    ///
    /// # Errors
    /// [`NoteError::Signature`] when a signature under a known name and id is false, even beside a
    /// true one; [`NoteError::NoKnownKey`] when no given key signed.
    pub fn verify<'k>(&self, keys: &'k [VerifierKey]) -> Result<Vec<&'k VerifierKey>, NoteError> {
        let mut signed = Vec::new();
        for key in keys {
            let lines = self.signatures.iter().filter(|line| key.made(line));
            let mut found = false;
            for line in lines {
                if !key.verifies(&self.text, &line.bytes) {
                    return Err(NoteError::Signature {
                        name: key.name().clone(),
                    });
                }
                found = true;
            }
            if found {
                signed.push(key);
            }
        }
        if signed.is_empty() {
            Err(NoteError::NoKnownKey)
        } else {
            Ok(signed)
        }
    }
}

impl FromStr for Note {
    type Err = NoteError;

    fn from_str(given: &str) -> Result<Self, NoteError> {
        check_length(given.len())?;
        // The last empty line: the text before it may have empty lines too.
        let (body, lines) = given.rsplit_once("\n\n").ok_or(NoteError::NoSignatures)?;
        let text = format!("{body}\n");
        check_text(&text)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::NoSignatures)?;
        let signatures = lines
            .split('\n')
            .map(|line| {
                parse_line(line).ok_or_else(|| NoteError::SignatureLine {
                    given: text::shorten(line),
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        if signatures.len() > SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures);
        }
        Ok(Self { text, signatures })
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures
            .iter()
            .try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blob = [self.id.as_bytes().as_slice(), &self.bytes].concat();
        write!(f, "— {} {}", self.name, text::encode(blob))
    }
}

fn parse_line(line: &str) -> Option<NoteSignature> {
    let (name, blob) = line.strip_prefix("— ")?.split_once(' ')?;
    let blob = text::decode(blob)?;
    let (id, bytes) = blob.split_first_chunk::<4>()?;
    if bytes.is_empty() {
        return None;
    }
    Some(NoteSignature {
        name: name.parse().ok()?,
        id: KeyId::new(*id),
        bytes: bytes.to_vec(),
    })
}

fn check_length(found: usize) -> Result<(), NoteError> {
    if found > NOTE_BYTES_MAX {
        Err(NoteError::TooLong { found })
    } else {
        Ok(())
    }
}

fn check_text(text: &str) -> Result<(), NoteError> {
    if !text.ends_with('\n') {
        return Err(NoteError::Text);
    }
    if text.bytes().any(|b| b < b' ' && b != b'\n') {
        return Err(NoteError::Control);
    }
    Ok(())
}
