//! A push to the broker (mTLS, checked, logged, durable) against a bare Flight `DoPut` → Parquet →
//! fsync of the same cells, both in this process over loopback, and against PostgreSQL's `COPY` of
//! them into an indexed table.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use bench::postgres::Postgres;
use bench::report::{Goal, Report};
use bench::run::{Failed, Settings};
use bench::town::Town;
use bench::usage::{Meter, Usage};
use bench::{bare, grid, run};

/// Share of the bare way's speed that a push keeps.
const SPEED_LEAST: f64 = 0.6;
/// Times the speed of `COPY` that a push has.
const TIMES_OF_COPY_LEAST: f64 = 2.5;
const BYTES_MOST: f64 = 2.2;

fn main() -> ExitCode {
    run::bench("push", push)
}

async fn push(settings: Settings) -> Result<(), Failed> {
    let Settings { rows, runs } = settings;
    if runs >= grid::DAYS {
        return Err(format!("each run fills one of {} days: ask for fewer", grid::DAYS).into());
    }
    let zones = grid::zones_for(rows);
    let town = Town::new()?;
    let running = town.start().await?;
    let provider = town.provider(running.address, zones).await?;
    let folder = town.folder().join("bare");
    std::fs::create_dir(&folder)?;
    let mut bare = bare::connect(&town.pki, bare::serve(&town.pki, &folder).await?).await?;
    let cells = grid::cells(&provider.terms, zones, rows)?;

    let copied = Copy::prepare(&town, &cells)?;

    let [mut bare_u, mut weir_u, mut copy_u] = std::array::from_fn(|_| Usage::default());
    for run in 0..=runs {
        let push = provider.push(run + 1)?;
        let meter = Meter::start()?;
        bare::push(&mut bare, &cells).await?;
        let bare = meter.stop()?;
        let meter = Meter::start()?;
        provider.client.push(&push, &cells, |_| {}).await?;
        let weir = meter.stop()?;
        let meter = Meter::start()?;
        if let Ok(copied) = &copied {
            copied.run()?;
        }
        let copy = meter.stop()?;
        // The first of each warms up.
        if run > 0 {
            bare_u.push(bare);
            weir_u.push(weir);
            copy_u.push(copy);
        }
    }
    let bytes = state_bytes(&town.folder().join("state"))? as f64 / ((runs + 1) * rows) as f64;
    running.stop().await?;

    let mut report = Report::new("push", settings);
    report.used("bare Flight → Parquet → fsync", &bare_u, None, None);
    let goal = Some(Goal::RatioAtLeast(SPEED_LEAST));
    let weir_s = &weir_u.seconds;
    report.used(
        "weir push",
        &weir_u,
        Some(&bare_u.seconds.over(weir_s)),
        goal,
    );
    match &copied {
        Ok(copied) => {
            let goal = Some(Goal::RatioAtLeast(TIMES_OF_COPY_LEAST));
            let what = format!(
                "{} COPY, index, synchronous_commit=on",
                copied.server.version
            );
            report.compared(&what, &copy_u.seconds, &copy_u.seconds.over(weir_s), goal);
        }
        Err(why) => report.absent("PostgreSQL COPY", why),
    }
    report.note("ratio: the push's speed as a share of the bare one's, and as times that of COPY");
    report.note("CPU and memory: of client and server together, which are one process here");
    let met = if bytes <= BYTES_MOST { "met" } else { "MISSED" };
    report.note(&format!(
        "{bytes:.2} bytes a cell on disk, log and index included (goal ≤ {BYTES_MOST}: {met})"
    ));
    let speed = rows as f64 / weir_s.median();
    report.note(&format!("the push takes {speed:.0} cells/s"));
    report.print();
    Ok(())
}

/// The same cells as CSV, and a table with the index that a lookup by pair needs.
struct Copy {
    server: Postgres,
    statement: String,
}

impl Copy {
    /// The inner error says why there is none.
    fn prepare(town: &Town, cells: &[RecordBatch]) -> Result<Result<Self, String>, Failed> {
        let server = match Postgres::start()? {
            Ok(server) => server,
            Err(why) => return Ok(Err(why)),
        };
        let csv = town.folder().join("cells.csv");
        grid::csv(cells.iter().cloned().map(Ok::<_, ArrowError>), &csv)?;
        // PostgreSQL runs as its own user and reads from here.
        std::fs::set_permissions(town.folder(), Permissions::from_mode(0o755))?;
        let statement = format!("COPY cells FROM '{}' (FORMAT csv)", csv.display());
        let table = "CREATE TABLE cells (origin text, destination text, start smallint, mode text, \
            contributors bigint, trips bigint)";
        let index = "CREATE INDEX ON cells (origin, destination)";
        let made = server.sql(table).and_then(|_| server.sql(index));
        Ok(made.map(|_| Self { server, statement }))
    }

    fn run(&self) -> Result<(), Failed> {
        self.server.sql(&self.statement)?;
        Ok(())
    }
}

/// Bytes of a state directory: payloads, log and index.
fn state_bytes(folder: &Path) -> Result<u64, Failed> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        bytes += match entry.file_type()?.is_dir() {
            true => state_bytes(&entry.path())?,
            false => entry.metadata()?.len(),
        };
    }
    Ok(bytes)
}
