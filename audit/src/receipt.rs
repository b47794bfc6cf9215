//! An entry with the proof that it is in the log.

mod proof_text;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::bundle::ENTRY_BYTES_MAX;
use crate::checkpoint::{Checkpoint, CheckpointError, CheckpointNote, LogKey};
use crate::tree::{PROOF_HASHES_MAX, ProofError, TreeHash, leaf_hash, verify_inclusion};

/// Entry, inclusion proof and checkpoint as received: not to be believed before
/// [`Receipt::verify`].
///
/// In JSON: `{"index": 5, "entry": base64, "proof": [base64, …], "checkpoint": note}`; as text, the
/// C2SP `.tlog-proof` with the entry in its `extra` line.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Receipt {
    index: u64,
    entry: Vec<u8>,
    proof: Vec<TreeHash>,
    checkpoint: CheckpointNote,
}

/// The evidence that an entry is in the log, under a checkpoint its key signed.
///
/// MUST come from [`Receipt::verify`] only: fields are private, nothing else constructs it, and it
/// is neither deserialisable nor cloneable. Whoever demands a `Verified` demands a logged entry.
///
/// ```compile_fail,E0451
/// fn forge(checkpoint: audit::checkpoint::Checkpoint) -> audit::receipt::Verified {
///     audit::receipt::Verified { index: 0, entry: Vec::new(), checkpoint }
/// }
/// ```
/// ```compile_fail,E0277
/// let forged: audit::receipt::Verified = serde_json::from_str("{}").unwrap();
/// ```
/// ```compile_fail,E0277
/// fn copies<T: Clone>() {}
/// copies::<audit::receipt::Verified>();
/// ```
pub struct Verified {
    index: u64,
    entry: Vec<u8>,
    checkpoint: Checkpoint,
}

/// Why a receipt cannot be read or does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Longer than an entry can be.
    #[error("receipt with an entry of {found} bytes, over the limit of {ENTRY_BYTES_MAX}")]
    EntryTooLong {
        /// How many bytes it has.
        found: usize,
    },
    /// More hashes than any tree needs.
    #[error("receipt with {found} proof hashes, over the limit of {PROOF_HASHES_MAX}")]
    ProofTooLong {
        /// How many hashes it has.
        found: usize,
    },
    /// Larger than [`RECEIPT_TEXT_BYTES_MAX`].
    #[error("proof text of {found} bytes is over the limit of {RECEIPT_TEXT_BYTES_MAX}")]
    TextTooLong {
        /// How many bytes it has.
        found: usize,
    },
    /// A line of the proof text is not what it should be.
    #[error("proof text line {line}: {expected} expected")]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// The proof text does not carry its entry.
    #[error("proof text without an `extra` line: give the entry's own file with it")]
    NoEntry,
    /// The checkpoint is malformed, another log's, or not signed by it.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The entry is not in the tree where the receipt says.
    #[error("receipt for entry {index}: {source}")]
    Proof {
        /// The index in the receipt.
        index: u64,
        /// What does not hold.
        source: ProofError,
    },
}

pub use proof_text::RECEIPT_TEXT_BYTES_MAX;

impl Receipt {
    /// Puts the parts together; nothing is verified yet.
    ///
    /// # Errors
    /// [`ReceiptError::EntryTooLong`] or [`ReceiptError::ProofTooLong`].
    pub fn new(
        index: u64,
        entry: Vec<u8>,
        proof: Vec<TreeHash>,
        checkpoint: CheckpointNote,
    ) -> Result<Self, ReceiptError> {
        if entry.len() > ENTRY_BYTES_MAX {
            return Err(ReceiptError::EntryTooLong { found: entry.len() });
        }
        if proof.len() > PROOF_HASHES_MAX {
            return Err(ReceiptError::ProofTooLong { found: proof.len() });
        }
        Ok(Self {
            index,
            entry,
            proof,
            checkpoint,
        })
    }

    /// The index it claims.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The entry it claims.
    #[must_use]
    pub fn entry(&self) -> &[u8] {
        &self.entry
    }

    /// The hashes from the leaf's sibling up.
    #[must_use]
    pub fn proof(&self) -> &[TreeHash] {
        &self.proof
    }

    /// The checkpoint it leans on.
    #[must_use]
    pub const fn checkpoint(&self) -> &CheckpointNote {
        &self.checkpoint
    }

    /// Checks the log's signature and that the entry stands at its index in the signed tree.
    ///
    /// # Errors
    /// [`ReceiptError::Checkpoint`] or [`ReceiptError::Proof`]; then nothing in the receipt may be
    /// believed.
    pub fn verify(&self, key: &LogKey) -> Result<Verified, ReceiptError> {
        let Self {
            index,
            entry,
            proof,
            checkpoint,
        } = self;
        let checkpoint = checkpoint.verify(key)?;
        verify_inclusion(
            &leaf_hash(entry),
            *index,
            checkpoint.size(),
            proof,
            checkpoint.root(),
        )
        .map_err(|source| ReceiptError::Proof {
            index: *index,
            source,
        })?;
        Ok(Verified {
            index: *index,
            entry: entry.clone(),
            checkpoint,
        })
    }
}

impl Verified {
    /// The entry's bytes, as logged.
    #[must_use]
    pub fn entry(&self) -> &[u8] {
        &self.entry
    }

    /// The entry's place in the log, from 0.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// The signed tree that holds it.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Receipt(entry {}, {} bytes)",
            self.index,
            self.entry.len()
        )
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Verified(entry {}, {} bytes)",
            self.index,
            self.entry.len()
        )
    }
}

/// The JSON form: checked on the way in.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    index: u64,
    #[serde(with = "crate::text::base64_json")]
    entry: Vec<u8>,
    proof: Vec<TreeHash>,
    checkpoint: CheckpointNote,
}

impl TryFrom<Parts> for Receipt {
    type Error = ReceiptError;

    fn try_from(
        Parts {
            index,
            entry,
            proof,
            checkpoint,
        }: Parts,
    ) -> Result<Self, ReceiptError> {
        Self::new(index, entry, proof, checkpoint)
    }
}

impl From<Receipt> for Parts {
    fn from(
        Receipt {
            index,
            entry,
            proof,
            checkpoint,
        }: Receipt,
    ) -> Self {
        Self {
            index,
            entry,
            proof,
            checkpoint,
        }
    }
}
