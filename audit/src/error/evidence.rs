use std::fmt;

use serde::{Deserialize, Serialize};

use crate::checkpoint::{CheckpointError, CheckpointNote, LogKey};
use crate::tree::{
    HashReader, ProveError, TreeHash, consistency_proof, root_at, verify_consistency,
};

#[cfg(test)]
mod tests;

/// Two checkpoints of one log that contradict each other, as a portable JSON file: each note
/// carries the log's own signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// What the log had signed when we last looked.
    pub before: CheckpointNote,
    /// What it shows now.
    pub after: CheckpointNote,
    /// Of two sizes: what the larger tree's first entries truly are.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first_entries: Option<FirstEntries>,
}

/// The root of the first entries of a larger tree, as many as the smaller one has, and the proof
/// that it is theirs. A tree has only one such root (RFC 6962 section 2.1.2), so another one under
/// the log's signature is a fork, shown without a single entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirstEntries {
    /// Their root.
    pub root: TreeHash,
    /// Consistency proof from it to the larger tree.
    pub proof: Vec<TreeHash>,
}

/// What two signed checkpoints come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The log has signed two trees of which neither continues the other.
    Fork,
    /// The larger tree continues the smaller: no evidence of anything but, maybe, a rollback.
    Continues,
    /// Of two sizes nothing follows from the notes alone: an honest log answers with a consistency
    /// proof, a forked one cannot. A copy of the larger tree would tell.
    Open,
}

impl Evidence {
    /// Two checkpoints and nothing else.
    #[must_use]
    pub const fn of(before: CheckpointNote, after: CheckpointNote) -> Self {
        Self {
            before,
            after,
            first_entries: None,
        }
    }

    /// The same with what a copy of the larger tree tells. `hashes` MUST be that tree's, or nothing
    /// will follow from it.
    ///
    /// # Errors
    /// [`ProveError`] where the copy is too small.
    pub fn with_copy<R: HashReader>(self, hashes: &R) -> Result<Self, ProveError<R::Error>> {
        let sizes = [&self.before, &self.after].map(|note| note.claimed().size());
        let (small, large) = (sizes.iter().min(), sizes.iter().max());
        let (Some(&small), Some(&large)) = (small, large) else {
            return Ok(self);
        };
        let first_entries = Some(FirstEntries {
            root: root_at(hashes, small)?,
            proof: consistency_proof(hashes, small, large)?,
        });
        Ok(Self {
            first_entries,
            ..self
        })
    }

    /// What follows, to anybody who holds the log's key.
    ///
    /// # Errors
    /// [`CheckpointError`] where one is not signed by the log: then it is evidence of nothing.
    pub fn verdict(&self, key: &LogKey) -> Result<Verdict, CheckpointError> {
        let (before, after) = (self.before.verify(key)?, self.after.verify(key)?);
        let (small, large) = if before.size() <= after.size() {
            (before, after)
        } else {
            (after, before)
        };
        if small.size() == large.size() {
            let same = small.root() == large.root();
            return Ok(if same {
                Verdict::Continues
            } else {
                Verdict::Fork
            });
        }
        if small.size() == 0 {
            return Ok(Verdict::Continues); // every tree continues the empty one
        }
        let Some(FirstEntries { root, proof }) = &self.first_entries else {
            return Ok(Verdict::Open);
        };
        let proven = verify_consistency(small.size(), root, large.size(), large.root(), proof);
        Ok(match proven {
            Err(_) => Verdict::Open,
            Ok(()) if root == small.root() => Verdict::Continues,
            Ok(()) => Verdict::Fork,
        })
    }

    /// Does it prove a fork?
    ///
    /// # Errors
    /// As [`Evidence::verdict`].
    pub fn proves_fork(&self, key: &LogKey) -> Result<bool, CheckpointError> {
        Ok(self.verdict(key)? == Verdict::Fork)
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = (self.before.claimed(), self.after.claimed());
        write!(
            f,
            "signed before: {} entries, root {}; signed now: {} entries, root {}",
            before.size(),
            before.root(),
            after.size(),
            after.root()
        )
    }
}
