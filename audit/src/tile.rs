//! Names of tiles (c2sp.org/tlog-tiles): `<level>/<index>[.p/<width>]`, the index in groups of three
//! digits of which all but the last begin with an `x`.

#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::text;
use crate::tree::{SIZE_MAX, TreeHash};

/// Hashes of a full tile.
pub const TILE_HASHES: u64 = 256;

/// Highest tile level a tree of [`SIZE_MAX`] leaves has.
const LEVEL_MAX: u8 = 7;

/// One tile: some of the hashes of a tile level, full or partial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tile {
    level: u8,
    index: u64,
    /// 1 to 256.
    width: u16,
}

/// A text is not the name of a tile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{given}` is not a tile: level, index in groups of three digits, and `.p/` with a width are"
)]
pub struct TileError {
    /// What was given, shortened.
    pub given: String,
}

impl Tile {
    /// The tiles of a tree of `size` leaves that hold its right edge: the partial tile of each
    /// level, where there is one.
    pub fn partial(size: u64) -> impl Iterator<Item = Self> {
        (0..=LEVEL_MAX).filter_map(move |level| {
            let hashes = size >> (8 * u32::from(level));
            let width = u16::try_from(hashes % TILE_HASHES)
                .ok()
                .filter(|w| *w > 0)?;
            let index = hashes / TILE_HASHES;
            Some(Self {
                level,
                index,
                width,
            })
        })
    }

    /// Tile level: its hashes are the tree's nodes of level `8 · level`.
    #[must_use]
    pub const fn level(&self) -> u8 {
        self.level
    }

    /// Position in its level.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Has it all of its 256 hashes?
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.width as u64 == TILE_HASHES
    }

    /// Where it lies when a level is one file of 32-byte hashes.
    #[must_use]
    pub const fn byte_range(&self) -> Range<u64> {
        let first = self.index * TILE_HASHES;
        let end = first + self.width as u64;
        first * TreeHash::BYTES as u64..end * TreeHash::BYTES as u64
    }

    /// The leaves under it: of level 0, those of the bundle of entries of the same name.
    #[must_use]
    pub const fn leaves(&self) -> Range<u64> {
        let (first, shift) = (self.index * TILE_HASHES, 8 * self.level as u32);
        first << shift..(first + self.width as u64) << shift
    }

    /// Sizes of the trees that have exactly this tile, if it is partial, or at least it, if it is
    /// full.
    #[must_use]
    pub const fn sizes(&self) -> Range<u64> {
        let hashes = self.index * TILE_HASHES + self.width as u64;
        let shift = 8 * self.level as u32;
        let end = if self.is_full() {
            SIZE_MAX + 1
        } else {
            (hashes + 1) << shift
        };
        hashes << shift..end
    }
}

impl FromStr for Tile {
    type Err = TileError;

    fn from_str(given: &str) -> Result<Self, TileError> {
        parse(given).ok_or_else(|| TileError {
            given: text::shorten(given),
        })
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.level)?;
        let groups = (1..=6_u32).rev();
        for group in groups
            .map(|n| self.index / 1000_u64.pow(n))
            .filter(|n| *n > 0)
        {
            write!(f, "x{:03}/", group % 1000)?;
        }
        write!(f, "{:03}", self.index % 1000)?;
        if self.is_full() {
            return Ok(());
        }
        write!(f, ".p/{}", self.width)
    }
}

fn parse(given: &str) -> Option<Tile> {
    let (level, rest) = given.split_once('/')?;
    let level = text::decode_decimal(level).and_then(|l| u8::try_from(l).ok())?;
    let (index, width) = match rest.split_once(".p/") {
        None => (rest, TILE_HASHES),
        Some((index, width)) => {
            let width = text::decode_decimal(width)?;
            (index, Some(width).filter(|w| (1..TILE_HASHES).contains(w))?)
        }
    };
    let tile = Tile {
        level: Some(level).filter(|l| *l <= LEVEL_MAX)?,
        index: parse_index(index)?,
        width: u16::try_from(width).ok()?,
    };
    // The one spelling; and no tile that no tree has, so that what is computed from it fits.
    let last = u128::from(tile.index)
        .checked_mul(256)?
        .checked_add(u128::from(tile.width))?
        .checked_mul(1 << (8 * u32::from(level)))?;
    (last <= u128::from(SIZE_MAX) && tile.to_string() == given).then_some(tile)
}

/// `x001/x234/067` is 1,234,067.
fn parse_index(given: &str) -> Option<u64> {
    let mut index = 0_u64;
    for group in given.split('/') {
        let digits = group.strip_prefix('x').unwrap_or(group);
        let digits =
            Some(digits).filter(|d| d.len() == 3 && d.bytes().all(|b| b.is_ascii_digit()))?;
        index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
    }
    Some(index)
}
