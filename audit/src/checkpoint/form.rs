//! How checkpoints are written and read.

use std::fmt;
use std::str::FromStr;

use super::{CheckpointError, CheckpointNote, LogKey, TreeHead};
use crate::note::{KeyError, Note, VerifierKey};
use crate::text;

impl FromStr for TreeHead {
    type Err = CheckpointError;

    /// Reads a note text: three lines, each with its newline.
    fn from_str(given: &str) -> Result<Self, CheckpointError> {
        let lines: Vec<&str> = given.split('\n').collect();
        let &[origin, size, root, ""] = lines.as_slice() else {
            return Err(CheckpointError::Lines {
                found: lines.len().saturating_sub(1),
            });
        };
        let size = text::decode_decimal(size).ok_or_else(|| CheckpointError::Size {
            given: text::shorten(size),
        })?;
        let root = root.parse().map_err(|_| CheckpointError::Root {
            given: text::shorten(root),
        })?;
        Self::new(origin.parse()?, size, root)
    }
}

impl FromStr for CheckpointNote {
    type Err = CheckpointError;

    fn from_str(given: &str) -> Result<Self, CheckpointError> {
        let note: Note = given.parse()?;
        let head = note.text().parse()?;
        Ok(Self { note, head })
    }
}

impl FromStr for LogKey {
    type Err = KeyError;

    /// Reads a C2SP verifier key.
    fn from_str(given: &str) -> Result<Self, KeyError> {
        given.parse::<VerifierKey>()?.try_into()
    }
}

impl TryFrom<VerifierKey> for LogKey {
    type Error = KeyError;

    /// Refuses a witness's key: what it signs says something else.
    fn try_from(key: VerifierKey) -> Result<Self, KeyError> {
        if key.key().cosigns() {
            let name = key.name().clone();
            return Err(KeyError::NotALog { name });
        }
        Ok(Self(key))
    }
}

impl From<LogKey> for VerifierKey {
    fn from(key: LogKey) -> Self {
        key.0
    }
}

impl fmt::Display for TreeHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root)
    }
}

impl fmt::Display for CheckpointNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

impl fmt::Display for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text::as_text!(CheckpointNote, CheckpointError);
