//! Tile hashes: level `l` of the tiles is one file of 32-byte hashes, so that a tile is a byte
//! range.

use std::io;

use audit::tree::{Frontier, HashReader, HashRun, Node, ProveError, TreeHash, leaf_hash};

use super::{Disk, FileName, LogError};

/// Tile levels: level 7 holds nodes 56 levels above the leaves, and a tree has 63.
static FILES: [FileName; 8] = [
    FileName::fixed("log/h0"),
    FileName::fixed("log/h1"),
    FileName::fixed("log/h2"),
    FileName::fixed("log/h3"),
    FileName::fixed("log/h4"),
    FileName::fixed("log/h5"),
    FileName::fixed("log/h6"),
    FileName::fixed("log/h7"),
];

/// The file of a tile level.
pub(super) fn file(tile_level: u8) -> Option<&'static FileName> {
    FILES.get(usize::from(tile_level))
}

/// The stored hashes, for proofs.
pub(super) struct Hashes<'a>(pub(super) &'a dyn Disk);

/// New hashes by tile level, as bytes.
#[derive(Debug, Default)]
pub(super) struct Levels([Vec<u8>; 8]);

/// Brings the files of hashes to what the entries imply.
#[derive(Debug, Default)]
pub(super) struct Rebuild {
    pub(super) levels: Levels,
    /// Bytes of each file that are known to be right.
    right: [u64; 8],
    /// Was anything found wrong?
    pub(super) mended: bool,
}

impl HashReader for Hashes<'_> {
    type Error = io::Error;

    fn read(&self, run: HashRun) -> Result<Vec<TreeHash>, io::Error> {
        let file = file(run.tile_level).ok_or(io::ErrorKind::NotFound)?;
        let bytes = self.0.read(file, run.byte_range())?;
        let (hashes, _) = bytes.as_chunks::<{ TreeHash::BYTES }>();
        Ok(hashes.iter().copied().map(TreeHash::new).collect())
    }
}

/// A proof could not be made: hashes are derived, so a start mends them.
pub(super) fn proof_error(error: &ProveError<io::Error>) -> LogError {
    let (level, source) = match error {
        ProveError::Read { run, source } => (run.tile_level, source.to_string()),
        ProveError::Count { run, .. } => (run.tile_level, "too few hashes".to_owned()),
        ProveError::OutOfRange { .. } => (0, error.to_string()),
    };
    let [first, ..] = &FILES;
    let file = FILES.get(usize::from(level)).unwrap_or(first);
    LogError::read(
        file,
        io::Error::other(format!("{source}; a restart rebuilds it")),
    )
}

impl Levels {
    /// Appends an entry to the tree and keeps the hashes that belong into files.
    pub(super) fn add_leaf(&mut self, frontier: &mut Frontier, entry: &[u8]) {
        frontier.append(leaf_hash(entry), |Node { level, .. }, hash| {
            if level.is_multiple_of(8)
                && let Some(bytes) = self.0.get_mut(usize::from(level / 8))
            {
                bytes.extend_from_slice(hash.as_bytes());
            }
        });
    }

    /// Adds the hashes to the files.
    pub(super) fn append(&self, disk: &dyn Disk) -> Result<(), LogError> {
        let new = FILES
            .iter()
            .zip(&self.0)
            .filter(|(_, bytes)| !bytes.is_empty());
        for (file, bytes) in new {
            let added = disk.append(file, bytes);
            added.map_err(|source| LogError::sync(file, source))?;
        }
        Ok(())
    }
}

impl Rebuild {
    /// Compares with the files what has been held for long enough.
    pub(super) fn settle_full(&mut self, disk: &dyn Disk) -> Result<(), LogError> {
        self.settle(disk, crate::limits::HASHES_HELD_BYTES)
    }

    /// Compares the rest, and cuts what the files have too much.
    pub(super) fn finish(&mut self, disk: &dyn Disk) -> Result<(), LogError> {
        self.settle(disk, 0)?;
        for (file, right) in FILES.iter().zip(self.right) {
            let length = disk.length(file).map_err(|e| LogError::read(file, e))?;
            if length.unwrap_or(0) > right {
                self.mended = true;
                let cut = disk.truncate(file, right);
                cut.map_err(|source| LogError::write(file, source))?;
            }
        }
        Ok(())
    }

    fn settle(&mut self, disk: &dyn Disk, held_max: usize) -> Result<(), LogError> {
        let levels = FILES.iter().zip(&mut self.levels.0).zip(&mut self.right);
        for ((file, held), right) in levels {
            if held.len() <= held_max {
                continue;
            }
            let end = right.saturating_add(held.len() as u64);
            if !disk
                .read(file, *right..end)
                .is_ok_and(|found| found == *held)
            {
                self.mended = true;
                replace_tail(disk, file, *right, held)
                    .map_err(|source| LogError::write(file, source))?;
            }
            *right = end;
            held.clear();
        }
        Ok(())
    }
}

fn replace_tail(disk: &dyn Disk, file: &FileName, from: u64, bytes: &[u8]) -> io::Result<()> {
    if disk.length(file)?.unwrap_or(0) > from {
        disk.truncate(file, from)?;
    }
    disk.append(file, bytes)
}
