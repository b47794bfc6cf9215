//! Payloads by salted commitment: signed documents, Parquet cells, released tables, zonings.
//!
//! A blob is `blobs/<id>`, its salt is `salts/<id>`, and `<id>` is HMAC-SHA256(salt, bytes) in
//! hexadecimal. An entry holds the id; with blob and salt erased, the id says nothing about what it
//! was. A blob that no entry names is garbage, which nobody can ask for and a start erases.
//!
//! Only local files are implemented. Scans read through an `object_store`, so they do not care.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use audit::commitment::{Commitment, CommitmentError, Committer, Salt};
use bytes::Bytes;
use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use policies::id::BlobId;
use tempfile::NamedTempFile;

use super::disk::{Disk, FileName, NameError, remedy};

mod manifest;
#[cfg(test)]
mod tests;
mod writer;

use writer::BlobWriter;

static BLOBS: FileName = FileName::fixed("blobs");
static SALTS: FileName = FileName::fixed("salts");
/// Blobs that are still being written.
static INCOMING: FileName = FileName::fixed("incoming");

/// Bytes that are held while a blob is copied or checked.
const CHUNK_BYTES: usize = 1 << 20;

/// All blobs of one state directory; clones share it.
#[derive(Debug, Clone)]
pub struct Blobs {
    disk: Arc<dyn Disk>,
    /// For scans; `None` on a disk that has no directory.
    files: Option<Arc<LocalFileSystem>>,
}

/// A payload and what opens its commitment.
#[derive(Debug, Clone)]
pub struct Blob {
    /// The payload, which matches the id.
    pub bytes: Bytes,
    /// Its salt: whoever gets it can prove to others what the id commits to.
    pub salt: Salt,
}

/// Why a blob cannot be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// A file of the blob is not there.
    #[error("`{file}` is missing: put it back from a backup, nothing else can make it again")]
    Missing {
        /// The file.
        file: FileName,
    },
    /// The blob is not what its id commits to.
    #[error("`{file}` or its salt was altered: put both back from a backup")]
    Altered {
        /// The file.
        file: FileName,
    },
    /// The system refused; a blob that was being stored is not stored.
    #[error("`{file}`: {source}{}", remedy(source))]
    Io {
        /// The file.
        file: FileName,
        /// The system's error.
        source: io::Error,
    },
    /// No salt could be drawn; nothing was stored.
    #[error(transparent)]
    Salt(#[from] CommitmentError),
}

impl Blobs {
    /// The blobs on `disk`. What a crash left half-written is removed.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub fn open(disk: Arc<dyn Disk>) -> Result<Self, BlobError> {
        for file in disk.list(&INCOMING).map_err(|e| io_error(&INCOMING, e))? {
            disk.remove(&file).map_err(|e| io_error(&file, e))?;
        }
        let files = match disk.root() {
            Some(root) => {
                let files = LocalFileSystem::new_with_prefix(root);
                let files = files.map_err(|e| io_error(&BLOBS, io::Error::other(e)))?;
                Some(Arc::new(files))
            }
            None => None,
        };
        Ok(Self { disk, files })
    }

    /// The blobs on `disk` as they are, for checking them.
    pub(super) fn unopened(disk: Arc<dyn Disk>) -> Self {
        Self { disk, files: None }
    }

    /// Is a payload there, and what its id commits to? Read in pieces.
    pub(super) fn check(&self, id: &BlobId) -> Result<(), BlobError> {
        manifest::check(self, &Files::of(id)?)
    }

    /// Stores a payload under a fresh salt. On return blob and salt are durable.
    ///
    /// # Errors
    /// [`BlobError::Io`] or [`BlobError::Salt`]; nothing is stored then.
    pub async fn put(&self, bytes: &Bytes) -> Result<BlobId, BlobError> {
        let bytes = bytes.clone();
        self.run(move |blobs| blobs.put_now(&bytes)).await
    }

    /// Stores the content of a file, in pieces. On return blob and salt are durable.
    ///
    /// # Errors
    /// [`BlobError::Io`] or [`BlobError::Salt`]; nothing is stored then.
    pub async fn put_file(&self, path: &Path) -> Result<BlobId, BlobError> {
        let path = path.to_owned();
        self.run(move |blobs| {
            let mut file = std::fs::File::open(path).map_err(|e| io_error(&INCOMING, e))?;
            let mut writer = blobs.writer()?;
            io::copy(&mut file, &mut writer).map_err(|e| io_error(&INCOMING, e))?;
            writer.finish()
        })
        .await
    }

    fn writer(&self) -> Result<BlobWriter, BlobError> {
        BlobWriter::new(Arc::clone(&self.disk))
    }

    /// A payload, whole and checked against its id.
    ///
    /// # Errors
    /// [`BlobError::Missing`], [`BlobError::Altered`] or [`BlobError::Io`].
    pub async fn get(&self, id: &BlobId) -> Result<Blob, BlobError> {
        let id = id.clone();
        self.run(move |blobs| blobs.get_now(&id)).await
    }

    /// The salt of a payload, which is not read.
    ///
    /// # Errors
    /// [`BlobError::Missing`], [`BlobError::Altered`] for one of another length, or [`BlobError::Io`].
    pub async fn salt_of(&self, id: &BlobId) -> Result<Salt, BlobError> {
        let files = Files::of(id)?;
        self.run(move |blobs| blobs.salt(&files)).await
    }

    /// The cells of a manifest for a scan, after every payload was checked against its id.
    ///
    /// # Errors
    /// [`BlobError::Missing`], [`BlobError::Altered`] or [`BlobError::Io`].
    pub async fn manifest(&self, ids: &[BlobId]) -> Result<cells::read::Blobs, BlobError> {
        manifest::read(self, ids).await
    }

    /// Is the content of the file at `path` the payload of `id`?
    ///
    /// # Errors
    /// [`BlobError::Missing`] where the salt is gone, [`BlobError::Io`].
    pub async fn matches(&self, id: &BlobId, path: &Path) -> Result<bool, BlobError> {
        let (files, path) = (Files::of(id)?, path.to_owned());
        self.run(move |blobs| {
            let mut file = std::fs::File::open(path).map_err(|e| io_error(&INCOMING, e))?;
            let mut committer = Committing(Committer::new(&blobs.salt(&files)?));
            io::copy(&mut file, &mut committer).map_err(|e| io_error(&INCOMING, e))?;
            Ok(files.check(committer.0.finish()).is_ok())
        })
        .await
    }

    /// A temporary file beside the blobs, for a payload that has to be looked at before it is
    /// stored. Gone when dropped; what a crash leaves of it is removed at the next start.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub fn staging(&self) -> Result<NamedTempFile, BlobError> {
        let folder = match self.disk.root() {
            Some(root) => root.join(INCOMING.as_str()),
            None => std::env::temp_dir(),
        };
        let made = std::fs::create_dir_all(&folder).and_then(|()| {
            let mut builder = tempfile::Builder::new();
            builder.prefix("staging-").tempfile_in(folder)
        });
        made.map_err(|e| io_error(&INCOMING, e))
    }

    /// Erases a payload and its salt, durably; what is not there any more is no error.
    ///
    /// # Errors
    /// [`BlobError::Io`]: a part may still be there, erase again.
    pub async fn erase(&self, id: &BlobId) -> Result<(), BlobError> {
        let files = Files::of(id)?;
        self.run(move |blobs| {
            for file in [files.blob, files.salt] {
                blobs.disk.remove(&file).map_err(|e| io_error(&file, e))?;
            }
            Ok(())
        })
        .await
    }

    /// Ids of all blobs and salts, sorted: what no entry names of them is garbage.
    ///
    /// # Errors
    /// [`BlobError::Io`].
    pub fn list(&self) -> Result<Vec<BlobId>, BlobError> {
        let mut ids = self.list_in(&BLOBS)?;
        ids.append(&mut self.list_in(&SALTS)?);
        Ok(ids.into_iter().collect())
    }

    /// Are both files of every payload there? Looks at the folders only, and never into a file.
    ///
    /// # Errors
    /// [`BlobError::Missing`] names the first one that is not, [`BlobError::Io`].
    pub(super) fn check_there(&self, named: &BTreeSet<&BlobId>) -> Result<(), BlobError> {
        for folder in [&BLOBS, &SALTS] {
            let there = self.list_in(folder)?;
            let Some(lost) = named.iter().find(|id| !there.contains(**id)) else {
                continue;
            };
            let files = Files::of(lost)?;
            let file = if folder == &BLOBS {
                files.blob
            } else {
                files.salt
            };
            return Err(BlobError::Missing { file });
        }
        Ok(())
    }

    fn list_in(&self, folder: &FileName) -> Result<BTreeSet<BlobId>, BlobError> {
        let files = self.disk.list(folder).map_err(|e| io_error(folder, e))?;
        let names = files
            .iter()
            .filter_map(|file| file.as_str().split('/').next_back());
        Ok(names.filter_map(|name| BlobId::new(name).ok()).collect())
    }

    fn put_now(&self, bytes: &[u8]) -> Result<BlobId, BlobError> {
        let mut writer = self.writer()?;
        io::Write::write_all(&mut writer, bytes).map_err(|e| io_error(&INCOMING, e))?;
        writer.finish()
    }

    fn get_now(&self, id: &BlobId) -> Result<Blob, BlobError> {
        let files = Files::of(id)?;
        let salt = self.salt(&files)?;
        let read = self.disk.read_all(&files.blob);
        let bytes = read.map_err(|e| io_error(&files.blob, e))?;
        let bytes = bytes.ok_or_else(|| files.missing_blob())?;
        files.check(Commitment::new(&salt, &bytes))?;
        let bytes = Bytes::from(bytes);
        Ok(Blob { bytes, salt })
    }

    fn salt(&self, files: &Files) -> Result<Salt, BlobError> {
        let read = self.disk.read_all(&files.salt);
        let read = read.map_err(|e| io_error(&files.salt, e))?;
        let file = files.salt.clone();
        match read.map(<[u8; 16]>::try_from) {
            Some(Ok(salt)) => Ok(Salt::new(salt)),
            Some(Err(_)) => Err(BlobError::Altered { file }),
            None => Err(BlobError::Missing { file }),
        }
    }

    /// Runs what waits for the disk beside the async tasks.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, BlobError> + Send + 'static,
    ) -> Result<T, BlobError> {
        let blobs = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&blobs)).await;
        done.map_err(|e| io_error(&BLOBS, io::Error::other(e)))?
    }
}

/// A commitment as a sink.
struct Committing(Committer);

impl io::Write for Committing {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.0.update(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The files of one blob.
struct Files {
    id: BlobId,
    blob: FileName,
    salt: FileName,
}

impl Files {
    fn of(id: &BlobId) -> Result<Self, BlobError> {
        let no_name = |e: NameError| io_error(&BLOBS, io::Error::other(e));
        Ok(Self {
            id: id.clone(),
            blob: BLOBS.join(id.as_str()).map_err(no_name)?,
            salt: SALTS.join(id.as_str()).map_err(no_name)?,
        })
    }

    fn check(&self, found: Commitment) -> Result<(), BlobError> {
        if found.to_string() == self.id.as_str() {
            return Ok(());
        }
        let file = self.blob.clone();
        Err(BlobError::Altered { file })
    }

    fn missing_blob(&self) -> BlobError {
        let file = self.blob.clone();
        BlobError::Missing { file }
    }
}

fn io_error(file: &FileName, source: io::Error) -> BlobError {
    let file = file.clone();
    BlobError::Io { file, source }
}
