use std::fmt::Display;
use std::io;

use audit::bundle::BundleError;

use super::FileName;
use crate::store::disk::remedy;

/// What an operator does about a damaged file.
const REMEDY: &str =
    "stop here, keep a copy, and restore the whole state directory from one backup";

/// Why the log cannot be opened, written or read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// An entry cannot be logged; nothing has happened.
    #[error(transparent)]
    Entry(#[from] BundleError),
    /// The disk took no bytes, and what it took was cut again: nothing has happened.
    #[error(
        "`{file}` could not be written, nothing was logged: {source}{}",
        remedy(source)
    )]
    Write {
        /// The file.
        file: FileName,
        /// The system's error.
        source: io::Error,
    },
    /// Not known to be durable, and not known not to be: the process MUST end, and MUST NOT try
    /// again.
    #[error(
        "`{file}` could not be made durable, the process has to end; start it again: {source}{}",
        remedy(source)
    )]
    Sync {
        /// The file.
        file: FileName,
        /// The system's error.
        source: io::Error,
    },
    /// Committed bytes are missing or altered.
    #[error("`{file}` is damaged: {what}; {REMEDY}")]
    Damaged {
        /// The file.
        file: FileName,
        /// What is wrong with it.
        what: String,
    },
    /// The files are another log's, or were signed with another key.
    #[error(
        "`{file}` does not belong to the configured log key: {what}; start with the key and origin \
         this log began with, or with an empty state directory"
    )]
    Foreign {
        /// The file.
        file: FileName,
        /// What differs.
        what: String,
    },
    /// The system could not read it.
    #[error("`{file}` could not be read: {source}{}", remedy(source))]
    Read {
        /// The file.
        file: FileName,
        /// The system's error.
        source: io::Error,
    },
    /// There is no such entry.
    #[error("the log has no entry {index}: it has {size}")]
    NoEntry {
        /// The index asked for.
        index: u64,
        /// Entries in the log.
        size: u64,
    },
}

impl LogError {
    pub(super) fn damaged(file: &FileName, what: impl Display) -> Self {
        let (file, what) = (file.clone(), what.to_string());
        Self::Damaged { file, what }
    }

    pub(super) fn read(file: &FileName, source: io::Error) -> Self {
        let file = file.clone();
        Self::Read { file, source }
    }

    pub(super) fn write(file: &FileName, source: io::Error) -> Self {
        let file = file.clone();
        Self::Write { file, source }
    }

    pub(super) fn sync(file: &FileName, source: io::Error) -> Self {
        let file = file.clone();
        Self::Sync { file, source }
    }

    pub(super) fn stopped() -> Self {
        let source = io::Error::other("an earlier commit could not be made durable");
        Self::sync(&super::ENTRIES, source)
    }
}
