//! The last checkpoint seen, kept on disk: a log that forgets or forks is found out at the next
//! call, also by another process.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use audit::checkpoint::{Checkpoint, CheckpointError, CheckpointNote, LogKey};
use audit::error::Evidence;
use audit::note::NOTE_BYTES_MAX;
use policies::id::sha256_hex;

/// Where the last checkpoint of one log is kept, as the signed note itself.
#[derive(Debug, Clone)]
pub struct Memory {
    folder: PathBuf,
    name: String,
    key: LogKey,
}

/// Why the last checkpoint cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// The file system refuses.
    #[error(
        "cannot {doing} `{}`: {source}; the profile's `state` has to be a folder of ours",
        path.display()
    )]
    File {
        /// The verb.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// What is kept is not a checkpoint of this log.
    #[error(
        "`{}` is not the last checkpoint of log `{origin}`: {why}; restore it, or move it away to \
         trust the broker's next checkpoint",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The log's name.
        origin: String,
        /// What is wrong with it.
        why: String,
    },
}

/// What became of a checkpoint that was to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// It is kept, or was already.
    Here,
    /// Another process has kept this one meanwhile: compare with it first.
    Other(Checkpoint),
}

impl Memory {
    /// The memory of `key`'s log in `folder`, which is made when missing.
    ///
    /// # Errors
    /// [`MemoryError::File`] where the folder cannot be made.
    pub fn open(folder: &Path, key: LogKey) -> Result<Self, MemoryError> {
        fs::create_dir_all(folder).map_err(|source| MemoryError::File {
            doing: "make the folder",
            path: folder.to_owned(),
            source,
        })?;
        // An origin may hold any character; its hash is a file name everywhere.
        let hash: String = sha256_hex(key.origin().as_str().as_bytes())
            .chars()
            .take(16)
            .collect();
        Ok(Self {
            folder: folder.to_owned(),
            name: format!("log-{hash}"),
            key,
        })
    }

    /// The key that the kept checkpoint is signed with.
    #[must_use]
    pub fn key(&self) -> &LogKey {
        &self.key
    }

    /// The last checkpoint seen; none before the first.
    ///
    /// # Errors
    /// [`MemoryError`] where the file is there and is not one of this log.
    pub fn kept(&self) -> Result<Option<Checkpoint>, MemoryError> {
        let path = self.path("checkpoint");
        let about = match fs::metadata(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            about => about.map_err(self.fails("read", &path))?,
        };
        if usize::try_from(about.len()).is_ok_and(|bytes| bytes > NOTE_BYTES_MAX) {
            return Err(self.damaged(&path, "it is too long"));
        }
        let text = fs::read_to_string(&path).map_err(self.fails("read", &path))?;
        let checkpoint = text
            .parse()
            .and_then(|note: CheckpointNote| note.verify(&self.key))
            .map_err(|e: CheckpointError| self.damaged(&path, &e.to_string()))?;
        Ok(Some(checkpoint))
    }

    /// Keeps `newer` in place of `older`, whole and on disk when this returns. `newer` MUST have
    /// been shown to continue `older`. Nothing is written when another process has kept something
    /// else than `older` meanwhile.
    ///
    /// # Errors
    /// [`MemoryError`]; what was kept before is kept still.
    pub fn keep(
        &self,
        older: Option<&Checkpoint>,
        newer: &Checkpoint,
    ) -> Result<Kept, MemoryError> {
        let _held = self.lock()?;
        match self.kept()? {
            Some(found) if head(&found) == head(newer) => return Ok(Kept::Here),
            Some(found) if older.map(head) != Some(head(&found)) => return Ok(Kept::Other(found)),
            _ => {}
        }
        self.write("checkpoint", &newer.signed().to_string())?;
        Ok(Kept::Here)
    }

    /// Keeps two checkpoints that contradict each other in one file that convinces others (what `weir audit evidence`
    /// reads). Best effort: none when it cannot be written.
    #[must_use]
    pub fn keep_evidence(&self, before: &Checkpoint, after: &Checkpoint) -> Option<PathBuf> {
        let root = sha256_hex(after.root().as_bytes());
        let root: String = root.chars().take(8).collect();
        let ending = format!("contradicts-{}-{root}.json", after.size());
        let evidence = Evidence::of(before.signed().clone(), after.signed().clone());
        let json = serde_json::to_string_pretty(&evidence).ok()?;
        self.write(&ending, &(json + "\n")).ok()?;
        Some(self.path(&ending))
    }

    fn path(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", self.name))
    }

    /// Held while one process compares and writes; the system gives it back with the file.
    fn lock(&self) -> Result<File, MemoryError> {
        let path = self.path("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(self.fails("open", &path))?;
        file.lock().map_err(self.fails("lock", &path))?;
        Ok(file)
    }

    fn write(&self, ending: &str, text: &str) -> Result<(), MemoryError> {
        let path = self.path(ending);
        let written = || {
            let mut temp = tempfile::Builder::new()
                .prefix(".new-")
                .tempfile_in(&self.folder)?;
            temp.write_all(text.as_bytes())?;
            temp.as_file().sync_all()?;
            temp.persist(&path).map_err(|e| e.error)?;
            File::open(&self.folder)?.sync_all()
        };
        written().map_err(self.fails("write", &path))
    }

    fn fails(&self, doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> MemoryError {
        let path = path.to_owned();
        move |source| MemoryError::File {
            doing,
            path,
            source,
        }
    }

    fn damaged(&self, path: &Path, why: &str) -> MemoryError {
        MemoryError::Damaged {
            path: path.to_owned(),
            origin: self.key.origin().as_str().to_owned(),
            why: why.to_owned(),
        }
    }
}

/// What two checkpoints of one log differ in; signatures of witnesses may come and go.
fn head(checkpoint: &Checkpoint) -> (u64, &audit::tree::TreeHash) {
    (checkpoint.size(), checkpoint.root())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::client::testing::{FakeLog, other_log_key};

    #[test]
    fn what_is_kept_is_read_back_by_another_process() {
        let folder = tempfile::tempdir().unwrap();
        let log = FakeLog::of_heartbeats(9);
        let memory = Memory::open(&folder.path().join("a/b"), log.key()).unwrap();
        assert_eq!(memory.kept().unwrap(), None);
        let (five, nine) = (log.checkpoint(5), log.checkpoint(9));
        assert_eq!(memory.keep(None, &five).unwrap(), Kept::Here);
        assert_eq!(memory.keep(Some(&five), &nine).unwrap(), Kept::Here);

        let again = Memory::open(&folder.path().join("a/b"), log.key()).unwrap();
        assert_eq!(again.kept().unwrap(), Some(nine));
        let left = fs::read_dir(folder.path().join("a/b")).unwrap().count();
        assert_eq!(left, 2, "only the checkpoint and its lock are left");
    }

    #[test]
    fn nothing_is_kept_over_what_another_process_has_seen() {
        let folder = tempfile::tempdir().unwrap();
        let log = FakeLog::of_heartbeats(9);
        let memory = Memory::open(folder.path(), log.key()).unwrap();
        let (five, seven, nine) = (log.checkpoint(5), log.checkpoint(7), log.checkpoint(9));
        assert_eq!(memory.keep(None, &five).unwrap(), Kept::Here);
        assert_eq!(memory.keep(Some(&five), &nine).unwrap(), Kept::Here);
        let lost = memory.keep(Some(&five), &seven).unwrap();
        assert_eq!(lost, Kept::Other(nine.clone()));
        let lost = memory.keep(None, &seven).unwrap();
        assert_eq!(lost, Kept::Other(nine.clone()));
        assert_eq!(memory.kept().unwrap(), Some(nine));
    }

    #[test]
    fn a_file_that_is_no_checkpoint_of_this_log_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let log = FakeLog::of_heartbeats(3);
        let memory = Memory::open(folder.path(), log.key()).unwrap();
        memory.keep(None, &log.checkpoint(3)).unwrap();
        let path = memory.path("checkpoint");
        let good = fs::read_to_string(&path).unwrap();
        for bad in [
            String::new(),
            good.replace("\n3\n", "\n2\n"),
            format!("{good}\0"),
        ] {
            fs::write(&path, bad).unwrap();
            let refused = memory.kept().unwrap_err();
            assert!(matches!(refused, MemoryError::Damaged { .. }), "{refused}");
            assert!(refused.to_string().contains(&path.display().to_string()));
        }
        fs::write(&path, &good).unwrap();
        let other = Memory {
            key: other_log_key(),
            ..memory
        };
        assert!(matches!(other.kept(), Err(MemoryError::Damaged { .. })));
    }
}
