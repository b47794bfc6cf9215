#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::io::Write;

use super::*;
use crate::store::disk::OsDisk;
use crate::store::disk::sim::SimDisk;

fn simulated() -> (SimDisk, Blobs) {
    let disk = SimDisk::new();
    let blobs = Blobs::open(Arc::new(disk.clone())).unwrap();
    (disk, blobs)
}

fn on_files(dir: &Path) -> Blobs {
    Blobs::open(Arc::new(OsDisk::open(dir).unwrap())).unwrap()
}

fn payload(length: usize) -> Bytes {
    (0..length).map(|n| (n * 7 % 251) as u8).collect()
}

fn files_in(dir: &Path) -> usize {
    std::fs::read_dir(dir).map_or(0, Iterator::count)
}

#[tokio::test]
async fn payloads_come_back_with_the_salt_that_opens_the_commitment() {
    let dir = tempfile::tempdir().unwrap();
    for blobs in [simulated().1, on_files(dir.path())] {
        let mut ids = Vec::new();
        for length in [0, 1, 1000, CHUNK_BYTES, 3 * CHUNK_BYTES + 5] {
            let bytes = payload(length);
            let id = blobs.put(&bytes).await.unwrap();
            let blob = blobs.get(&id).await.unwrap();
            assert_eq!(blob.bytes, bytes);
            let commitment: Commitment = id.as_str().parse().unwrap();
            commitment.verify(&blob.salt, &bytes).unwrap();
            let salt = blobs.salt_of(&id).await.unwrap();
            assert_eq!(salt.as_bytes(), blob.salt.as_bytes());
            blobs.manifest(std::slice::from_ref(&id)).await.unwrap();
            ids.push(id);
        }
        ids.sort();
        assert_eq!(blobs.list().unwrap(), ids);
    }
}

#[tokio::test]
async fn the_same_payload_never_has_the_same_name() {
    let (_, blobs) = simulated();
    let first = blobs.put(&payload(9)).await.unwrap();
    assert_ne!(first, blobs.put(&payload(9)).await.unwrap());
}

#[tokio::test]
async fn a_file_is_stored_compared_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = on_files(dir.path());
    let bytes = payload(2 * CHUNK_BYTES + 77);
    let mut file = blobs.staging().unwrap();
    file.write_all(&bytes).unwrap();
    let id = blobs.put_file(file.path()).await.unwrap();
    assert_eq!(blobs.get(&id).await.unwrap().bytes, bytes);
    assert!(blobs.matches(&id, file.path()).await.unwrap());
    file.write_all(b"!").unwrap();
    assert!(!blobs.matches(&id, file.path()).await.unwrap());
    let other = blobs.put(&payload(3)).await.unwrap();
    assert!(!blobs.matches(&other, file.path()).await.unwrap());
    drop(file);
    assert_eq!(files_in(&dir.path().join("incoming")), 0);
}

#[tokio::test]
async fn erased_means_payload_and_salt_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = on_files(dir.path());
    let kept = blobs.put(&payload(5)).await.unwrap();
    let id = blobs.put(&payload(6)).await.unwrap();
    blobs.erase(&id).await.unwrap();
    blobs.erase(&id).await.unwrap();
    assert!(matches!(
        blobs.get(&id).await,
        Err(BlobError::Missing { .. })
    ));
    assert_eq!(files_in(&dir.path().join("blobs")), 1);
    assert_eq!(files_in(&dir.path().join("salts")), 1);
    assert_eq!(blobs.list().unwrap(), [kept]);
}

#[tokio::test]
async fn missing_and_altered_files_are_named_with_what_to_do() {
    let (sound, blobs) = simulated();
    let id = blobs.put(&payload(50)).await.unwrap();
    let files = Files::of(&id).unwrap();
    type Spoil<'a> = &'a dyn Fn(&SimDisk);
    let spoils: [(&str, &FileName, Spoil); 6] = [
        ("is missing", &files.blob, &|disk| {
            assert!(disk.remove(&files.blob).unwrap())
        }),
        ("is missing", &files.salt, &|disk| {
            assert!(disk.remove(&files.salt).unwrap())
        }),
        ("altered", &files.blob, &|disk| {
            disk.flip(&files.blob, 31, 0).unwrap()
        }),
        ("altered", &files.blob, &|disk| {
            disk.truncate(&files.blob, 49).unwrap()
        }),
        ("altered", &files.blob, &|disk| {
            disk.flip(&files.salt, 3, 7).unwrap()
        }),
        ("altered", &files.salt, &|disk| {
            disk.truncate(&files.salt, 15).unwrap()
        }),
    ];
    for (word, file, spoil) in spoils {
        let disk = sound.copy();
        spoil(&disk);
        let blobs = Blobs::open(Arc::new(disk)).unwrap();
        let whole = blobs.get(&id).await.map(drop).unwrap_err().to_string();
        let pieces = blobs.manifest(std::slice::from_ref(&id)).await;
        for text in [whole, pieces.map(drop).unwrap_err().to_string()] {
            assert!(
                text.contains(&format!("`{file}`")) && text.contains(word),
                "{text}"
            );
            assert!(text.contains("from a backup"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_scan_over_files_checks_them_first() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = on_files(dir.path());
    let (good, bad) = (payload(CHUNK_BYTES + 9), payload(CHUNK_BYTES * 2));
    let (good, bad) = (
        blobs.put(&good).await.unwrap(),
        blobs.put(&bad).await.unwrap(),
    );
    let path = dir.path().join("blobs").join(bad.as_str());
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[CHUNK_BYTES + 3] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    blobs.manifest(std::slice::from_ref(&good)).await.unwrap();
    let error = blobs.manifest(&[good, bad]).await.unwrap_err();
    assert!(matches!(error, BlobError::Altered { .. }), "{error}");
}

#[test]
fn a_writer_that_is_dropped_leaves_nothing_and_a_crash_is_swept_up() {
    let dir = tempfile::tempdir().unwrap();
    let blobs = on_files(dir.path());
    let mut writer = blobs.writer().unwrap();
    writer.write_all(&payload(2 * CHUNK_BYTES)).unwrap();
    assert_eq!(files_in(&dir.path().join("incoming")), 1);
    drop(writer);
    assert_eq!(files_in(&dir.path().join("incoming")), 0);

    let mut writer = blobs.writer().unwrap();
    writer.write_all(&payload(2 * CHUNK_BYTES)).unwrap();
    std::mem::forget(writer);
    std::mem::forget(blobs.staging().unwrap());
    assert_eq!(files_in(&dir.path().join("incoming")), 2);
    drop(blobs);
    // `forget` leaked the writer's lock on the directory; a crash would not.
    let disk = SharedDir(dir.path().to_owned()).disk();
    Blobs::open(disk).unwrap();
    assert_eq!(files_in(&dir.path().join("incoming")), 0);
    assert_eq!(files_in(&dir.path().join("blobs")), 0);
}

/// A copy of a directory that is still locked here.
struct SharedDir(std::path::PathBuf);

impl SharedDir {
    fn disk(&self) -> Arc<dyn Disk> {
        std::fs::remove_file(self.0.join("lock")).unwrap();
        Arc::new(OsDisk::open(&self.0).unwrap())
    }
}

#[test]
fn a_power_cut_at_any_step_loses_no_blob_that_was_named() {
    let run = |disk: &SimDisk| {
        let mut named = Vec::new();
        let Ok(blobs) = Blobs::open(Arc::new(disk.clone())) else {
            return named;
        };
        for length in [3, CHUNK_BYTES + 1, 40] {
            match blobs.put_now(&payload(length)) {
                Ok(id) => named.push((id, length)),
                Err(BlobError::Io { .. }) => break,
                Err(error) => panic!("{error}"),
            }
        }
        named
    };
    let sound = SimDisk::new();
    assert_eq!(run(&sound).len(), 3);
    let steps = sound.steps();
    for step in 0..=steps {
        for seed in 0..3 {
            let disk = SimDisk::new();
            disk.crash_after(step);
            let named = run(&disk);
            let disk = disk.after_power_cut(seed);
            let context = format!("power cut after step {step} of {steps}, seed {seed}");
            let blobs = Blobs::open(Arc::new(disk.clone())).unwrap();
            assert!(disk.list(&INCOMING).unwrap().is_empty(), "{context}");
            for (id, length) in &named {
                let blob = blobs
                    .get_now(id)
                    .unwrap_or_else(|e| panic!("{context}: {e}"));
                assert_eq!(blob.bytes, payload(*length), "{context}");
            }
            // A blob that has its name is whole, named to anyone or not; a lone salt is garbage.
            for file in disk.list(&BLOBS).unwrap() {
                let id = BlobId::new(file.as_str().rsplit('/').next().unwrap()).unwrap();
                blobs
                    .get_now(&id)
                    .unwrap_or_else(|e| panic!("{context}: {e}"));
            }
        }
    }
}

#[test]
fn a_fault_at_any_step_stores_nothing_or_everything() {
    let sound = simulated();
    sound.1.put_now(&payload(40)).unwrap();
    let steps = sound.0.steps();
    let mut failed = 0;
    for step in 1..=steps {
        let (disk, blobs) = simulated();
        disk.fail_at(step);
        match blobs.put_now(&payload(40)) {
            Ok(id) => assert_eq!(blobs.get_now(&id).unwrap().bytes, payload(40)),
            Err(error) => {
                failed += 1;
                assert!(matches!(error, BlobError::Io { .. }), "{error}");
                for file in disk.list(&BLOBS).unwrap() {
                    let id = BlobId::new(file.as_str().rsplit('/').next().unwrap()).unwrap();
                    assert_eq!(blobs.get_now(&id).unwrap().bytes, payload(40));
                }
            }
        }
        assert!(disk.list(&INCOMING).unwrap().is_empty(), "step {step}");
    }
    assert_eq!(failed, steps);
}
