//! A witness (c2sp.org/tlog-witness) as a function: what it knows and what it is asked decide what
//! it answers. Whoever calls it keeps what it knows.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use crate::checkpoint::{Checkpoint, CheckpointError, CheckpointNote, LogKey};
use crate::error::Evidence;
use crate::note::NOTE_BYTES_MAX;
use crate::text;
use crate::tree::{TreeHash, verify_consistency};

/// Most hashes in a request.
pub const REQUEST_HASHES_MAX: usize = 63;

/// Most bytes of a request: the largest note and a proof fit.
pub const REQUEST_BYTES_MAX: usize = NOTE_BYTES_MAX + 4 * 1024;

/// The body of `POST /add-checkpoint`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// Size of the last tree that the witness cosigned, as the log knows it.
    pub old: u64,
    /// Consistency proof from that size; empty for 0.
    pub proof: Vec<TreeHash>,
    /// The new tree head.
    pub checkpoint: CheckpointNote,
}

/// Why a checkpoint is not cosigned; the texts go to whoever asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not a request (400).
    #[error("request line {line}: {expected} expected")]
    Form {
        /// Number of the line, from 1.
        line: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// The request ends in something that is no checkpoint (400).
    #[error(transparent)]
    Checkpoint(CheckpointError),
    /// The old size is larger than the new one (400).
    #[error("the old size {old} is over the checkpoint's size {size}")]
    Backwards {
        /// The old size.
        old: u64,
        /// The checkpoint's.
        size: u64,
    },
    /// Nobody told us to watch this log (404).
    #[error("log `{origin}` is not watched here")]
    UnknownLog {
        /// Its origin.
        origin: String,
    },
    /// Not signed by the log (403).
    #[error("the checkpoint is not signed by its log: {0}")]
    Signature(CheckpointError),
    /// The last tree cosigned is another (409): the log asks again from this size.
    #[error("the last checkpoint cosigned has size {size}")]
    Stale {
        /// Its size.
        size: u64,
    },
    /// Two trees of one size, both signed by the log (409): the log has forked.
    #[error("the log has signed another tree of the same size: {0}")]
    Fork(Box<Evidence>),
    /// The proof does not lead from the last tree to this one (422).
    #[error("the consistency proof does not hold: {0}")]
    Inconsistent(Box<Evidence>),
}

impl Refused {
    /// The HTTP status that the specification gives it.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Form { .. } | Self::Checkpoint(_) | Self::Backwards { .. } => 400,
            Self::Signature(_) => 403,
            Self::UnknownLog { .. } => 404,
            Self::Stale { .. } | Self::Fork(_) => 409,
            Self::Inconsistent(_) => 422,
        }
    }

    /// The size of the last tree cosigned, which a 409 tells.
    #[must_use]
    pub fn known_size(&self) -> Option<u64> {
        match self {
            Self::Stale { size } => Some(*size),
            Self::Fork(evidence) => Some(evidence.before.claimed().size()),
            _ => None,
        }
    }

    /// Has the log forked? A proof that does not hold says nothing of the log: its checkpoints are public, and
    /// anybody may send one with a proof of their own.
    #[must_use]
    pub const fn proves_fork(&self) -> bool {
        matches!(self, Self::Fork(_))
    }

    /// Two checkpoints, both signed by the log, that were not shown to go together.
    #[must_use]
    pub fn evidence(&self) -> Option<&Evidence> {
        match self {
            Self::Fork(evidence) | Self::Inconsistent(evidence) => Some(evidence),
            _ => None,
        }
    }
}

/// Decides whether a checkpoint may be cosigned. `latest` is the last tree of this log that was:
/// the caller MUST read it, and store the answer durably in its place before it cosigns, as one
/// step that no other request comes between.
///
/// # Errors
/// [`Refused`]; nothing may be stored then.
pub fn add_checkpoint(
    key: &LogKey,
    latest: Option<&Checkpoint>,
    request: &AddCheckpoint,
) -> Result<Checkpoint, Refused> {
    let AddCheckpoint {
        old,
        proof,
        checkpoint,
    } = request;
    let new = checkpoint.verify(key).map_err(Refused::Signature)?;
    let size = new.size();
    if *old > size {
        return Err(Refused::Backwards { old: *old, size });
    }
    let known = latest.map_or(0, Checkpoint::size);
    if *old != known {
        return Err(Refused::Stale { size: known });
    }
    let Some(latest) = latest.filter(|latest| latest.size() > 0) else {
        return if proof.is_empty() {
            Ok(new)
        } else {
            // Every tree continues the empty one, and nothing else may be said about it.
            let expected = "no proof from size 0";
            Err(Refused::Form { line: 2, expected })
        };
    };
    let evidence = || Box::new(Evidence::of(latest.signed().clone(), checkpoint.clone()));
    if latest.size() == size && latest.root() != new.root() {
        return Err(Refused::Fork(evidence()));
    }
    verify_consistency(known, latest.root(), size, new.root(), proof)
        .map_err(|_| Refused::Inconsistent(evidence()))?;
    Ok(new)
}

impl FromStr for AddCheckpoint {
    type Err = Refused;

    fn from_str(given: &str) -> Result<Self, Refused> {
        let mut rest = given;
        let mut number = 0;
        let mut line = || {
            number += 1;
            let (line, after) = rest.split_once('\n')?;
            rest = after;
            Some((number, line))
        };
        let wrong = |line, expected| Refused::Form { line, expected };
        let first = line().map_or("", |(_, line)| line);
        let old = first
            .strip_prefix("old ")
            .and_then(text::decode_decimal)
            .ok_or_else(|| wrong(1, "`old` and a decimal number"))?;
        let mut proof = Vec::new();
        loop {
            let expected = "a hash or an empty line";
            let (number, line) = line().ok_or_else(|| wrong(proof.len() + 2, expected))?;
            if line.is_empty() {
                break;
            }
            if proof.len() == REQUEST_HASHES_MAX {
                return Err(wrong(number, "an empty line after at most 63 hashes"));
            }
            proof.push(line.parse().map_err(|_| wrong(number, expected))?);
        }
        let checkpoint = rest.parse().map_err(Refused::Checkpoint)?;
        Ok(Self {
            old,
            proof,
            checkpoint,
        })
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            old,
            proof,
            checkpoint,
        } = self;
        writeln!(f, "old {old}")?;
        proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{checkpoint}")
    }
}
