//! The copy that `weir audit follow` keeps: whole after a crash, of one process, and never of what does not hold.

use audit::checkpoint::{Checkpoint, CheckpointNote};
use audit::follow::Follower;

use super::super::archive::Archive;
use super::super::follow::{resumed, taken};
use super::*;

/// What the log signs under so many entries, and the entries.
fn signed(folder: &Path, entries: &[Vec<u8>]) -> (LogKey, Checkpoint) {
    let key = log(folder, entries);
    let note = std::fs::read_to_string(folder.join("log/checkpoint")).unwrap();
    let checkpoint = note
        .parse::<CheckpointNote>()
        .unwrap()
        .verify(&key)
        .unwrap();
    (key, checkpoint)
}

/// Found: entries of a first look that ended before its checkpoint stood were taken for a part of the copy, and an
/// honest broker was accused.
#[test]
fn a_first_look_that_was_cut_off_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    let good = bytes(&story(folder.path()));
    let (key, checkpoint) = signed(folder.path(), &good);
    let own = Archive::at(&folder.path().join("audit"));
    let _held = own.hold().unwrap();
    let mut whole = Vec::new();
    good.iter()
        .for_each(|entry| append(&mut whole, entry).unwrap());
    for left in [0, 1, 300, whole.len()] {
        std::fs::write(own.folder().join("entries"), &whole[..left]).unwrap();
        drop(std::fs::remove_file(own.folder().join("checkpoint")));
        let mut follower = resumed(&own, &key).unwrap();
        taken(&mut follower, &checkpoint, &good, &own, &key).unwrap();
        assert_eq!(
            resumed(&own, &key).unwrap().size(),
            11,
            "after {left} bytes"
        );
    }
}

#[test]
fn two_processes_do_not_write_one_copy() {
    let folder = tempfile::tempdir().unwrap();
    let own = Archive::at(&folder.path().join("audit"));
    let held = own.hold().unwrap();
    let second = own.hold().unwrap_err();
    assert!(second.to_string().contains("another process"), "{second}");
    drop(held);
    own.hold().unwrap();
}

/// An operator who stops showing the entries can still be shown to have signed them.
#[test]
fn signed_entries_that_break_a_rule_are_kept_for_others() {
    let folder = tempfile::tempdir().unwrap();
    let good = bytes(&story(folder.path()));
    let mut bad = good.clone();
    bad[9] = replaced(&bad[9], "\"rho\":\"0.125\"", "\"rho\":\"0.025\"");
    let own = Archive::at(&folder.path().join("audit"));
    let _held = own.hold().unwrap();
    let (key, early) = signed(folder.path(), &good[..5]);
    let mut follower = Follower::new();
    taken(&mut follower, &early, &good[..5], &own, &key).unwrap();
    let (key, late) = signed(folder.path(), &bad);
    let found = taken(&mut follower, &late, &bad[5..], &own, &key).unwrap_err();
    assert_eq!(found.code(), 4, "{found}");
    let digest = policies::id::sha256_hex(&bad[9]);
    let kept = format!("audit/broken-9-{}", crate::output::short(&digest));
    let kept = folder.path().join(kept);
    assert!(
        found.to_string().contains(kept.to_str().unwrap()),
        "{found}"
    );
    let said = broken(&kept, &key);
    assert!(found.to_string().starts_with(&said), "{said}");
    // The copy is what held, and is followed as before: to the same end.
    let mut follower = resumed(&own, &key).unwrap();
    assert_eq!(follower.size(), 5);
    taken(&mut follower, &late, &bad[5..], &own, &key).unwrap_err();
    assert_eq!(broken(&kept, &key), said);
}

/// Found by a reread: a smaller checkpoint was taken for entries that are not shown to us.
#[test]
fn a_log_that_was_rolled_back_is_found_by_our_copy_alone() {
    let folder = tempfile::tempdir().unwrap();
    let good = bytes(&story(folder.path()));
    let own = Archive::at(&folder.path().join("audit"));
    let _held = own.hold().unwrap();
    let (key, early) = signed(folder.path(), &good[..5]);
    let (_, late) = signed(folder.path(), &good);
    let mut follower = Follower::new();
    taken(&mut follower, &late, &good, &own, &key).unwrap();
    let found = taken(&mut follower, &early, &[], &own, &key).unwrap_err();
    assert_eq!(found.code(), 4, "{found}");
    assert!(found.to_string().contains("rolled back"), "{found}");
    assert!(own.folder().join("evidence.json").is_file());
}
