use std::ops::Range;

use super::{SIZE_MAX, TreeHash, empty_root, node_hash};

/// Levels of the tree that one tile spans (tlog-tiles).
const TILE_HEIGHT: u8 = 8;

/// Neighbouring stored hashes: never more than 128, never across the border of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashRun {
    /// Tile level: its hashes are the tree's nodes of level `8 · tile_level`.
    pub tile_level: u8,
    /// Index of the first hash in that level.
    pub first: u64,
    /// How many hashes, 1 to 128.
    pub count: u16,
}

impl HashRun {
    /// Where the run lies when a level is one file of 32-byte hashes.
    #[must_use]
    pub const fn byte_range(&self) -> Range<u64> {
        let start = self.first.saturating_mul(TreeHash::BYTES as u64);
        let length = self.count as u64 * TreeHash::BYTES as u64;
        start..start.saturating_add(length)
    }
}

/// Stored hashes of complete nodes, for whoever makes proofs: the log's files, or a memory copy.
pub trait HashReader {
    /// Why hashes could not be read.
    type Error;

    /// The `run.count` hashes of the run, in order.
    ///
    /// # Errors
    /// Whatever keeps the store from giving them.
    fn read(&self, run: HashRun) -> Result<Vec<TreeHash>, Self::Error>;
}

impl<R: HashReader + ?Sized> HashReader for &R {
    type Error = R::Error;

    fn read(&self, run: HashRun) -> Result<Vec<TreeHash>, R::Error> {
        (**self).read(run)
    }
}

/// Why a proof could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProveError<E> {
    /// There is no such leaf or subtree to prove.
    #[error("{wanted} is not inside a tree of {size} leaves")]
    OutOfRange {
        /// The leaf's index or the older tree's size.
        wanted: u64,
        /// The tree's size.
        size: u64,
    },
    /// The store failed.
    #[error("stored hashes of tile level {} from {} could not be read", run.tile_level, run.first)]
    Read {
        /// What was asked for.
        run: HashRun,
        /// The store's own error.
        #[source]
        source: E,
    },
    /// The store gave another number of hashes than it was asked for.
    #[error(
        "stored hashes of tile level {} from {}: {found} given, {} wanted",
        run.tile_level, run.first, run.count
    )]
    Count {
        /// What was asked for.
        run: HashRun,
        /// How many came.
        found: usize,
    },
}

type Proof<E> = Result<Vec<TreeHash>, ProveError<E>>;

/// Inclusion proof for the leaf at `index` in the tree of the first `size` leaves, leaf's sibling
/// first (RFC 6962 section 2.1.1, `PATH`).
///
/// # Errors
/// [`ProveError`]: no such leaf, or the store failed.
pub fn inclusion_proof<R: HashReader>(reader: &R, index: u64, size: u64) -> Proof<R::Error> {
    if index >= size || size > SIZE_MAX {
        return Err(ProveError::OutOfRange {
            wanted: index,
            size,
        });
    }
    let mut proof = Vec::new();
    let mut span = 0..size;
    while span.end - span.start > 1 {
        let middle = split(&span);
        let sibling = if index < middle {
            let right = middle..span.end;
            span.end = middle;
            right
        } else {
            let left = span.start..middle;
            span.start = middle;
            left
        };
        proof.push(span_root(reader, sibling)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Consistency proof from the tree of the first `old` leaves to that of the first `size`
/// (RFC 6962 section 2.1.2, `PROOF`). Empty when `old` is 0 or equals `size`.
///
/// # Errors
/// [`ProveError`]: `old` is larger than `size`, or the store failed.
pub fn consistency_proof<R: HashReader>(reader: &R, old: u64, size: u64) -> Proof<R::Error> {
    if old > size || size > SIZE_MAX {
        return Err(ProveError::OutOfRange { wanted: old, size });
    }
    let mut proof = Vec::new();
    if old == 0 {
        return Ok(proof);
    }
    let mut span = 0..size;
    let mut old_root_is_known = true;
    while old != span.end {
        let middle = split(&span);
        if old <= middle {
            proof.push(span_root(reader, middle..span.end)?);
            span.end = middle;
        } else {
            proof.push(span_root(reader, span.start..middle)?);
            span.start = middle;
            old_root_is_known = false;
        }
    }
    if !old_root_is_known {
        proof.push(span_root(reader, span)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Root of the tree of the first `size` leaves, from stored hashes.
///
/// # Errors
/// [`ProveError`]: the size is over [`SIZE_MAX`], or the store failed.
pub fn root_at<R: HashReader>(reader: &R, size: u64) -> Result<TreeHash, ProveError<R::Error>> {
    if size > SIZE_MAX {
        return Err(ProveError::OutOfRange { wanted: size, size });
    }
    if size == 0 {
        return Ok(empty_root());
    }
    span_root(reader, 0..size)
}

/// Where RFC 6962 splits a span of two leaves or more: after the largest power of two below its length.
fn split(span: &Range<u64>) -> u64 {
    let last = span.end - span.start - 1;
    span.start + (1 << last.ilog2())
}

/// Root of a non-empty span that starts where `split` puts spans, so that its largest complete
/// subtree is a node of the tree, and so is the next one to the right of that, to the end.
fn span_root<R: HashReader>(
    reader: &R,
    span: Range<u64>,
) -> Result<TreeHash, ProveError<R::Error>> {
    let mut nodes = Vec::new();
    let mut start = span.start;
    while start < span.end {
        let level = (span.end - start).ilog2();
        nodes.push(node(reader, level, start >> level)?);
        start += 1 << level;
    }
    let smallest_first = nodes.into_iter().rev();
    Ok(smallest_first
        .reduce(|right, left| node_hash(&left, &right))
        .unwrap_or_else(empty_root))
}

/// Hash of a complete node: stored when its level is a tile's, else computed from the stored below.
fn node<R: HashReader>(
    reader: &R,
    level: u32,
    index: u64,
) -> Result<TreeHash, ProveError<R::Error>> {
    let (tile_level, above) = (
        level / u32::from(TILE_HEIGHT),
        level % u32::from(TILE_HEIGHT),
    );
    let run = HashRun {
        tile_level: tile_level as u8, // level < 64, so below 8
        first: index << above,
        count: 1 << above,
    };
    let mut hashes = reader
        .read(run)
        .map_err(|source| ProveError::Read { run, source })?;
    let found = hashes.len();
    if found != usize::from(run.count) {
        return Err(ProveError::Count { run, found });
    }
    while hashes.len() > 1 {
        hashes = pairs(&hashes);
    }
    hashes.pop().ok_or(ProveError::Count { run, found })
}

/// Parents of an even number of neighbouring nodes.
fn pairs(hashes: &[TreeHash]) -> Vec<TreeHash> {
    let (pairs, _) = hashes.as_chunks::<2>();
    pairs
        .iter()
        .map(|[left, right]| node_hash(left, right))
        .collect()
}
