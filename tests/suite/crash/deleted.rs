//! A power cut at every step of a deletion: none is lost, none is half done after the next start.

use broker::store::blobs::Blobs;
use policies::id::BlobId;
use policies::state::Standing;
use proto::convert::Withdrawing;

use super::*;

/// Ninety days of retention after [`NOW`].
const OVER: &str = "2027-02-18T12:00:00Z";

/// A town that has worked, on its disk.
async fn worked(folder: &Path, name: &str, cast: &Cast) -> SimDisk {
    let disk = SimDisk::new();
    let broker = open(cast, &disk, &folder.join(name)).await.unwrap();
    let mut done = Acknowledged::default();
    work(cast, &broker, &mut done).await.unwrap();
    disk
}

fn cells_of(broker: &Broker) -> Vec<BlobId> {
    let state = broker.sequencer().state();
    let batches = DAYS.map(|day| format!("batch-{day}").parse().unwrap());
    let found = batches.map(|batch| state.batch(&org("bikes"), &batch).cloned());
    found.map(|r| r.unwrap().contribution.blob).to_vec()
}

fn withdrawing(cast: &Cast) -> Withdrawing {
    let (agreement, batch) = (
        cast.terms.id().unwrap(),
        "batch-2026-10-06".parse().unwrap(),
    );
    let reason = "counted twice".parse().unwrap();
    let payload = policies::entry::withdrawal_payload(&agreement, (&org("bikes"), &batch), &reason);
    let signs = Signs::ContributionWithdrawal;
    let signature = cast.bikes.sign(signs, &payload, NOW.parse().unwrap());
    Withdrawing {
        agreement,
        batch,
        reason,
        signature: signature.unwrap(),
    }
}

/// What of these is still on the disk, blob or salt.
fn left(disk: &SimDisk, cells: &[BlobId]) -> usize {
    let all = Blobs::open(Arc::new(disk.clone())).unwrap().list().unwrap();
    cells.iter().filter(|id| all.contains(id)).count()
}

fn replayed(broker: &Broker, what: &str) -> audit::replay::Replayer {
    let log = broker.sequencer().log();
    let entries = log.entries(0..log.size()).unwrap();
    audit::replay::replay(entries).unwrap_or_else(|e| panic!("{what}: {e}"))
}

fn deletions(broker: &Broker) -> usize {
    broker.sequencer().state().deleted_since(0).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_at_any_step_of_a_deletion_loses_none() {
    let folder = tempfile::tempdir().unwrap();
    let cast = cast(&folder.path().join("pki"));
    let whole = worked(folder.path(), "whole", &cast).await;
    let begun = whole.steps();
    let broker = reopen_at(&cast, &whole, &folder.path().join("whole"), OVER).await;
    let cells = cells_of(&broker);
    assert_eq!((left(&whole, &cells), deletions(&broker)), (0, 3));
    replayed(&broker, "undisturbed");
    let steps = whole.steps() - begun;
    assert!(steps > 6, "{steps} steps");
    drop(broker);

    for step in 1..=steps {
        let what = format!("power lost after step {step} of {steps}");
        let disk = worked(folder.path(), &format!("index-{step}"), &cast).await;
        disk.crash_after(step);
        // The index of the crashed run may be ahead: a start without one reads the log alone.
        let crashed = open_at(&cast, &disk, &folder.path().join(format!("a-{step}")), OVER).await;
        drop(crashed);
        let disk = disk.after_power_cut(step);
        let index = folder.path().join(format!("b-{step}"));
        let broker = reopen_at(&cast, &disk, &index, OVER).await;
        assert_eq!(left(&disk, &cells_of(&broker)), 0, "{what}");
        assert_eq!(deletions(&broker), 3, "{what}: each once");
        replayed(&broker, &what);
        // What was released from them is still there.
        let state = broker.sequencer().state().clone();
        let published = state
            .releases()
            .filter(|(_, r)| matches!(r.stage, Stage::Published { .. }));
        assert_eq!(published.count(), DAYS.len(), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_at_any_step_of_a_withdrawal_leaves_all_of_it_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let cast = cast(&folder.path().join("pki"));
    let mut steps = u64::MAX;
    let mut step = 0;
    while step < steps {
        let what = format!("power lost after step {step} of {steps}");
        let disk = worked(folder.path(), &format!("index-{step}"), &cast).await;
        let broker = reopen_at(&cast, &disk, &folder.path().join(format!("a-{step}")), NOW).await;
        let begun = disk.steps();
        if step > 0 {
            disk.crash_after(step);
        }
        let told = broker.withdraw(&org("bikes"), withdrawing(&cast)).await;
        if step == 0 {
            told.as_ref().unwrap();
            steps = disk.steps() - begun;
            assert!(steps > 4, "{steps} steps");
        }
        drop(broker);
        let disk = disk.after_power_cut(step);
        let index = folder.path().join(format!("b-{step}"));
        let broker = reopen_at(&cast, &disk, &index, NOW).await;
        let gone = deletions(&broker);
        assert!(told.is_err() || gone == 1, "{what}: acknowledged and lost");
        assert_eq!(left(&disk, &cells_of(&broker)), 3 - gone, "{what}");
        replayed(&broker, &what);
        // The same again: done once.
        broker
            .withdraw(&org("bikes"), withdrawing(&cast))
            .await
            .unwrap();
        assert_eq!(
            (left(&disk, &cells_of(&broker)), deletions(&broker)),
            (2, 1),
            "{what}"
        );
        let state = broker.sequencer().state();
        let record = state
            .batch(&org("bikes"), &withdrawing(&cast).batch)
            .unwrap();
        assert_eq!(state.standing(record), Standing::Withdrawn, "{what}");
        step += 1;
    }
}

async fn reopen_at(cast: &Cast, disk: &SimDisk, index: &Path, time: &str) -> Arc<Broker> {
    until("the index is let go of", async || {
        match open_at(cast, disk, index, time).await {
            Ok(broker) => Some(broker),
            Err(error) if error.contains("index") => None,
            Err(error) => panic!("{error}"),
        }
    })
    .await
}
