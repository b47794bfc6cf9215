use std::convert::Infallible;

use super::{Frontier, HashReader, HashRun, Node, TreeHash};

/// A whole tree's stored hashes in memory, as an offline auditor or a test holds them:
/// about 32.2 bytes for each leaf.
#[derive(Debug, Clone, Default)]
pub struct MemoryHashes {
    frontier: Frontier,
    /// Index is the tile level.
    levels: Vec<Vec<TreeHash>>,
}

impl MemoryHashes {
    /// Adds a leaf and returns its index.
    pub fn append(&mut self, leaf: TreeHash) -> u64 {
        let Self { frontier, levels } = self;
        frontier.append(leaf, |Node { level, .. }, hash| {
            if !level.is_multiple_of(8) {
                return;
            }
            let tile_level = usize::from(level / 8);
            if tile_level == levels.len() {
                levels.push(Vec::new());
            }
            if let Some(hashes) = levels.get_mut(tile_level) {
                hashes.push(*hash);
            }
        })
    }

    /// The tree's right edge: size and root.
    #[must_use]
    pub const fn frontier(&self) -> &Frontier {
        &self.frontier
    }
}

impl Extend<TreeHash> for MemoryHashes {
    fn extend<I: IntoIterator<Item = TreeHash>>(&mut self, leaves: I) {
        for leaf in leaves {
            self.append(leaf);
        }
    }
}

impl HashReader for MemoryHashes {
    type Error = Infallible;

    /// Fewer than asked for when the tree does not have them: the prover names the gap.
    fn read(&self, run: HashRun) -> Result<Vec<TreeHash>, Infallible> {
        let level = self.levels.get(usize::from(run.tile_level));
        let first = usize::try_from(run.first).unwrap_or(usize::MAX);
        let hashes = level
            .and_then(|hashes| hashes.get(first..))
            .unwrap_or_default();
        Ok(hashes
            .iter()
            .take(usize::from(run.count))
            .copied()
            .collect())
    }
}
