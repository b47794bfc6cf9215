//! The city's days pushed to the broker one by one (mTLS, checked, logged, durable) against a bare Flight `DoPut` →
//! Parquet → fsync of the same cells in the same encodings, both in this process over loopback, and against PostgreSQL's `COPY` of
//! them into an indexed table.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use bench::grid::CITY_ZONES;
use bench::postgres::Postgres;
use bench::report::{Goal, Report};
use bench::run::{Failed, Settings};
use bench::town::Town;
use bench::usage::{Meter, Usage, Used};
use bench::{bare, grid, run};
use proto::columns::key_fields;
use tempfile::TempDir;

/// Share of the bare way's speed that a push keeps.
const SPEED_LEAST: f64 = 0.6;
/// Times the speed of `COPY` that a push has.
const TIMES_OF_COPY_LEAST: f64 = 2.5;
const BYTES_MOST: f64 = 2.2;

fn main() -> ExitCode {
    run::bench("push", push)
}

async fn push(settings: Settings) -> Result<(), Failed> {
    let per_day = settings.rows / grid::CITY_DAYS;
    let copy = Copy::start()?;
    // The first of each warms up, with one day.
    whole(&copy, per_day, 1).await?;
    let mut all = Sides::<Usage>::default();
    for _ in 0..settings.runs {
        let run = whole(&copy, per_day, grid::CITY_DAYS).await?;
        all.bare.push(run.bare);
        all.weir.push(run.weir);
        all.copy.push(run.copy);
        [
            all.bare.cell_bytes,
            all.weir.cell_bytes,
            all.copy.cell_bytes,
        ] = run.cell_bytes.map(Some);
    }
    report(settings, &all, &copy);
    Ok(())
}

/// The three ways.
#[derive(Default)]
struct Sides<T> {
    bare: T,
    weir: T,
    copy: T,
    /// Of one run, in this order.
    cell_bytes: [f64; 3],
}

/// The first days of the city, day by day: each way in turn takes a day, starting from nothing.
async fn whole(
    copy: &Result<Copy, String>,
    per_day: usize,
    days: usize,
) -> Result<Sides<Used>, Failed> {
    let town = Town::new()?;
    let running = town.start().await?;
    let provider = town.provider(running.address, CITY_ZONES).await?;
    let folder = town.folder().join("bare");
    std::fs::create_dir(&folder)?;
    let keys = key_fields(grid::table(&provider.terms)?).len();
    let address = bare::serve(&town.pki, &folder, keys).await?;
    let mut bare = bare::connect(&town.pki, address).await?;
    if let Ok(copy) = copy {
        copy.server.sql("TRUNCATE cells")?;
    }
    let mut run = Sides::<Used>::default();
    for day in 0..days {
        let cells = grid::cells_of_day(&provider.terms, CITY_ZONES, per_day, day as u64)?;
        let meter = Meter::start()?;
        bare::push(&mut bare, &cells).await?;
        run.bare.add(meter.stop()?);
        let push = provider.push(day + 1)?;
        let meter = Meter::start()?;
        provider.client.push(&push, &cells, |_| {}).await?;
        run.weir.add(meter.stop()?);
        if let Ok(copy) = copy {
            run.copy.add(copy.day(&cells)?);
        }
    }
    // What is left once the broker has put everything away.
    running.stop().await?;
    let table = copy.as_ref().ok().map(|copy| copy.server.bytes("cells"));
    let bytes = [
        bytes_in(&folder)? as f64,
        bytes_in(&town.folder().join("state"))? as f64,
        table.transpose()?.unwrap_or_default(),
    ];
    run.cell_bytes = bytes.map(|bytes| bytes / (per_day * days) as f64);
    Ok(run)
}

fn report(settings: Settings, all: &Sides<Usage>, copy: &Result<Copy, String>) {
    let Sides {
        bare,
        weir,
        copy: copied,
        ..
    } = all;
    let mut report = Report::new("push, a day at a time", settings);
    report.used("bare Flight → Parquet → fsync", bare, None, None);
    let goal = Some(Goal::RatioAtLeast(SPEED_LEAST));
    let ratio = bare.seconds.over(&weir.seconds);
    report.used("weir push", weir, Some(&ratio), goal);
    match copy {
        Ok(copy) => {
            let goal = Some(Goal::RatioAtLeast(TIMES_OF_COPY_LEAST));
            let what = format!("{} COPY, index, synchronous_commit=on", copy.server.version);
            let ratio = copied.seconds.over(&weir.seconds);
            report.used(&what, copied, Some(&ratio), goal);
        }
        Err(why) => report.absent("PostgreSQL COPY", why),
    }
    report.note("ratio: the push's speed as a share of the bare one's, and as times that of COPY");
    report.note("CPU and memory: of client and server together, which are one process here");
    report.note(
        "COPY: of the server alone, which reads a file; its bytes are table and index, without the log",
    );
    let bytes = weir.cell_bytes.unwrap_or(f64::NAN);
    let met = if bytes <= BYTES_MOST { "met" } else { "MISSED" };
    report.note(&format!(
        "{bytes:.2} bytes a cell on disk, log and index included (goal ≤ {BYTES_MOST}: {met})"
    ));
    let speed = |usage: &Usage| settings.rows as f64 / usage.seconds.median();
    report.note(&format!(
        "cells/s: weir {:.0}, bare {:.0}",
        speed(weir),
        speed(bare)
    ));
    if copy.is_ok() {
        report.note(&format!("cells/s: COPY {:.0}", speed(copied)));
    }
    report.print();
}

/// A table with the index that a lookup by pair needs.
struct Copy {
    server: Postgres,
    /// The server runs as its own user and reads from here.
    folder: TempDir,
}

impl Copy {
    /// The inner error says why there is none.
    fn start() -> Result<Result<Self, String>, Failed> {
        let server = match Postgres::start()? {
            Ok(server) => server,
            Err(why) => return Ok(Err(why)),
        };
        let folder = tempfile::tempdir()?;
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
        let table = "CREATE TABLE cells (origin text, destination text, start smallint, mode text, \
            contributors bigint, trips bigint)";
        let index = "CREATE INDEX ON cells (origin, destination)";
        let made = server.sql(table).and_then(|_| server.sql(index));
        Ok(made.map(|_| Self { server, folder }))
    }

    fn day(&self, cells: &[RecordBatch]) -> Result<Used, Failed> {
        let csv = self.folder.path().join("cells.csv");
        grid::csv(cells.iter().cloned().map(Ok::<_, ArrowError>), &csv)?;
        let statement = format!("COPY cells FROM '{}' (FORMAT csv)", csv.display());
        self.server.timed(&statement)
    }
}

/// Of all files: in a state directory payloads, log and index.
fn bytes_in(folder: &Path) -> Result<u64, Failed> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        bytes += match entry.file_type()?.is_dir() {
            true => bytes_in(&entry.path())?,
            false => entry.metadata()?.len(),
        };
    }
    Ok(bytes)
}
