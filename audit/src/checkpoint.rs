//! C2SP checkpoints (c2sp.org/tlog-checkpoint): signed tree heads.
//!
//! [`TreeHead`] is the statement, [`CheckpointNote`] a statement with signatures as received, and
//! [`Checkpoint`] one that a log's key was seen to have signed.

mod form;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::note::{
    KeyError, KeyName, Note, NoteError, NoteSignature, SignError, Signer, VerifierKey,
};
use crate::tree::{SIZE_MAX, TreeHash, empty_root};

/// The key of a log. Its name is the log's origin, as the format recommends; here it is a must.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "VerifierKey", into = "VerifierKey")]
pub struct LogKey(VerifierKey);

/// What a checkpoint says: this log has this root at this size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeHead {
    origin: KeyName,
    size: u64,
    root: TreeHash,
}

/// A checkpoint as it was received: well-formed, and not to be believed before
/// [`CheckpointNote::verify`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CheckpointNote {
    note: Note,
    head: TreeHead,
}

/// A tree head signed by the log's key. Made only by [`CheckpointNote::verify`], and not
/// deserialisable: what is stored is the note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    signed: CheckpointNote,
}

/// Why a text is not a checkpoint, or not one of this log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Not a signed note, or not signed by the log.
    #[error("checkpoint: {0}")]
    Note(#[from] NoteError),
    /// Not three lines. Extension lines are refused: nobody could audit them.
    #[error("checkpoint has {found} lines; origin, size and root hash are wanted, and no more")]
    Lines {
        /// How many lines it has.
        found: usize,
    },
    /// The first line is not an origin that can be a key name.
    #[error("checkpoint origin: {0}")]
    Origin(#[from] KeyError),
    /// The second line is not a size.
    #[error("checkpoint size `{given}` is not a decimal number from 0 to 2^63 - 1")]
    Size {
        /// The line, shortened.
        given: String,
    },
    /// The third line is not a hash.
    #[error("checkpoint root `{given}` is not a hash of 32 bytes in base64")]
    Root {
        /// The line, shortened.
        given: String,
    },
    /// The empty tree has one root only.
    #[error("checkpoint of an empty tree has the root of another")]
    EmptyRoot,
    /// It is another log's.
    #[error("checkpoint of log `{found}`, where one of log `{expected}` is wanted")]
    ForeignLog {
        /// The origin that the log's key names.
        expected: KeyName,
        /// The origin in the checkpoint.
        found: KeyName,
    },
    /// It could not be signed.
    #[error("checkpoint: {0}")]
    Sign(#[from] SignError),
}

impl LogKey {
    /// The log whose origin is the key's name.
    #[must_use]
    pub const fn new(key: VerifierKey) -> Self {
        Self(key)
    }

    /// The log's name, first line of its checkpoints.
    #[must_use]
    pub const fn origin(&self) -> &KeyName {
        self.0.name()
    }

    /// The key.
    #[must_use]
    pub const fn verifier_key(&self) -> &VerifierKey {
        &self.0
    }
}

impl TreeHead {
    /// The statement that `origin`'s tree has `root` at `size`.
    ///
    /// # Errors
    /// [`CheckpointError::Size`] or [`CheckpointError::EmptyRoot`] when no tree can be so.
    pub fn new(origin: KeyName, size: u64, root: TreeHash) -> Result<Self, CheckpointError> {
        if size > SIZE_MAX {
            return Err(CheckpointError::Size {
                given: size.to_string(),
            });
        }
        if size == 0 && root != empty_root() {
            return Err(CheckpointError::EmptyRoot);
        }
        Ok(Self { origin, size, root })
    }

    /// The log's name.
    #[must_use]
    pub const fn origin(&self) -> &KeyName {
        &self.origin
    }

    /// Leaves in the tree.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Root hash of the tree.
    #[must_use]
    pub const fn root(&self) -> &TreeHash {
        &self.root
    }

    /// Signs the statement.
    ///
    /// A log MUST NOT sign a tree that does not continue every tree it signed before, and MUST have
    /// the leaves durable first; the caller sees to both.
    ///
    /// # Errors
    /// [`CheckpointError::ForeignLog`] when the signer is not named like the origin,
    /// [`CheckpointError::Sign`] when the library fails.
    pub fn sign(self, signer: &Signer) -> Result<CheckpointNote, CheckpointError> {
        let expected = signer.verifier_key().name();
        check_origin(expected, &self.origin)?;
        let text = self.to_string();
        let signature = signer.sign(&text)?;
        Ok(CheckpointNote {
            note: Note::new(text, signature)?,
            head: self,
        })
    }
}

impl CheckpointNote {
    /// What it says, true or not.
    #[must_use]
    pub const fn claimed(&self) -> &TreeHead {
        &self.head
    }

    /// The note with its signatures.
    #[must_use]
    pub const fn note(&self) -> &Note {
        &self.note
    }

    /// The same checkpoint with one signature more, as a witness gives it.
    ///
    /// # Errors
    /// [`NoteError`] when the note would grow over its limits.
    pub fn with_signature(self, signature: NoteSignature) -> Result<Self, NoteError> {
        Ok(Self {
            note: self.note.with_signature(signature)?,
            ..self
        })
    }

    /// Checks origin and the log's signature.
    ///
    /// # Errors
    /// [`CheckpointError::ForeignLog`], or [`CheckpointError::Note`] when the log's signature is
    /// missing or false.
    pub fn verify(&self, key: &LogKey) -> Result<Checkpoint, CheckpointError> {
        check_origin(key.origin(), &self.head.origin)?;
        self.note.verify(std::slice::from_ref(&key.0))?;
        Ok(Checkpoint {
            signed: self.clone(),
        })
    }
}

impl Checkpoint {
    /// Leaves in the tree.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.signed.head.size
    }

    /// Root hash of the tree.
    #[must_use]
    pub const fn root(&self) -> &TreeHash {
        &self.signed.head.root
    }

    /// The log's name.
    #[must_use]
    pub const fn origin(&self) -> &KeyName {
        &self.signed.head.origin
    }

    /// The signed note, to store or to send.
    #[must_use]
    pub const fn signed(&self) -> &CheckpointNote {
        &self.signed
    }
}

fn check_origin(expected: &KeyName, found: &KeyName) -> Result<(), CheckpointError> {
    if expected == found {
        return Ok(());
    }
    Err(CheckpointError::ForeignLog {
        expected: expected.clone(),
        found: found.clone(),
    })
}
