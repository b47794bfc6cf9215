//! What was made of open tables, so that strangers cannot have it made again and again: for each release its sheet and
//! the sizes and digests of its files, and of the files those that were asked for last.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use policies::id::ReleaseKey;
use serde_json::Value;

use super::format::Format;
use crate::limits::{OPEN_BYTES_KEPT, OPEN_RELEASES_KEPT};

/// What is known of an open release's files.
#[derive(Debug)]
pub(super) struct Known {
    /// Its quality sheet.
    pub(super) sheet: Value,
    /// Its files.
    pub(super) files: Vec<(Format, Digest)>,
}

/// Size and SHA-256 of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Digest {
    /// In bytes.
    pub(super) size: u64,
    /// Of the bytes.
    pub(super) sha256: [u8; 32],
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

impl Known {
    /// The digest of one of its files; `None` where there is no such file.
    pub(super) fn file(&self, format: Format) -> Option<Digest> {
        let mut files = self.files.iter();
        files
            .find(|(of, _)| *of == format)
            .map(|(_, digest)| *digest)
    }
}

/// What is kept.
#[derive(Debug, Default)]
pub(super) struct Shelf(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    known: HashMap<ReleaseKey, Arc<Known>>,
    /// The one asked for last at the end.
    files: VecDeque<((ReleaseKey, Format), Bytes)>,
    bytes: usize,
}

impl Shelf {
    /// What is known of a release.
    pub(super) fn known(&self, key: &ReleaseKey) -> Option<Arc<Known>> {
        self.kept().known.get(key).cloned()
    }

    /// A file, where it is kept.
    pub(super) fn file(&self, key: &ReleaseKey, format: Format) -> Option<Bytes> {
        let mut kept = self.kept();
        let place = kept
            .files
            .iter()
            .position(|((of, as_format), _)| of == key && *as_format == format)?;
        let found = kept.files.remove(place)?;
        let bytes = found.1.clone();
        kept.files.push_back(found);
        Some(bytes)
    }

    /// Keeps what was made, within its bounds: releases up to [`OPEN_RELEASES_KEPT`], files up to [`OPEN_BYTES_KEPT`].
    pub(super) fn keep(&self, key: &ReleaseKey, known: &Arc<Known>, files: Vec<(Format, Bytes)>) {
        let mut kept = self.kept();
        if kept.known.len() >= OPEN_RELEASES_KEPT {
            kept.known.clear();
        }
        kept.known.insert(key.clone(), Arc::clone(known));
        for (format, bytes) in files {
            let name = (key.clone(), format);
            let there = kept.files.iter().any(|(of, _)| *of == name);
            if there || bytes.len() > OPEN_BYTES_KEPT {
                continue;
            }
            kept.bytes = kept.bytes.saturating_add(bytes.len());
            kept.files.push_back((name, bytes));
            while kept.bytes > OPEN_BYTES_KEPT {
                let Some((_, oldest)) = kept.files.pop_front() else {
                    break;
                };
                kept.bytes = kept.bytes.saturating_sub(oldest.len());
            }
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn files_are_kept_up_to_a_bound_and_those_asked_for_last_stay() {
        let shelf = Shelf::default();
        let key = |n: u8| -> ReleaseKey { format!("{n:064x}").parse().unwrap() };
        let known = Arc::new(Known {
            sheet: Value::Null,
            files: Vec::new(),
        });
        let third = Bytes::from(vec![0; OPEN_BYTES_KEPT / 3]);
        for n in 0..3 {
            shelf.keep(&key(n), &known, vec![(Format::Arrow, third.clone())]);
        }
        assert!(shelf.file(&key(0), Format::Arrow).is_some(), "asked for");
        shelf.keep(&key(3), &known, vec![(Format::Arrow, third.clone())]);
        let there = |n| shelf.file(&key(n), Format::Arrow).is_some();
        assert_eq!(
            (0..4).map(there).collect::<Vec<_>>(),
            [true, false, true, true]
        );
        assert!(shelf.kept().bytes <= OPEN_BYTES_KEPT);
        let large = Bytes::from(vec![0; OPEN_BYTES_KEPT + 1]);
        shelf.keep(&key(4), &known, vec![(Format::Arrow, large)]);
        assert!(!there(4) && there(0));
        assert!(shelf.known(&key(1)).is_some(), "its digests stay");
    }
}
