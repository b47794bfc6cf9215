#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::*;
use crate::checkpoint::TreeHead;
use crate::testing::{key, signer};
use crate::tree::{MemoryHashes, leaf_hash};

/// `size` entries; from `at` on they tell another story.
fn log(size: u64, at: u64) -> MemoryHashes {
    let mut hashes = MemoryHashes::default();
    let word = |n| if n < at { "" } else { "other " };
    hashes.extend((0..size).map(|n| leaf_hash(format!("{}{n}", word(n)).as_bytes())));
    hashes
}

fn signed(hashes: &MemoryHashes, size: u64) -> CheckpointNote {
    let root = root_at(hashes, size).unwrap();
    let head = TreeHead::new(key().origin().clone(), size, root).unwrap();
    head.sign(&signer()).unwrap()
}

/// Attack: the operator rewrites entry 9 after an auditor saw 12, and shows 20. The copy of what is
/// shown now is enough to prove it to anybody, without an entry.
#[test]
fn a_rewritten_log_is_proven_forked_by_two_notes_and_a_proof() {
    let (seen, shown) = (log(20, 99), log(20, 9));
    for (before, after) in [(12, 20), (10, 11), (16, 17), (20, 20)] {
        let evidence = Evidence::of(signed(&seen, before), signed(&shown, after));
        let alone = evidence.verdict(&key()).unwrap();
        assert_eq!(alone == Verdict::Fork, before == after);
        let evidence = evidence.with_copy(&shown).unwrap();
        let file = serde_json::to_string(&evidence).unwrap();
        let read: Evidence = serde_json::from_str(&file).unwrap();
        assert!(read.proves_fork(&key()).unwrap(), "{before} to {after}");
        // In either order of seeing them.
        let turned = Evidence {
            before: read.after.clone(),
            after: read.before.clone(),
            ..read
        };
        assert!(turned.proves_fork(&key()).unwrap());
    }
}

/// Nobody can frame an honest log: not with its own notes, not with bent proofs, not with notes it
/// did not sign.
#[test]
fn an_honest_log_cannot_be_framed() {
    let (honest, forged) = (log(20, 99), log(20, 5));
    for small in 1..20 {
        let evidence = Evidence::of(signed(&honest, small), signed(&honest, 20));
        assert_eq!(evidence.verdict(&key()).unwrap(), Verdict::Open);
        let truly = evidence.clone().with_copy(&honest).unwrap();
        assert_eq!(truly.verdict(&key()).unwrap(), Verdict::Continues);
        let bent = evidence.with_copy(&forged).unwrap();
        assert_eq!(bent.verdict(&key()).unwrap(), Verdict::Open);
        let mut bent = truly;
        if let Some(first) = &mut bent.first_entries {
            first.root = root_at(&forged, small).unwrap();
        }
        assert_ne!(bent.verdict(&key()).unwrap(), Verdict::Fork);
    }
    let other =
        crate::note::Signer::from_seed(key().origin().clone(), &zeroize::Zeroizing::new([66; 32]));
    let head = signed(&forged, 20).claimed().clone();
    let unsigned = head.sign(&other.unwrap()).unwrap();
    let framed = Evidence::of(signed(&honest, 20), unsigned);
    assert!(framed.verdict(&key()).is_err());
}
