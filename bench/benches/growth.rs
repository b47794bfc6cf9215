//! How time grows with cells, with the log's length and with providers: a line through the logarithms, whose slope is
//! printed, and beside it the slope from each size to the next, since a part that is constant flattens the first of
//! them. How it grows with agreements is `planners`'.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use bench::filled::{entry, fill, signer};
use bench::line::Line;
use bench::report::Report;
use bench::run::{Failed, Settings};
use bench::series::Series;
use bench::week::{Grain, Week};
use bench::{grid, reserved, run};
use broker::store::disk::OsDisk;
use broker::store::log::Log;
use broker::store::open::{Store, StoreConfig};
use policies::joint::{Joint, JointRule, Part};
use privacy::joint::{self, Terms};
use privacy::protect::Exact;
use privacy::spend::Spend;

/// Sizes, as shares of the greatest.
const SHARES: [usize; 5] = [81, 27, 9, 3, 1];
/// Most entries of a log: an index of more takes many minutes to write, which is not measured here.
const ENTRIES_MAX: usize = 1_000_000;
/// Providers of one joint table.
const PROVIDERS: [usize; 3] = [2, 4, 8];
/// Rows of a joint table.
const JOINT_ROWS: usize = 200_000;
/// Appends of one entry that are timed at each length.
const APPENDS: u64 = 200;

fn main() -> ExitCode {
    run::bench("growth", growth)
}

async fn growth(settings: Settings) -> Result<(), Failed> {
    let mut report = Report::new("growth", settings);
    cells(&mut report, settings).await?;
    log(&mut report, settings)?;
    providers(&mut report, settings)?;
    report.note("slope: 1 is proportional, 0 is constant");
    report.print();
    Ok(())
}

async fn cells(report: &mut Report, settings: Settings) -> Result<(), Failed> {
    let mut line = Line::new("release of a week by districts, cells of 30 days");
    let sizes = SHARES.map(|share| settings.rows / share);
    for (size, week) in sizes.into_iter().zip(Week::in_sizes(sizes).await?) {
        let mut series = Series::default();
        for run in 0..=settings.runs {
            let released = week.release(Grain::Districts).await?;
            if run > 0 {
                series.push(released.used.seconds);
            }
        }
        line.add(report, size, &series);
    }
    line.finish(report);
    Ok(())
}

fn log(report: &mut Report, settings: Settings) -> Result<(), Failed> {
    let mut appends = Line::new("one entry appended, to a log of entries");
    let mut starts = Line::new("start with a current index, log of entries");
    for share in SHARES {
        let size = settings.rows.min(ENTRIES_MAX) / share;
        let folder = tempfile::tempdir_in(".")?;
        let state = folder.path().join("state");
        fill(&state, size as u64)?;
        let mut next = size as u64;
        {
            let mut log = Log::open(Arc::new(OsDisk::open(&state)?), signer()?)?;
            let mut series = Series::default();
            for _ in 0..APPENDS {
                let batch = [entry(next)?];
                next += 1;
                let start = Instant::now();
                log.append(&batch)?;
                series.push_since(start);
            }
            appends.add(report, size, &series);
        }
        let open = || -> Result<f64, Failed> {
            let start = Instant::now();
            let (directory, signer) = (state.clone(), signer()?);
            drop(Store::open(StoreConfig { directory, signer })?);
            Ok(start.elapsed().as_secs_f64())
        };
        // The first one writes the index.
        open()?;
        let mut series = Series::default();
        for _ in 0..settings.runs {
            series.push(open()?);
        }
        starts.add(report, size, &series);
    }
    appends.finish(report);
    starts.finish(report);
    Ok(())
}

fn providers(report: &mut Report, settings: Settings) -> Result<(), Failed> {
    let mut line = Line::new("joint table of 200,000 rows, noise and selection, providers");
    for count in PROVIDERS {
        let mut series = Series::default();
        for run in 0..=settings.runs {
            let seconds = joined(count)?;
            if run > 0 {
                series.push(seconds);
            }
        }
        line.add(report, count, &series);
    }
    line.finish(report);
    Ok(())
}

/// Seconds of one joint release of so many providers with equal terms.
fn joined(count: usize) -> Result<f64, Failed> {
    let key = policies::id::sha256_hex(b"nobody").parse()?;
    let geojson = grid::geojson(1)?;
    let terms = grid::agreement(("fleet", &key), ("city", &key), &geojson, 1)?;
    let mut reservation = reserved::reservation(&terms)?;
    let table = reservation.table.clone();
    let charge = terms
        .plan_item(&table.name)
        .and_then(|item| item.charge.as_ref());
    let charge = charge.ok_or("no charge")?;
    let part = Terms {
        table: &table,
        k: terms.k,
        charge,
    };
    let mut mechanisms = joint::calibrate(reservation.unit, &vec![part; count])?;
    let parts = mechanisms.split_off(1).into_iter().enumerate();
    let parts = parts.map(|(n, mechanism)| {
        Ok(Part {
            agreement: policies::id::sha256_hex(&n.to_be_bytes()).parse()?,
            provider: format!("fleet-{n}").parse()?,
            table: table.clone(),
            edition: 1,
            manifest: Vec::new(),
            late: false,
            missing: Vec::new(),
            mechanism,
            charge: reservation.charge,
        })
    });
    let parts = parts.collect::<Result<_, Failed>>()?;
    reservation.mechanism = mechanisms.pop().ok_or("no mechanism")?;
    reservation.joint = Some(Joint {
        rule: JointRule::default(),
        parts,
    });
    let spend = Spend::from_durable(&reserved::logged(&reservation)?)?;
    let numbers: Vec<u64> = (0..JOINT_ROWS as u64).map(|n| 1 + n % 40).collect();
    let exact = || Exact {
        contributors: Some(numbers.clone()),
        measures: vec![("trips".to_owned(), numbers.clone())],
    };
    let all = (0..count).map(|_| exact()).collect();
    let start = Instant::now();
    std::hint::black_box(joint::protect(spend, all)?);
    Ok(start.elapsed().as_secs_f64())
}
