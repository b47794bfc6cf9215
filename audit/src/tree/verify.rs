use super::{SIZE_MAX, TreeHash, empty_root, node_hash};

/// Why a proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The leaf or the older tree lies outside the tree.
    #[error("{wanted} is not inside a tree of {size} leaves")]
    OutOfRange {
        /// The leaf's index or the older tree's size.
        wanted: u64,
        /// The tree's size.
        size: u64,
    },
    /// Too few or too many hashes for these sizes.
    #[error("the proof has {found} hashes, which does not fit its place in the tree")]
    Length {
        /// How many hashes it has.
        found: usize,
    },
    /// The older root does not follow from the proof.
    #[error("the proof does not lead to the older root hash")]
    OldRoot,
    /// The root does not follow from the proof: entry, index, size, proof or root is not true.
    #[error("the proof does not lead to the root hash")]
    Root,
}

/// Checks that `leaf` is the leaf at `index` in the tree of `size` leaves under `root`
/// (RFC 9162 section 2.1.3.2).
///
/// # Errors
/// [`ProofError`] when the proof does not show it.
pub fn verify_inclusion(
    leaf: &TreeHash,
    index: u64,
    size: u64,
    proof: &[TreeHash],
    root: &TreeHash,
) -> Result<(), ProofError> {
    if index >= size || size > SIZE_MAX {
        return Err(ProofError::OutOfRange {
            wanted: index,
            size,
        });
    }
    let mut path = Path {
        node: index,
        last: size - 1,
    };
    let mut hash = *leaf;
    for sibling in proof {
        hash = match path.up() {
            Some(Side::Left) => node_hash(sibling, &hash),
            Some(Side::Right) => node_hash(&hash, sibling),
            None => return Err(ProofError::Length { found: proof.len() }),
        };
    }
    if path.last != 0 {
        return Err(ProofError::Length { found: proof.len() });
    }
    if hash == *root {
        Ok(())
    } else {
        Err(ProofError::Root)
    }
}

/// Checks that the tree of `new_size` leaves under `new_root` begins with the tree of `old_size`
/// leaves under `old_root` (RFC 9162 section 2.1.4.2). The proof is empty when the older tree is
/// empty or as large as the newer one.
///
/// # Errors
/// [`ProofError`] when the proof does not show it.
pub fn verify_consistency(
    old_size: u64,
    old_root: &TreeHash,
    new_size: u64,
    new_root: &TreeHash,
    proof: &[TreeHash],
) -> Result<(), ProofError> {
    if old_size > new_size || new_size > SIZE_MAX {
        return Err(ProofError::OutOfRange {
            wanted: old_size,
            size: new_size,
        });
    }
    let length = ProofError::Length { found: proof.len() };
    if old_size == 0 && *old_root != empty_root() {
        return Err(ProofError::OldRoot);
    }
    if old_size == new_size && old_root != new_root {
        return Err(ProofError::Root);
    }
    if old_size == 0 || old_size == new_size {
        return if proof.is_empty() {
            Ok(())
        } else {
            Err(length)
        };
    }
    // The last node of the older tree that is complete in both. When the older tree is one complete
    // node itself, its root is left out of the proof.
    let mut path = Path {
        node: old_size - 1,
        last: new_size - 1,
    };
    path.skip_right_children();
    let (first, rest) = if old_size.is_power_of_two() {
        (old_root, proof)
    } else {
        proof.split_first().ok_or(length)?
    };
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in rest {
        match path.up() {
            Some(Side::Left) => {
                old_hash = node_hash(sibling, &old_hash);
                new_hash = node_hash(sibling, &new_hash);
            }
            Some(Side::Right) => new_hash = node_hash(&new_hash, sibling),
            None => return Err(length),
        }
    }
    if path.last != 0 {
        return Err(length);
    }
    match (old_hash == *old_root, new_hash == *new_root) {
        (true, true) => Ok(()),
        (false, _) => Err(ProofError::OldRoot),
        (_, false) => Err(ProofError::Root),
    }
}

/// The way from a node to the root; `fn` and `sn` in RFC 9162.
struct Path {
    node: u64,
    /// The rightmost node of the same level.
    last: u64,
}

/// Where a sibling stands.
enum Side {
    Left,
    Right,
}

impl Path {
    /// Goes up to the next node that has a sibling below it, and tells where that sibling stands;
    /// nothing at the root.
    fn up(&mut self) -> Option<Side> {
        if self.last == 0 {
            return None;
        }
        let side = if self.node % 2 == 1 || self.node == self.last {
            // A lone node at the right edge is handed up unchanged until it is a right child.
            while self.node.is_multiple_of(2) && self.node != 0 {
                self.shift();
            }
            Side::Left
        } else {
            Side::Right
        };
        self.shift();
        Some(side)
    }

    fn skip_right_children(&mut self) {
        while self.node % 2 == 1 {
            self.shift();
        }
    }

    fn shift(&mut self) {
        self.node >>= 1;
        self.last >>= 1;
    }
}
