#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::*;
use crate::store::disk::FileName;
use crate::store::disk::sim::SimDisk;
use crate::store::log::Log;
use crate::store::testing::{entry, signer};

const ENTRIES: u64 = 30;

/// A log on a simulated disk, some of whose entries name a blob.
async fn filled() -> (SimDisk, Indexed) {
    let disk = SimDisk::new();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let blobs = Blobs::open(Arc::clone(&shared)).unwrap();
    let mut log = Log::open(shared, signer()).unwrap();
    let (mut state, mut last) = (State::new(), None);
    for n in 0..ENTRIES {
        let blob = match n % 5 {
            0 => Some(blobs.put(&format!("payload {n}").into()).await.unwrap()),
            _ => None,
        };
        let bytes = entry(n, blob);
        state.apply(&Entry::from_bytes(&bytes).unwrap()).unwrap();
        last = Some(leaf_hash(&bytes));
        log.append(&[bytes]).unwrap();
    }
    (disk, Indexed { state, last })
}

fn checked(disk: &SimDisk, index: Option<Indexed>) -> Report {
    let key = LogKey::new(signer().verifier_key().clone());
    let mut report = Report::default();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    check(&shared, &key, index, &mut report);
    report
}

#[tokio::test]
async fn a_sound_store_has_nothing_to_tell_and_is_not_written_to() {
    let (disk, state) = filled().await;
    let steps = disk.steps();
    let report = checked(&disk, Some(state));
    assert_eq!((report.entries, report.blobs), (ENTRIES, 6));
    assert_eq!((report.damage, report.mended_at_start), (vec![], vec![]));
    assert_eq!(disk.steps(), steps);
}

#[tokio::test]
async fn each_damage_is_told_with_its_file() {
    let (sound, state) = filled().await;
    let id = Blobs::unopened(Arc::new(sound.clone())).list().unwrap()[0].clone();
    let name = |folder: &str| FileName::new(format!("{folder}/{id}")).unwrap();
    for (file, byte) in [
        (FileName::fixed("log/entries"), 700),
        (FileName::fixed("log/frames"), 300),
        (FileName::fixed("log/checkpoint"), 30),
        (name("blobs"), 3),
        (name("salts"), 3),
    ] {
        let disk = sound.copy();
        disk.flip(&file, byte, 2).unwrap();
        let report = checked(&disk, Some(state.clone()));
        let told = report.damage.join("; ");
        let tells = told.contains(file.as_str()) || told.contains(id.as_str());
        assert!(!report.is_sound() && tells, "{file}: {told}");
    }
    for folder in ["blobs", "salts"] {
        let disk = sound.copy();
        disk.remove(&name(folder)).unwrap();
        let told = checked(&disk, None).damage.join("; ");
        assert!(told.contains("is missing"), "{told}");
    }
}

#[tokio::test]
async fn what_a_start_mends_is_told_and_left() {
    let (sound, state) = filled().await;
    let hashes = FileName::fixed("log/h0");
    let disk = sound.copy();
    disk.flip(&hashes, 40, 1).unwrap();
    let report = checked(&disk, None);
    assert!(report.is_sound());
    assert!(report.mended_at_start[0].contains("log/h0"), "{report:?}");
    assert_eq!(checked(&disk, None), report, "left as it was");
    // A batch that was being written when the power went.
    disk.append(&FileName::fixed("log/entries"), b"\0\x05torn")
        .unwrap();
    let report = checked(&disk, None);
    assert!(
        report.is_sound() && report.mended_at_start.len() == 2,
        "{report:?}"
    );
    // Leftovers that no entry names.
    let blobs = Blobs::open(Arc::new(disk.clone())).unwrap();
    blobs.put(&"nobody's".into()).await.unwrap();
    let told = checked(&disk, None).mended_at_start.join("; ");
    assert!(told.contains("1 payloads"), "{told}");
    // An index from after a restored backup.
    let mut ahead = state;
    let next = Entry::from_bytes(&entry(ENTRIES, None)).unwrap();
    ahead.state.apply(&next).unwrap();
    let told = checked(&sound, Some(ahead)).mended_at_start.join("; ");
    assert!(told.contains("more than the log"), "{told}");
}

#[tokio::test]
async fn an_index_that_says_something_else_is_damage() {
    let (sound, state) = filled().await;
    let (mut other, mut last) = (State::new(), None);
    for n in 0..ENTRIES {
        let bytes = entry(n * 3 + 2, None);
        last = Some(leaf_hash(&bytes));
        other.apply(&Entry::from_bytes(&bytes).unwrap()).unwrap();
    }
    let other = Indexed { state: other, last };
    // Of another log: a start sees that, and rebuilds it.
    let report = checked(&sound, Some(other.clone()));
    assert!(report.is_sound(), "{report:?}");
    let told = report.mended_at_start.join("; ");
    assert!(told.contains("follows from another log"), "{told}");
    let other = Indexed {
        last: state.last,
        ..other
    };
    let told = checked(&sound, Some(other)).damage.join("; ");
    assert!(told.contains("`index` says something else"), "{told}");
}
