#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use super::*;
use crate::checkpoint::TreeHead;
use crate::testing::{key as log_key, signer as log_signer};
use crate::tree::{MemoryHashes, consistency_proof, leaf_hash, root_at};

/// A log of `size` entries; with another `story` they are others from entry 4 on.
fn log(size: u64, story: &str) -> MemoryHashes {
    let mut hashes = MemoryHashes::default();
    hashes.extend((0..size).map(|n| {
        let story = if n < 4 { "" } else { story };
        leaf_hash(format!("{story}{n}").as_bytes())
    }));
    hashes
}

fn signed(hashes: &MemoryHashes, size: u64) -> CheckpointNote {
    let origin = log_signer().verifier_key().name().clone();
    let head = TreeHead::new(origin, size, root_at(hashes, size).unwrap()).unwrap();
    head.sign(&log_signer()).unwrap()
}

fn request(hashes: &MemoryHashes, old: u64, size: u64) -> AddCheckpoint {
    AddCheckpoint {
        old,
        proof: consistency_proof(hashes, old, size).unwrap(),
        checkpoint: signed(hashes, size),
    }
}

fn known(hashes: &MemoryHashes, size: u64) -> Checkpoint {
    signed(hashes, size).verify(&log_key()).unwrap()
}

fn status(latest: Option<&Checkpoint>, request: &AddCheckpoint) -> u16 {
    match add_checkpoint(&log_key(), latest, request) {
        Ok(_) => 200,
        Err(refused) => refused.status(),
    }
}

#[test]
fn an_honest_log_is_followed_from_any_size_to_any_other() {
    let log = log(40, "");
    for old in 0..=40 {
        for size in old..=40 {
            let latest = (old > 0).then(|| known(&log, old));
            let asked = request(&log, old, size);
            let sent: AddCheckpoint = asked.to_string().parse().unwrap();
            assert_eq!(sent, asked);
            let new = add_checkpoint(&log_key(), latest.as_ref(), &sent).unwrap();
            assert_eq!(new.size(), size);
        }
    }
}

#[test]
fn answers_are_those_of_the_specification() {
    let log = log(20, "");
    let latest = known(&log, 10);
    let good = request(&log, 10, 20);
    assert_eq!(status(Some(&latest), &good), 200);
    // Old size behind, ahead, or said by somebody who knows nothing: 409 with our size.
    for old in [0, 9, 11] {
        let stale = request(&log, old, 20);
        let refused = add_checkpoint(&log_key(), Some(&latest), &stale).unwrap_err();
        assert_eq!((refused.status(), refused.known_size()), (409, Some(10)));
    }
    let backwards = AddCheckpoint {
        old: 21,
        ..good.clone()
    };
    assert_eq!(status(Some(&latest), &backwards), 400);
    let mut proof = good.proof.clone();
    proof.pop();
    let short = AddCheckpoint {
        proof,
        ..good.clone()
    };
    assert_eq!(status(Some(&latest), &short), 422);
    let superfluous = AddCheckpoint {
        old: 0,
        ..good.clone()
    };
    assert_eq!(status(None, &superfluous), 400);
    let other = crate::note::Signer::from_seed(
        log_key().origin().clone(),
        &zeroize::Zeroizing::new([77; 32]),
    );
    let forged = good
        .checkpoint
        .claimed()
        .clone()
        .sign(&other.unwrap())
        .unwrap();
    let forged = AddCheckpoint {
        checkpoint: forged,
        ..good
    };
    assert_eq!(status(Some(&latest), &forged), 403);
}

/// Attack: the operator shows one auditor another tree, of the same size or after growth.
#[test]
fn a_fork_is_not_cosigned_and_its_evidence_is_kept() {
    let (honest, forked) = (log(20, ""), log(20, "other "));
    let latest = known(&honest, 10);
    let same_size = request(&forked, 10, 10);
    let refused = add_checkpoint(&log_key(), Some(&latest), &same_size).unwrap_err();
    assert_eq!(refused.status(), 409);
    assert!(refused.evidence().unwrap().proves_fork(&log_key()).unwrap());
    assert!(refused.proves_fork());
    let grown = request(&forked, 10, 20);
    let refused = add_checkpoint(&log_key(), Some(&latest), &grown).unwrap_err();
    assert_eq!(refused.status(), 422);
    assert_eq!(refused.evidence().unwrap().after, grown.checkpoint);
}

/// Attack: a stranger sends an honest log's next checkpoint with a proof of their own, so that the
/// witness accuses the log.
#[test]
fn a_strangers_proof_accuses_nobody() {
    let honest = log(20, "");
    let mut forged = request(&honest, 10, 20);
    forged.proof.clear();
    let refused = add_checkpoint(&log_key(), Some(&known(&honest, 10)), &forged).unwrap_err();
    assert_eq!(refused.status(), 422);
    assert!(!refused.proves_fork());
}

/// Attack: the operator restores yesterday's state and asks to go on from there.
#[test]
fn a_rollback_is_not_cosigned() {
    let log = log(20, "");
    let latest = known(&log, 15);
    let rolled_back = request(&log, 10, 12);
    let refused = add_checkpoint(&log_key(), Some(&latest), &rolled_back).unwrap_err();
    assert_eq!((refused.status(), refused.known_size()), (409, Some(15)));
    // Claiming to know better does not help: the old size is over the new one.
    let claimed = AddCheckpoint {
        old: 15,
        ..rolled_back
    };
    assert_eq!(status(Some(&latest), &claimed), 400);
}

/// Every bit of a consistency proof matters.
#[test]
fn one_bit_mutants_are_not_cosigned() {
    let log = log(29, "");
    let latest = known(&log, 13);
    let good = request(&log, 13, 29);
    for at in 0..good.proof.len() {
        for bit in 0..256 {
            let mut mutant = good.clone();
            let hash = mutant.proof.get_mut(at).unwrap();
            let mut bytes = *hash.as_bytes();
            *bytes.get_mut(bit / 8).unwrap() ^= 1 << (bit % 8);
            *hash = TreeHash::new(bytes);
            assert_eq!(status(Some(&latest), &mutant), 422);
        }
    }
}

#[test]
fn a_body_that_is_no_request_is_400() {
    let good = request(&log(20, ""), 10, 20).to_string();
    let checkpoint = signed(&log(20, ""), 20).to_string();
    let hash = leaf_hash(b"").to_string();
    let long = format!("old 0\n{}\n{checkpoint}", format!("{hash}\n").repeat(64));
    for wrong in [
        "",
        "old 1",
        "old 1\n",
        "old 1\n\n",
        &good.replace("old 10", "old 010"),
        &good.replace("old 10", "old"),
        &good.replace("old 10", "old -1"),
        &good.replace("old 10", "10"),
        &good.replace("old 10\n", "old 10\nx\n"),
        &good.replace('\n', "\r\n"),
        &long,
    ] {
        let refused = wrong.parse::<AddCheckpoint>().unwrap_err();
        assert_eq!(refused.status(), 400, "{wrong}");
    }
    assert!(
        long.replacen(&format!("{hash}\n"), "", 1)
            .parse::<AddCheckpoint>()
            .is_ok()
    );
}
