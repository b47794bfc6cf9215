//! A log in memory, for tests: entries, checkpoints, proofs, receipts.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

pub(crate) mod broker;
pub(crate) mod proxy;
pub(crate) mod samples;

use audit::checkpoint::{Checkpoint, CheckpointNote, LogKey, TreeHead};
use audit::note::Signer;
use audit::receipt::Receipt;
use audit::tree::{MemoryHashes, TreeHash, consistency_proof, inclusion_proof, leaf_hash, root_at};
use policies::entry::{Body, Entry, EntrySalt, VERSION};
use zeroize::Zeroizing;

const ORIGIN: &str = "weir.test/log";

pub(crate) struct FakeLog {
    pub entries: Vec<Vec<u8>>,
    hashes: MemoryHashes,
    signer: Signer,
}

fn signer(origin: &str, seed: u8) -> Signer {
    Signer::from_seed(origin.parse().unwrap(), &Zeroizing::new([seed; 32])).unwrap()
}

pub(crate) fn log_key() -> LogKey {
    LogKey::new(signer(ORIGIN, 7).verifier_key().clone())
}

/// The same origin, another key.
pub(crate) fn other_log_key() -> LogKey {
    LogKey::new(signer(ORIGIN, 8).verifier_key().clone())
}

impl FakeLog {
    pub fn empty() -> Self {
        Self {
            entries: Vec::new(),
            hashes: MemoryHashes::default(),
            signer: signer(ORIGIN, 7),
        }
    }

    /// Entries that are no entries of Weir: enough where only trees are compared.
    pub fn of_heartbeats(count: usize) -> Self {
        Self::forked(count, count)
    }

    /// As [`Self::of_heartbeats`] up to `at`, different after.
    pub fn forked(count: usize, at: usize) -> Self {
        let mut log = Self::empty();
        for n in 0..count {
            let word = if n < at { "beat" } else { "other beat" };
            log.append_bytes(format!("{word} {n}").into_bytes());
        }
        log
    }

    pub fn key(&self) -> LogKey {
        log_key()
    }

    pub fn size(&self) -> u64 {
        self.entries.len() as u64
    }

    pub fn append(&mut self, body: Body) -> u64 {
        let entry = Entry {
            v: VERSION,
            time: "2026-11-24T08:00:00Z".parse().unwrap(),
            salt: EntrySalt::from_bytes([9; 16]),
            body,
        };
        self.append_bytes(entry.to_bytes().unwrap())
    }

    pub fn append_bytes(&mut self, entry: Vec<u8>) -> u64 {
        self.hashes.append(leaf_hash(&entry));
        self.entries.push(entry);
        self.size() - 1
    }

    pub fn note(&self, size: u64) -> CheckpointNote {
        let root = root_at(&self.hashes, size).unwrap();
        let head = TreeHead::new(ORIGIN.parse().unwrap(), size, root).unwrap();
        head.sign(&self.signer).unwrap()
    }

    pub fn checkpoint(&self, size: u64) -> Checkpoint {
        self.note(size).verify(&log_key()).unwrap()
    }

    pub fn consistency(&self, old: u64, new: u64) -> Vec<TreeHash> {
        consistency_proof(&self.hashes, old, new).unwrap()
    }

    /// Under the newest checkpoint.
    pub fn receipt(&self, index: u64) -> Receipt {
        self.receipt_at(index, self.size())
    }

    pub fn receipt_at(&self, index: u64, size: u64) -> Receipt {
        let proof = inclusion_proof(&self.hashes, index, size).unwrap();
        let entry = self.entries[usize::try_from(index).unwrap()].clone();
        Receipt::new(index, entry, proof, self.note(size)).unwrap()
    }
}
