//! A planner's question about one working week, origin and destination by part of day, over a city of cells: Weir
//! against the bare grouping in DataFusion and DuckDB on the same Parquet files, and against what a city might
//! build for itself: PostgreSQL or DuckDB with OpenDP's Python package, and SmartNoise SQL.

use std::fs::File;
use std::process::ExitCode;

use arrow::array::RecordBatch;
use bench::postgres::Postgres;
use bench::python::Python;
use bench::report::{Goal, Report};
use bench::run::{Failed, Settings};
use bench::series::Series;
use bench::usage::{Meter, Usage, Used};
use bench::watch::Watch;
use bench::week::{self, Grain, Stages, Week};
use bench::{grid, run};
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers.py");
const BARE_DUCKDB: &str = "DuckDB, bare grouping";
/// Weir's time over PostgreSQL's and OpenDP's.
const TIMES_OF_POSTGRES_MOST: f64 = 0.2;

fn main() -> ExitCode {
    run::bench("peers", peers)
}

async fn peers(settings: Settings) -> Result<(), Failed> {
    let week = Week::write(settings.rows)?;
    let postgres = Postgres::start()?;
    let loaded = postgres
        .as_ref()
        .map_err(Clone::clone)
        .and_then(|p| load(p, &week));
    for grain in [Grain::Districts, Grain::Zones] {
        compare(&week, grain, settings, &loaded).await?;
    }
    Ok(())
}

/// All peers in turn, run by run.
async fn compare(
    week: &Week,
    grain: Grain,
    settings: Settings,
    loaded: &Result<&Postgres, String>,
) -> Result<(), Failed> {
    let mut others = others(week, grain, loaded)?;
    let on_disk = Usage {
        cell_bytes: Some(week.bytes_per_cell()),
        ..Usage::default()
    };
    let (mut bare, mut weir) = (on_disk.clone(), on_disk);
    // The first of each warms up.
    let (_, groups) = grouped(week, grain).await?;
    let mut last = week.release(grain).await?;
    for other in &mut others {
        other.run(grain, false)?;
    }
    for _ in 0..settings.runs {
        bare.push(grouped(week, grain).await?.0);
        last = week.release(grain).await?;
        weir.push(last.used);
        for other in &mut others {
            other.run(grain, true)?;
        }
    }
    let asked = others
        .iter()
        .find(|other| other.name == BARE_DUCKDB && other.python.is_ok());
    if asked.is_some_and(|duckdb| (duckdb.rows - groups as f64).abs() > 0.5) {
        return Err("DuckDB and DataFusion did not answer the same question".into());
    }
    let title = format!("one week by part of day, {}", grain.name());
    let mut report = Report::new(&title, settings);
    report.used("bare grouping in DataFusion", &bare, None, None);
    let goal = Some(Goal::RatioAtMost(week::times_most(last.published)));
    let ratio = weir.seconds.over(&bare.seconds);
    report.used(
        "weir: read, merge, noise, encode",
        &weir,
        Some(&ratio),
        goal,
    );
    for other in &others {
        other.report(&mut report, &bare.seconds, &weir.seconds);
    }
    report.note("weir gates a lower bound of the people, the peers the sum of contributors: they publish more");
    report.note("ratio: times the bare grouping in DataFusion, pair by pair");
    report.note(&format!(
        "{} cells of {} days; the week has {}; {groups} groups, weir published {} rows",
        settings.rows,
        grid::CITY_DAYS,
        week.cells,
        last.published,
    ));
    let Stages {
        read,
        rows,
        fold,
        gate,
        encode,
    } = last.stages;
    report.note(&format!(
        "weir's last run: read {read:.3} s, rows {rows:.3}, fold {fold:.3}, gate {gate:.3}, encode {encode:.3}"
    ));
    report
        .note("PostgreSQL: client and server together; its bytes are the table's, without the log");
    report.print();
    Ok(())
}

/// A peer in a Python process, or why there is none.
struct Other<'a> {
    name: &'static str,
    python: Result<Python, String>,
    /// What else works for it.
    server: Option<&'a Postgres>,
    usage: Usage,
    rows: f64,
}

impl Other<'_> {
    fn run(&mut self, grain: Grain, counts: bool) -> Result<(), Failed> {
        let Ok(python) = &mut self.python else {
            return Ok(());
        };
        let watch = self.server.map(Postgres::watch).transpose()?;
        let [seconds, cpu, peak_mib, rows] = match python.numbers(grain.name()) {
            Ok(numbers) => numbers,
            // One peer that fails is reported; the others go on.
            Err(why) => {
                self.python = Err(format!("it failed: {why}"));
                return Ok(());
            }
        };
        self.rows = rows;
        let server = watch.map(Watch::stop).transpose()?.unwrap_or_default();
        if counts {
            self.usage.push(Used {
                seconds,
                cpu: cpu + server.cpu,
                peak_mib: peak_mib + server.peak_mib,
            });
        }
        Ok(())
    }

    fn report(&self, report: &mut Report, bare: &Series, weir: &Series) {
        let python = match &self.python {
            Ok(python) => python,
            Err(why) => return report.absent(self.name, why),
        };
        let ratio = self.usage.seconds.over(bare);
        let what = format!("{} ({})", self.name, python.version);
        // SmartNoise answers for a sample: nothing is compared with that.
        let whole = !self.name.starts_with("SmartNoise");
        report.used(&what, &self.usage, whole.then_some(&ratio), None);
        if whole && self.name.ends_with("OpenDP") {
            let postgres = self.name.starts_with("PostgreSQL");
            let goal = postgres.then_some(Goal::RatioAtMost(TIMES_OF_POSTGRES_MOST));
            let ratio = weir.over(&self.usage.seconds);
            report.compared("  weir's time over its", weir, &ratio, goal);
        }
        report.note(&format!("{}: {} rows", self.name, self.rows));
    }
}

fn others<'a>(
    week: &Week,
    grain: Grain,
    loaded: &Result<&'a Postgres, String>,
) -> Result<Vec<Other<'a>>, Failed> {
    let [threshold, contributors, trips] = week.noise(grain)?;
    let files: Vec<String> = week
        .files()
        .map(|path| path.display().to_string())
        .collect();
    let start = |variable: &str, what: &str, package: &str, places: &[String]| {
        let chars = week::DISTRICT_CHARS.to_string();
        let noise = [
            what,
            &threshold,
            &contributors,
            &trips,
            week::PART_SQL,
            &chars,
        ];
        let args = [&noise.map(str::to_owned), places].concat();
        Python::start_by(variable, SCRIPT, &args, package)
    };
    let own = "WEIR_BENCH_PYTHON";
    let postgres = match loaded {
        Ok(server) => {
            let socket = [server.socket().display().to_string()];
            start(own, "postgres-opendp", "psycopg", &socket)?
        }
        Err(why) => Err(why.clone()),
    };
    let server = loaded.as_ref().ok().copied();
    let table = server.map(|server| server.bytes("week")).transpose()?;
    let in_table = table.map(|bytes| bytes / week.cells as f64);
    let in_files = Some(week.bytes_per_cell());
    let other = |name, python, server, cell_bytes| Other {
        name,
        python,
        server,
        usage: Usage {
            cell_bytes,
            ..Usage::default()
        },
        rows: 0.0,
    };
    let duckdb = start(own, "duckdb", "duckdb", &files)?;
    let noised = start(own, "duckdb-opendp", "duckdb", &files)?;
    let smartnoise = smartnoise(&start, grain, &files)?;
    Ok(vec![
        other(BARE_DUCKDB, duckdb, None, in_files),
        other("DuckDB + OpenDP", noised, None, in_files),
        other("PostgreSQL + OpenDP", postgres, server, in_table),
        other("SmartNoise SQL", smartnoise, None, in_files),
    ])
}

/// Only where a Python that has it is named: it asks for older packages than the others.
fn smartnoise(
    start: &impl Fn(&str, &str, &str, &[String]) -> Result<Result<Python, String>, Failed>,
    grain: Grain,
    files: &[String],
) -> Result<Result<Python, String>, Failed> {
    let variable = "WEIR_BENCH_SMARTNOISE";
    if std::env::var_os(variable).is_none() {
        return Ok(Err(format!("{variable} names no Python that has it")));
    }
    if grain == Grain::Districts {
        return Ok(Err(
            "its SQL cuts no text, so it has no districts".to_owned()
        ));
    }
    start(variable, "smartnoise", "smartnoise-sql", files)
}

/// Groups as anybody would; gives the number of groups.
async fn grouped(week: &Week, grain: Grain) -> Result<(Used, usize), Failed> {
    let meter = Meter::start()?;
    let context = SessionContext::new();
    let folder = week.folder().display().to_string();
    context
        .register_parquet("week", folder, ParquetReadOptions::default())
        .await?;
    let [origin, destination] = ["origin", "destination"].map(|zone| grain.sql(zone));
    let statement = format!(
        "SELECT {origin}, {destination}, {}, sum(contributors), sum(trips) FROM week GROUP BY 1, 2, 3",
        week::PART_SQL
    );
    let batches = context.sql(&statement).await?.collect().await?;
    let rows = batches.iter().map(RecordBatch::num_rows).sum();
    Ok((meter.stop()?, rows))
}

/// The same cells in a table of PostgreSQL, analysed.
fn load<'a>(server: &'a Postgres, week: &Week) -> Result<&'a Postgres, String> {
    server.sql(
        "CREATE TABLE week (origin text, destination text, start smallint, mode text, \
         contributors bigint, trips bigint)",
    )?;
    for file in week.files() {
        let csv = file.with_extension("csv");
        let to_csv = || -> Result<(), Failed> {
            let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&file)?)?.build()?;
            grid::csv(reader, &csv)
        };
        to_csv().map_err(|e| e.to_string())?;
        server.sql(&format!("COPY week FROM '{}' (FORMAT csv)", csv.display()))?;
        std::fs::remove_file(&csv).map_err(|e| e.to_string())?;
    }
    server.sql("VACUUM ANALYZE week")?;
    Ok(server)
}
