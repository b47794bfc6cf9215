//! Trees: every proof of ours is the oracle's, accepted by both oracles, and so are theirs by us;
//! with one bit changed, nobody accepts it.

use std::thread;

use audit::tree::{
    MemoryHashes, TreeHash, consistency_proof, inclusion_proof, leaf_hash, root_at,
    verify_consistency, verify_inclusion,
};
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use sha2::Sha256;
use tlog_tiles::{Error, Hash, HashReader};

use super::entry;
use super::random::Random;

/// Sizes up to this one are tested with every leaf and every older tree.
const EXHAUSTIVE_MAX: u64 = 300;

/// The oracle's own store, filled by the oracle's own code.
#[derive(Default)]
struct TheirStore(Vec<Hash>);

impl HashReader for TheirStore {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        Ok(indexes
            .iter()
            .map(|index| self.0[*index as usize])
            .collect())
    }
}

pub fn theirs(hash: &TreeHash) -> Hash {
    Hash(*hash.as_bytes())
}

fn all_theirs(proof: &[TreeHash]) -> Vec<Hash> {
    proof.iter().map(theirs).collect()
}

fn bytes(proof: &[TreeHash]) -> Vec<u8> {
    proof.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

fn ct_root(hash: &TreeHash, size: u64) -> RootHash<Sha256> {
    RootHash::new((*hash.as_bytes()).into(), size)
}

/// One proof with one bit changed, another bit each time.
pub fn mutant(proof: &[TreeHash], turn: u64) -> Option<Vec<TreeHash>> {
    let (at, bit) = (turn as usize % proof.len().max(1), turn as usize * 7 % 256);
    let mut mutant = proof.to_vec();
    let hash = mutant.get_mut(at)?;
    let mut bytes = *hash.as_bytes();
    bytes[bit / 8] ^= 1 << (bit % 8);
    *hash = TreeHash::new(bytes);
    Some(mutant)
}

pub struct Logs {
    pub ours: MemoryHashes,
    tlog: TheirStore,
}

impl Logs {
    pub fn of(size: u64) -> Self {
        let mut logs = Self {
            ours: MemoryHashes::default(),
            tlog: TheirStore::default(),
        };
        for index in 0..size {
            let entry = entry(index);
            logs.ours.append(leaf_hash(entry.as_bytes()));
            let stored = tlog_tiles::stored_hashes(index, entry.as_bytes(), &logs.tlog).unwrap();
            logs.tlog.0.extend(stored);
        }
        logs
    }

    pub fn root(&self, size: u64) -> TreeHash {
        let root = root_at(&self.ours, size).unwrap();
        assert_eq!(
            theirs(&root),
            tlog_tiles::tree_hash(size, &self.tlog).unwrap()
        );
        root
    }

    fn check_all(&self, size: u64) {
        let root = self.root(size);
        for index in 0..size {
            self.check_inclusion(index, size, &root);
            self.check_consistency(index + 1, size, &root);
        }
    }

    fn check_inclusion(&self, index: u64, size: u64, root: &TreeHash) {
        let entry = entry(index);
        let leaf = leaf_hash(entry.as_bytes());
        let proof = inclusion_proof(&self.ours, index, size).unwrap();
        let made_there = tlog_tiles::prove_record(size, index, &self.tlog).unwrap();
        assert_eq!(all_theirs(&proof), made_there, "leaf {index} of {size}");
        let verdicts = |proof: &[TreeHash]| {
            let there = all_theirs(proof);
            let ct_proof = InclusionProof::try_from_bytes(bytes(proof)).unwrap();
            [
                verify_inclusion(&leaf, index, size, proof, root).is_ok(),
                tlog_tiles::check_record(&there, size, theirs(root), index, theirs(&leaf)).is_ok(),
                ct_root(root, size)
                    .verify_inclusion(&entry, index, &ct_proof)
                    .is_ok(),
            ]
        };
        assert_eq!(verdicts(&proof), [true; 3], "leaf {index} of {size}");
        if let Some(mutant) = mutant(&proof, index + size) {
            assert_eq!(verdicts(&mutant), [false; 3], "leaf {index} of {size}");
        }
    }

    fn check_consistency(&self, old: u64, size: u64, root: &TreeHash) {
        let old_root = root_at(&self.ours, old).unwrap();
        let proof = consistency_proof(&self.ours, old, size).unwrap();
        let made_there = tlog_tiles::prove_tree(size, old, &self.tlog).unwrap();
        assert_eq!(all_theirs(&proof), made_there, "{old} to {size}");
        let verdicts = |proof: &[TreeHash]| {
            let there = all_theirs(proof);
            let (new, older) = (ct_root(root, size), ct_root(&old_root, old));
            let ct_proof = ConsistencyProof::try_from_bytes(bytes(proof)).unwrap();
            [
                verify_consistency(old, &old_root, size, root, proof).is_ok(),
                tlog_tiles::check_tree(&there, size, theirs(root), old, theirs(&old_root)).is_ok(),
                new.verify_consistency(&older, &ct_proof).is_ok(),
            ]
        };
        assert_eq!(verdicts(&proof), [true; 3], "{old} to {size}");
        if let Some(mutant) = mutant(&proof, old + size) {
            assert_eq!(verdicts(&mutant), [false; 3], "{old} to {size}");
        }
    }
}

#[test]
fn proofs_of_all_trees_up_to_300_leaves_agree() {
    let logs = &Logs::of(EXHAUSTIVE_MAX);
    // Every other size on another thread: large and small trees fall to both.
    thread::scope(|scope| {
        for parity in 0..2 {
            scope.spawn(move || {
                for size in (1..=EXHAUSTIVE_MAX).filter(|size| size % 2 == parity) {
                    logs.check_all(size);
                }
            });
        }
    });
}

#[test]
fn proofs_of_larger_trees_agree_at_and_around_tile_borders() {
    let logs = Logs::of(1_100);
    for size in [511, 512, 513, 1_023, 1_024, 1_025, 1_100] {
        let root = logs.root(size);
        for index in [
            0,
            1,
            100,
            126,
            127,
            128,
            254,
            255,
            256,
            511,
            512,
            768,
            1_023,
            size - 1,
        ] {
            if index < size {
                logs.check_inclusion(index, size, &root);
                logs.check_consistency(index + 1, size, &root);
            }
        }
    }
}

/// Over two tile levels, so that tiles of level 1 are full and level 2 is begun.
#[test]
fn proofs_of_random_trees_of_a_hundred_thousand_leaves_agree() {
    let mut random = Random::new();
    let logs = Logs::of(66_000 + random.below(40_000));
    let largest = logs.ours.frontier().size();
    for turn in 0..400 {
        // Half of them anywhere, half near the largest.
        let below = if turn % 2 == 0 { largest } else { 600 };
        let size = largest - random.below(below);
        let root = logs.root(size);
        logs.check_inclusion(random.below(size), size, &root);
        logs.check_consistency(random.below(size) + 1, size, &root);
    }
}
