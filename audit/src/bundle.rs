//! Entries as bytes (c2sp.org/tlog-tiles): each behind its length, a big-endian `u16`.
//!
//! A log's entries file is the concatenation of its bundles, so one reader serves both.

#[cfg(test)]
mod tests;

/// Most bytes of an entry: what a 16-bit length can tell.
pub const ENTRY_BYTES_MAX: usize = 65_535;

/// Entries of a full bundle.
pub const BUNDLE_ENTRIES: usize = 256;

/// Bytes before each entry.
pub const PREFIX_BYTES: usize = 2;

/// Why entries cannot be written or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The entry does not fit a 16-bit length.
    #[error("entry of {found} bytes is over the limit of {ENTRY_BYTES_MAX}")]
    TooLong {
        /// How many bytes it has.
        found: usize,
    },
    /// The bytes end inside a length.
    #[error("entry {position} at byte {offset}: its length is cut off")]
    TornLength {
        /// Number of the entry in these bytes, from 0.
        position: usize,
        /// Where it begins.
        offset: usize,
    },
    /// The bytes end inside an entry.
    #[error("entry {position} at byte {offset}: {expected} bytes announced, {found} left")]
    TornEntry {
        /// Number of the entry in these bytes, from 0.
        position: usize,
        /// Where its length begins.
        offset: usize,
        /// Bytes its length announces.
        expected: usize,
        /// Bytes that are there.
        found: usize,
    },
    /// Another number of entries than the bundle's place in the log demands.
    #[error("bundle of {found} entries, where {expected} are wanted")]
    Count {
        /// Entries that belong there.
        expected: usize,
        /// Entries that are there; one more than expected stands for any surplus.
        found: usize,
    },
}

/// Appends one entry to a bundle or an entries file.
///
/// # Errors
/// [`BundleError::TooLong`]; `out` is unchanged then.
pub fn append(out: &mut Vec<u8>, entry: &[u8]) -> Result<(), BundleError> {
    let found = entry.len();
    let length = u16::try_from(found).map_err(|_| BundleError::TooLong { found })?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(entry);
    Ok(())
}

/// Reads exactly `width` entries that fill `bytes` exactly.
///
/// # Errors
/// [`BundleError`] names the first entry that is not whole, or the wrong count.
pub fn read(bytes: &[u8], width: usize) -> Result<Vec<&[u8]>, BundleError> {
    // One too many is enough to know: a hostile bundle cannot make the list longer.
    let entries = Entries::new(bytes)
        .take(width.saturating_add(1))
        .collect::<Result<Vec<_>, _>>()?;
    if entries.len() == width {
        return Ok(entries);
    }
    Err(BundleError::Count {
        expected: width,
        found: entries.len(),
    })
}

/// The entries in `bytes`, one after the other. The first error ends it.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    rest: &'a [u8],
    offset: usize,
    position: usize,
    failed: bool,
}

impl<'a> Entries<'a> {
    /// Starts at the first byte.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            offset: 0,
            position: 0,
            failed: false,
        }
    }

    /// Where the next entry's length begins; after an error, where the broken entry's does, which is
    /// the length of the sound part.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    fn read_one(&mut self) -> Result<&'a [u8], BundleError> {
        let (position, offset) = (self.position, self.offset);
        let (length, rest) = self
            .rest
            .split_first_chunk::<PREFIX_BYTES>()
            .ok_or(BundleError::TornLength { position, offset })?;
        let expected = usize::from(u16::from_be_bytes(*length));
        let found = rest.len();
        let (entry, rest) = rest
            .split_at_checked(expected)
            .ok_or(BundleError::TornEntry {
                position,
                offset,
                expected,
                found,
            })?;
        self.rest = rest;
        self.offset += PREFIX_BYTES + expected;
        self.position += 1;
        Ok(entry)
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<&'a [u8], BundleError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() || self.failed {
            return None;
        }
        let entry = self.read_one();
        self.failed = entry.is_err();
        Some(entry)
    }
}

impl std::iter::FusedIterator for Entries<'_> {}
