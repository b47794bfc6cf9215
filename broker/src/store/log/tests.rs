#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod crash;
mod damage;

use audit::tree::{MemoryHashes, root_at, verify_consistency};

use super::*;
use crate::store::disk::OsDisk;
use crate::store::disk::sim::SimDisk;
use crate::store::testing::{signer, signer_of};

fn open(disk: &SimDisk) -> Result<Log, LogError> {
    Log::open(Arc::new(disk.clone()), signer())
}

fn entries(range: Range<u64>) -> Vec<Vec<u8>> {
    range.map(|n| format!("entry {n}").into_bytes()).collect()
}

/// A log of a few commits that crosses the border of a tile.
fn filled(disk: &SimDisk) -> Log {
    let mut log = open(disk).unwrap();
    for range in [0..1, 1..4, 4..254, 254..259, 259..260] {
        let first = range.start;
        let size = range.end;
        let committed = log.append(&entries(range)).unwrap();
        assert_eq!(committed, Committed { first, size });
    }
    log
}

/// Everything the log promises about what it holds.
fn check(log: &Log, expected: &[Vec<u8>]) {
    let size = expected.len() as u64;
    assert_eq!(log.size(), size);
    assert_eq!(log.entries(0..size).unwrap(), expected);
    let leaves: Vec<TreeHash> = expected.iter().map(|e| leaf_hash(e)).collect();
    assert_eq!(log.root(), audit::tree::root(&leaves));
    let note: CheckpointNote = log.checkpoint().to_string().parse().unwrap();
    let verified = note.verify(log.key()).unwrap();
    assert_eq!((verified.size(), *verified.root()), (size, log.root()));
    for index in [0, 1, 255, 256, size.saturating_sub(1)] {
        if index >= size {
            assert!(matches!(log.receipt(index), Err(LogError::NoEntry { .. })));
            continue;
        }
        let verified = log.receipt(index).unwrap().verify(log.key()).unwrap();
        assert_eq!(verified.entry(), expected[index as usize]);
        assert_eq!(verified.checkpoint().size(), size);
    }
}

#[test]
fn an_empty_log_has_a_checkpoint_and_no_entries() {
    let disk = SimDisk::new();
    assert!(!Log::is_begun(&disk).unwrap());
    let mut log = open(&disk).unwrap();
    assert!(Log::is_begun(&disk).unwrap());
    check(&log, &[]);
    let committed = log.append(&[]).unwrap();
    assert_eq!(committed, Committed { first: 0, size: 0 });
    assert!(matches!(
        log.entry(0),
        Err(LogError::NoEntry { index: 0, size: 0 })
    ));
    assert_eq!(log.entries(0..0).unwrap(), Vec::<Vec<u8>>::new());
}

#[test]
fn what_was_appended_is_there_after_reopening() {
    let disk = SimDisk::new();
    let log = filled(&disk);
    check(&log, &entries(0..260));
    let checkpoint = log.checkpoint().clone();
    drop(log);
    let steps = disk.steps();
    let log = open(&disk).unwrap();
    check(&log, &entries(0..260));
    assert_eq!(*log.checkpoint(), checkpoint);
    assert_eq!(disk.steps(), steps, "opening a sound log writes nothing");
}

#[test]
fn entries_come_by_any_range() {
    let log = filled(&SimDisk::new());
    for range in [
        0..0,
        0..1,
        3..9,
        250..260,
        255..256,
        256..257,
        255..257,
        0..260,
    ] {
        assert_eq!(log.entries(range.clone()).unwrap(), entries(range));
    }
    for index in 0..260 {
        assert_eq!(log.entry(index).unwrap(), entries(index..index + 1)[0]);
    }
    let beyond = log.entries(250..261);
    assert!(matches!(
        beyond,
        Err(LogError::NoEntry {
            index: 260,
            size: 260
        })
    ));
    assert!(matches!(log.entry(u64::MAX), Err(LogError::NoEntry { .. })));
}

#[test]
fn every_receipt_and_every_consistency_proof_holds() {
    let log = filled(&SimDisk::new());
    let mut memory = MemoryHashes::default();
    memory.extend(entries(0..260).iter().map(|e| leaf_hash(e)));
    for index in 0..260 {
        log.receipt(index).unwrap().verify(log.key()).unwrap();
    }
    for (old, new) in [
        (0, 260),
        (1, 260),
        (4, 259),
        (255, 256),
        (256, 260),
        (7, 130),
        (260, 260),
    ] {
        let proof = log.consistency(old, new).unwrap();
        let root = |size| root_at(&memory, size).unwrap();
        verify_consistency(old, &root(old), new, &root(new), &proof).unwrap();
    }
    for (old, new) in [(0, 261), (5, 4)] {
        assert!(matches!(
            log.consistency(old, new),
            Err(LogError::NoEntry { .. })
        ));
    }
}

#[test]
fn an_entry_of_any_length_up_to_the_limit() {
    let disk = SimDisk::new();
    let mut log = open(&disk).unwrap();
    let written = vec![vec![], vec![7; 65_535], b"x".to_vec()];
    log.append(&written).unwrap();
    let too_long = log.append(&[b"fits".to_vec(), vec![0; 65_536]]);
    assert!(matches!(too_long, Err(LogError::Entry(_))));
    check(&log, &written);
    log.append(&entries(3..4)).unwrap();
    drop(log);
    let all = [written, entries(3..4)].concat();
    check(&open(&disk).unwrap(), &all);
}

#[test]
fn the_same_bytes_on_the_operating_system() {
    let dir = tempfile::tempdir().unwrap();
    let (sim, files) = (SimDisk::new(), dir.path());
    filled(&sim);
    let open = || Log::open(Arc::new(OsDisk::open(files).unwrap()), signer()).unwrap();
    let mut log = open();
    for range in [0..1, 1..4, 4..254, 254..259, 259..260] {
        log.append(&entries(range)).unwrap();
    }
    check(&log, &entries(0..260));
    for name in [
        "log/entries",
        "log/frames",
        "log/checkpoint",
        "log/h0",
        "log/h1",
    ] {
        let simulated = sim.read_all(&FileName::fixed(name)).unwrap().unwrap();
        assert_eq!(
            std::fs::read(files.join(name)).unwrap(),
            simulated,
            "{name}"
        );
    }
    assert_eq!(
        std::fs::metadata(files.join("log/h0")).unwrap().len(),
        260 * 32
    );
    assert_eq!(std::fs::metadata(files.join("log/h1")).unwrap().len(), 32);
    drop(log);
    check(&open(), &entries(0..260));
}

#[test]
fn neither_another_key_nor_another_origin_opens_the_log() {
    let disk = SimDisk::new();
    filled(&disk);
    let steps = disk.steps();
    for foreign in [
        signer_of("weir.test/log", 8),
        signer_of("weir.test/other", 7),
    ] {
        let error = Log::open(Arc::new(disk.clone()), foreign).unwrap_err();
        assert!(matches!(error, LogError::Foreign { .. }), "{error}");
        let text = error.to_string();
        assert!(
            text.contains("log/checkpoint") && text.contains("start with the key"),
            "{text}"
        );
    }
    assert_eq!(disk.steps(), steps, "a refused start changes nothing");
}

/// Full tiles are there when they are full, partial ones exactly at sizes that were committed.
#[test]
fn tiles_are_those_of_published_sizes() {
    let disk = SimDisk::new();
    let log = filled(&disk); // sizes 1, 4, 254, 259, 260
    let width = |name: &str| {
        let tile = log.tile(&name.parse().unwrap()).unwrap();
        tile.map(|bytes| bytes.len() / TreeHash::BYTES)
    };
    assert_eq!(width("0/000"), Some(256));
    for published in [1, 4, 254] {
        assert_eq!(width(&format!("0/000.p/{published}")), Some(published));
    }
    for between in [2, 3, 5, 253, 255] {
        assert_eq!(width(&format!("0/000.p/{between}")), None);
    }
    assert_eq!([width("0/001.p/3"), width("0/001.p/4")], [Some(3), Some(4)]);
    assert_eq!(
        [width("0/001.p/2"), width("0/001.p/5"), width("0/001")],
        [None; 3]
    );
    assert_eq!(width("1/000.p/1"), Some(1)); // of 259 and 260
    assert_eq!(
        [width("1/000.p/2"), width("1/000"), width("2/000.p/1")],
        [None; 3]
    );
    let leaves: Vec<u8> = entries(256..260)
        .iter()
        .flat_map(|entry| *leaf_hash(entry).as_bytes())
        .collect();
    let tile = log.tile(&"0/001.p/4".parse().unwrap()).unwrap();
    assert_eq!(tile.unwrap(), leaves);
}
