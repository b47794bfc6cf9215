//! The one file layer of log and blobs. What is durable when, is said here and nowhere else.

use std::fmt::Debug;
use std::io;
use std::ops::Range;
use std::path::Path;

mod name;
mod os;
#[cfg(any(test, feature = "testing"))]
pub mod sim;
#[cfg(test)]
mod tests;

pub use name::{FileName, NameError};
pub use os::{DiskError, OsDisk};

/// What to do about a system error that has a remedy, to stand behind its text.
pub(crate) fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "; make room on the disk of the state directory and start again: nothing acknowledged is lost"
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "; mount the disk of the state directory for writing and start again"
        }
        io::ErrorKind::PermissionDenied => "; give the broker's user the files and start again",
        _ => "",
    }
}

/// Files of one state directory, owned by one process.
///
/// A name is durable as soon as the call that made it returns; bytes only after
/// [`Disk::sync_data`]. Two calls for the same file MUST NOT run at one time, except reads; the
/// owner of a file sees to it.
pub trait Disk: Send + Sync + Debug {
    /// Adds bytes at the end of a file, which is made (durably empty) when it is missing. After an
    /// error any part of the bytes may be there: the caller truncates.
    ///
    /// # Errors
    /// The system's.
    fn append(&self, name: &FileName, bytes: &[u8]) -> io::Result<()>;

    /// Exactly the bytes of `range`.
    ///
    /// # Errors
    /// `NotFound`, `UnexpectedEof` where the file is shorter, or the system's.
    fn read(&self, name: &FileName, range: Range<u64>) -> io::Result<Vec<u8>>;

    /// Length of a file; `None` when there is none.
    ///
    /// # Errors
    /// The system's.
    fn length(&self, name: &FileName) -> io::Result<Option<u64>>;

    /// Cuts a file; durable after the next [`Disk::sync_data`].
    ///
    /// # Errors
    /// `NotFound` or the system's.
    fn truncate(&self, name: &FileName, length: u64) -> io::Result<()>;

    /// Makes a file's bytes and length durable.
    ///
    /// # Errors
    /// The system's. The caller MUST NOT try again: the kernel may have dropped the bytes, and the
    /// next sync would succeed without them.
    fn sync_data(&self, name: &FileName) -> io::Result<()>;

    /// Gives a file another name, in the place of whatever had it; durable on return. The bytes
    /// have to be synced before.
    ///
    /// # Errors
    /// The system's; either name may then hold after a crash.
    fn rename(&self, from: &FileName, to: &FileName) -> io::Result<()>;

    /// Replaces a small file: after a crash it holds the old bytes or the new ones, and on return
    /// the new ones are durable.
    ///
    /// # Errors
    /// The system's; old or new bytes may then hold after a crash.
    fn write_durable(&self, name: &FileName, bytes: &[u8]) -> io::Result<()>;

    /// Removes a file, durably; tells whether there was one.
    ///
    /// # Errors
    /// The system's.
    fn remove(&self, name: &FileName) -> io::Result<bool>;

    /// Names of the files in a folder, sorted; none when there is no such folder.
    ///
    /// # Errors
    /// The system's.
    fn list(&self, folder: &FileName) -> io::Result<Vec<FileName>>;

    /// The directory, where it lies in a file system that others can read from.
    fn root(&self) -> Option<&Path>;

    /// Is there such a file?
    ///
    /// # Errors
    /// The system's.
    fn exists(&self, name: &FileName) -> io::Result<bool> {
        Ok(self.length(name)?.is_some())
    }

    /// The whole file; `None` when there is none.
    ///
    /// # Errors
    /// The system's.
    fn read_all(&self, name: &FileName) -> io::Result<Option<Vec<u8>>> {
        match self.length(name)? {
            Some(length) => self.read(name, 0..length).map(Some),
            None => Ok(None),
        }
    }
}
