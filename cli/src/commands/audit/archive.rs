//! A log's files in a directory: the broker's own, a copy of them, or what `weir audit follow`
//! keeps. Reading and writing only: what they have to be is [`audit::archive`]'s.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use audit::archive::{self, Files};
use audit::bundle::append;
use audit::checkpoint::{Checkpoint, CheckpointNote, LogKey};
use audit::error::AuditError;
use audit::quorum::Policy;
use audit::replay::replay;
use jiff::Timestamp;

use crate::errors::{CliError, OrFail};
use crate::files;

/// Where a log lies.
#[derive(Debug, Clone)]
pub struct Archive {
    folder: PathBuf,
}

/// The files of a log, read.
#[derive(Debug)]
pub struct Loaded {
    entries: Vec<u8>,
    checkpoint: String,
    cosigned: Option<String>,
    leaf_hashes: Option<Vec<u8>>,
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

    /// Reads entries, checkpoint and, where they are there, leaf hashes.
    ///
    /// # Errors
    /// [`CliError`] names the file.
    pub fn load(&self) -> Result<Loaded, CliError> {
        let path = self.file("checkpoint");
        let checkpoint = fs::read_to_string(&path).map_err(|e| {
            CliError::file("read", &path, e).or_try("the folder that holds `log/entries`")
        })?;
        let path = self.file("entries");
        let entries = fs::read(&path).map_err(|e| CliError::file("read", &path, e))?;
        Ok(Loaded {
            entries,
            checkpoint,
            cosigned: fs::read_to_string(self.file("cosigned")).ok(),
            leaf_hashes: fs::read(self.file("h0")).ok(),
        })
    }

    /// Makes the folder, for its owner's eyes, and holds the copy for this process alone as long as the file is kept:
    /// two that append would mix their entries.
    ///
    /// # Errors
    /// [`CliError`] names the file, or says that another process holds it.
    pub fn hold(&self) -> Result<File, CliError> {
        let path = self.file("lock");
        let fail = |e| CliError::file("write", &path, e);
        let mut folder = DirBuilder::new();
        folder.recursive(true).mode(0o700);
        folder.create(&self.folder).map_err(fail)?;
        let lock = File::create(&path).map_err(fail)?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(TryLockError::WouldBlock) => {
                let why = format!("another process follows with `{}`", self.folder.display());
                Err(CliError::new(why).or_try("a profile with another `state`, or end the other"))
            }
            Err(TryLockError::Error(e)) => Err(fail(e)),
        }
    }

    /// Appends entries, makes them durable, then replaces the checkpoint.
    ///
    /// # Errors
    /// [`CliError`] names the file.
    pub fn keep(&self, entries: &[Vec<u8>], checkpoint: &Checkpoint) -> Result<(), CliError> {
        let path = self.file("entries");
        let mut bytes = Vec::new();
        for entry in entries {
            append(&mut bytes, entry).or_fail()?;
        }
        let mut file = OpenOptions::new();
        let file = file.create(true).append(true).mode(0o600).open(&path);
        file.and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_all()
        })
        .map_err(|e| CliError::file("write", &path, e))?;
        let text = String::from(checkpoint.signed().clone());
        self.replace("checkpoint", &text)
    }

    /// Keeps a log that is not to be part of this copy in a folder beside it: our entries, those behind them, and the
    /// checkpoint that signed all. What is there already stays: the first evidence is not written over.
    ///
    /// # Errors
    /// [`CliError`] names the file.
    pub fn keep_beside(
        &self,
        name: &str,
        entries: &[Vec<u8>],
        checkpoint: &Checkpoint,
    ) -> Result<PathBuf, CliError> {
        let folder = self.folder.with_file_name(name);
        let beside = Self { folder };
        let _held = beside.hold()?;
        if !beside.exists() {
            beside.cut(0)?;
            if self.exists() {
                let (from, to) = (self.file("entries"), beside.file("entries"));
                fs::copy(&from, &to).map_err(|e| CliError::file("write", &to, e))?;
            }
            beside.keep(entries, checkpoint)?;
        }
        Ok(beside.folder)
    }

    /// Writes a file whole, durably, in the place of whatever has the name.
    ///
    /// # Errors
    /// [`CliError`] names the file.
    pub fn replace(&self, name: &str, text: &str) -> Result<(), CliError> {
        files::replace(&self.file(name), text.as_bytes())
    }

    /// Cuts what a crash left after the signed entries, so that [`Self::keep`] can go on: all of them where there
    /// is no checkpoint yet.
    ///
    /// # Errors
    /// [`CliError`] names the file.
    pub fn cut(&self, signed_bytes: usize) -> Result<(), CliError> {
        let path = self.file("entries");
        let length = u64::try_from(signed_bytes).or_fail()?;
        match OpenOptions::new().write(true).open(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            file => file
                .and_then(|file| file.set_len(length))
                .map_err(|e| CliError::file("cut", &path, e)),
        }
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

impl Loaded {
    /// Are the entries those that the log signed?
    ///
    /// # Errors
    /// [`CliError::Broken`] says what was done to which entry and, where the rules can tell, what
    /// it breaks as it stands.
    pub fn verify(&self, key: &LogKey) -> Result<archive::Archive<'_>, CliError> {
        let files = Files {
            entries: &self.entries,
            checkpoint: &self.checkpoint,
            leaf_hashes: self.leaf_hashes.as_deref(),
        };
        archive::Archive::verify(&files, key).map_err(|error| {
            let AuditError::Altered { index, .. } = &error else {
                return CliError::broken(error);
            };
            let entries = self.entries().map_while(Result::ok);
            let found = replay(entries).err();
            match found.filter(|finding| finding.index == *index) {
                Some(finding) => {
                    CliError::broken(format_args!("{error}; as it stands, {}", finding.why))
                }
                None => CliError::broken(error),
            }
        })
    }

    /// How many entries a quorum of witnesses has cosigned: all of them where the checkpoint shows it, as the one that
    /// `weir audit follow` keeps does; else those under `log/cosigned`, which a broker keeps beside it and which has to
    /// be a tree that this copy continues.
    ///
    /// # Errors
    /// [`CliError::Broken`] where neither shows a quorum, or of another tree.
    pub fn cosigned(
        &self,
        archive: &archive::Archive<'_>,
        key: &LogKey,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<u64, CliError> {
        let shown = |checkpoint: &Checkpoint| {
            policy.check(checkpoint)?;
            policy.check_times(checkpoint, now)
        };
        let newest = archive.checkpoint();
        let text = match (shown(newest), &self.cosigned) {
            (Ok(()), _) => return Ok(newest.size()),
            (Err(error), None) => return Err(CliError::broken(error)),
            (Err(_), Some(text)) => text,
        };
        let note: CheckpointNote = text.parse().map_err(CliError::broken)?;
        let cosigned = note.verify(key).map_err(CliError::broken)?;
        shown(&cosigned).map_err(CliError::broken)?;
        archive.continues(&cosigned).map_err(CliError::broken)?;
        Ok(cosigned.size())
    }

    /// The entries as they stand.
    pub fn entries(&self) -> audit::bundle::Entries<'_> {
        audit::bundle::Entries::new(&self.entries)
    }
}
