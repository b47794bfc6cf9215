#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use bytes::Bytes;
use policies::id::BlobId;
use tempfile::TempDir;

use super::*;
use crate::store::disk::FileName;
use crate::store::disk::sim::SimDisk;
use crate::store::testing::{entry, replay, signer};

fn open_on(disk: &SimDisk, index: &TempDir) -> Result<Store, StoreError> {
    Store::open_on(
        Arc::new(disk.clone()),
        &index.path().join("index"),
        signer(),
    )
}

fn open_in(dir: &Path) -> Result<Store, StoreError> {
    Store::open(StoreConfig {
        directory: dir.to_owned(),
        signer: signer(),
    })
}

/// Appends as the sequencer does: log, then state, then index.
fn append(store: &mut Store, entries: &[Vec<u8>]) -> Result<(), LogError> {
    let first = store.log.append(entries)?.first;
    let mut touched = Vec::new();
    for (at, bytes) in (first..).zip(entries) {
        touched.extend(store.state.apply(&read(bytes, at).unwrap()).unwrap());
    }
    store
        .index
        .write(
            &store.state.records(&touched).unwrap(),
            &entries[entries.len() - 1],
        )
        .unwrap();
    Ok(())
}

fn all(log: &Log) -> Vec<Vec<u8>> {
    log.entries(0..log.size()).unwrap()
}

fn plain(range: std::ops::Range<u64>) -> Vec<Vec<u8>> {
    range.map(|n| entry(n, None)).collect()
}

/// A directory with a log of 12 entries and a current index.
fn filled() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open_in(dir.path()).unwrap();
    append(&mut store, &plain(0..5)).unwrap();
    append(&mut store, &plain(5..12)).unwrap();
    dir
}

fn recovered(dir: &Path) -> Recovered {
    let disk = Arc::new(OsDisk::open(dir).unwrap());
    let log = Log::open(disk, signer()).unwrap();
    let mut index = Index::open(dir.join("index")).unwrap();
    let recovered = recover(&log, &mut index).unwrap();
    assert_eq!(recovered.state, replay(&all(&log)));
    // The index has followed.
    assert_eq!(index.load().unwrap().unwrap_or_default(), recovered.state);
    recovered
}

#[test]
fn a_current_index_is_used_as_it_is() {
    let dir = filled();
    let Recovered {
        rebuilt, replayed, ..
    } = recovered(dir.path());
    assert_eq!((rebuilt, replayed), (false, 0));
    let empty = tempfile::tempdir().unwrap();
    let Recovered {
        rebuilt, replayed, ..
    } = recovered(empty.path());
    assert_eq!((rebuilt, replayed), (false, 0));
}

#[test]
fn an_index_that_is_deleted_or_torn_is_rebuilt_equal() {
    for spoil in [
        |dir: &Path| std::fs::remove_dir_all(dir.join("index")).unwrap(),
        |dir: &Path| std::fs::write(dir.join("index/db"), [7; 3000]).unwrap(),
        |dir: &Path| {
            let index = crate::store::index::open_database(&dir.join("index")).unwrap();
            index.remove(b"floors\0\"floors\"").unwrap().unwrap();
        },
    ] {
        let dir = filled();
        spoil(dir.path());
        let Recovered {
            rebuilt, replayed, ..
        } = recovered(dir.path());
        assert_eq!((rebuilt, replayed), (true, 12));
        let again = recovered(dir.path());
        assert_eq!((again.rebuilt, again.replayed), (false, 0));
    }
}

#[test]
fn an_index_that_is_behind_gets_the_tail_only() {
    let dir = filled();
    let disk = Arc::new(OsDisk::open(dir.path()).unwrap());
    let mut log = Log::open(disk, signer()).unwrap();
    log.append(&plain(12..20)).unwrap();
    drop(log);
    let Recovered {
        rebuilt, replayed, ..
    } = recovered(dir.path());
    assert_eq!((rebuilt, replayed), (false, 8));
}

#[test]
fn an_index_that_is_ahead_or_of_another_log_is_rebuilt() {
    // The log was restored to an older state, the index was not.
    let (older, newer) = (filled(), filled());
    let mut store = open_in(newer.path()).unwrap();
    append(&mut store, &plain(12..14)).unwrap();
    drop(store);
    exchange_index(newer.path(), older.path());
    assert!(recovered(older.path()).rebuilt);

    // The index of another log, which is shorter than this one; this log's tail would follow from
    // it.
    let other = tempfile::tempdir().unwrap();
    let mut store = open_in(other.path()).unwrap();
    append(&mut store, &[plain(0..1), plain(0..2)].concat()).unwrap();
    drop(store);
    let dir = filled();
    exchange_index(other.path(), dir.path());
    let recovered = recovered(dir.path());
    assert_eq!((recovered.rebuilt, recovered.replayed), (true, 12));
}

fn exchange_index(from: &Path, to: &Path) {
    std::fs::remove_dir_all(to.join("index")).unwrap();
    std::fs::rename(from.join("index"), to.join("index")).unwrap();
}

#[test]
fn a_second_broker_is_refused_and_told_which_directory() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_in(dir.path()).unwrap();
    let error = open_in(dir.path()).unwrap_err();
    assert!(
        matches!(error, StoreError::Disk(DiskError::Locked { .. })),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains(&dir.path().display().to_string()),
        "{error}"
    );
    drop(store);
    open_in(dir.path()).unwrap();
}

#[tokio::test]
async fn a_lost_log_beside_blobs_is_not_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_in(dir.path()).unwrap();
    store.blobs.put(&Bytes::from_static(b"x")).await.unwrap();
    drop(store);
    std::fs::remove_dir_all(dir.path().join("log")).unwrap();
    let error = open_in(dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::LogLost), "{error}");
    assert!(
        !dir.path().join("log").exists(),
        "a refused start begins nothing"
    );
}

#[test]
fn entries_that_do_not_follow_stop_the_start_and_are_named() {
    let unknown =
        br#"{"body":{"kind":"release.invented"},"salt":"00","time":"2026-01-01T00:00:00Z","v":1}"#;
    for (bad, words) in [
        (unknown.to_vec(), "entry 5"),
        (plain(1..2)[0].clone(), "entry 5"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let disk = Arc::new(OsDisk::open(dir.path()).unwrap());
        let mut log = Log::open(disk, signer()).unwrap();
        log.append(&plain(0..5)).unwrap();
        log.append(&[bad]).unwrap();
        drop(log);
        let error = open_in(dir.path()).unwrap_err().to_string();
        assert!(
            error.contains(words) && error.contains("log/entries"),
            "{error}"
        );
    }
}

/// Puts a blob, logs an entry that names it, and so on; tells what was acknowledged.
fn run(disk: &SimDisk, index: &TempDir, runtime: &tokio::runtime::Runtime) -> (u64, Vec<BlobId>) {
    let mut blobs = Vec::new();
    let Ok(mut store) = open_on(disk, index) else {
        return (0, blobs);
    };
    let mut acknowledged = store.log.size();
    while acknowledged < 12 {
        let payload = Bytes::from(format!("zones {acknowledged}"));
        let Ok(blob) = runtime.block_on(store.blobs.put(&payload)) else {
            break;
        };
        let batch = [
            entry(acknowledged, Some(blob.clone())),
            entry(acknowledged + 1, None),
            entry(acknowledged + 2, None),
        ];
        if append(&mut store, &batch).is_err() {
            break;
        }
        blobs.push(blob);
        acknowledged += 3;
    }
    (acknowledged, blobs)
}

#[test]
fn a_power_cut_at_any_step_leaves_log_state_and_blobs_in_agreement() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let sound = SimDisk::new();
    let (all_of_it, _) = run(&sound, &tempfile::tempdir().unwrap(), &runtime);
    assert_eq!(all_of_it, 12);
    let steps = sound.steps();
    for step in 0..=steps {
        let seed = step % 7;
        let context = format!("power cut after step {step} of {steps}, seed {seed}");
        let (disk, index) = (SimDisk::new(), tempfile::tempdir().unwrap());
        disk.crash_after(step);
        let (acknowledged, blobs) = run(&disk, &index, &runtime);
        let disk = disk.after_power_cut(seed);
        let store = open_on(&disk, &index).unwrap_or_else(|e| panic!("{context}: {e}"));
        assert!(
            [acknowledged, acknowledged + 3].contains(&store.log.size()),
            "{context}"
        );
        assert_eq!(store.state, replay(&all(&store.log)), "{context}");
        let there = store.check_payloads();
        there.unwrap_or_else(|e| panic!("{context}: {e}"));
        for index in 0..store.log.size() {
            store
                .log
                .receipt(index)
                .unwrap()
                .verify(store.log.key())
                .unwrap();
        }
        // What an entry names is there, acknowledged or not: the blob was durable before.
        let named = store.state.zonings().map(|(_, zoning)| &zoning.blob);
        for blob in blobs.iter().chain(named) {
            let got = runtime.block_on(store.blobs.get(blob));
            got.unwrap_or_else(|e| panic!("{context}: {e}"));
        }
        drop(store);
        let (acknowledged, _) = run(&disk, &index, &runtime);
        assert_eq!(acknowledged, 12, "{context}");
    }
    eprintln!("{steps} power cuts over log, index and blobs");
}

#[test]
fn a_damaged_file_stops_the_start_and_is_named() {
    let (sound, index) = (SimDisk::new(), tempfile::tempdir().unwrap());
    let mut store = open_on(&sound, &index).unwrap();
    append(&mut store, &plain(0..4)).unwrap();
    drop(store);
    for name in ["log/entries", "log/frames", "log/checkpoint"] {
        let disk = sound.copy();
        disk.flip(&FileName::new(name).unwrap(), 40, 2).unwrap();
        let error = open_on(&disk, &index).unwrap_err().to_string();
        assert!(error.contains(&format!("`{name}`")), "{error}");
    }
}

/// Each file by itself: the start is refused with its name, and goes on when it is back.
#[tokio::test]
async fn a_lost_payload_stops_the_start_and_is_named() {
    let (sound, index) = (SimDisk::new(), tempfile::tempdir().unwrap());
    let mut store = open_on(&sound, &index).unwrap();
    let blob = store.blobs.put(&"zones".into()).await.unwrap();
    let unnamed = store.blobs.put(&"nobody's".into()).await.unwrap();
    append(&mut store, &[entry(0, Some(blob.clone()))]).unwrap();
    let check = |disk: &SimDisk| {
        let blobs = Blobs::open(Arc::new(disk.clone())).unwrap();
        let named = store.state.blobs();
        blobs.check_there(&named)
    };
    for folder in ["blobs", "salts"] {
        let lose = |id: &BlobId| {
            let disk = sound.copy();
            let name = FileName::new(format!("{folder}/{id}")).unwrap();
            disk.remove(&name).unwrap();
            check(&disk)
        };
        let error = lose(&blob).unwrap_err().to_string();
        let file = format!("`{folder}/{blob}` is missing");
        assert!(error.contains(&file), "{error}");
        lose(&unnamed).unwrap();
    }
    check(&sound).unwrap();
}
