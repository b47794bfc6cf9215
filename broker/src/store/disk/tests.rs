#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

use super::sim::SimDisk;
use super::*;

static FILE: FileName = FileName::fixed("log/entries");
static OTHER: FileName = FileName::fixed("log/other");
static FOLDER: FileName = FileName::fixed("log");

fn both(check: impl Fn(&dyn Disk)) {
    let dir = tempfile::tempdir().unwrap();
    check(&OsDisk::open(dir.path()).unwrap());
    check(&SimDisk::new());
}

fn kind<T: Debug>(result: io::Result<T>) -> io::ErrorKind {
    result.unwrap_err().kind()
}

#[test]
fn files_grow_shrink_and_are_read_by_range() {
    both(|disk| {
        assert_eq!(disk.length(&FILE).unwrap(), None);
        assert_eq!(disk.read_all(&FILE).unwrap(), None);
        assert_eq!(kind(disk.read(&FILE, 0..0)), io::ErrorKind::NotFound);
        assert_eq!(kind(disk.truncate(&FILE, 0)), io::ErrorKind::NotFound);
        assert_eq!(kind(disk.sync_data(&FILE)), io::ErrorKind::NotFound);
        disk.append(&FILE, b"hello ").unwrap();
        disk.append(&FILE, b"world").unwrap();
        disk.sync_data(&FILE).unwrap();
        assert_eq!(disk.read(&FILE, 3..8).unwrap(), b"lo wo");
        assert_eq!(kind(disk.read(&FILE, 3..12)), io::ErrorKind::UnexpectedEof);
        let absurd = disk.read(&FILE, 0..1 << 60);
        assert_eq!(kind(absurd), io::ErrorKind::UnexpectedEof);
        disk.truncate(&FILE, 5).unwrap();
        disk.append(&FILE, b"!").unwrap();
        assert_eq!(disk.read_all(&FILE).unwrap().unwrap(), b"hello!");
        assert_eq!(disk.length(&FILE).unwrap(), Some(6));
    });
}

#[test]
fn names_move_and_go() {
    both(|disk| {
        disk.append(&FILE, b"old").unwrap();
        disk.append(&OTHER, b"new").unwrap();
        disk.rename(&OTHER, &FILE).unwrap();
        assert_eq!(disk.read_all(&FILE).unwrap().unwrap(), b"new");
        assert!(!disk.exists(&OTHER).unwrap());
        assert_eq!(kind(disk.rename(&OTHER, &FILE)), io::ErrorKind::NotFound);
        // Bytes written after the move go to the file that has the name now.
        disk.append(&FILE, b"er").unwrap();
        disk.write_durable(&OTHER, b"first").unwrap();
        disk.write_durable(&OTHER, b"2").unwrap();
        assert_eq!(disk.read_all(&OTHER).unwrap().unwrap(), b"2");
        assert_eq!(disk.list(&FOLDER).unwrap(), [FILE.clone(), OTHER.clone()]);
        assert!(disk.remove(&FILE).unwrap());
        assert!(!disk.remove(&FILE).unwrap());
        assert_eq!(disk.list(&FOLDER).unwrap(), std::slice::from_ref(&OTHER));
        assert_eq!(disk.list(&FileName::fixed("none")).unwrap(), []);
    });
}

#[test]
fn no_name_leads_out_of_the_directory() {
    let long = "a".repeat(201);
    for name in [
        "",
        "/",
        "/etc/passwd",
        "..",
        "../x",
        "log/../x",
        "log/..",
        "log//x",
        "log/",
        ".hidden",
        "log/.x",
        "a b",
        "a\\b",
        "a\0b",
        "%2e%2e",
        "ä",
        &long,
    ] {
        assert!(FileName::new(name).is_err(), "`{name}`");
    }
    for name in [
        "lock",
        "log/entries",
        "blobs/0a",
        "a/b/c.new",
        "staging-aZ9_x",
    ] {
        assert_eq!(FileName::new(name).unwrap().as_str(), name);
    }
    assert!(FileName::fixed("blobs").join("../x").is_err());
}

#[test]
fn a_directory_has_one_owner_and_is_private() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("deep/state");
    let disk = OsDisk::open(&state).unwrap();
    let second = OsDisk::open(&state).unwrap_err();
    assert!(matches!(&second, DiskError::Locked { dir } if *dir == state));
    assert!(second.to_string().contains(&state.display().to_string()));
    disk.write_durable(&FILE, b"x").unwrap();
    let mode = |path: &str| {
        let metadata = std::fs::metadata(state.join(path)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    let modes = ["", "log", "log/entries", "lock"].map(mode);
    assert_eq!(modes, [0o700, 0o700, 0o600, 0o600]);
    drop(disk);
    OsDisk::open(&state).unwrap();
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = OsDisk::open(file.path().join("state")).unwrap_err();
    assert!(
        error.to_string().contains("/state` cannot be opened"),
        "{error}"
    );
}

#[test]
fn a_power_cut_keeps_what_was_synced_and_may_do_anything_to_the_rest() {
    let disk = SimDisk::new();
    disk.append(&FILE, &[1; 20]).unwrap();
    disk.sync_data(&FILE).unwrap();
    disk.append(&FILE, &[2; 20]).unwrap();
    let mut found = BTreeSet::new();
    for seed in 0..200 {
        let after = disk.after_power_cut(seed);
        let bytes = after.read_all(&FILE).unwrap().unwrap();
        assert_eq!(bytes[..20], [1; 20], "seed {seed}");
        assert_eq!(
            disk.after_power_cut(seed).read_all(&FILE).unwrap().unwrap(),
            bytes
        );
        found.insert(bytes[20..].to_vec());
    }
    assert!(found.contains(&vec![]), "lost");
    assert!(found.contains(&vec![2; 20]), "kept");
    assert!(found.contains(&vec![2; 7]), "torn");
    assert!(found.contains(&vec![0; 20]), "zero-filled");
    let holes = |bytes: &Vec<u8>| bytes.starts_with(&[0]) && bytes.ends_with(&[2]);
    assert!(found.iter().any(holes), "out of order");
}

#[test]
fn a_power_cut_does_a_rename_or_does_it_not() {
    let disk = SimDisk::new();
    disk.write_durable(&FILE, b"old").unwrap();
    let before = disk.steps();
    disk.write_durable(&FILE, b"newer").unwrap();
    let last = disk.steps();
    let mut found = BTreeSet::new();
    for step in before..=last {
        let disk = SimDisk::new();
        disk.crash_after(step);
        disk.write_durable(&FILE, b"old").unwrap();
        assert_eq!(disk.write_durable(&FILE, b"newer").is_ok(), step == last);
        for seed in 0..20 {
            let bytes = disk.after_power_cut(seed).read_all(&FILE).unwrap().unwrap();
            assert!(
                bytes == b"newer" || step < last && bytes == b"old",
                "step {step} seed {seed}"
            );
            found.insert((step, bytes));
        }
    }
    // One step before the end, the rename is done and not yet durable.
    assert!(found.contains(&(last - 1, b"old".to_vec())));
    assert!(found.contains(&(last - 1, b"newer".to_vec())));
}

#[test]
fn without_power_nothing_works_and_a_failed_sync_is_never_made_good() {
    let disk = SimDisk::new();
    disk.append(&FILE, b"a").unwrap();
    let steps = disk.steps();
    disk.fail_at(steps + 1);
    assert!(disk.sync_data(&FILE).is_err());
    disk.sync_data(&FILE).unwrap(); // as the kernel does: the error is told once
    let lost = |seed| disk.after_power_cut(seed).read_all(&FILE).unwrap().unwrap() != b"a";
    assert!((0..20).any(lost));
    disk.crash_after(disk.steps());
    assert!(disk.append(&FILE, b"b").is_err());
    assert!(disk.read_all(&FILE).is_err());
    assert!(disk.list(&FOLDER).is_err());
    assert_eq!(disk.steps(), steps + 2);
}
