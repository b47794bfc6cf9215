//! What was made of open tables, so that strangers cannot have it made again and again: for each release the sizes and
//! digests of its files, and of the files those that were asked for last.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use policies::id::ReleaseKey;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::format::Format;
use crate::limits::{OPEN_BYTES_HELD, OPEN_BYTES_KEPT, OPEN_RELEASES_KEPT};

/// All that a release's files depend on: an amendment may change the licence.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Name {
    pub(super) key: ReleaseKey,
    pub(super) licence: Option<String>,
}

/// What is known of an open release's files.
#[derive(Debug)]
pub(super) struct Known {
    /// What its quality sheet promises and what not.
    pub(super) claim: Option<String>,
    /// Its files.
    pub(super) files: Vec<(Format, Digest)>,
    /// Is that all? Not where something could not be read, which may be there again later.
    pub(super) whole: bool,
}

/// Size and SHA-256 of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digest {
    /// In bytes.
    pub(super) size: u64,
    /// Of the bytes.
    pub(super) sha256: [u8; 32],
}

/// A file with the digest of its very bytes.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) digest: Digest,
    pub(super) bytes: Bytes,
}

impl Digest {
    /// Of these bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest(&SHA256, bytes).as_ref());
        Self {
            size: bytes.len() as u64,
            sha256,
        }
    }
}

impl File {
    /// Of these bytes.
    pub(super) fn of(bytes: Bytes) -> Self {
        let digest = Digest::of(&bytes);
        Self { digest, bytes }
    }
}

impl Known {
    /// The digest of one of its files; `None` where there is no such file.
    pub(super) fn file(&self, format: Format) -> Option<Digest> {
        let mut files = self.files.iter();
        files
            .find(|(of, _)| *of == format)
            .map(|(_, digest)| *digest)
    }

    /// What can be asked for: its files, and a page of them.
    pub(super) fn formats(&self) -> Vec<Format> {
        let files = self.files.iter().map(|(format, _)| *format);
        files.chain([Format::Page]).collect()
    }
}

/// What is kept, and how much there may be in memory.
#[derive(Debug)]
pub(super) struct Shelf {
    kept: Mutex<Kept>,
    /// A place for each byte.
    room: Arc<Semaphore>,
    is_closed: AtomicBool,
}

#[derive(Debug, Default)]
struct Kept {
    known: HashMap<Name, Arc<Known>>,
    /// Names of what is known, the one that came last at the end.
    order: VecDeque<Name>,
    /// The one asked for last at the end.
    files: VecDeque<(Name, Format, File)>,
    bytes: usize,
}

/// Bytes that give their room back when nobody holds them any more.
struct Held {
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Default for Shelf {
    fn default() -> Self {
        Self::with_room(OPEN_BYTES_HELD)
    }
}

impl Shelf {
    fn with_room(bytes: usize) -> Self {
        Self {
            kept: Mutex::default(),
            room: Arc::new(Semaphore::new(bytes)),
            is_closed: AtomicBool::new(false),
        }
    }

    /// Ends the making of files, that in work too: a process waits for its threads.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }

    /// Is no file made any more?
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    /// What is known of a release.
    pub(super) fn known(&self, name: &Name) -> Option<Arc<Known>> {
        self.kept().known.get(name).cloned()
    }

    /// A file, where it is kept.
    pub(super) fn file(&self, name: &Name, format: Format) -> Option<File> {
        let mut kept = self.kept();
        let place = kept
            .files
            .iter()
            .position(|(of, as_format, _)| of == name && *as_format == format)?;
        let found = kept.files.remove(place)?;
        let file = found.2.clone();
        kept.files.push_back(found);
        Some(file)
    }

    /// Keeps what is known of a release, of as many as [`OPEN_RELEASES_KEPT`]: the one that came first goes.
    pub(super) fn learn(&self, name: &Name, known: &Arc<Known>) {
        let mut kept = self.kept();
        if kept.known.insert(name.clone(), Arc::clone(known)).is_some() {
            return;
        }
        kept.order.push_back(name.clone());
        while kept.order.len() > OPEN_RELEASES_KEPT {
            let Some(oldest) = kept.order.pop_front() else {
                break;
            };
            kept.known.remove(&oldest);
        }
    }

    /// A file that has its room among [`OPEN_BYTES_HELD`] for as long as anybody holds it, at the cost of those that are
    /// kept; `None` where readers hold too many.
    pub(super) fn hold(&self, file: File) -> Option<File> {
        let File { digest, bytes } = file;
        // What is larger than all the room takes all of it.
        let most = bytes.len().min(OPEN_BYTES_HELD);
        let size = u32::try_from(most).unwrap_or(u32::MAX);
        let room = loop {
            if let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(size) {
                break room;
            }
            self.kept().forget_one()?;
        };
        let bytes = Bytes::from_owner(Held { bytes, _room: room });
        Some(File { digest, bytes })
    }

    /// Keeps a file that has its room, up to [`OPEN_BYTES_KEPT`].
    pub(super) fn keep(&self, name: &Name, format: Format, file: &File) {
        let mut kept = self.kept();
        let mut files = kept.files.iter();
        let there = files.any(|(of, as_format, _)| of == name && *as_format == format);
        if there || file.bytes.len() > OPEN_BYTES_KEPT {
            return;
        }
        kept.bytes = kept.bytes.saturating_add(file.bytes.len());
        kept.files.push_back((name.clone(), format, file.clone()));
        while kept.bytes > OPEN_BYTES_KEPT && kept.forget_one().is_some() {}
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Lets go of the file that was not asked for longest; `None` where there is none.
    fn forget_one(&mut self) -> Option<()> {
        let (_, _, file) = self.files.pop_front()?;
        self.bytes = self.bytes.saturating_sub(file.bytes.len());
        Some(())
    }
}

#[cfg(test)]
mod tests;
