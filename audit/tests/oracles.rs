//! Our proofs and notes against implementations nobody here wrote: `tlog_tiles` and `signed_note`
//! (Cloudflare's port of Go's sumdb packages) and `ct-merkle`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use audit::checkpoint::{CheckpointNote, LogKey, TreeHead};
use audit::note::{Note, Signer};
use audit::tree::{
    HashReader as _, HashRun, MemoryHashes, TreeHash, consistency_proof, inclusion_proof,
    leaf_hash, root_at, verify_consistency, verify_inclusion,
};
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use sha2::Sha256;
use signed_note::{Signer as _, StandardSigner, StandardVerifier, VerifierList};
use tlog_tiles::{Error, Hash, HashReader, Tile, TileHashReader, TileReader};
use zeroize::Zeroizing;

const TEXT: &str = "weir.example/log\n1\n2cLWa1IsJSJyj1Of+fZ7hdQN7/8JX8ilKMmU9PNbs94=\n";

fn entry(index: u64) -> String {
    format!("entry {index}")
}

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

/// Our stored hashes, served as the tiles of the format.
struct OurTiles<'a>(&'a MemoryHashes);

impl TileReader for OurTiles<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let read = |tile: &Tile| {
            let first = tile.level_index() * 256;
            let count = tile.width() as u16;
            let run = HashRun {
                tile_level: tile.level(),
                first,
                count,
            };
            let hashes = self.0.read(run).unwrap();
            assert_eq!(hashes.len(), usize::from(count), "{tile:?}");
            hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
        };
        Ok(tiles.iter().map(read).collect())
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

fn theirs(hash: &TreeHash) -> Hash {
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
fn mutant(proof: &[TreeHash], turn: u64) -> Option<Vec<TreeHash>> {
    let (at, bit) = (turn as usize % proof.len().max(1), turn as usize * 7 % 256);
    let mut mutant = proof.to_vec();
    let hash = mutant.get_mut(at)?;
    let mut bytes = *hash.as_bytes();
    bytes[bit / 8] ^= 1 << (bit % 8);
    *hash = TreeHash::new(bytes);
    Some(mutant)
}

struct Logs {
    ours: MemoryHashes,
    tlog: TheirStore,
}

impl Logs {
    fn of(size: u64) -> Self {
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

    fn root(&self, size: u64) -> TreeHash {
        let root = root_at(&self.ours, size).unwrap();
        assert_eq!(
            theirs(&root),
            tlog_tiles::tree_hash(size, &self.tlog).unwrap()
        );
        root
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
fn proofs_of_all_small_trees_agree() {
    let largest = 70;
    let logs = Logs::of(largest);
    for size in 1..=largest {
        let root = logs.root(size);
        for index in 0..size {
            logs.check_inclusion(index, size, &root);
            logs.check_consistency(index + 1, size, &root);
        }
    }
}

#[test]
fn proofs_of_larger_trees_agree_at_and_around_tile_borders() {
    let logs = Logs::of(1_100);
    for size in [
        127, 128, 129, 255, 256, 257, 300, 511, 512, 513, 1_023, 1_024, 1_025, 1_100,
    ] {
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

/// An off-the-shelf reader takes our stored hashes for tiles, authenticates them by our root and
/// makes its own proofs from them.
#[test]
fn our_stored_hashes_are_tiles_that_others_can_read() {
    let mut ours = MemoryHashes::default();
    for size in 1..=700 {
        ours.append(leaf_hash(entry(size - 1).as_bytes()));
        if ![1, 2, 255, 256, 257, 511, 512, 513, 700].contains(&size) {
            continue;
        }
        let tiles = OurTiles(&ours);
        let root = theirs(&ours.frontier().root());
        let reader = TileHashReader::new(size, root, &tiles);
        for index in [0, size / 2, size - 1] {
            let proof = tlog_tiles::prove_record(size, index, &reader).unwrap();
            let leaf = tlog_tiles::record_hash(entry(index).as_bytes());
            tlog_tiles::check_record(&proof, size, root, index, leaf).unwrap();
        }
        if size == 1 {
            continue; // nothing is read for a proof without hashes
        }
        let mut wrong_root = root;
        wrong_root.0[0] ^= 1;
        let reader = TileHashReader::new(size, wrong_root, &tiles);
        assert!(tlog_tiles::prove_record(size, 0, &reader).is_err());
    }
}

fn our_signer(seed: u8) -> Signer {
    let seed = Zeroizing::new([seed; 32]);
    Signer::from_seed("weir.example/log".parse().unwrap(), &seed).unwrap()
}

#[test]
fn notes_signed_here_verify_there() {
    let signer = our_signer(7);
    let note = Note::new(TEXT, signer.sign(TEXT).unwrap()).unwrap();
    let there = signed_note::Note::from_bytes(note.to_string().as_bytes()).unwrap();
    assert_eq!(there.text(), TEXT.as_bytes());
    let verify = |signer: &Signer| {
        let key = StandardVerifier::new(&signer.verifier_key().to_string()).unwrap();
        there.verify(&VerifierList::new(vec![Box::new(key)]))
    };
    assert_eq!(verify(&signer).unwrap().0.len(), 1);
    assert!(verify(&our_signer(8)).is_err());
}

#[test]
fn notes_signed_there_verify_here() {
    use audit::note::VerifierKey;
    let private = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    let public = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let key: VerifierKey = public.parse().unwrap();
    let signer = StandardSigner::new(private).unwrap();
    assert_eq!(signer.name(), key.name().as_str());
    for text in ["\n", "a\n\n\nb\n", TEXT] {
        let mut note = signed_note::Note::new(text.as_bytes(), &[]).unwrap();
        note.add_sigs(&[&signer]).unwrap();
        let here: Note = String::from_utf8(note.to_bytes()).unwrap().parse().unwrap();
        assert_eq!(here.text(), text);
        assert_eq!(here.verify(std::slice::from_ref(&key)).unwrap(), [&key]);
        assert_eq!(here.to_string().as_bytes(), note.to_bytes());
    }
}

#[test]
fn checkpoints_say_the_same_here_and_there() {
    let signer = our_signer(7);
    let origin = signer.verifier_key().name().clone();
    let key = LogKey::new(signer.verifier_key().clone());
    let logs = Logs::of(9);
    for size in 0..=9 {
        let root = root_at(&logs.ours, size).unwrap();
        let signed = TreeHead::new(origin.clone(), size, root)
            .unwrap()
            .sign(&signer)
            .unwrap();
        let there = tlog_tiles::Checkpoint::from_bytes(signed.note().text().as_bytes()).unwrap();
        assert_eq!(there.origin(), origin.as_str());
        assert_eq!((there.size(), *there.hash()), (size, theirs(&root)));
        assert_eq!(there.extension(), "");
        assert_eq!(there.to_bytes(), signed.note().text().as_bytes());
        let again: CheckpointNote = signed.to_string().parse().unwrap();
        assert_eq!(again.verify(&key).unwrap().size(), size);
    }
}
