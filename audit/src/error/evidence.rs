use std::fmt;

use serde::{Deserialize, Serialize};

use crate::checkpoint::{CheckpointError, CheckpointNote, LogKey};

/// Two checkpoints of one log that contradict each other, as a portable JSON file: each note
/// carries the log's own signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// What the log had signed when we last looked.
    pub before: CheckpointNote,
    /// What it shows now.
    pub after: CheckpointNote,
}

impl Evidence {
    /// Do the two notes prove a fork by themselves: signed by this log, one size, two roots?
    ///
    /// Of two sizes nothing follows from the notes alone: an honest log answers with a consistency
    /// proof ([`crate::tree::verify_consistency`]), a forked one cannot.
    ///
    /// # Errors
    /// [`CheckpointError`] where one is not signed by the log: then it is evidence of nothing.
    pub fn proves_fork(&self, key: &LogKey) -> Result<bool, CheckpointError> {
        let (before, after) = (self.before.verify(key)?, self.after.verify(key)?);
        Ok(before.size() == after.size() && before.root() != after.root())
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
