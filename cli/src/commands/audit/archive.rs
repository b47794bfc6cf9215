//! A log's files in a directory: the broker's own, a copy of them, or what `weir audit follow`
//! keeps. Reading and writing only: what they have to be is [`audit::archive`]'s.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
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
        let text = String::from(checkpoint.signed().clone());
        self.replace("checkpoint", &text)
    }

    /// Writes a file whole, durably, in the place of whatever has the name.
    ///
    /// # Errors
    /// [`CliError`] names the file.
    pub fn replace(&self, name: &str, text: &str) -> Result<(), CliError> {
        files::replace(&self.file(name), text.as_bytes())
    }

    /// Cuts what a crash left after the signed entries, so that [`Self::keep`] can go on.
    ///
    /// # Errors
    /// [`CliError`] names the file.
    pub fn cut(&self, signed_bytes: usize) -> Result<(), CliError> {
        let path = self.file("entries");
        let length = u64::try_from(signed_bytes).or_fail()?;
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

    /// How many entries a quorum of witnesses has cosigned: what lies in `log/cosigned`, which has to be a tree
    /// that this copy continues.
    ///
    /// # Errors
    /// [`CliError::Broken`] where there is none, or no quorum, or another tree.
    pub fn cosigned(
        &self,
        archive: &archive::Archive<'_>,
        key: &LogKey,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<u64, CliError> {
        let Some(text) = &self.cosigned else {
            return Err(CliError::broken(
                "`log/cosigned` is not there: no quorum is shown",
            ));
        };
        let note: CheckpointNote = text.parse().map_err(CliError::broken)?;
        let cosigned = note.verify(key).map_err(CliError::broken)?;
        policy.check(&cosigned).map_err(CliError::broken)?;
        policy
            .check_times(&cosigned, now)
            .map_err(CliError::broken)?;
        archive.continues(&cosigned).map_err(CliError::broken)?;
        Ok(cosigned.size())
    }

    /// The entries as they stand.
    pub fn entries(&self) -> audit::bundle::Entries<'_> {
        audit::bundle::Entries::new(&self.entries)
    }
}
