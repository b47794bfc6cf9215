#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use audit::checkpoint::TreeHead;
use audit::tree::{MemoryHashes, consistency_proof, leaf_hash, root_at};
use zeroize::Zeroizing;

use super::*;
use crate::store::disk::sim::SimDisk;
use crate::store::testing::signer;

/// Sizes of the checkpoints that a log shows, one after the other.
const SIZES: [u64; 5] = [1, 3, 4, 300, 301];

fn log() -> MemoryHashes {
    let mut hashes = MemoryHashes::default();
    hashes.extend((0..301_u64).map(|n| leaf_hash(&n.to_be_bytes())));
    hashes
}

fn request(log: &MemoryHashes, old: u64, size: u64) -> AddCheckpoint {
    let origin = signer().verifier_key().name().clone();
    let head = TreeHead::new(origin, size, root_at(log, size).unwrap()).unwrap();
    AddCheckpoint {
        old,
        proof: consistency_proof(log, old, size).unwrap(),
        checkpoint: head.sign(&signer()).unwrap(),
    }
}

fn open(disk: &SimDisk) -> Result<Book, BookError> {
    let name = "north.example/w".parse().unwrap();
    let cosigner = Cosigner::from_seed(name, &Zeroizing::new([5; 32])).unwrap();
    let key = LogKey::new(signer().verifier_key().clone());
    Book::open(Arc::new(disk.clone()), vec![key], cosigner)
}

fn begun() -> SimDisk {
    let disk = SimDisk::new();
    Book::begin(&disk).unwrap();
    disk
}

/// The size that an honest witness says it saw last.
fn known(book: &Book, log: &MemoryHashes) -> u64 {
    match book.add(&request(log, 301, 301), 0) {
        Ok(_) => 301,
        Err(BookError::Refused(refused)) => refused.known_size().unwrap(),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn what_was_cosigned_is_known_after_a_restart() {
    let (log, disk) = (log(), begun());
    let mut old = 0;
    for size in SIZES {
        let book = open(&disk).unwrap();
        let line = book.add(&request(&log, old, size), 77).unwrap();
        assert_eq!(audit::cosignature::time(&line), Some(77));
        // The same again is cosigned again, and writes nothing.
        let steps = disk.steps();
        book.add(&request(&log, size, size), 78).unwrap();
        assert_eq!(disk.steps(), steps);
        old = size;
    }
    assert_eq!(known(&open(&disk).unwrap(), &log), 301);
}

#[test]
fn another_log_is_not_watched() {
    let (log, disk) = (log(), begun());
    let mut request = request(&log, 0, 3);
    let other = "other.example".parse().unwrap();
    let other = audit::note::Signer::from_seed(other, &Zeroizing::new([1; 32])).unwrap();
    let (size, root) = (3, root_at(&log, 3).unwrap());
    let head = TreeHead::new(other.verifier_key().name().clone(), size, root).unwrap();
    request.checkpoint = head.sign(&other).unwrap();
    let Err(BookError::Refused(refused)) = open(&disk).unwrap().add(&request, 0) else {
        panic!()
    };
    assert_eq!(refused.status(), 404);
}

/// A power cut or a fault at every step: the size that was cosigned is never forgotten, and after a
/// fault nothing more is cosigned before a restart.
#[test]
fn no_fault_makes_a_witness_forget_what_it_cosigned() {
    let log = log();
    let run = |disk: &SimDisk| {
        let mut cosigned = 0;
        if Book::begin(disk).is_err() {
            return 0;
        }
        let Ok(book) = open(disk) else { return 0 };
        for size in SIZES {
            match book.add(&request(&log, cosigned, size), 0) {
                Ok(_) => cosigned = size,
                Err(_) => {
                    let again = book.add(&request(&log, cosigned, size), 0);
                    assert!(matches!(again, Err(BookError::Stopped)));
                    break;
                }
            }
        }
        cosigned
    };
    let sound = SimDisk::new();
    assert_eq!(run(&sound), 301);
    for step in 0..sound.steps() {
        for fault in [SimDisk::crash_after, SimDisk::fail_at] {
            let disk = SimDisk::new();
            fault(&disk, step);
            let cosigned = run(&disk);
            for seed in 0..8 {
                let known = match open(&disk.after_power_cut(seed)) {
                    Err(BookError::Forgotten) => 0, // not begun
                    after => known(&after.unwrap(), &log),
                };
                assert!(
                    known >= cosigned,
                    "step {step}, seed {seed}: {known} < {cosigned}"
                );
            }
        }
    }
}

/// An empty book would cosign any tree under a key that has vouched for another.
#[test]
fn a_lost_book_stops_the_start() {
    assert!(matches!(open(&SimDisk::new()), Err(BookError::Forgotten)));
    assert!(matches!(Book::begin(&begun()), Err(BookError::Begun)));
}

#[test]
fn a_damaged_book_stops_the_start() {
    let (log, disk) = (log(), begun());
    open(&disk).unwrap().add(&request(&log, 0, 3), 0).unwrap();
    let length = disk.length(&FILE).unwrap().unwrap();
    for byte in 0..usize::try_from(length).unwrap() {
        let damaged = disk.copy();
        damaged.flip(&FILE, byte, 1).unwrap();
        // White space may differ.
        if let Ok(book) = open(&damaged) {
            assert_eq!(known(&book, &log), 3, "byte {byte}");
        }
    }
}
