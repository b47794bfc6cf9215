//! A log's files in a directory: the broker's own, a copy of them, or what `weir audit follow`
//! keeps.
//!
//! `log/entries` holds the entries behind their lengths, `log/checkpoint` the newest signed tree
//! head, and `log/h0`, where it is there, the hash of every entry.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use audit::bundle::{Entries, append};
use audit::checkpoint::{Checkpoint, CheckpointNote, LogKey};
use audit::replay::Finding;
use audit::tree::{Frontier, TreeHash, leaf_hash};

use crate::errors::{CliError, OrFail};

/// Where a log lies.
#[derive(Debug, Clone)]
pub struct Archive {
    folder: PathBuf,
}

impl Archive {
    /// The log of a state directory, or the folder `log` itself.
    #[must_use]
    pub fn at(directory: &Path) -> Self {
        let own = directory.join("entries").is_file();
        Self {
            folder: if own {
                directory.to_owned()
            } else {
                directory.join("log")
            },
        }
    }

    /// Is there a log?
    #[must_use]
    pub fn exists(&self) -> bool {
        self.file("checkpoint").is_file()
    }

    /// The newest checkpoint, its signature verified.
    ///
    /// # Errors
    /// [`CliError::Broken`] where it is not the log's; a failure where there is no log.
    pub fn checkpoint(&self, key: &LogKey) -> Result<Checkpoint, CliError> {
        let path = self.file("checkpoint");
        let text = fs::read_to_string(&path).map_err(|e| {
            CliError::file("read", &path, e).or_try("the folder that holds `log/entries`")
        })?;
        let broken =
            |e: &dyn std::fmt::Display| CliError::broken(format_args!("`{}`: {e}", path.display()));
        let note: CheckpointNote = text.parse().map_err(|e| broken(&e))?;
        note.verify(key).map_err(|e| broken(&e))
    }

    /// All bytes of the entries.
    ///
    /// # Errors
    /// [`CliError`] names the file.
    pub fn entries(&self) -> Result<Vec<u8>, CliError> {
        let path = self.file("entries");
        fs::read(&path).map_err(|e| CliError::file("read", &path, e))
    }

    /// The first entry whose hash is not the one that was logged; none where the stored hashes are
    /// missing, or are not those of the signed tree.
    #[must_use]
    pub fn first_changed(&self, entries: &[u8], checkpoint: &Checkpoint) -> Option<u64> {
        let stored = fs::read(self.file("h0")).ok()?;
        let (hashes, _) = stored.as_chunks::<{ TreeHash::BYTES }>();
        let size = usize::try_from(checkpoint.size()).ok()?;
        let hashes = hashes.get(..size)?;
        let mut frontier = Frontier::default();
        for hash in hashes {
            frontier.append(TreeHash::new(*hash), |_, _| {});
        }
        if frontier.root() != *checkpoint.root() {
            return None;
        }
        let entries = Entries::new(entries).map_while(Result::ok);
        let mut both = entries.zip(hashes);
        let changed = both.position(|(entry, hash)| leaf_hash(entry).as_bytes() != hash)?;
        u64::try_from(changed).ok()
    }

    /// Appends entries, makes them durable, then replaces the checkpoint.
    ///
    /// # Errors
    /// [`CliError`] names the file.
    pub fn keep(&self, entries: &[Vec<u8>], checkpoint: &Checkpoint) -> Result<(), CliError> {
        let fail = |path: &Path, e| CliError::file("write", path, e);
        fs::create_dir_all(&self.folder).map_err(|e| fail(&self.folder, e))?;
        let path = self.file("entries");
        let mut bytes = Vec::new();
        for entry in entries {
            append(&mut bytes, entry).or_fail()?;
        }
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let mut file: File = file.map_err(|e| fail(&path, e))?;
        file.write_all(&bytes)
            .and_then(|()| file.sync_all())
            .map_err(|e| fail(&path, e))?;
        let (path, text) = (
            self.file("checkpoint"),
            String::from(checkpoint.signed().clone()),
        );
        let written = tempfile::NamedTempFile::new_in(&self.folder).and_then(|mut new| {
            new.write_all(text.as_bytes())?;
            new.as_file().sync_all()?;
            new.persist(&path).map_err(|e| e.error)
        });
        written.map(|_| ()).map_err(|e| fail(&path, e))
    }

    /// Cuts what a crash left after the checkpoint, so that [`Self::keep`] can go on.
    ///
    /// # Errors
    /// [`CliError`] names the file.
    pub fn cut(&self, entries: &[u8], size: u64) -> Result<(), CliError> {
        let path = self.file("entries");
        let mut whole = Entries::new(entries);
        let size = usize::try_from(size).or_fail()?;
        whole.by_ref().take(size).for_each(drop);
        let length = u64::try_from(whole.offset()).or_fail()?;
        let file = OpenOptions::new().write(true).open(&path);
        file.and_then(|file| file.set_len(length))
            .map_err(|e| CliError::file("cut", &path, e))
    }

    /// Where the log lies.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// What is said of an entry that was changed after it was logged.
#[must_use]
pub fn changed(index: u64, also: Option<&Finding>) -> Finding {
    let also = also.filter(|finding| finding.index == index);
    let also = also
        .map(|finding| format!("; as it stands, {}", finding.why))
        .unwrap_or_default();
    Finding {
        index,
        why: format!("it was changed after it was logged{also}"),
    }
}
