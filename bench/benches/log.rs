//! The log on disk: appends against a bare `fdatasync` loop of the same bytes, proofs from the files,
//! the index rebuilt and a start with a current one.
//!
//! The pure half (hashing, proofs in memory, following) is `cargo bench -p audit --bench log`.

use std::fs::File;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bench::filled::{entry, fill, signer};
use bench::report::{Goal, Measure, Report};
use bench::run;
use bench::run::{Failed, Settings};
use bench::series::Series;
use broker::store::disk::OsDisk;
use broker::store::log::Log;
use broker::store::open::{Store, StoreConfig};

#[path = "log/stages.rs"]
mod stages;

/// Batches in one run of appends.
const BATCHES: usize = 40;
/// Entries of a batch.
const SIZES: [usize; 4] = [1, 64, 256, 1024];
/// Share of the disk's sync rate that appends keep.
const RATIO_LEAST: f64 = 0.9;
/// Proofs in one run.
const PROOFS: u64 = 1000;

fn main() -> ExitCode {
    run::bench("log", log)
}

async fn log(settings: Settings) -> Result<(), Failed> {
    let mut report = Report::new("log", settings);
    for size in SIZES {
        appends(&mut report, settings.runs, size)?;
    }
    starts(&mut report, settings)?;
    stages::stages(&mut report, settings)?;
    report.note(
        "ratio: entries/s as a share of those of a loop that appends the same bytes and syncs once",
    );
    report
        .note("a commit syncs four times: entries, frame, checkpoint, and the checkpoint's folder");
    report.print();
    Ok(())
}

/// One run: seconds of a number of batches, bare and ours in turn, batch by batch. Bare once with one sync of the
/// entries, once with three more of a few bytes, as a commit has.
fn appends(report: &mut Report, runs: usize, size: usize) -> Result<(), Failed> {
    let folder = tempfile::tempdir_in(".")?;
    let mut log = Log::open(
        Arc::new(OsDisk::open(folder.path().join("state"))?),
        signer()?,
    )?;
    let mut once = File::create(folder.path().join("once"))?;
    let mut four = File::create(folder.path().join("four"))?;
    let [mut once_s, mut four_s, mut ours_s] = std::array::from_fn(|_| Series::default());
    let mut next = 0_u64;
    for run in 0..=runs {
        let mut took = [Duration::ZERO; 3];
        for _ in 0..BATCHES {
            let batch: Result<Vec<_>, _> = (next..next + size as u64).map(entry).collect();
            let batch = batch?;
            next += size as u64;
            let bytes = batch.concat();
            let start = Instant::now();
            once.write_all(&bytes)?;
            once.sync_data()?;
            took[0] += start.elapsed();
            let start = Instant::now();
            for written in [bytes.as_slice(), &[1; 128], &[2; 128], &[3; 128]] {
                four.write_all(written)?;
                four.sync_data()?;
            }
            took[1] += start.elapsed();
            let start = Instant::now();
            log.append(&batch)?;
            took[2] += start.elapsed();
        }
        if run > 0 {
            for (series, took) in [&mut once_s, &mut four_s, &mut ours_s]
                .into_iter()
                .zip(took)
            {
                series.push(took.as_secs_f64());
            }
        }
    }
    let goal = Some(Goal::RatioAtLeast(RATIO_LEAST));
    let what = format!("{BATCHES} appends of {size}");
    report.plain(&format!("{what}, bare"), Measure::Seconds, &once_s);
    let ratio = once_s.over(&four_s);
    report.compared(&format!("{what}, bare, four syncs"), &four_s, &ratio, None);
    let ratio = once_s.over(&ours_s);
    report.compared(&format!("{what}, logged"), &ours_s, &ratio, goal);
    let rate = (BATCHES * size) as f64 / ours_s.median();
    report.note(&format!(
        "batches of {size}: {rate:.0} entries/s, durable and signed"
    ));
    Ok(())
}

/// A log of so many entries: proofs from its files, its index rebuilt, a start with a current index.
fn starts(report: &mut Report, Settings { rows, runs }: Settings) -> Result<(), Failed> {
    let folder = tempfile::tempdir_in(".")?;
    let state = folder.path().join("state");
    fill(&state, rows as u64)?;
    let open = || -> Result<(Store, f64), Failed> {
        let start = Instant::now();
        let signer = signer()?;
        let directory = state.clone();
        let store = Store::open(StoreConfig { directory, signer })?;
        Ok((store, start.elapsed().as_secs_f64()))
    };
    let (mut rebuilt_s, mut current_s, mut proof_ns) =
        (Series::default(), Series::default(), Series::default());
    for _ in 0..runs {
        std::fs::remove_dir_all(state.join("index")).or_else(|e| match e.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(e),
        })?;
        rebuilt_s.push(open()?.1);
        let (store, took) = open()?;
        current_s.push(took);
        let size = store.log.size();
        let start = Instant::now();
        for n in 0..PROOFS {
            let at = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % size;
            std::hint::black_box(store.log.receipt(at)?);
        }
        proof_ns.push(start.elapsed().as_nanos() as f64 / PROOFS as f64);
    }
    let rate = |series: &Series| rows as f64 / series.median();
    report.plain("start, index rebuilt", Measure::Seconds, &rebuilt_s);
    report.plain("start, index current", Measure::Seconds, &current_s);
    report.bounded(
        "receipt made from the files, and checked",
        Measure::Nanoseconds,
        &proof_ns,
        Goal::Below(300_000.0),
    );
    let (slow, fast) = (rate(&rebuilt_s), rate(&current_s));
    report.note(&format!(
        "{rows} entries: {slow:.0} entries/s with the index rebuilt, {fast:.0} with a current one"
    ));
    Ok(())
}
