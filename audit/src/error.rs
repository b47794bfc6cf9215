//! Why a log, or a copy of one, does not hold: an entry that breaks a rule, or is not the one that
//! was signed, or two signed trees that contradict each other.

mod evidence;

use jiff::Timestamp;

pub use evidence::{Evidence, FirstEntries, Verdict};

use crate::checkpoint::CheckpointError;
use crate::replay::Finding;

/// Why a log, or a copy of one, does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    /// An entry that the log signed breaks a rule.
    #[error(transparent)]
    Broken(#[from] Finding),
    /// The checkpoint is malformed, another log's, or not signed by it.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A tree smaller than one that the log signed before is shown as its newest.
    #[error("the log was rolled back, or an old copy of it is shown: {0}")]
    Rollback(Box<Evidence>),
    /// Two signed trees, of which the second does not continue the first.
    #[error("the log was forked or rewritten: {0}")]
    Fork(Box<Evidence>),
    /// The entries between two checkpoints do not lead from one to the other.
    #[error(
        "entries from {from} on do not lead from the first to the second checkpoint: other entries \
         were sent than were signed, or, where a new download says the same, the log was forked: \
         {evidence}"
    )]
    Inconsistent {
        /// First of those entries: one of them, or one before, is not the signed one.
        from: u64,
        /// Both checkpoints.
        evidence: Box<Evidence>,
    },
    /// The whole copy is not what was signed, and nothing in it tells which entry.
    #[error("the {size} entries are not those that were signed{}", hint(.suspect.as_ref()))]
    Root {
        /// Entries under the checkpoint.
        size: u64,
        /// The first entry that breaks a rule as it stands, if any does.
        suspect: Option<Finding>,
    },
    /// The stored leaf hashes, which are those signed, tell what was done to the copy.
    #[error("entry {index}, at byte {offset}, is not the one that was signed: {change}")]
    Altered {
        /// The first entry that is not the signed one.
        index: u64,
        /// Where it begins in `log/entries`.
        offset: usize,
        /// What was done.
        change: Change,
    },
    /// The entries end inside one.
    #[error("entry {index}, at byte {offset}, is cut off; {signed} entries were signed")]
    Torn {
        /// The entry.
        index: u64,
        /// Where it begins in `log/entries`.
        offset: usize,
        /// Entries under the checkpoint.
        signed: u64,
    },
    /// Entries are not there.
    #[error("entry {index} is missing; {signed} entries were signed")]
    Missing {
        /// How many are there, which is the first index that is not.
        index: u64,
        /// Entries under the checkpoint.
        signed: u64,
    },
    /// More entries were given than the checkpoint covers.
    #[error("entry {index} is not under the checkpoint, which covers {signed} entries")]
    Surplus {
        /// The first that is too many.
        index: u64,
        /// Entries under the checkpoint.
        signed: u64,
    },
    /// The newest entry is dated after the auditor's own clock.
    #[error("entry {index} is dated {time}, more than 300 s after our clock, {now}")]
    AheadOfClock {
        /// The newest entry.
        index: u64,
        /// Its time.
        time: Timestamp,
        /// The auditor's time.
        now: Timestamp,
    },
}

/// What was done to a copy at its first altered entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Change {
    /// It has other bytes.
    #[error("it was changed after it was logged")]
    Rewritten,
    /// It, and those after it, were cut out.
    #[error("{count} signed entries were removed here")]
    Removed {
        /// How many.
        count: u64,
    },
    /// It, and those after it, were put in.
    #[error("{count} entries were inserted here")]
    Inserted {
        /// How many.
        count: u64,
    },
    /// The entries are those signed, in another order.
    #[error("entries changed places; here belongs the one that stands at {found_at}")]
    Reordered {
        /// Where the signed entry stands now.
        found_at: u64,
    },
}

impl AuditError {
    /// The entry it names, from 0; nothing where it is about trees as a whole.
    #[must_use]
    pub fn index(&self) -> Option<u64> {
        match self {
            Self::Broken(finding) => Some(finding.index),
            Self::Root { suspect, .. } => suspect.as_ref().map(|finding| finding.index),
            Self::Altered { index, .. }
            | Self::Torn { index, .. }
            | Self::Missing { index, .. }
            | Self::Surplus { index, .. }
            | Self::Inconsistent { from: index, .. }
            | Self::AheadOfClock { index, .. } => Some(*index),
            Self::Checkpoint(_) | Self::Rollback(_) | Self::Fork(_) => None,
        }
    }

    /// The two checkpoints that contradict each other, to show to others.
    #[must_use]
    pub fn evidence(&self) -> Option<&Evidence> {
        match self {
            Self::Rollback(evidence)
            | Self::Fork(evidence)
            | Self::Inconsistent { evidence, .. } => Some(evidence),
            _ => None,
        }
    }
}

fn hint(suspect: Option<&Finding>) -> String {
    suspect.map_or_else(
        || "; compare `log/h0` or a second copy to learn which is another".to_owned(),
        |finding| format!("; as they stand, {finding}"),
    )
}
