//! Tiles for everybody: exactly those that a published checkpoint makes exist.

use audit::tile::Tile;

use super::frame::Frame;
use super::*;

impl Log {
    /// The hashes of a tile; `None` where no published tree has it. Partial tiles of former sizes
    /// stay, so that whoever holds an older checkpoint can finish.
    ///
    /// # Errors
    /// Why it could not be read.
    pub fn tile(&self, tile: &Tile) -> Result<Option<Vec<u8>>, LogError> {
        let Some(file) = hashes::file(tile.level()) else {
            return Ok(None);
        };
        if !self.has_published(&tile.sizes())? {
            return Ok(None);
        }
        let hashes = self.disk.read(file, tile.byte_range());
        hashes
            .map(Some)
            .map_err(|source| LogError::read(file, source))
    }

    /// Has a checkpoint of one of these sizes been signed? Each commit ends in one, and its frame
    /// says the size, so the frames are searched by halves.
    fn has_published(&self, sizes: &Range<u64>) -> Result<bool, LogError> {
        if sizes.contains(&self.size()) {
            return Ok(true);
        }
        let (mut low, mut high) = (0, self.tip.frames);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.published_size(middle)? < sizes.start {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low < self.tip.frames && sizes.contains(&self.published_size(low)?))
    }

    /// Entries in the log after commit number `frame`.
    fn published_size(&self, frame: u64) -> Result<u64, LogError> {
        let length = Frame::BYTES as u64;
        let range = frame * length..(frame + 1) * length;
        let encoded = self.disk.read(&FRAMES, range);
        let encoded = encoded.map_err(|source| LogError::read(&FRAMES, source))?;
        Frame::size_in(&encoded).ok_or_else(|| LogError::damaged(&FRAMES, "a frame is cut off"))
    }
}
