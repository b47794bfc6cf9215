#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::path::Path;

use policies::entry::Entry;

use super::*;
use crate::store::testing::{entry, replay};

const ENTRIES: u64 = 30;

fn entries(count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|n| entry(n, None)).collect()
}

/// Writes the entries' records one entry at a time, as the sequencer does with small batches.
fn fill(index: &Index, entries: &[Vec<u8>]) -> State {
    let mut state = State::new();
    for bytes in entries {
        let touched = state.apply(&Entry::from_bytes(bytes).unwrap()).unwrap();
        let records = state.records(&touched).unwrap();
        index.write(&records, bytes).unwrap();
    }
    state
}

fn load(dir: &Path) -> Option<State> {
    Index::open(dir).unwrap().load().unwrap()
}

#[test]
fn what_was_written_is_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = Index::open(dir.path().join("index")).unwrap();
    assert_eq!(index.load().unwrap(), None);
    let log = entries(ENTRIES);
    let state = fill(&index, &log);
    assert_eq!(state, replay(&log));
    assert_eq!(index.load().unwrap().as_ref(), Some(&state));
    drop(index);
    assert_eq!(load(&dir.path().join("index")), Some(state));
}

#[test]
fn one_batch_may_hold_a_record_twice_and_the_last_holds() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = Index::open(dir.path()).unwrap();
    let (mut state, mut records) = (State::new(), Vec::new());
    for bytes in entries(ENTRIES) {
        let touched = state.apply(&Entry::from_bytes(&bytes).unwrap()).unwrap();
        records.extend(state.records(&touched).unwrap());
    }
    index.write(&records, b"the last").unwrap();
    assert!(index.follows_from(b"the last") && !index.follows_from(b"another"));
    assert_eq!(index.load().unwrap(), Some(state));
}

#[test]
fn records_that_are_not_all_of_one_time_are_no_state() {
    type Spoil = fn(&sled::Db);
    let head = || key("head", b"\"head\"");
    assert_eq!(
        head(),
        b"head\0\"head\"",
        "the spoiling below hits the head"
    );
    let spoils: [(&str, Spoil); 6] = [
        ("a record lost", |db| {
            drop(db.remove(b"orgs\0\"org-4\"").unwrap().unwrap())
        }),
        ("a record of before", |db| {
            drop(db.insert(b"floors\0\"floors\"", "null").unwrap())
        }),
        ("a head of before", |db| {
            let old = b"[7,\"2023-11-14T22:13:20.006Z\"]".as_slice();
            drop(db.insert(b"head\0\"head\"", old).unwrap().unwrap());
        }),
        ("a record too many", |db| {
            drop(db.insert(b"orgs\0\"org-5\"", "null").unwrap())
        }),
        ("the sum lost", |db| {
            drop(db.remove(SUM_KEY).unwrap().unwrap())
        }),
        ("the sum of before", |db| {
            drop(db.insert(SUM_KEY, &[0; 32]).unwrap())
        }),
    ];
    for (what, spoil) in spoils {
        let dir = tempfile::tempdir().unwrap();
        let mut index = Index::open(dir.path()).unwrap();
        let log = entries(ENTRIES);
        let state = fill(&index, &log);
        spoil(index.db().unwrap());
        assert_eq!(index.load().unwrap(), None, "{what}");
        // It was emptied, and is as good as new.
        assert_eq!(index.load().unwrap(), None, "{what}");
        assert_eq!(fill(&index, &log), state);
        drop(index);
        assert_eq!(load(dir.path()), Some(state), "{what}");
    }
}

#[test]
fn a_batch_that_was_written_in_part_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = Index::open(dir.path()).unwrap();
    let mut state = fill(&index, &entries(4));
    let touched = state
        .apply(&Entry::from_bytes(&entry(4, None)).unwrap())
        .unwrap();
    let records = state.records(&touched).unwrap();
    assert!(records.len() > 1);
    let db = index.db().unwrap();
    for record in &records[1..] {
        db.insert(key(record.tree, &record.key), record.value.as_slice())
            .unwrap();
    }
    // The head still says 4: replaying entry 4 on top of its own effects would count it twice.
    assert_eq!(index.load().unwrap(), None);
}

#[test]
fn damaged_files_hold_a_state_that_once_was_or_none_and_never_another() {
    let sound = tempfile::tempdir().unwrap();
    let index = Index::open(sound.path()).unwrap();
    let log = entries(ENTRIES);
    fill(&index, &log);
    drop(index);
    let names: Vec<_> = std::fs::read_dir(sound.path())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| entry.file_name())
        .collect();
    assert!(names.iter().any(|name| name == "db"));
    let (mut whole, mut older, mut none) = (0, 0, 0);
    for name in &names {
        for (trial, spoil) in SPOILS.iter().enumerate() {
            let dir = tempfile::tempdir().unwrap();
            for other in &names {
                std::fs::copy(sound.path().join(other), dir.path().join(other)).unwrap();
            }
            let file = dir.path().join(name);
            let mut bytes = std::fs::read(&file).unwrap();
            spoil(&mut bytes);
            std::fs::write(&file, bytes).unwrap();
            match load(dir.path()) {
                None => none += 1,
                Some(loaded) => {
                    let size = loaded.size();
                    let then = replay(&log[..size as usize]);
                    assert!(loaded == then, "{} spoil {trial}: {size}", name.display());
                    *if size == ENTRIES {
                        &mut whole
                    } else {
                        &mut older
                    } += 1;
                }
            }
        }
    }
    eprintln!("damaged copies: {whole} whole, {older} of before, {none} emptied");
    assert!(none > 0);
}

const SPOILS: [fn(&mut Vec<u8>); 9] = [
    |bytes| bytes.clear(),
    |bytes| bytes.truncate(bytes.len() / 2),
    |bytes| bytes.truncate(bytes.len() / 64),
    |bytes| bytes.fill(0),
    |bytes| bytes.iter_mut().for_each(|byte| *byte ^= 0xa5),
    |bytes| flip(bytes, 1, 50),
    |bytes| flip(bytes, 1, 1000),
    |bytes| flip(bytes, 1, 10_000),
    |bytes| (0..bytes.len()).step_by(257).for_each(|at| bytes[at] ^= 1),
];

/// Flips a bit in `part` of `of` parts of the file.
fn flip(bytes: &mut [u8], part: usize, of: usize) {
    let at = bytes.len() * part / of;
    bytes[at] ^= 4;
}

#[test]
fn a_file_in_its_place_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = Index::open(file.path()).unwrap_err();
    assert!(
        error
            .to_string()
            .contains(&file.path().display().to_string()),
        "{error}"
    );
}

#[test]
fn its_debug_text_holds_no_record() {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::open(dir.path()).unwrap();
    fill(&index, &entries(3));
    assert_eq!(
        format!("{index:?}"),
        format!("Index({})", dir.path().display())
    );
}
