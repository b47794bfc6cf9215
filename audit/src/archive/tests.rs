#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use proptest::prelude::*;

use super::*;
use crate::bundle::append;
use crate::error::Change;
use crate::testing::{key, sign};

/// A log of a few entries, and the files of an honest copy.
struct Log {
    entries: Vec<Vec<u8>>,
    checkpoint: String,
    leaf_hashes: Vec<u8>,
}

impl Log {
    fn of(size: usize) -> Self {
        let entries: Vec<_> = (0..size)
            .map(|n| format!("entry {n}").into_bytes())
            .collect();
        let hashes = entries.iter().map(|e| *leaf_hash(e).as_bytes());
        Self {
            checkpoint: String::from(sign(&entries)),
            leaf_hashes: hashes.flatten().collect(),
            entries,
        }
    }

    /// What is said of a copy with these bytes as its entries.
    fn verify(&self, entries: &[u8], with_hashes: bool) -> Result<usize, AuditError> {
        let files = Files {
            entries,
            checkpoint: &self.checkpoint,
            leaf_hashes: with_hashes.then_some(&self.leaf_hashes),
        };
        Archive::verify(&files, &key()).map(|archive| archive.entries().count())
    }

    fn change(&self, entries: &[Vec<u8>]) -> (u64, usize, Change) {
        match self.verify(&file(entries), true).unwrap_err() {
            AuditError::Altered {
                index,
                offset,
                change,
            } => (index, offset, change),
            other => panic!("{other}"),
        }
    }
}

fn file(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries {
        append(&mut bytes, entry).unwrap();
    }
    bytes
}

/// Length of an `entry 7` behind its length.
const ENTRY: usize = 9;

#[test]
fn an_honest_copy_gives_its_entries() {
    for size in [0, 1, 2, 9] {
        let log = Log::of(size);
        for with_hashes in [false, true] {
            assert_eq!(log.verify(&file(&log.entries), with_hashes), Ok(size));
        }
    }
}

#[test]
fn entries_behind_the_checkpoint_are_left_out_and_counted() {
    let log = Log::of(5);
    let mut bytes = file(&log.entries);
    let signed = bytes.len();
    bytes.extend([0, 3, b'n', b'e']); // torn while it was written
    let files = Files {
        entries: &bytes,
        checkpoint: &log.checkpoint,
        leaf_hashes: None,
    };
    let archive = Archive::verify(&files, &key()).unwrap();
    assert_eq!(archive.entries().count(), 5);
    assert_eq!(
        (archive.signed_bytes(), archive.unsigned_bytes()),
        (signed, 4)
    );
}

#[test]
fn a_rewritten_entry_is_named() {
    let log = Log::of(8);
    for at in 0..8 {
        let mut entries = log.entries.clone();
        entries[at][0] ^= 1;
        assert_eq!(
            log.change(&entries),
            (at as u64, at * ENTRY, Change::Rewritten)
        );
        let without = log.verify(&file(&entries), false).unwrap_err();
        // Nothing but the rules could tell which, and these entries keep none.
        assert!(matches!(
            without,
            AuditError::Root {
                size: 8,
                suspect: Some(_)
            }
        ));
    }
}

#[test]
fn a_dropped_entry_is_named() {
    let log = Log::of(8);
    for (at, count) in [(0, 1), (3, 1), (3, 2), (7, 1)] {
        let mut entries = log.entries.clone();
        entries.drain(at..at + count);
        let found = log.verify(&file(&entries), true).unwrap_err();
        let (index, signed) = (at as u64, 8);
        let change = Change::Removed {
            count: count as u64,
        };
        let expected = if at + count == 8 {
            AuditError::Missing { index, signed }
        } else {
            AuditError::Altered {
                index,
                offset: at * ENTRY,
                change,
            }
        };
        assert_eq!(found, expected);
    }
}

#[test]
fn an_inserted_entry_is_named() {
    let log = Log::of(6);
    let mut entries = log.entries.clone();
    entries.insert(2, b"entry x".to_vec());
    let change = Change::Inserted { count: 1 };
    assert_eq!(log.change(&entries), (2, 2 * ENTRY, change));
}

#[test]
fn reordered_entries_are_named() {
    let log = Log::of(6);
    let mut entries = log.entries.clone();
    entries.swap(1, 4);
    let change = Change::Reordered { found_at: 4 };
    assert_eq!(log.change(&entries), (1, ENTRY, change));
}

#[test]
fn a_truncated_copy_names_the_first_entry_that_is_not_there() {
    let log = Log::of(6);
    let bytes = file(&log.entries);
    for length in 0..bytes.len() {
        let (index, offset) = ((length / ENTRY) as u64, length / ENTRY * ENTRY);
        let signed = 6;
        let expected = if length % ENTRY == 0 {
            AuditError::Missing { index, signed }
        } else {
            AuditError::Torn {
                index,
                offset,
                signed,
            }
        };
        for with_hashes in [false, true] {
            let found = log.verify(&bytes[..length], with_hashes);
            assert_eq!(found, Err(expected.clone()), "of {length} bytes");
        }
    }
}

#[test]
fn leaf_hashes_that_were_altered_too_are_not_believed() {
    let mut log = Log::of(4);
    let mut entries = log.entries.clone();
    entries[2][0] ^= 1;
    let forged = *leaf_hash(&entries[2]).as_bytes();
    log.leaf_hashes[64..96].copy_from_slice(&forged);
    let found = log.verify(&file(&entries), true).unwrap_err();
    assert!(matches!(found, AuditError::Root { size: 4, .. }), "{found}");
    // Nor where they were altered elsewhere: an honest entry is not accused.
    log.leaf_hashes[32] ^= 1;
    let found = log.verify(&file(&entries), true).unwrap_err();
    assert!(matches!(found, AuditError::Root { size: 4, .. }), "{found}");
    // They are derived, so that damage to them alone breaks nothing.
    assert_eq!(log.verify(&file(&log.entries), true), Ok(4));
}

#[test]
fn a_checkpoint_of_another_size_or_key_is_not_believed() {
    let log = Log::of(4);
    let bytes = file(&log.entries);
    let forged = log.checkpoint.replacen("\n4\n", "\n3\n", 1);
    let files = Files {
        entries: &bytes,
        checkpoint: &forged,
        leaf_hashes: None,
    };
    let found = Archive::verify(&files, &key()).unwrap_err();
    assert!(matches!(found, AuditError::Checkpoint(_)), "{found}");
}

#[test]
fn a_copy_of_a_rewritten_log_does_not_continue_an_earlier_checkpoint() {
    let (earlier, mut log) = (Log::of(4), Log::of(7));
    let seen = sign(&earlier.entries).verify(&key()).unwrap();
    let continues = |log: &Log, seen: &Checkpoint| {
        let bytes = file(&log.entries);
        let files = Files {
            entries: &bytes,
            checkpoint: &log.checkpoint,
            leaf_hashes: None,
        };
        Archive::verify(&files, &key()).unwrap().continues(seen)
    };
    assert_eq!(continues(&log, &seen), Ok(()));
    let later = sign(&log.entries).verify(&key()).unwrap();
    let back = continues(&earlier, &later).unwrap_err();
    assert!(matches!(back, AuditError::Rollback(_)), "{back}");
    log.entries[1][0] ^= 1;
    log.checkpoint = String::from(sign(&log.entries));
    let fork = continues(&log, &seen).unwrap_err();
    assert!(matches!(fork, AuditError::Fork(_)), "{fork}");
    assert_eq!(fork.evidence().unwrap().before, *seen.signed());
}

proptest! {
    /// Whatever is done to the bytes of the signed entries, the copy does not hold, and the entry
    /// that is named lies at the damage or before its end.
    #[test]
    fn no_altered_byte_passes(
        size in 1_usize..40, at in any::<prop::sample::Index>(), bit in 0..8,
    ) {
        let log = Log::of(size);
        let mut bytes = file(&log.entries);
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        let mut end = 0;
        let damaged = log.entries.iter().take_while(|entry| {
            end += entry.len() + 2;
            end <= at
        }).count();
        let found = log.verify(&bytes, true).unwrap_err();
        prop_assert_eq!(found.index(), Some(damaged as u64), "{}", found);
        prop_assert!(log.verify(&bytes, false).is_err());
    }
}

#[test]
fn without_leaf_hashes_the_rules_tell_where_they_can() {
    let log = crate::replay::tests::bytes(&crate::replay::tests::honest().1);
    let checkpoint = String::from(sign(&log));
    let mut entries = log.clone();
    let reserved = log
        .iter()
        .position(|entry| String::from_utf8_lossy(entry).contains("release.reserved"));
    let reserved = reserved.unwrap();
    let text = String::from_utf8(log[reserved].clone()).unwrap();
    entries[reserved] = text
        .replacen("\"late\":false", "\"late\":true", 1)
        .into_bytes();
    let bytes = file(&entries);
    let files = Files {
        entries: &bytes,
        checkpoint: &checkpoint,
        leaf_hashes: None,
    };
    let found = Archive::verify(&files, &key()).unwrap_err();
    assert!(matches!(found, AuditError::Root { .. }), "{found}");
    assert_eq!(found.index(), Some(reserved as u64));
    assert!(found.to_string().contains("`late`"), "{found}");
}
