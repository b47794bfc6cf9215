//! Receipts: an answer counts only when the log is shown to hold what was asked.

use std::fmt;
use std::ops::Deref;

use audit::checkpoint::{Checkpoint, LogKey};
use audit::quorum::QuorumError;
use audit::receipt::{Receipt, ReceiptError};
use policies::entry::{Body, Entry, EntryError};

/// Something that was done, and the verified proof that the log says so.
#[derive(Debug)]
pub struct Proven<T> {
    /// What.
    pub what: T,
    /// The proof.
    pub proof: Proof,
}

impl<T> Deref for Proven<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.what
    }
}

impl<T: fmt::Display> fmt::Display for Proven<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.what.fmt(f)
    }
}

/// The evidence that an entry is in the log and says what was asked.
///
/// MUST come from a verified receipt only: fields are private and nothing outside this module makes
/// one.
pub struct Proof {
    receipt: Receipt,
    entry: Entry,
    checkpoint: Checkpoint,
}

/// Why a receipt does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptFault {
    /// Signature or proof does not hold.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    /// Too few witnesses vouch for it.
    #[error(transparent)]
    Quorum(#[from] QuorumError),
    /// The bytes are in the log and are no entry of this version.
    #[error("entry {index}: {source}")]
    Entry {
        /// Its place in the log.
        index: u64,
        /// What is wrong with it.
        source: EntryError,
    },
    /// It is about another kind of thing.
    #[error("entry {index} is `{found}`, where `{expected}` is wanted")]
    Kind {
        /// Its place in the log.
        index: u64,
        /// The kind wanted.
        expected: &'static str,
        /// Its kind.
        found: &'static str,
    },
    /// It is about another thing of that kind.
    #[error("entry {index} has another {field} than was asked")]
    Field {
        /// Its place in the log.
        index: u64,
        /// What differs.
        field: &'static str,
    },
}

/// How an entry differs from what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Differs {
    /// It is no entry of this kind.
    Kind(&'static str),
    /// This field has another value.
    Field(&'static str),
}

impl Proof {
    /// Verifies a receipt, reads its entry and compares it with what was asked.
    ///
    /// # Errors
    /// [`ReceiptFault`]; then nothing in the receipt may be believed.
    pub(super) fn of(
        receipt: Receipt,
        key: &LogKey,
        asked: impl FnOnce(&Body) -> Result<(), Differs>,
    ) -> Result<Self, ReceiptFault> {
        let verified = receipt.verify(key)?;
        let index = verified.index();
        let entry = Entry::from_bytes(verified.entry())
            .map_err(|source| ReceiptFault::Entry { index, source })?;
        asked(&entry.body).map_err(|differs| match differs {
            Differs::Kind(expected) => ReceiptFault::Kind {
                index,
                expected,
                found: entry.body.kind(),
            },
            Differs::Field(field) => ReceiptFault::Field { index, field },
        })?;
        Ok(Self {
            checkpoint: verified.checkpoint().clone(),
            entry,
            receipt,
        })
    }

    /// The receipt, to keep or to hand on; its text form is a C2SP `.tlog-proof`.
    #[must_use]
    pub const fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// The entry.
    #[must_use]
    pub const fn entry(&self) -> &Entry {
        &self.entry
    }

    /// The entry's place in the log, from 0.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.receipt.index()
    }

    /// The signed tree that holds it.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }
}

/// Without the entry's content.
impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (index, kind) = (self.index(), self.entry.body.kind());
        write!(f, "Proof(entry {index}, {kind})")
    }
}

#[cfg(test)]
mod tests;
