//! A fault at every step and a power cut after every step, over log and blobs together; a full disk at
//! every byte. After each: the check without writing finds nothing lost, the store opens, has exactly
//! what was acknowledged (or that and the whole of one append that was not answered), and goes on.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use audit::checkpoint::LogKey;
use policies::id::BlobId;
use tokio::runtime::Runtime;

use super::blobs::Blobs;
use super::disk::Disk;
use super::disk::sim::SimDisk;
use super::fsck::{Report, check};
use super::log::{Log, LogError};
use super::open::{Store, StoreError};
use super::testing::{entry, replay, signer};

/// Entries of a whole run, in batches of [`BATCH`]; each batch names one payload.
const ENTRIES: u64 = 12;
const BATCH: u64 = 3;
/// Power cuts tried after each step. The seed of a trial is its number, so every failure repeats.
const CUTS: u64 = 10;

/// What a run had said to its callers when it ended.
#[derive(Debug, Default)]
struct Told {
    /// Entries acknowledged.
    entries: u64,
    /// Entries of the append that was not answered, or answered with `Sync`: there or not there.
    open: u64,
    /// Payloads acknowledged, and named by an acknowledged entry.
    named: Vec<BlobId>,
    /// Payloads that were erased, acknowledged.
    erased: Vec<BlobId>,
    /// Words of the last error.
    error: String,
}

/// Blob first, then the entries that name it; beside, a payload that is stored and erased. Goes on
/// after errors that promise that nothing happened, once.
fn run(disk: &SimDisk, runtime: &Runtime) -> Told {
    let mut told = Told::default();
    if let Err(error) = try_run(disk, runtime, &mut told) {
        told.error = error;
    }
    told
}

fn try_run(disk: &SimDisk, runtime: &Runtime, told: &mut Told) -> Result<(), String> {
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let blobs = Blobs::open(Arc::clone(&shared)).map_err(|e| e.to_string())?;
    let mut log = Log::open(shared, signer()).map_err(|e| e.to_string())?;
    told.entries = log.size();
    let mut again = true;
    while told.entries < ENTRIES {
        let n = told.entries;
        let done = runtime.block_on(async {
            let blob = blobs.put(&format!("zones {n}").into()).await?;
            let draft = blobs.put(&"a draft".into()).await?;
            blobs.erase(&draft).await?;
            told.erased.push(draft);
            Ok::<_, super::blobs::BlobError>(blob)
        });
        let blob = match done {
            Ok(blob) => blob,
            Err(_) if std::mem::take(&mut again) => continue,
            Err(error) => return Err(error.to_string()),
        };
        let first = entry(n, Some(blob.clone()));
        let batch: Vec<_> = std::iter::once(first)
            .chain((n + 1..n + BATCH).map(|n| entry(n, None)))
            .collect();
        match log.append(&batch) {
            Ok(committed) => {
                told.entries = committed.size;
                told.named.push(blob);
            }
            Err(LogError::Write { .. }) if std::mem::take(&mut again) => {}
            Err(error) => {
                if matches!(error, LogError::Sync { .. }) {
                    told.open = BATCH;
                }
                return Err(error.to_string());
            }
        }
    }
    Ok(())
}

fn fsck(disk: &SimDisk) -> Report {
    let key = LogKey::new(signer().verifier_key().clone());
    let mut report = Report::default();
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let before = disk.steps();
    check(&shared, &key, None, &mut report);
    assert_eq!(disk.steps(), before, "a check writes nothing");
    report
}

/// The one question of every trial: is what is found a right state?
fn right(disk: &SimDisk, told: &Told, runtime: &Runtime, what: &str) {
    // Before its first checkpoint there is no log yet, and nothing was acknowledged.
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    if Log::is_begun(shared.as_ref()).unwrap() {
        let report = fsck(disk);
        assert!(report.is_sound(), "{what}: {report:?}");
    } else {
        assert_eq!(told.entries + told.open, 0, "{what}: the log is gone");
    }
    let blobs = Blobs::open(Arc::clone(&shared)).unwrap_or_else(|e| panic!("{what}: {e}"));
    let log = Log::open(shared, signer()).unwrap_or_else(|e| panic!("{what}: {e}"));
    let allowed = [told.entries, told.entries + told.open];
    assert!(
        allowed.contains(&log.size()),
        "{what}: {} entries, {told:?}",
        log.size()
    );
    let entries = log.entries(0..log.size()).unwrap();
    let state = replay(&entries);
    for at in 0..log.size() {
        log.receipt(at).unwrap().verify(log.key()).unwrap();
    }
    // Acknowledged or not, what an entry names is there: the payload was durable before.
    let found: BTreeSet<BlobId> = state.zonings().map(|(_, z)| z.blob.clone()).collect();
    assert!(told.named.iter().all(|id| found.contains(id)), "{what}");
    for id in &found {
        let read = runtime.block_on(blobs.get(id));
        read.unwrap_or_else(|e| panic!("{what}: {e}"));
    }
    drop(log);
    // Once more, now that it was mended: nothing is left to mend but payloads that nobody names.
    let report = fsck(disk);
    let leftovers = |told: &String| told.contains("named by no entry");
    assert!(report.is_sound(), "{what}: {report:?}");
    assert!(
        report.mended_at_start.iter().all(leftovers),
        "{what}: {report:?}"
    );
    let done = run(disk, runtime);
    assert_eq!(done.entries, ENTRIES, "{what}: {}", done.error);
    for id in &told.erased {
        assert!(
            runtime.block_on(blobs.get(id)).is_err(),
            "{what}: an erased payload is back"
        );
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

fn steps_of_a_run(runtime: &Runtime) -> u64 {
    let disk = SimDisk::new();
    let told = run(&disk, runtime);
    assert_eq!((told.entries, told.named.len()), (ENTRIES, 4));
    disk.steps()
}

#[test]
fn two_thousand_faults_and_power_cuts_leave_no_wrong_state() {
    let runtime = runtime();
    let steps = steps_of_a_run(&runtime);
    let (mut trials, mut ended, mut open) = (0_u64, 0_u64, 0_u64);
    for step in 0..=steps {
        for fault in [false, true] {
            let disk = SimDisk::new();
            match fault {
                true => disk.fail_at(step),
                false => disk.crash_after(step),
            }
            let told = run(&disk, &runtime);
            ended += u64::from(told.entries < ENTRIES);
            let what = if fault { "fault at" } else { "power cut after" };
            let what = format!("{what} step {step} of {steps}");
            if fault {
                // The process ends and starts again, with the machine still up.
                right(&disk.copy(), &told, &runtime, &what);
                trials += 1;
            }
            for cut in 0..CUTS {
                let seed = step * CUTS + cut;
                let found = disk.after_power_cut(seed);
                right(
                    &found,
                    &told,
                    &runtime,
                    &format!("{what}, cut with seed {seed}"),
                );
                trials += 1;
                open += u64::from(told.open > 0);
            }
        }
    }
    eprintln!("{trials} trials over {steps} steps: {ended} runs ended, {open} had an open append");
    assert!(trials >= 2_000, "{trials} trials");
    assert!(ended > steps && open > 0, "faults were reached");
}

/// The disk is full after every so many bytes: what was acknowledged stays, the error says what to
/// do, a start on the full disk is right or refused with the same words, and with room again all goes
/// on.
#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    const EVERY: usize = 23;
    let runtime = runtime();
    let whole = SimDisk::new();
    let written = u64::MAX;
    whole.room_for(Some(written));
    run(&whole, &runtime);
    let written = written - whole.room_left().unwrap();
    let (mut trials, mut refused) = (0, 0);
    for room in (0..written).step_by(EVERY) {
        let disk = SimDisk::new();
        disk.room_for(Some(room));
        let told = run(&disk, &runtime);
        let what = format!("room for {room} of {written} bytes");
        assert!(told.entries < ENTRIES, "{what}");
        assert!(
            told.error.contains("make room on the disk"),
            "{what}: {}",
            told.error
        );
        // A start while it is still full.
        let full = disk.copy();
        let again = run(&full, &runtime);
        assert!(
            again.error.contains("make room on the disk"),
            "{what}: {}",
            again.error
        );
        assert!(
            again.entries >= told.entries || again.entries == 0,
            "{what}"
        );
        refused += u64::from(again.entries == 0 && told.entries > 0);
        for disk in [disk.copy(), full.copy(), disk.after_power_cut(room)] {
            disk.room_for(None);
            right(&disk, &told, &runtime, &what);
            trials += 1;
        }
    }
    eprintln!("{trials} full disks, {refused} starts refused until there was room");
    assert!(trials > 500, "{trials} trials");
}

/// The same with an index beside: kept, behind, ahead of the log or lost, it decides nothing.
#[test]
fn the_index_beside_it_never_makes_a_difference() {
    let runtime = runtime();
    let steps = steps_of_a_run(&runtime);
    let folder = tempfile::tempdir().unwrap();
    let open = |disk: &SimDisk, index: &Path| -> Result<Store, StoreError> {
        Store::open_on(Arc::new(disk.clone()), index, signer())
    };
    for step in (0..=steps).step_by(7) {
        let disk = SimDisk::new();
        disk.crash_after(step);
        let told = run(&disk, &runtime);
        let disk = disk.after_power_cut(step);
        // The index of a run that came further, of one that came less far, or of none.
        let index = folder.path().join(format!("index-{step}"));
        let other = SimDisk::new();
        other.crash_after(step * (step % 3));
        let _ = run(&other, &runtime);
        drop(open(&other.copy(), &index));
        let store = open(&disk, &index).unwrap_or_else(|e| panic!("step {step}: {e}"));
        let entries = store.log.entries(0..store.log.size()).unwrap();
        assert_eq!(store.state, replay(&entries), "step {step}");
        assert!(store.log.size() >= told.entries, "step {step}");
        let there = store.check_payloads();
        there.unwrap_or_else(|e| panic!("a start refused after step {step}: {e}"));
    }
}
