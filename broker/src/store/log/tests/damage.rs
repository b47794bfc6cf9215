//! Committed bytes that are missing or altered: the start is refused and the file named.

use super::*;
use crate::store::log::frame::Frame;

static HASHES: [FileName; 2] = [FileName::fixed("log/h0"), FileName::fixed("log/h1")];

fn refused(disk: &SimDisk, file: &FileName, context: &str) {
    let before = disk.steps();
    let Err(error) = open(disk) else {
        panic!("{context}: opened")
    };
    let text = error.to_string();
    assert!(text.contains(&format!("`{file}`")), "{context}: {text}");
    let remedy = text.contains("restore the whole state directory") || text.contains("start with");
    assert!(remedy, "{context}: {text}");
    assert_eq!(
        disk.steps(),
        before,
        "{context}: a refused start changes nothing"
    );
}

/// Three commits of short entries, so that every byte can be tried.
fn small(disk: &SimDisk) -> Vec<Vec<u8>> {
    let mut log = open(disk).unwrap();
    for range in [0..2, 2..3, 3..7] {
        log.append(&entries(range)).unwrap();
    }
    entries(0..7)
}

#[test]
fn a_flipped_bit_anywhere_in_committed_bytes() {
    let sound = SimDisk::new();
    small(&sound);
    let mut trials = 0;
    for file in [&ENTRIES, &FRAMES, &CHECKPOINT] {
        let length = sound.length(file).unwrap().unwrap();
        for byte in 0..length as usize {
            let disk = sound.copy();
            disk.flip(file, byte, byte as u8).unwrap();
            refused(&disk, file, &format!("`{file}` byte {byte}"));
            trials += 1;
        }
    }
    eprintln!("{trials} flipped bits, all refused");
}

#[test]
fn missing_bytes_and_missing_files() {
    let sound = SimDisk::new();
    small(&sound);
    for file in [&ENTRIES, &FRAMES, &CHECKPOINT] {
        let length = sound.length(file).unwrap().unwrap();
        for kept in 0..length {
            let disk = sound.copy();
            disk.truncate(file, kept).unwrap();
            refused(&disk, file, &format!("`{file}` cut to {kept}"));
        }
        let disk = sound.copy();
        disk.remove(file).unwrap();
        refused(&disk, file, &format!("`{file}` removed"));
    }
}

#[test]
fn exchanged_or_repeated_frames() {
    let sound = SimDisk::new();
    small(&sound);
    let frames = sound.read_all(&FRAMES).unwrap().unwrap();
    let (one, two, three) = (&frames[..128], &frames[128..256], &frames[256..]);
    for (n, altered) in [
        [two, one, three].concat(),
        [one, three].concat(),
        [one, two, two, three].concat(),
        [one, two, three, &[0; 129]].concat(),
        [one, two, three, one, two].concat(),
    ]
    .iter()
    .enumerate()
    {
        let disk = sound.copy();
        disk.truncate(&FRAMES, 0).unwrap();
        disk.append(&FRAMES, altered).unwrap();
        refused(&disk, &FRAMES, &format!("order {n}"));
    }
}

/// Whole, in its place, and of other entries.
#[test]
fn a_last_frame_of_another_root() {
    let disk = SimDisk::new();
    small(&disk);
    let frames = disk.read_all(&FRAMES).unwrap().unwrap();
    let (before, last) = frames.split_at(frames.len() - 128);
    let seal = before[before.len() - 32..].try_into().unwrap();
    let (frame, _) = Frame::read(last.try_into().unwrap(), &seal).unwrap();
    let root = leaf_hash(b"another");
    let (altered, _) = Frame { root, ..frame }.seal(&seal);
    disk.truncate(&FRAMES, before.len() as u64).unwrap();
    disk.append(&FRAMES, &altered).unwrap();
    refused(&disk, &FRAMES, "another root");
}

#[test]
fn a_log_that_was_rolled_back_under_its_checkpoint() {
    let disk = SimDisk::new();
    let mut log = open(&disk).unwrap();
    log.append(&entries(0..3)).unwrap();
    let older = disk.copy();
    log.append(&entries(3..5)).unwrap();
    let newer = disk.read_all(&CHECKPOINT).unwrap().unwrap();
    older.truncate(&CHECKPOINT, 0).unwrap();
    older.append(&CHECKPOINT, &newer).unwrap();
    refused(&older, &FRAMES, "rolled back");
}

#[test]
fn a_log_whose_checkpoint_is_over_other_entries() {
    let disk = SimDisk::new();
    small(&disk);
    let other = SimDisk::new();
    let mut log = open(&other).unwrap();
    log.append(&entries(10..17)).unwrap();
    for file in [&ENTRIES, &FRAMES] {
        let bytes = other.read_all(file).unwrap().unwrap();
        disk.truncate(file, 0).unwrap();
        disk.append(file, &bytes).unwrap();
    }
    refused(&disk, &CHECKPOINT, "two logs under one key");
}

#[test]
fn tails_that_were_never_committed_are_cut() {
    let sound = SimDisk::new();
    let expected = small(&sound);
    let frames = sound.read_all(&FRAMES).unwrap().unwrap();
    let tails: [(&FileName, Vec<u8>); 5] = [
        (&ENTRIES, b"\x00\x05hel".to_vec()),
        (&ENTRIES, vec![0; 5000]),
        (&FRAMES, vec![0; 128]),
        (&FRAMES, frames[..77].to_vec()),
        (&FRAMES, frames[..128].to_vec()),
    ];
    for (file, tail) in tails {
        let disk = sound.copy();
        let length = disk.length(file).unwrap();
        disk.append(file, &tail).unwrap();
        let disk = disk.copy(); // the tail is on the medium
        check(&open(&disk).unwrap(), &expected);
        assert_eq!(disk.length(file).unwrap(), length, "{file}");
        // The cut is durable before anything else is written there.
        for seed in 0..8 {
            assert_eq!(disk.after_power_cut(seed).length(file).unwrap(), length);
        }
    }
}

#[test]
fn hashes_are_derived_and_mended() {
    let sound = SimDisk::new();
    filled(&sound);
    let right = HASHES.each_ref().map(|file| sound.read_all(file).unwrap());
    let mended = |spoil: &dyn Fn(&SimDisk, &FileName)| {
        for file in &HASHES {
            let disk = sound.copy();
            spoil(&disk, file);
            check(&open(&disk).unwrap(), &entries(0..260));
            let found = HASHES.each_ref().map(|file| disk.read_all(file).unwrap());
            assert_eq!(found, right, "{file}");
        }
    };
    mended(&|disk, file| assert!(disk.remove(file).unwrap()));
    mended(&|disk, file| disk.truncate(file, 0).unwrap());
    mended(&|disk, file| disk.truncate(file, 31).unwrap());
    mended(&|disk, file| disk.append(file, &[9; 40]).unwrap());
    mended(&|disk, file| disk.flip(file, 17, 3).unwrap());
}

#[test]
fn an_entry_that_rots_under_a_running_broker_gets_no_receipt() {
    let disk = SimDisk::new();
    let log = filled(&disk);
    disk.flip(&ENTRIES, 4, 0).unwrap();
    let error = log.receipt(0).unwrap_err();
    assert!(
        matches!(&error, LogError::Damaged { file, .. } if *file == ENTRIES),
        "{error}"
    );
    log.receipt(1).unwrap();
}
