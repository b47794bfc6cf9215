//! A log as it grows: each checkpoint has to continue the one before, each entry to keep the rules.
//!
//! A follower's memory is a copy of the log in the log's own layout: `log/entries` and
//! `log/checkpoint`. The tree's edge and the state follow from the entries, so nothing else has to
//! be kept and nothing in the copy has to be believed: [`Follower::resume`] checks all of it again,
//! against the signed checkpoint. After each [`Follower::advance`] the caller appends the new
//! entries, makes them durable, and only then replaces the checkpoint; what a crash leaves behind
//! the checkpoint is [`crate::archive::Archive::unsigned_bytes`], to be cut.

use jiff::Timestamp;

use crate::archive::Archive;
use crate::checkpoint::{Checkpoint, CheckpointNote, LogKey};
use crate::error::{AuditError, Evidence};
use crate::replay::Replayer;
use crate::tree::leaf_hash;

/// What an auditor who follows a log knows of it.
#[derive(Debug, Clone, Default)]
pub struct Follower {
    checkpoint: Option<Checkpoint>,
    replayer: Replayer,
}

/// What an advance came to: all entries under the checkpoint hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Entries before.
    pub from: u64,
    /// Entries now.
    pub to: u64,
    /// Time of the newest; to be compared with a clock by [`Replayer::check_clock`].
    pub newest: Option<Timestamp>,
}

impl Follower {
    /// One that has seen nothing. It believes the first checkpoint it gets, as the log's key signed
    /// it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One that has seen this copy: every entry of it is checked again.
    ///
    /// # Errors
    /// [`AuditError::Broken`] names the first entry that breaks a rule.
    pub fn resume(archive: &Archive<'_>) -> Result<Self, AuditError> {
        let mut follower = Self::new();
        follower.extend(archive.checkpoint(), archive.entries())?;
        Ok(follower)
    }

    /// Takes a newer checkpoint of the log and exactly the entries between the last one and it.
    ///
    /// Entries are hashed first, and checked against the rules only when they are the signed ones.
    /// On [`AuditError::Broken`] the log itself is broken: the follower stays so and says the same
    /// for ever. On every other finding it is unchanged, so a bad transfer can be repeated.
    ///
    /// # Errors
    /// [`AuditError::Checkpoint`], [`AuditError::Rollback`], [`AuditError::Fork`],
    /// [`AuditError::Missing`], [`AuditError::Surplus`], [`AuditError::Inconsistent`] or
    /// [`AuditError::Broken`].
    pub fn advance<'e, I>(
        &mut self,
        note: &CheckpointNote,
        entries: I,
        key: &LogKey,
    ) -> Result<Progress, AuditError>
    where
        I: IntoIterator<Item = &'e [u8]>,
        I::IntoIter: Clone,
    {
        self.extend(&note.verify(key)?, entries.into_iter())
    }

    /// The last checkpoint, verified; nothing before the first.
    #[must_use]
    pub const fn checkpoint(&self) -> Option<&Checkpoint> {
        self.checkpoint.as_ref()
    }

    /// Entries seen; the next one's index.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.replayer.size()
    }

    /// What they imply.
    #[must_use]
    pub const fn replayer(&self) -> &Replayer {
        &self.replayer
    }

    fn extend<'e>(
        &mut self,
        new: &Checkpoint,
        entries: impl Iterator<Item = &'e [u8]> + Clone,
    ) -> Result<Progress, AuditError> {
        self.check_head(new)?;
        let (from, signed) = (self.size(), new.size());
        let mut frontier = self.replayer.frontier().clone();
        for entry in entries.clone() {
            let index = frontier.size();
            if index >= signed {
                return Err(AuditError::Surplus { index, signed });
            }
            frontier.append(leaf_hash(entry), |_, _| ());
        }
        let index = frontier.size();
        if index < signed {
            return Err(AuditError::Missing { index, signed });
        }
        if frontier.root() != *new.root() {
            return Err(match self.evidence(new) {
                Some(evidence) => AuditError::Inconsistent { from, evidence },
                None => AuditError::Root {
                    size: signed,
                    suspect: None,
                },
            });
        }
        for entry in entries {
            self.replayer.step(entry)?;
        }
        self.checkpoint = Some(new.clone());
        Ok(Progress {
            from,
            to: signed,
            newest: self.replayer.state().time(),
        })
    }

    /// Can this checkpoint come after the last one at all?
    fn check_head(&self, new: &Checkpoint) -> Result<(), AuditError> {
        let (Some(last), Some(evidence)) = (&self.checkpoint, self.evidence(new)) else {
            return Ok(());
        };
        if new.size() < last.size() {
            return Err(AuditError::Rollback(evidence));
        }
        if new.size() == last.size() && new.root() != last.root() {
            return Err(AuditError::Fork(evidence));
        }
        Ok(())
    }

    fn evidence(&self, new: &Checkpoint) -> Option<Box<Evidence>> {
        let before = self.checkpoint.as_ref()?.signed().clone();
        let after = new.signed().clone();
        Some(Box::new(Evidence::of(before, after)))
    }
}

#[cfg(test)]
mod tests;
