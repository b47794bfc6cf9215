//! Every checkpoint that the broker shows is compared with the last one seen.

use audit::checkpoint::{Checkpoint, LogKey};
use audit::tree::{ProofError, TreeHash, verify_consistency};
use proto::convert::SizePair;

/// How a log contradicts itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogFault {
    /// Entries that we have seen are gone.
    #[error("the log was rolled back: it shows {found} entries after {kept}")]
    Rollback {
        /// Entries in the checkpoint seen before the call.
        kept: u64,
        /// Entries in the one that the answer shows.
        found: u64,
    },
    /// Two signed trees of one size.
    #[error("the log is forked: two signed checkpoints of {size} entries differ")]
    Fork {
        /// How many entries both have.
        size: u64,
    },
    /// The newer tree does not begin with the older one.
    #[error("the log is forked: {new} entries do not continue the {old} seen before ({source})")]
    Broken {
        /// Entries of the older tree.
        old: u64,
        /// Entries of the newer tree.
        new: u64,
        /// What the proof does not show.
        source: ProofError,
    },
    /// The broker has no proof between two trees that its key signed.
    #[error("the broker does not prove that {new} entries continue {old}: {cause}")]
    Unproven {
        /// Entries of the older tree.
        old: u64,
        /// Entries of the newer tree.
        new: u64,
        /// The broker's words.
        cause: String,
    },
    /// The broker says that its log has another key.
    #[error("the broker's log key is `{found}`, the profile's is `{expected}`")]
    OtherKey {
        /// The profile's.
        expected: Box<LogKey>,
        /// The broker's.
        found: Box<LogKey>,
    },
}

/// What a comparison asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// Nothing: we have seen this very tree.
    Known,
    /// Keep it: it is the first.
    Keep,
    /// A proof from the older to the newer; then keep the newer if it is the one that was shown.
    Prove {
        older: &'a Checkpoint,
        newer: &'a Checkpoint,
    },
}

/// Compares a checkpoint that an answer shows with the one that is kept.
///
/// `before` is the size that was kept before the call was made: the answer MUST NOT be older.
/// Answers to calls that ran at the same time may overtake each other, so one that is only older
/// than what is kept *now* is asked for a proof instead.
pub(super) fn compare<'a>(
    kept: Option<&'a Checkpoint>,
    before: u64,
    shown: &'a Checkpoint,
) -> Result<Step<'a>, LogFault> {
    let found = shown.size();
    if found < before {
        return Err(LogFault::Rollback {
            kept: before,
            found,
        });
    }
    let Some(kept) = kept else {
        return Ok(Step::Keep);
    };
    if kept.size() == found {
        return if kept.root() == shown.root() {
            Ok(Step::Known)
        } else {
            Err(LogFault::Fork { size: found })
        };
    }
    let (older, newer) = if kept.size() < found {
        (kept, shown)
    } else {
        (shown, kept)
    };
    Ok(Step::Prove { older, newer })
}

/// Checks the broker's proof that `newer` continues `older`.
pub(super) fn continues(
    older: &Checkpoint,
    newer: &Checkpoint,
    proof: &[TreeHash],
) -> Result<(), LogFault> {
    let SizePair { old, new } = sizes(older, newer);
    verify_consistency(old, older.root(), new, newer.root(), proof)
        .map_err(|source| LogFault::Broken { old, new, source })
}

pub(super) fn sizes(older: &Checkpoint, newer: &Checkpoint) -> SizePair {
    SizePair {
        old: older.size(),
        new: newer.size(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::client::testing::FakeLog;

    #[test]
    fn the_same_tree_needs_nothing_and_another_of_its_size_is_a_fork() {
        let (log, fork) = (FakeLog::of_heartbeats(9), FakeLog::forked(9, 4));
        let kept = log.checkpoint(5);
        let known = compare(Some(&kept), 5, &kept);
        assert_eq!(known, Ok(Step::Known));
        assert_eq!(compare(None, 0, &kept), Ok(Step::Keep));
        let other = fork.checkpoint(5);
        let forked = compare(Some(&kept), 0, &other);
        assert_eq!(forked, Err(LogFault::Fork { size: 5 }));
    }

    #[test]
    fn an_answer_is_never_older_than_what_was_seen_before_the_call() {
        let log = FakeLog::of_heartbeats(9);
        let (five, seven) = (log.checkpoint(5), log.checkpoint(7));
        let rolled = compare(Some(&seven), 7, &five);
        let (kept, found) = (7, 5);
        assert_eq!(rolled, Err(LogFault::Rollback { kept, found }));
        // Overtaken by another answer of the same time: to be proved, not refused.
        let (older, newer) = (&five, &seven);
        assert_eq!(
            compare(Some(&seven), 3, &five),
            Ok(Step::Prove { older, newer })
        );
        assert_eq!(
            compare(Some(&five), 5, &seven),
            Ok(Step::Prove { older, newer })
        );
    }

    #[test]
    fn a_larger_tree_counts_only_with_its_proof() {
        let (log, fork) = (FakeLog::of_heartbeats(9), FakeLog::forked(9, 4));
        for (old, new) in [(1, 9), (4, 9), (5, 7), (8, 9)] {
            let (older, newer) = (log.checkpoint(old), log.checkpoint(new));
            let proof = log.consistency(old, new);
            assert_eq!(continues(&older, &newer, &proof), Ok(()));
            if old > 4 {
                let broken = continues(&older, &fork.checkpoint(new), &fork.consistency(old, new));
                assert!(matches!(broken, Err(LogFault::Broken { .. })), "{broken:?}");
            }
        }
        let (older, newer) = (log.checkpoint(5), log.checkpoint(9));
        assert!(continues(&older, &newer, &[]).is_err());
    }
}
