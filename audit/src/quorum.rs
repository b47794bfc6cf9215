//! Whose cosignatures make a checkpoint count (c2sp.org/tlog-policy): logs, witnesses, groups of
//! them, and a quorum.
//!
//! ```text
//! log weir.example/log+1a2b3c4d+AZ…
//! witness north north.example/w+5e6f7a8b+BA… https://north.example
//! witness south south.example/w+9c0d1e2f+BA… https://south.example
//! group both all north south
//! quorum both
//! ```

mod form;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::checkpoint::{Checkpoint, CheckpointNote, LogKey};
use crate::cosignature;
use crate::note::{NoteError, VerifierKey};
use crate::replay::CLOCK_AHEAD_MAX;

pub use form::{POLICY_BYTES_MAX, POLICY_LINES_MAX, PolicyError};

/// A policy, read from its text form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<LogKey>,
    witnesses: Vec<Witness>,
    /// `None` is `quorum none`.
    quorum: Option<Rule>,
}

/// Somebody whose cosignatures are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// Its name in the policy.
    pub name: String,
    /// Its cosigning key.
    pub key: VerifierKey,
    /// Its submission prefix.
    pub url: Option<String>,
}

/// When is a checkpoint witnessed?
#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    /// This witness cosigned, by its place in the list.
    Witness(usize),
    /// At least so many members are witnessed.
    Group { least: usize, members: Vec<Rule> },
}

/// Why a checkpoint does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuorumError {
    /// A cosignature of a known witness is false.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Too few witnesses cosigned.
    #[error(
        "checkpoint over {size} entries is not cosigned by a quorum of the policy's witnesses: {}",
        cosigners(.by)
    )]
    NotReached {
        /// Entries under it.
        size: u64,
        /// Names of the witnesses that did.
        by: Vec<String>,
    },
    /// A cosignature of a time that has not come.
    #[error("witness `{witness}` cosigned at {time}, which is to come: it is {now}")]
    Ahead {
        /// Its name in the policy.
        witness: String,
        /// The time it says.
        time: Timestamp,
        /// The time now.
        now: Timestamp,
    },
    /// The policy names logs, and this is none of them.
    #[error("log `{origin}` is not one of the policy's logs")]
    ForeignLog {
        /// Its origin.
        origin: String,
    },
}

impl Policy {
    /// The logs it names; where there are none, whoever uses it knows the log.
    #[must_use]
    pub fn logs(&self) -> &[LogKey] {
        &self.logs
    }

    /// All witnesses, in the order of the text.
    #[must_use]
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    /// Is this log one that the policy is about?
    ///
    /// # Errors
    /// [`QuorumError::ForeignLog`].
    pub fn check_log(&self, key: &LogKey) -> Result<(), QuorumError> {
        if self.logs.is_empty() || self.logs.contains(key) {
            return Ok(());
        }
        Err(QuorumError::ForeignLog {
            origin: key.origin().to_string(),
        })
    }

    /// Is a checkpoint cosigned by a quorum? The log's own signature was checked before.
    ///
    /// # Errors
    /// [`QuorumError`]: also where one known witness's cosignature is false, however many others
    /// are true, as the note format asks for.
    pub fn check(&self, checkpoint: &Checkpoint) -> Result<(), QuorumError> {
        let by = self.cosigners(checkpoint.signed())?;
        if self.is_reached_by(&by) {
            return Ok(());
        }
        let name = |at: &usize| self.witnesses.get(*at).map(|w| w.name.clone());
        Err(QuorumError::NotReached {
            size: checkpoint.size(),
            by: by.iter().filter_map(name).collect(),
        })
    }

    /// Is no cosignature of a known witness from a time to come? A witness whose clock is wrong, or
    /// whose word was made ahead, says nothing about when a tree was seen. To be asked after
    /// [`Policy::check`].
    ///
    /// # Errors
    /// [`QuorumError::Ahead`] beyond [`CLOCK_AHEAD_MAX`].
    pub fn check_times(&self, checkpoint: &Checkpoint, now: Timestamp) -> Result<(), QuorumError> {
        for witness in &self.witnesses {
            let Some(time) = cosigned_at(checkpoint.signed(), witness) else {
                continue;
            };
            if time.duration_since(now) > CLOCK_AHEAD_MAX {
                let witness = witness.name.clone();
                return Err(QuorumError::Ahead { witness, time, now });
            }
        }
        Ok(())
    }

    /// Places of the witnesses that truly cosigned.
    ///
    /// # Errors
    /// [`QuorumError::Note`] where a known witness's cosignature is false.
    pub fn cosigners(&self, note: &CheckpointNote) -> Result<BTreeSet<usize>, QuorumError> {
        let mut by = BTreeSet::new();
        for (at, witness) in self.witnesses.iter().enumerate() {
            match note.note().verify(std::slice::from_ref(&witness.key)) {
                Ok(_) => drop(by.insert(at)),
                Err(NoteError::NoKnownKey) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(by)
    }

    /// Do these witnesses, by their places, make a quorum?
    #[must_use]
    pub fn is_reached_by(&self, witnesses: &BTreeSet<usize>) -> bool {
        self.quorum
            .as_ref()
            .is_none_or(|rule| rule.holds(witnesses))
    }
}

impl Rule {
    fn holds(&self, witnesses: &BTreeSet<usize>) -> bool {
        match self {
            Self::Witness(at) => witnesses.contains(at),
            Self::Group { least, members } => {
                members.iter().filter(|m| m.holds(witnesses)).count() >= *least
            }
        }
    }
}

/// When a witness says that it cosigned; nothing where it did not. To be believed only of a note whose
/// cosignatures verified.
#[must_use]
pub fn cosigned_at(note: &CheckpointNote, witness: &Witness) -> Option<Timestamp> {
    let key = &witness.key;
    let mut lines = note.note().signatures().iter();
    let own = lines.find(|line| line.name == *key.name() && line.id == key.id())?;
    let seconds = i64::try_from(cosignature::time(own)?).ok()?;
    // Beyond the calendar is to come, too.
    Some(Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX))
}

fn cosigners(by: &[String]) -> String {
    match by {
        [] => "no known witness signed it".to_owned(),
        names => format!("only {} did", names.join(", ")),
    }
}
