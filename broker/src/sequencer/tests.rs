//! What a decision ends makes cells due at that very moment: they go before anything else is said, once it is known what
//! time it is.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use policies::agreement::{CellsOnEnd, OnEnd};
use policies::life::Action;
use policies::state::SNAPSHOT_EVERY;
use policies::testing::{Town, now};
use tempfile::TempDir;

use super::*;
use crate::store::disk::sim::SimDisk;
use crate::store::open::Store;
use crate::store::testing::signer;

/// A sequencer whose log is the town's, with one day contributed under an agreement whose end deletes it.
async fn contributed() -> (Sequencer, Town, TempDir) {
    contributed_under(Clock::standing_at(now())).await
}

async fn contributed_under(clock: Clock) -> (Sequencer, Town, TempDir) {
    let mut town = Town::new();
    town.terms.on_end = Some(OnEnd {
        cells: CellsOnEnd::Deleted,
        ..OnEnd::default()
    });
    for body in town.agreeing() {
        town.write(body);
    }
    let body = town.contribution("2026-10-05", "b1", None);
    town.write(body);
    let index = tempfile::tempdir().unwrap();
    let disk = Arc::new(SimDisk::new());
    let store = Store::open_on(disk, &index.path().join("index"), signer()).unwrap();
    let (sequencer, _stopped) = Sequencer::start(store.log, store.state, None, clock);
    let bodies = town.log.iter().map(|entry| entry.body.clone());
    write(&sequencer, bodies.collect()).await;
    (sequencer, town, index)
}

async fn write(sequencer: &Sequencer, bodies: Vec<Body>) -> Vec<u64> {
    let done = sequencer.submit("test", move |_, _| Ok((bodies, ())));
    done.await.unwrap().entries
}

/// The kinds of all entries, each of which an auditor takes: nothing but what makes way comes while cells are due, and a
/// snapshot is of the state before it.
fn audited(sequencer: &Sequencer) -> Vec<&'static str> {
    let (log, mut state) = (sequencer.log(), State::new());
    let entries = log.entries(0..log.size()).unwrap();
    let kinds = entries.iter().map(|bytes| {
        let entry = Entry::from_bytes(bytes).unwrap();
        let due = state.overdue(entry.time);
        let kind = entry.body.kind();
        assert!(
            entry.body.makes_way() || due.is_empty(),
            "{kind} ahead of {due:?}"
        );
        if let Body::StateSnapshot(snapshot) = &entry.body {
            assert_eq!(snapshot.root, state.root().unwrap());
        }
        state.apply(&entry).unwrap();
        kind
    });
    kinds.collect()
}

#[tokio::test]
async fn cells_that_a_decision_makes_due_go_ahead_of_what_else_it_says() {
    let (sequencer, town, _index) = contributed().await;
    let ended = town.acting(Action::Terminate, "bikes", None);
    let places = write(&sequencer, vec![ended, Body::Heartbeat {}]).await;
    let kinds = audited(&sequencer);
    let last = ["agreement.terminated", "retention.deleted", "log.heartbeat"];
    assert_eq!(kinds[kinds.len() - 3..], last);
    let told: Vec<_> = places.iter().map(|place| kinds[*place as usize]).collect();
    assert_eq!(
        told,
        [last[0], last[2]],
        "places are those of what was asked for"
    );
}

#[tokio::test]
async fn cells_that_a_batch_makes_due_go_ahead_of_its_snapshot() {
    let (sequencer, town, _index) = contributed().await;
    let size = sequencer.state().size();
    let beats = (size..SNAPSHOT_EVERY - 1).map(|_| Body::Heartbeat {});
    write(&sequencer, beats.collect()).await;
    let ended = town.acting(Action::Terminate, "bikes", None);
    write(&sequencer, vec![ended]).await;
    let kinds = audited(&sequencer);
    let last = [
        "agreement.terminated",
        "retention.deleted",
        "state.snapshot",
    ];
    assert_eq!(kinds[kinds.len() - 3..], last);
}

/// While no witnesses say the time, what it alone brings waits, with all that must not come ahead of it. What a party does
/// to its own cells does not.
#[tokio::test]
async fn what_time_brings_waits_for_witnesses_and_what_a_party_does_does_not() {
    let clock = Clock::standing_at(now()).unvouched();
    let (sequencer, _town, _index) = contributed_under(clock.clone()).await;
    let retention = jiff::SignedDuration::from_hours(24 * 91);
    clock.set(now() + retention);
    let size = sequencer.state().size();
    let beat = sequencer.submit("test", |_, _| Ok((vec![Body::Heartbeat {}], ())));
    let error = beat.await.unwrap_err();
    assert!(matches!(error, Error::Untimed { .. }), "{error:?}");
    let due = sequencer.submit("test", |state, now| Ok((state.overdue(now), ())));
    assert!(matches!(due.await.unwrap_err(), Error::Untimed { .. }));
    assert_eq!(sequencer.state().size(), size);
    clock.vouch();
    write(&sequencer, vec![Body::Heartbeat {}]).await;
    let kinds = audited(&sequencer);
    assert_eq!(
        kinds[kinds.len() - 2..],
        ["retention.deleted", "log.heartbeat"]
    );

    let clock = Clock::standing_at(now()).unvouched();
    let (sequencer, town, _index) = contributed_under(clock.clone()).await;
    clock.set(now() + retention);
    let bikes = "bikes".parse().unwrap();
    let taken_back = {
        let state = sequencer.state();
        let record = state.batch(&bikes, &"b1".parse().unwrap()).unwrap();
        state.withdrawing(record, town.withdrawal("2026-10-05", "b1"))
    };
    write(&sequencer, taken_back).await;
    write(&sequencer, vec![Body::Heartbeat {}]).await;
    audited(&sequencer);

    let (sequencer, town, _index) = contributed_under(Clock::standing_at(now()).unvouched()).await;
    let ended = town.acting(Action::Terminate, "bikes", None);
    write(&sequencer, vec![ended]).await;
    write(&sequencer, vec![Body::Heartbeat {}]).await;
    let kinds = audited(&sequencer);
    let last = ["agreement.terminated", "retention.deleted", "log.heartbeat"];
    assert_eq!(kinds[kinds.len() - 3..], last);
}

/// Who asks in vain holds up nobody: what is refused at once needs no copy of the state. This overlay is ahead of what is
/// durable, so that a copy would be seen.
#[tokio::test]
async fn a_refused_entry_costs_no_copy_of_the_state() {
    let (sequencer, town, _index) = contributed().await;
    let overlay = sequencer.state().clone();
    let mut writer = Writer {
        shared: Arc::clone(&sequencer.shared),
        overlay,
        index: None,
        timing: Timing::new(Clock::standing_at(now())),
    };
    let beat = vec![Body::Heartbeat {}];
    writer.enter(beat, now(), &mut Batch::default()).unwrap();
    let (before, mut batch) = (writer.overlay.clone(), Batch::default());
    let in_vain = vec![town.acting(Action::Resume, "bikes", None)];
    let refused = writer.enter(in_vain, now(), &mut batch).unwrap_err();
    assert!(refused.to_string().contains("lifted by whoever made it"));
    assert!(writer.overlay == before && batch.entries.is_empty());
    // What went ahead of a refused entry is taken back with it.
    let beats = vec![
        Body::Heartbeat {},
        town.acting(Action::Resume, "bikes", None),
    ];
    writer.enter(beats, now(), &mut batch).unwrap_err();
    assert!(writer.overlay == *sequencer.state() && batch.entries.is_empty());
}
