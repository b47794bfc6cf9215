#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::*;
use crate::archive::Files;
use crate::bundle::append;
use crate::note::Signer;
use crate::replay::tests;
use crate::testing::{key, sign};

/// A refusal in [`tests::honest`], and the entry after it.
const REFUSED: usize = 9;

fn log() -> Vec<Vec<u8>> {
    let log = tests::bytes(&tests::honest().1);
    assert!(String::from_utf8_lossy(&log[REFUSED]).contains("release.refused"));
    log
}

/// Shows a follower the log up to `to`, as an honest broker does.
fn show(follower: &mut Follower, log: &[Vec<u8>], to: usize) -> Result<Progress, AuditError> {
    let from = usize::try_from(follower.size()).unwrap().min(to);
    send(follower, &log[from..to], &sign(&log[..to]))
}

fn send(
    follower: &mut Follower,
    entries: &[Vec<u8>],
    note: &CheckpointNote,
) -> Result<Progress, AuditError> {
    follower.advance(note, entries.iter().map(Vec::as_slice), &key())
}

fn seen(log: &[Vec<u8>], to: usize) -> Follower {
    let mut follower = Follower::new();
    show(&mut follower, log, to).unwrap();
    follower
}

/// Says so, and stays what it was: the honest rest of the log is taken afterwards.
#[track_caller]
fn unharmed(mut follower: Follower, log: &[Vec<u8>]) {
    let size = follower.size();
    let progress = show(&mut follower, log, log.len()).unwrap();
    assert_eq!((progress.from, progress.to), (size, log.len() as u64));
}

#[test]
fn an_honest_log_is_followed_in_any_steps() {
    let log = log();
    for step in [1, 3, 7, log.len()] {
        let mut follower = Follower::new();
        let stops = (0..log.len()).step_by(step).chain([log.len(), log.len()]);
        for to in stops {
            let before = follower.size();
            let progress = show(&mut follower, &log, to).unwrap();
            assert_eq!((progress.from, progress.to), (before, to as u64));
            assert_eq!(progress.newest, follower.replayer().state().time());
        }
        let checkpoint = follower.checkpoint().unwrap();
        assert_eq!(*checkpoint.root(), follower.replayer().root());
        assert_eq!(follower.replayer().summary().entries, log.len() as u64);
    }
}

#[test]
fn a_copy_of_the_log_is_memory_enough() {
    let (log, stop) = (log(), 11);
    let mut copy = Vec::new();
    // A crash came between the entries and the checkpoint.
    log[..=stop]
        .iter()
        .for_each(|entry| append(&mut copy, entry).unwrap());
    let checkpoint = String::from(sign(&log[..stop]));
    let files = Files {
        entries: &copy,
        checkpoint: &checkpoint,
        leaf_hashes: None,
    };
    let archive = Archive::verify(&files, &key()).unwrap();
    let mut follower = Follower::resume(&archive).unwrap();
    let open = follower.replayer().open().count();
    assert_eq!((follower.size(), open), (stop as u64, 1));
    assert_eq!(archive.unsigned_bytes(), log[stop].len() + 2);
    show(&mut follower, &log, log.len()).unwrap();
    let whole = seen(&log, log.len());
    assert_eq!(follower.replayer().state(), whole.replayer().state());
}

#[test]
fn a_rewritten_entry_is_not_the_signed_one() {
    let log = log();
    let mut follower = seen(&log, REFUSED);
    let mut sent = log[REFUSED..].to_vec();
    sent[2] = sent[1].clone();
    let found = send(&mut follower, &sent, &sign(&log)).unwrap_err();
    assert!(matches!(found, AuditError::Inconsistent { .. }), "{found}");
    assert_eq!(found.index(), Some(REFUSED as u64));
    unharmed(follower, &log);
}

#[test]
fn a_refusal_dropped_after_it_was_seen_is_a_fork() {
    let log = log();
    let mut follower = seen(&log, REFUSED + 1);
    let mut other = log.clone();
    other.remove(REFUSED);
    let found = show(&mut follower, &other, other.len()).unwrap_err();
    assert!(matches!(found, AuditError::Inconsistent { .. }), "{found}");
    let evidence = found.evidence().unwrap();
    assert_eq!(evidence.before.claimed().size(), REFUSED as u64 + 1);
    assert_eq!(evidence.after.claimed().size(), other.len() as u64);
    assert_eq!(evidence.proves_fork(&key()), Ok(false));
    unharmed(follower, &log);
}

#[test]
fn a_fork_at_one_size_proves_itself() {
    let log = log();
    let mut follower = seen(&log, log.len());
    let mut other = log.clone();
    other.swap(REFUSED, REFUSED + 1);
    let found = send(&mut follower, &[], &sign(&other)).unwrap_err();
    assert!(matches!(found, AuditError::Fork(_)), "{found}");
    // The evidence travels as a file, and convinces whoever holds the log's key.
    let file = serde_json::to_string(found.evidence().unwrap()).unwrap();
    let evidence: Evidence = serde_json::from_str(&file).unwrap();
    assert_eq!(evidence.proves_fork(&key()), Ok(true));
    let text = found.to_string();
    for note in [&evidence.before, &evidence.after] {
        assert!(text.contains(&note.claimed().root().to_string()), "{text}");
    }
    assert!(evidence.proves_fork(&stranger()).is_err());
    unharmed(follower, &log);
}

#[test]
fn a_rollback_is_shown_with_both_checkpoints() {
    let log = log();
    let mut follower = seen(&log, log.len());
    let found = show(&mut follower, &log, REFUSED).unwrap_err();
    assert!(matches!(found, AuditError::Rollback(_)), "{found}");
    let evidence = found.evidence().unwrap();
    assert_eq!(evidence.before, sign(&log));
    assert_eq!(evidence.after, sign(&log[..REFUSED]));
    unharmed(follower, &log);
}

#[test]
fn missing_and_surplus_entries_are_named() {
    let log = log();
    let mut follower = seen(&log, 3);
    let note = sign(&log[..6]);
    let found = send(&mut follower, &log[3..5], &note);
    let expected = AuditError::Missing {
        index: 5,
        signed: 6,
    };
    assert_eq!(found, Err(expected));
    let found = send(&mut follower, &log[3..7], &note);
    let expected = AuditError::Surplus {
        index: 6,
        signed: 6,
    };
    assert_eq!(found, Err(expected));
    unharmed(follower, &log);
}

#[test]
fn a_log_that_signed_a_broken_entry_stays_broken() {
    let honest = log();
    let mut log = honest.clone();
    let time = r#""time":"2026-10-07T08:00:00Z""#;
    let text = String::from_utf8(log[REFUSED].clone()).unwrap();
    assert!(text.contains(time), "{text}");
    let text = text.replace(time, r#""time":"2026-10-05T08:00:00Z""#);
    log[REFUSED] = text.into_bytes();
    let mut follower = seen(&log, REFUSED);
    let first = show(&mut follower, &log, log.len()).unwrap_err();
    let AuditError::Broken(finding) = &first else {
        panic!("{first}")
    };
    assert_eq!(finding.index, REFUSED as u64);
    assert!(finding.why.contains("back-dated"), "{finding}");
    // What it signed cannot be taken back by showing an honest log from then on.
    let again = show(&mut follower, &honest, honest.len()).unwrap_err();
    assert_eq!(again, first);
    let again = show(&mut follower, &log, log.len()).unwrap_err();
    assert_eq!(again, first);
    assert_eq!(follower.checkpoint().unwrap().size(), REFUSED as u64);
}

#[test]
fn a_checkpoint_of_another_key_is_not_followed() {
    let log = log();
    let mut follower = seen(&log, 2);
    let note = sign(&log);
    let entries = log[2..].iter().map(Vec::as_slice);
    let found = follower.advance(&note, entries, &stranger()).unwrap_err();
    assert!(matches!(found, AuditError::Checkpoint(_)), "{found}");
    unharmed(follower, &log);
}

#[test]
fn a_log_that_runs_ahead_of_the_clock_is_told() {
    let log = log();
    let follower = seen(&log, log.len());
    let newest = follower.replayer().state().time().unwrap();
    let ahead = |seconds| {
        let now = newest.checked_sub(jiff::SignedDuration::from_secs(seconds));
        follower.replayer().check_clock(now.unwrap())
    };
    assert_eq!((ahead(-3600), ahead(300)), (Ok(()), Ok(())));
    let found = ahead(301).unwrap_err();
    assert_eq!(found.index(), Some(log.len() as u64 - 1));
}

/// A key of the same name that is not the log's.
fn stranger() -> LogKey {
    let seed = zeroize::Zeroizing::new([8; 32]);
    let signer = Signer::from_seed(key().origin().clone(), &seed).unwrap();
    LogKey::new(signer.verifier_key().clone())
}
