//! What a start would find and do, without doing it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::*;

/// A log whose committed bytes are all there.
#[derive(Debug)]
pub struct Sound {
    /// `log/entries`, up to the last commit.
    pub entries: Vec<u8>,
    /// How many they are.
    pub size: u64,
    /// Files that a start would cut or complete.
    pub mended: BTreeSet<FileName>,
}

/// Reads and checks a log as [`Log::open`] does, and writes nothing.
///
/// # Errors
/// As [`Log::open`].
pub fn inspect(disk: &Arc<dyn Disk>, key: &LogKey) -> Result<Sound, LogError> {
    let watched = Pretend {
        disk: Arc::clone(disk),
        touched: Mutex::default(),
    };
    let recovered = recover::recover(&watched, key)?;
    let mut mended = watched
        .touched
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let (size, bytes) = (recovered.tip.frontier.size(), recovered.tip.bytes);
    let covered = recovered.checkpoint.as_ref().map(Checkpoint::size);
    if covered != Some(size) {
        mended.insert(CHECKPOINT.clone());
    }
    let entries = disk.read(&ENTRIES, 0..bytes);
    let entries = match entries {
        Err(error) if error.kind() == io::ErrorKind::NotFound && bytes == 0 => Ok(Vec::new()),
        read => read.map_err(|source| LogError::read(&ENTRIES, source)),
    }?;
    Ok(Sound {
        entries,
        size,
        mended,
    })
}

/// A disk that takes note of what should be written, and writes nothing.
#[derive(Debug)]
struct Pretend {
    disk: Arc<dyn Disk>,
    touched: Mutex<BTreeSet<FileName>>,
}

impl Pretend {
    fn touch(&self, name: &FileName) -> io::Result<()> {
        let mut touched = self.touched.lock().unwrap_or_else(PoisonError::into_inner);
        touched.insert(name.clone());
        Ok(())
    }
}

impl Disk for Pretend {
    fn append(&self, name: &FileName, _: &[u8]) -> io::Result<()> {
        self.touch(name)
    }

    fn read(&self, name: &FileName, range: Range<u64>) -> io::Result<Vec<u8>> {
        self.disk.read(name, range)
    }

    fn length(&self, name: &FileName) -> io::Result<Option<u64>> {
        self.disk.length(name)
    }

    fn truncate(&self, name: &FileName, _: u64) -> io::Result<()> {
        self.touch(name)
    }

    fn sync_data(&self, name: &FileName) -> io::Result<()> {
        self.touch(name)
    }

    fn rename(&self, from: &FileName, _: &FileName) -> io::Result<()> {
        self.touch(from)
    }

    fn write_durable(&self, name: &FileName, _: &[u8]) -> io::Result<()> {
        self.touch(name)
    }

    fn remove(&self, name: &FileName) -> io::Result<bool> {
        self.touch(name).map(|()| true)
    }

    fn list(&self, folder: &FileName) -> io::Result<Vec<FileName>> {
        self.disk.list(folder)
    }

    fn root(&self) -> Option<&Path> {
        None
    }
}
