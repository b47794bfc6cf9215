//! A log's key and checkpoints, for tests.

use zeroize::Zeroizing;

use crate::checkpoint::{CheckpointNote, LogKey, TreeHead};
use crate::cosignature::Cosigner;
use crate::note::Signer;
use crate::tree::{leaf_hash, root};

pub fn signer() -> Signer {
    let seed = Zeroizing::new([9; 32]);
    Signer::from_seed("weir.test/log".parse().unwrap(), &seed).unwrap()
}

/// A witness's key.
pub fn cosigner(name: &str, seed: u8) -> Cosigner {
    Cosigner::from_seed(name.parse().unwrap(), &Zeroizing::new([seed; 32])).unwrap()
}

pub fn key() -> LogKey {
    LogKey::new(signer().verifier_key().clone())
}

/// The checkpoint over exactly these entries, as the log's key signs it.
pub fn sign<E: AsRef<[u8]>>(entries: &[E]) -> CheckpointNote {
    let leaves: Vec<_> = entries.iter().map(|e| leaf_hash(e.as_ref())).collect();
    let origin = key().origin().clone();
    let head = TreeHead::new(origin, leaves.len() as u64, root(&leaves)).unwrap();
    head.sign(&signer()).unwrap()
}
