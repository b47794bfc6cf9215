use serde::{Deserialize, Serialize};

use super::{SIZE_MAX, TreeHash, empty_root, node_hash};

/// Name of a complete node: it covers the leaves `index·2^level .. (index+1)·2^level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Node {
    /// Height above the leaves, 0 to 62.
    pub level: u8,
    /// Position in its level, from the left.
    pub index: u64,
}

/// The right edge of a tree: its size and the complete subtrees it falls into, at most 63 hashes.
///
/// Enough to append for ever and to know the root after each leaf, without the leaves. A log
/// writer clones it, appends a batch and keeps the copy only when the batch is durable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Frontier {
    size: u64,
    /// One per set bit of `size`, the highest bit (leftmost, largest subtree) first.
    edges: Vec<TreeHash>,
}

/// Size and edges do not belong together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrontierError {
    /// A tree cannot be that large.
    #[error("tree size {size} is over the limit of 2^63 - 1")]
    Size {
        /// The size that was given.
        size: u64,
    },
    /// A tree of this size has another number of edges.
    #[error("a tree of {size} leaves has {expected} edge hashes, not {found}")]
    Edges {
        /// The size that was given.
        size: u64,
        /// Edges of a tree of that size.
        expected: usize,
        /// Edges that were given.
        found: usize,
    },
}

impl Frontier {
    /// The frontier of a tree of `size` leaves with the complete subtrees `edges`, leftmost first.
    ///
    /// Nothing shows here that the hashes are true: compare [`Frontier::root`] with a verified
    /// checkpoint before relying on it.
    ///
    /// # Errors
    /// [`FrontierError`] when the size is over [`SIZE_MAX`] or the number of edges does not fit.
    pub fn new(size: u64, edges: Vec<TreeHash>) -> Result<Self, FrontierError> {
        if size > SIZE_MAX {
            return Err(FrontierError::Size { size });
        }
        let (expected, found) = (size.count_ones() as usize, edges.len());
        if expected != found {
            return Err(FrontierError::Edges {
                size,
                expected,
                found,
            });
        }
        Ok(Self { size, edges })
    }

    /// Leaves so far; the next leaf gets this index.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The complete subtrees, leftmost and largest first.
    #[must_use]
    pub fn edges(&self) -> &[TreeHash] {
        &self.edges
    }

    /// Adds a leaf and returns its index.
    ///
    /// `complete` is called once for every node that this leaf completes, from the leaf upwards;
    /// a log stores those whose level is a multiple of 8, in this order.
    pub fn append(&mut self, leaf: TreeHash, mut complete: impl FnMut(Node, &TreeHash)) -> u64 {
        let leaf_index = self.size;
        let (mut node, mut hash) = (
            Node {
                level: 0,
                index: leaf_index,
            },
            leaf,
        );
        complete(node, &hash);
        // A right child (odd index) completes its parent; its sibling is the last edge.
        while node.index % 2 == 1
            && let Some(left) = self.edges.pop()
        {
            hash = node_hash(&left, &hash);
            node = Node {
                level: node.level + 1,
                index: node.index / 2,
            };
            complete(node, &hash);
        }
        self.edges.push(hash);
        self.size += 1; // 2^63 appends away from SIZE_MAX at the earliest
        leaf_index
    }

    /// Root of the tree as it is now.
    #[must_use]
    pub fn root(&self) -> TreeHash {
        let smallest_first = self.edges.iter().rev().copied();
        smallest_first
            .reduce(|right, left| node_hash(&left, &right))
            .unwrap_or_else(empty_root)
    }
}

/// What is serialised: checked on the way in.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    size: u64,
    edges: Vec<TreeHash>,
}

impl TryFrom<Parts> for Frontier {
    type Error = FrontierError;

    fn try_from(Parts { size, edges }: Parts) -> Result<Self, FrontierError> {
        Self::new(size, edges)
    }
}

impl From<Frontier> for Parts {
    fn from(Frontier { size, edges }: Frontier) -> Self {
        Self { size, edges }
    }
}
