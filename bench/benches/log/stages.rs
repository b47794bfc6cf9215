//! Where the time goes: an append, a start and a rebuild of the index, each stage alone.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use audit::checkpoint::TreeHead;
use audit::tree::{Frontier, leaf_hash};
use bench::filled::{entry, fill, signer};
use bench::report::{Measure, Report};
use bench::run::{Failed, Settings};
use bench::series::Series;
use broker::store::disk::OsDisk;
use broker::store::index::Index;
use broker::store::log::Log;
use policies::entry::Entry;
use policies::id::sha256_hex;
use policies::state::State;

/// Entries of the append that is taken apart.
const BATCH: u64 = 256;
/// How often.
const APPENDS: usize = 40;
/// Entries that a start replays between two writes of the index.
const REPLAYED: u64 = broker::limits::REPLAY_ENTRIES;

/// Measures every stage and tells it.
///
/// # Errors
/// Where the disk refuses.
pub fn stages(report: &mut Report, settings: Settings) -> Result<(), Failed> {
    append(report)?;
    start(report, settings)
}

/// What one commit does, in its order, on files of its own.
fn append(report: &mut Report) -> Result<(), Failed> {
    let folder = tempfile::tempdir_in(".")?;
    let [mut made, mut entries_s, mut frame_s, mut note_s, mut name_s] =
        std::array::from_fn(|_| Series::default());
    let mut entries = File::create(folder.path().join("entries"))?;
    let mut frames = File::create(folder.path().join("frames"))?;
    let (signer, mut frontier) = (signer()?, Frontier::default());
    for n in 0..APPENDS as u64 {
        let batch: Result<Vec<_>, _> = (n * BATCH..(n + 1) * BATCH).map(entry).collect();
        let batch = batch?;
        let begun = Instant::now();
        let bytes = batch.concat();
        std::hint::black_box(sha256_hex(&bytes));
        for entry in &batch {
            frontier.append(leaf_hash(entry), |_, _| ());
        }
        let origin = signer.verifier_key().name().clone();
        let head = TreeHead::new(origin, frontier.size(), frontier.root())?;
        let note = head.sign(&signer)?.to_string();
        made.push(nanoseconds(begun));
        for (file, bytes, series) in [
            (&mut entries, bytes.as_slice(), &mut entries_s),
            (&mut frames, &[1; 128], &mut frame_s),
        ] {
            let begun = Instant::now();
            file.write_all(bytes)?;
            file.sync_data()?;
            series.push(nanoseconds(begun));
        }
        let begun = Instant::now();
        let temporary = folder.path().join("checkpoint.new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&temporary)?;
        file.write_all(note.as_bytes())?;
        file.sync_data()?;
        note_s.push(nanoseconds(begun));
        let begun = Instant::now();
        std::fs::rename(&temporary, folder.path().join("checkpoint"))?;
        File::open(folder.path())?.sync_all()?;
        name_s.push(nanoseconds(begun));
    }
    for (what, series) in [
        ("hashed and signed", &made),
        ("entries synced", &entries_s),
        ("frame synced", &frame_s),
        ("checkpoint synced", &note_s),
        ("its name synced", &name_s),
    ] {
        let what = format!("an append of {BATCH}: {what}");
        report.plain(&what, Measure::Nanoseconds, series);
    }
    Ok(())
}

fn nanoseconds(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1e9
}

/// What a start does, and what it does more where the index is gone.
fn start(report: &mut Report, Settings { rows, runs }: Settings) -> Result<(), Failed> {
    let folder = tempfile::tempdir_in(".")?;
    let state = folder.path().join("state");
    fill(&state, rows as u64)?;
    let [
        mut log_s,
        mut index_s,
        mut again_s,
        mut parsed_s,
        mut applied_s,
        mut records_s,
        mut sled_s,
    ] = std::array::from_fn(|_| Series::default());
    for run in 0..runs {
        let begun = Instant::now();
        let log = Log::open(Arc::new(OsDisk::open(&state)?), signer()?)?;
        log_s.push_since(begun);
        let kept = folder.path().join(format!("index-{run}"));
        let [again, parsed, applied, records, sled] = rebuild(&log, &kept)?;
        for (series, took) in [
            (&mut again_s, again),
            (&mut parsed_s, parsed),
            (&mut applied_s, applied),
            (&mut records_s, records),
            (&mut sled_s, sled),
        ] {
            series.push(took);
        }
        let begun = Instant::now();
        let loaded = Index::open(&kept)?.load()?;
        index_s.push_since(begun);
        assert_eq!(
            loaded.map(|state| state.size()),
            Some(log.size()),
            "a whole index"
        );
    }
    for (what, series) in [
        ("a start: log read, hashed and compared", &log_s),
        ("a start: current index read", &index_s),
        ("a rebuild more: entries read again", &again_s),
        ("a rebuild more: parsed, spelt again", &parsed_s),
        ("a rebuild more: applied", &applied_s),
        ("a rebuild more: records made", &records_s),
        ("a rebuild more: written to sled", &sled_s),
    ] {
        report.plain(what, Measure::Seconds, series);
    }
    Ok(())
}

/// Seconds of each stage of a rebuild.
fn rebuild(log: &Log, to: &Path) -> Result<[f64; 5], Failed> {
    let (mut took, mut state, index) = ([0.0; 5], State::new(), Index::open(to)?);
    let mut next = 0;
    while next < log.size() {
        let end = log.size().min(next + REPLAYED);
        let mut begun = Instant::now();
        let mut lap = |stage: usize| {
            if let Some(took) = took.get_mut(stage) {
                *took += begun.elapsed().as_secs_f64();
            }
            begun = Instant::now();
        };
        let bytes = log.entries(next..end)?;
        lap(0);
        let entries: Result<Vec<_>, _> =
            bytes.iter().map(|bytes| Entry::from_bytes(bytes)).collect();
        let entries = entries?;
        lap(1);
        let mut touched = Vec::new();
        for entry in &entries {
            touched.extend(state.apply(entry)?);
        }
        lap(2);
        let records = state.records(&touched)?;
        lap(3);
        index.write(&records, bytes.last().map_or(&[], Vec::as_slice))?;
        lap(4);
        next = end;
    }
    Ok(took)
}
