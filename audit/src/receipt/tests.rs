#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::*;
use crate::checkpoint::TreeHead;
use crate::note::Signer;
use crate::tree::{MemoryHashes, inclusion_proof};

const GOLDEN: &str = include_str!("golden.tlog-proof");

fn signer(origin: &str) -> Signer {
    Signer::from_seed(origin.parse().unwrap(), &Zeroizing::new([7; 32])).unwrap()
}

fn key() -> LogKey {
    LogKey::new(signer("weir.example/log").verifier_key().clone())
}

fn entry(index: u64) -> Vec<u8> {
    format!("{{\"kind\":\"heartbeat\",\"number\":{index}}}").into_bytes()
}

fn receipt(index: u64, size: u64) -> Receipt {
    let mut hashes = MemoryHashes::default();
    hashes.extend((0..size).map(|index| leaf_hash(&entry(index))));
    let log = signer("weir.example/log");
    let origin = log.verifier_key().name().clone();
    let head = TreeHead::new(origin, size, hashes.frontier().root()).unwrap();
    let proof = inclusion_proof(&hashes, index, size).unwrap();
    Receipt::new(index, entry(index), proof, head.sign(&log).unwrap()).unwrap()
}

#[test]
fn every_entry_of_small_logs_has_a_receipt_that_holds() {
    for size in 1..=20 {
        for index in 0..size {
            let receipt = receipt(index, size);
            let verified = receipt.verify(&key()).unwrap();
            assert_eq!(verified.entry(), entry(index));
            assert_eq!(verified.index(), index);
            assert_eq!(verified.checkpoint().size(), size);
            assert_eq!(verified.checkpoint().signed(), receipt.checkpoint());

            let text = receipt.to_string();
            assert_eq!(text.parse(), Ok(receipt.clone()));
            let detached = receipt.to_detached_text();
            assert_eq!(
                Receipt::from_detached_text(&detached, entry(index)),
                Ok(receipt.clone())
            );
            assert_eq!(
                Receipt::from_detached_text(&text, entry(index)),
                Ok(receipt.clone())
            );
            assert_eq!(detached.parse::<Receipt>(), Err(ReceiptError::NoEntry));
            let json = serde_json::to_string(&receipt).unwrap();
            assert_eq!(serde_json::from_str::<Receipt>(&json).unwrap(), receipt);
        }
    }
}

/// Frozen: a receipt given today must be readable for ever.
#[test]
fn golden_receipt() {
    assert_eq!(receipt(3, 6).to_string(), GOLDEN);
    assert_eq!(
        GOLDEN
            .parse::<Receipt>()
            .unwrap()
            .verify(&key())
            .unwrap()
            .entry(),
        entry(3)
    );
}

#[test]
fn every_bit_of_the_text_counts() {
    for bit in 0..GOLDEN.len() * 8 {
        let mut bytes = GOLDEN.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let Ok(changed) = String::from_utf8(bytes) else {
            continue;
        };
        let verdict = changed
            .parse::<Receipt>()
            .and_then(|receipt| receipt.verify(&key()));
        assert!(verdict.is_err(), "bit {bit}: {changed}");
    }
}

#[test]
fn a_receipt_for_anything_else_does_not_hold() {
    let good = receipt(3, 6);
    let Receipt {
        index,
        entry: bytes,
        proof,
        checkpoint,
    } = good.clone();
    let not_in_tree = |index, source| Err(ReceiptError::Proof { index, source });
    let verdict = |index, bytes, proof, checkpoint| {
        Receipt::new(index, bytes, proof, checkpoint)
            .unwrap()
            .verify(&key())
            .map(|_| ())
    };
    let other_index = verdict(2, bytes.clone(), proof.clone(), checkpoint.clone());
    assert_eq!(other_index, not_in_tree(2, ProofError::Root));
    let outside = verdict(6, bytes.clone(), proof.clone(), checkpoint.clone());
    assert_eq!(
        outside,
        not_in_tree(6, ProofError::OutOfRange { wanted: 6, size: 6 })
    );
    let other_entry = verdict(index, entry(2), proof.clone(), checkpoint.clone());
    assert_eq!(other_entry, not_in_tree(index, ProofError::Root));
    let no_proof = verdict(index, bytes.clone(), Vec::new(), checkpoint.clone());
    assert_eq!(
        no_proof,
        not_in_tree(index, ProofError::Length { found: 0 })
    );
    let other_tree = verdict(index, bytes, proof, receipt(3, 5).checkpoint);
    assert!(matches!(other_tree, Err(ReceiptError::Proof { .. })));

    let other_log = LogKey::new(signer("other.example/log").verifier_key().clone());
    let foreign = good.verify(&other_log).unwrap_err();
    assert!(matches!(
        foreign,
        ReceiptError::Checkpoint(CheckpointError::ForeignLog { .. })
    ));
}

#[test]
fn the_largest_entry_has_a_receipt() {
    let largest: Vec<u8> = (0..ENTRY_BYTES_MAX).map(|i| i as u8).collect();
    let log = signer("weir.example/log");
    let origin = log.verifier_key().name().clone();
    let head = TreeHead::new(origin, 1, leaf_hash(&largest)).unwrap();
    let checkpoint = head.sign(&log).unwrap();
    let receipt = Receipt::new(0, largest.clone(), Vec::new(), checkpoint.clone()).unwrap();
    let again: Receipt = receipt.to_string().parse().unwrap();
    assert_eq!(again.verify(&key()).unwrap().entry(), largest);
    let found = ENTRY_BYTES_MAX + 1;
    let too_long = Receipt::new(0, vec![0; found], Vec::new(), checkpoint);
    assert_eq!(too_long, Err(ReceiptError::EntryTooLong { found }));
}

/// A node hash is no leaf: an entry that looks like an inner node cannot be proved.
#[test]
fn an_inner_node_cannot_pose_as_an_entry() {
    let leaves = [leaf_hash(&entry(0)), leaf_hash(&entry(1))];
    let log = signer("weir.example/log");
    let origin = log.verifier_key().name().clone();
    let head = TreeHead::new(origin, 2, crate::tree::root(&leaves)).unwrap();
    let forged = [leaves[0].as_bytes().as_slice(), leaves[1].as_bytes()].concat();
    let checkpoint = head.sign(&log).unwrap();
    let receipt = Receipt::new(0, forged, Vec::new(), checkpoint).unwrap();
    assert!(receipt.verify(&key()).is_err());
}

#[test]
fn what_is_not_a_proof_text_is_refused_with_its_line() {
    let error = |given: &str| given.parse::<Receipt>().unwrap_err();
    let expect = |line, expected| ReceiptError::Line { line, expected };
    let lines: Vec<&str> = GOLDEN.split('\n').collect();
    let with = |at: usize, line: &str| {
        let mut lines = lines.clone();
        lines[at] = line;
        error(&lines.join("\n"))
    };
    assert_eq!(
        with(0, "c2sp.org/tlog-proof@v2"),
        expect(1, "`c2sp.org/tlog-proof@v1`")
    );
    assert_eq!(with(1, "extra !"), expect(2, "base64 after `extra`"));
    let number = "`index` and a decimal number";
    for index in [
        "index", "index ", "index 03", "index +3", "index -3", "Index 3", "3",
    ] {
        assert_eq!(with(2, index), expect(3, number));
    }
    assert_eq!(with(3, "AAAA"), expect(4, "a hash or an empty line"));
    let newline = "a line that ends with a newline";
    assert_eq!(error(""), expect(1, newline));
    assert_eq!(
        error("c2sp.org/tlog-proof@v1\nextra \nindex 0\n"),
        expect(4, newline)
    );
    let hash = leaf_hash(b"");
    let long = format!(
        "c2sp.org/tlog-proof@v1\nindex 0\n{}",
        format!("{hash}\n").repeat(65)
    );
    assert_eq!(
        error(&long),
        expect(67, "an empty line after at most 64 hashes")
    );
    let found = RECEIPT_TEXT_BYTES_MAX + 1;
    assert_eq!(
        error(&" ".repeat(found)),
        ReceiptError::TextTooLong { found }
    );
    assert!(matches!(
        with(8, "01"),
        ReceiptError::Checkpoint(CheckpointError::Size { .. })
    ));
}

#[test]
fn json_is_checked_on_the_way_in() {
    let json = serde_json::to_value(receipt(3, 6)).unwrap();
    let refused = |field: &str, value: serde_json::Value| {
        let mut json = json.clone();
        json[field] = value;
        serde_json::from_value::<Receipt>(json)
            .unwrap_err()
            .to_string()
    };
    assert!(refused("surprise", 1.into()).contains("unknown field `surprise`"));
    assert!(refused("entry", "é".into()).contains("not padded base64"));
    let long_entry = crate::text::encode(vec![0; ENTRY_BYTES_MAX + 1]);
    assert!(refused("entry", long_entry.into()).contains("over the limit of 65535"));
    let long_proof = vec![leaf_hash(b"").to_string(); PROOF_HASHES_MAX + 1];
    assert!(refused("proof", long_proof.into()).contains("65 proof hashes"));
    assert!(refused("checkpoint", "log\n".into()).contains("no empty line"));
    assert!(refused("index", (-1).into()).contains("-1"));
}

#[test]
fn debug_shows_no_entry() {
    let receipt = receipt(3, 6);
    assert_eq!(format!("{receipt:?}"), "Receipt(entry 3, 31 bytes)");
    let verified = receipt.verify(&key()).unwrap();
    assert_eq!(format!("{verified:?}"), "Verified(entry 3, 31 bytes)");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>(), head in 0_usize..300) {
        let start: String = GOLDEN.chars().take(head).collect();
        let _ = text.parse::<Receipt>();
        let _ = format!("{start}{text}").parse::<Receipt>();
    }
}
