use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Disk, FileName, remedy};

/// A state directory in the operating system's file system. Directories are 0700, files 0600.
#[derive(Debug)]
pub struct OsDisk {
    root: PathBuf,
    /// Files that were written to, kept open until they are renamed or removed: a write error that
    /// the kernel finds late is told to the handle that was open then, and to no later one for
    /// sure.
    written: Mutex<HashMap<FileName, Arc<File>>>,
    /// Locked as long as this lives.
    _lock: File,
}

/// Why a state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// Another process has it.
    #[error("state directory `{}` is in use by another process: stop it first", dir.display())]
    Locked {
        /// The directory.
        dir: PathBuf,
    },
    /// The system refused.
    #[error("state directory `{}` cannot be opened: {source}{}", dir.display(), remedy(source))]
    Io {
        /// The directory.
        dir: PathBuf,
        /// The system's error.
        source: io::Error,
    },
}

impl OsDisk {
    /// Opens a state directory, which is made when it is missing, and locks it for this process.
    ///
    /// # Errors
    /// [`DiskError::Locked`] while another `OsDisk` has it open, [`DiskError::Io`] otherwise.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, DiskError> {
        let dir = dir.into();
        let locked = Self::make(&dir).map_err(TryLockError::Error);
        match locked.and_then(|(root, lock)| lock.try_lock().map(|()| (root, lock))) {
            Ok((root, lock)) => Ok(Self {
                root,
                written: Mutex::default(),
                _lock: lock,
            }),
            Err(TryLockError::WouldBlock) => Err(DiskError::Locked { dir }),
            Err(TryLockError::Error(source)) => Err(DiskError::Io { dir, source }),
        }
    }

    fn make(dir: &Path) -> io::Result<(PathBuf, File)> {
        let is_new = !dir.exists();
        private_dir().recursive(true).create(dir)?;
        let root = dir.canonicalize()?;
        if let Some(parent) = root.parent().filter(|_| is_new) {
            sync_dir(parent)?;
        }
        let lock = root.join("lock");
        let lock = private_file()
            .write(true)
            .create(true)
            .truncate(false)
            .open(lock)?;
        Ok((root, lock))
    }

    fn path(&self, name: &FileName) -> PathBuf {
        self.root.join(name.as_str())
    }

    /// The handle of a file that is written to.
    fn writer(&self, name: &FileName) -> io::Result<Arc<File>> {
        if let Some(file) = self.written().get(name) {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(
            private_file()
                .read(true)
                .append(true)
                .open(self.path(name))?,
        );
        self.written().insert(name.clone(), Arc::clone(&file));
        Ok(file)
    }

    fn written(&self) -> std::sync::MutexGuard<'_, HashMap<FileName, Arc<File>>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes an empty file; its name, and those of its folders, are durable on return.
    fn create(&self, name: &FileName) -> io::Result<()> {
        self.make_folders(name.folder())?;
        private_file()
            .write(true)
            .create_new(true)
            .open(self.path(name))?;
        self.sync_folder(name)
    }

    fn make_folders(&self, folder: &str) -> io::Result<()> {
        let mut at = self.root.clone();
        for part in folder.split('/').filter(|part| !part.is_empty()) {
            let parent = at.clone();
            at.push(part);
            match private_dir().create(&at) {
                Ok(()) => sync_dir(&parent)?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => (),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn sync_folder(&self, name: &FileName) -> io::Result<()> {
        sync_dir(&self.root.join(name.folder()))
    }
}

impl Disk for OsDisk {
    fn append(&self, name: &FileName, bytes: &[u8]) -> io::Result<()> {
        let file = match self.writer(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.create(name)?;
                self.writer(name)?
            }
            opened => opened?,
        };
        (&*file).write_all(bytes)
    }

    fn read(&self, name: &FileName, range: Range<u64>) -> io::Result<Vec<u8>> {
        let written = self.written().get(name).cloned();
        let file = match written {
            Some(file) => file,
            None => Arc::new(File::open(self.path(name))?),
        };
        // Before the buffer is made: a length read from a damaged file must not decide its size.
        if file.metadata()?.len() < range.end {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let length = range.end.saturating_sub(range.start);
        let length = usize::try_from(length).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, range.start)?;
        Ok(bytes)
    }

    fn length(&self, name: &FileName) -> io::Result<Option<u64>> {
        match fs::metadata(self.path(name)) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn truncate(&self, name: &FileName, length: u64) -> io::Result<()> {
        self.writer(name)?.set_len(length)
    }

    fn sync_data(&self, name: &FileName) -> io::Result<()> {
        self.writer(name)?.sync_data()
    }

    fn rename(&self, from: &FileName, to: &FileName) -> io::Result<()> {
        self.make_folders(to.folder())?;
        self.written().retain(|name, _| name != from && name != to);
        fs::rename(self.path(from), self.path(to))?;
        self.sync_folder(to)
    }

    fn write_durable(&self, name: &FileName, bytes: &[u8]) -> io::Result<()> {
        self.make_folders(name.folder())?;
        let temporary = name.temporary();
        let mut file = private_file()
            .write(true)
            .create(true)
            .truncate(true) // of a crash before
            .open(self.path(&temporary))?;
        file.write_all(bytes)?;
        file.sync_data()?;
        self.rename(&temporary, name) // one sync of the folder for both names
    }

    fn remove(&self, name: &FileName) -> io::Result<bool> {
        self.written().remove(name);
        match fs::remove_file(self.path(name)) {
            Ok(()) => self.sync_folder(name).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn list(&self, folder: &FileName) -> io::Result<Vec<FileName>> {
        let entries = match fs::read_dir(self.path(folder)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            // What has no name of ours is none of ours.
            let name = entry.file_name().to_str().map(|name| folder.join(name));
            if let Some(Ok(name)) = name
                && entry.file_type()?.is_file()
            {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    fn root(&self) -> Option<&Path> {
        Some(&self.root)
    }
}

fn private_dir() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
