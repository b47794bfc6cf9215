//! What the log implies, in `sled`, so that a start does not replay the whole log.
//!
//! It is never the only copy of anything, and nothing here relies on `sled` to keep what it was
//! given: 0.34.7 does not fsync on Linux (spacejam/sled#1452), so the version is pinned and a sum
//! over all records is kept beside them. Records that are torn, rolled back in part or altered give
//! another sum; then, and after any error or panic of `sled`, the index is emptied and rebuilt from
//! the log.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use audit::tree::{TreeHash, leaf_hash};
use aws_lc_rs::digest::{Context, SHA256};
use policies::state::{Record, State};

use crate::limits::{INDEX_CACHE_BYTES, LET_GO};

#[cfg(test)]
mod tests;

/// Key of the sum over all other records; no tree has an empty name, so no record has this key.
const SUM_KEY: &[u8] = b"\0sum";
/// Key of the leaf hash of the last entry that the records follow from. Its salt is nobody else's, so
/// an index of another log, or of one that went another way from a restored backup, is known.
const LAST_KEY: &[u8] = b"\0last";

/// An open index. One writer.
pub struct Index {
    dir: PathBuf,
    /// `None` after it could not be opened again.
    db: Option<sled::Db>,
    sum: Mutex<Sum>,
}

/// Why the index cannot be used. The log is unharmed: the broker can run without an index and
/// rebuild it at the next start.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// `sled` failed, or could not be opened again.
    #[error(
        "index `{}`: {message}; make room on its disk, or remove the directory: it is rebuilt from the log",
        dir.display()
    )]
    Failed {
        /// Its directory.
        dir: PathBuf,
        /// What `sled` said.
        message: String,
    },
    /// The directory could not be emptied.
    #[error("index `{}` cannot be emptied: {source}; remove the directory", dir.display())]
    Io {
        /// Its directory.
        dir: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

/// XOR of the SHA-256 of every record: does not depend on their order, and changes with each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sum([u8; 32]);

impl Index {
    /// Opens the index in `dir`, which is made when it is missing and emptied when `sled` cannot
    /// read it.
    ///
    /// # Errors
    /// [`IndexError`] where even an empty one cannot be opened.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, IndexError> {
        let mut index = Self {
            dir: dir.into(),
            db: None,
            sum: Mutex::default(),
        };
        if let Err(error) = index.connect() {
            tracing::warn!(%error, "the index cannot be read: emptied");
            index.wipe()?;
        }
        Ok(index)
    }

    /// The state it holds; `None` when it is empty, or was unreadable and has been emptied.
    ///
    /// # Errors
    /// [`IndexError`] where it could not be emptied.
    pub fn load(&mut self) -> Result<Option<State>, IndexError> {
        match self.guard(Self::read) {
            Ok(state) => Ok(state),
            Err(error) => {
                tracing::warn!(%error, "the index cannot be read: emptied");
                self.wipe()?;
                Ok(None)
            }
        }
    }

    /// Writes records in one batch: all of them, or none. To be called after the log's sync, with
    /// the head among the records and the bytes of the last entry that they follow from.
    ///
    /// # Errors
    /// [`IndexError::Failed`]: what is in the index is not to be relied on, the next load will
    /// tell.
    pub fn write(&self, records: &[Record], last: &[u8]) -> Result<(), IndexError> {
        self.guard(|index| {
            // The last one of a key holds.
            let keyed = records
                .iter()
                .map(|r| (key(r.tree, &r.key), r.value.as_slice()));
            let last = leaf_hash(last);
            let last = (LAST_KEY.to_vec(), last.as_bytes().as_slice());
            let newest: BTreeMap<Vec<u8>, &[u8]> = keyed.chain([last]).collect();
            let db = index.db()?;
            let mut kept = index.sum.lock().unwrap_or_else(PoisonError::into_inner);
            let (mut sum, mut batch) = (*kept, sled::Batch::default());
            for (key, value) in newest {
                if let Some(old) = db.get(&key).map_err(said)? {
                    sum.toggle(&key, &old);
                }
                sum.toggle(&key, value);
                batch.insert(key, value);
            }
            batch.insert(SUM_KEY, &sum.0);
            db.apply_batch(batch).map_err(said)?;
            *kept = sum;
            Ok(())
        })
    }

    /// Do its records follow from the log whose last entry, as far as they know it, is `last`?
    #[must_use]
    pub fn follows_from(&self, last: &[u8]) -> bool {
        self.last() == Some(leaf_hash(last))
    }

    /// The leaf hash of the last entry that its records follow from.
    #[must_use]
    pub fn last(&self) -> Option<TreeHash> {
        let stored = self.guard(|index| index.db()?.get(LAST_KEY).map_err(said));
        let hash = <[u8; TreeHash::BYTES]>::try_from(stored.ok()??.as_ref()).ok()?;
        Some(TreeHash::new(hash))
    }

    /// Empties it.
    ///
    /// # Errors
    /// [`IndexError`] where the directory could not be removed or `sled` not be opened again.
    pub fn wipe(&mut self) -> Result<(), IndexError> {
        self.db = None;
        match std::fs::remove_dir_all(&self.dir) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                let dir = self.dir.clone();
                return Err(IndexError::Io { dir, source });
            }
            _ => (),
        }
        self.connect()
    }

    fn connect(&mut self) -> Result<(), IndexError> {
        let (db, sum) = self.guard(|index| {
            let db = open_database(&index.dir).map_err(said)?;
            let sum = stored_sum(&db)?.unwrap_or_default();
            Ok((db, sum))
        })?;
        (self.db, self.sum) = (Some(db), Mutex::new(sum));
        Ok(())
    }

    fn read(&self) -> Result<Option<State>, String> {
        let db = self.db()?;
        let (mut state, mut sum, mut records) = (State::new(), Sum::default(), 0_u64);
        for record in db.iter() {
            let (key, value) = record.map_err(said)?;
            if key == SUM_KEY {
                continue;
            }
            sum.toggle(&key, &value);
            if key == LAST_KEY {
                continue;
            }
            let tree_end = key.iter().position(|byte| *byte == 0);
            let (tree, rest) = key.split_at(tree_end.unwrap_or(key.len()));
            let tree = std::str::from_utf8(tree).map_err(said)?;
            state
                .load(tree, rest.get(1..).unwrap_or_default(), &value)
                .map_err(said)?;
            records += 1;
        }
        match stored_sum(db)? {
            None if records == 0 => Ok(None),
            Some(stored) if stored == sum => {
                state.finish_loading();
                Ok(Some(state))
            }
            _ => Err("its records are not all of one time".to_owned()),
        }
    }

    fn db(&self) -> Result<&sled::Db, String> {
        self.db
            .as_ref()
            .ok_or_else(|| "it could not be opened".to_owned())
    }

    /// `sled` asserts where it might report: a panic over a damaged index is an error like any
    /// other.
    fn guard<T>(&self, work: impl FnOnce(&Self) -> Result<T, String>) -> Result<T, IndexError> {
        let done = catch_unwind(AssertUnwindSafe(|| work(self)));
        let done = done.unwrap_or_else(|_| Err("sled panicked".to_owned()));
        done.map_err(|message| {
            let dir = self.dir.clone();
            IndexError::Failed { dir, message }
        })
    }
}

impl Sum {
    /// Adds a record that is not in the sum, or takes one out that is.
    fn toggle(&mut self, key: &[u8], value: &[u8]) {
        let mut context = Context::new(&SHA256);
        context.update(&(key.len() as u64).to_be_bytes());
        context.update(key);
        context.update(value);
        let hash = context.finish();
        for (sum, byte) in self.0.iter_mut().zip(hash.as_ref()) {
            *sum ^= byte;
        }
    }
}

fn key(tree: &str, key: &[u8]) -> Vec<u8> {
    [tree.as_bytes(), &[0], key].concat()
}

fn stored_sum(db: &sled::Db) -> Result<Option<Sum>, String> {
    let Some(stored) = db.get(SUM_KEY).map_err(said)? else {
        return Ok(None);
    };
    let sum = <[u8; 32]>::try_from(stored.as_ref());
    sum.map(|sum| Some(Sum(sum))).map_err(said)
}

fn said(error: impl fmt::Display) -> String {
    error.to_string()
}

impl fmt::Debug for Index {
    /// `sled` would print every record.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Index({})", self.dir.display())
    }
}

/// Between two tries to open sled's file.
const LET_GO_STEP: Duration = Duration::from_millis(5);

/// Opens sled's file, waiting for an earlier handle of this process to let go of it. The state directory's
/// own lock keeps other processes out, so a lock that stays is an error.
pub(super) fn open_database(dir: &Path) -> sled::Result<sled::Db> {
    let start = Instant::now();
    loop {
        let config = sled::Config::new();
        let opened = config.path(dir).cache_capacity(INDEX_CACHE_BYTES).open();
        match &opened {
            Err(sled::Error::Io(error))
                if error.to_string().contains("acquire lock") && start.elapsed() < LET_GO =>
            {
                std::thread::sleep(LET_GO_STEP);
            }
            _ => return opened,
        }
    }
}
