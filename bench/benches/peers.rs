//! A planner's question about one working week, origin and destination by part of day, over a city of cells: Weir
//! against the bare grouping in DataFusion and DuckDB on the same Parquet files, and against what a city might
//! build for itself: PostgreSQL or DuckDB with OpenDP's Python package, and SmartNoise SQL. Each peer asks in the way
//! of `bench::question` that is fastest for it.

use std::collections::BTreeSet;
use std::fs::File;
use std::process::ExitCode;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use bench::postgres::Postgres;
use bench::python::{self, Python};
use bench::question::{self, Way};
use bench::report::{Goal, Report};
use bench::run::{Failed, Settings};
use bench::series::Series;
use bench::usage::{Meter, Usage, Used};
use bench::watch::Watch;
use bench::week::{self, Grain, Released, Stages, Week};
use bench::{grid, run};
use datafusion::DATAFUSION_VERSION;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers.py");
const BARE_DUCKDB: &str = "DuckDB, bare grouping";
/// Weir's time over PostgreSQL's and OpenDP's.
const TIMES_OF_POSTGRES_MOST: f64 = 0.2;
/// Runs of each way to ask before one is chosen; where there is one way, one run warms up.
const TRIES: usize = 3;

fn main() -> ExitCode {
    run::bench("peers", peers)
}

async fn peers(settings: Settings) -> Result<(), Failed> {
    let week = Week::write(settings.rows).await?;
    let districts = context(&week).await?.sql(&question::districts()).await?;
    let schema = Arc::new(districts.schema().as_arrow().clone());
    let districts = concat_batches(&schema, &districts.collect().await?)?;
    let postgres = Postgres::start()?;
    let loaded = postgres
        .as_ref()
        .map_err(Clone::clone)
        .and_then(|p| load(p, &week));
    for grain in [Grain::Districts, Grain::Zones] {
        compare(&week, &districts, grain, settings, &loaded).await?;
    }
    Ok(())
}

/// All peers in turn, run by run.
async fn compare(
    week: &Week,
    districts: &RecordBatch,
    grain: Grain,
    settings: Settings,
    loaded: &Result<&Postgres, String>,
) -> Result<(), Failed> {
    let title = format!("one week by part of day, {}", grain.name());
    let mut report = Report::new(&title, settings);
    let ways = question::ways(grain);
    let bare = Bare { week, districts };
    let (way, groups) = bare.choose(&ways, &mut report).await?;
    let mut others = others(week, grain, loaded)?;
    for other in &mut others {
        other.choose(&ways, &mut report)?;
    }
    let on_disk = Usage {
        cell_bytes: Some(week.bytes_per_cell()),
        ..Usage::default()
    };
    let (mut bare_usage, mut weir) = (on_disk.clone(), on_disk);
    let mut last = week.release(grain).await?;
    for _ in 0..settings.runs {
        bare_usage.push(bare.ask(way).await?.0);
        last = week.release(grain).await?;
        weir.push(last.used);
        for other in &mut others {
            other.run()?;
        }
    }
    let what = format!("bare grouping in DataFusion {DATAFUSION_VERSION}");
    report.used(&what, &bare_usage, None, None);
    let goal = Some(Goal::RatioAtMost(week::times_most(last.published)));
    let ratio = weir.seconds.over(&bare_usage.seconds);
    report.used(
        "weir: read, merge, noise, encode",
        &weir,
        Some(&ratio),
        goal,
    );
    for other in &others {
        other.report(&mut report, &bare_usage.seconds, &weir.seconds);
        other.check(groups)?;
    }
    notes(&mut report, week, settings, &last, groups);
    report.print();
    Ok(())
}

fn notes(report: &mut Report, week: &Week, settings: Settings, last: &Released, groups: usize) {
    report.note(
        "weir: payloads checked against their commitments and declared rates read, as the broker does; \
         nothing charged or logged",
    );
    report.note("weir gates a lower bound of the people, the peers the sum of contributors: they publish more");
    report.note("ratio: times the bare grouping in DataFusion, pair by pair; where weir is over another, times that");
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
}

/// The way of the least time; of each its name and least, for the note.
fn fastest<'w>(
    what: &str,
    ways: &'w [Way],
    tried: &[Series],
    report: &mut Report,
) -> Result<&'w Way, Failed> {
    let tried = || ways.iter().zip(tried);
    let best = tried().min_by(|a, b| a.1.least().total_cmp(&b.1.least()));
    let (best, _) = best.ok_or("no way to ask")?;
    if ways.len() > 1 {
        let each = tried().map(|(way, seconds)| format!("{} {:.3} s", way.name, seconds.least()));
        let each: Vec<_> = each.collect();
        report.note(&format!(
            "{what} asks by “{}”, its fastest of: {}",
            best.name,
            each.join(", ")
        ));
    }
    Ok(best)
}

/// How often each of so many ways is tried.
fn tries(ways: &[Way]) -> usize {
    if ways.len() > 1 { TRIES } else { 1 }
}

/// The bare grouping in DataFusion.
struct Bare<'a> {
    week: &'a Week,
    districts: &'a RecordBatch,
}

impl Bare<'_> {
    /// Tries all ways; gives the fastest, and the number of groups, which has to be one for all.
    async fn choose<'w>(
        &self,
        ways: &'w [Way],
        report: &mut Report,
    ) -> Result<(&'w Way, usize), Failed> {
        let (mut tried, mut groups) = (vec![Series::default(); ways.len()], BTreeSet::new());
        for (way, tried) in ways.iter().zip(&mut tried) {
            for _ in 0..tries(ways) {
                let (used, found) = self.ask(way).await?;
                tried.push(used.seconds);
                groups.insert(found);
            }
        }
        let way = fastest("DataFusion", ways, &tried, report)?;
        match groups.pop_first() {
            Some(one) if groups.is_empty() => Ok((way, one)),
            _ => Err("the ways to ask are not one question".into()),
        }
    }

    /// Gives the number of groups.
    async fn ask(&self, way: &Way) -> Result<(Used, usize), Failed> {
        let meter = Meter::start()?;
        let context = context(self.week).await?;
        context.register_batch("districts", self.districts.clone())?;
        let batches = context.sql(&way.sql).await?.collect().await?;
        let rows = batches.iter().map(RecordBatch::num_rows).sum();
        Ok((meter.stop()?, rows))
    }
}

/// With the table `week`.
async fn context(week: &Week) -> Result<SessionContext, Failed> {
    let context = SessionContext::new();
    let folder = week.folder().display().to_string();
    context
        .register_parquet("week", folder, ParquetReadOptions::default())
        .await?;
    Ok(context)
}

/// A peer in a Python process, or why there is none.
struct Other<'a> {
    name: &'static str,
    python: Result<Python, String>,
    /// What else works for it.
    server: Option<&'a Postgres>,
    /// How it asks.
    sql: String,
    usage: Usage,
    rows: f64,
}

impl Other<'_> {
    /// Tries all ways and keeps the fastest.
    fn choose(&mut self, ways: &[Way], report: &mut Report) -> Result<(), Failed> {
        let mut tried = vec![Series::default(); ways.len()];
        for (way, tried) in ways.iter().zip(&mut tried) {
            for _ in 0..tries(ways) {
                if let Some(used) = self.ask(&way.sql)? {
                    tried.push(used.seconds);
                }
            }
        }
        if self.python.is_ok() {
            self.sql = fastest(self.name, ways, &tried, report)?.sql.clone();
        }
        Ok(())
    }

    fn run(&mut self) -> Result<(), Failed> {
        if let Some(used) = self.ask(&self.sql.clone())? {
            self.usage.push(used);
        }
        Ok(())
    }

    /// None where there is no such peer.
    fn ask(&mut self, sql: &str) -> Result<Option<Used>, Failed> {
        let watch = self.server.map(Postgres::watch).transpose()?;
        let answer = python::ask(&mut self.python, sql);
        let server = watch.map(Watch::stop).transpose()?.unwrap_or_default();
        Ok(answer.map(|[seconds, cpu, peak_mib, rows]| {
            self.rows = rows;
            Used {
                seconds,
                cpu: cpu + server.cpu,
                peak_mib: peak_mib + server.peak_mib,
            }
        }))
    }

    /// The bare one has to answer the same question as DataFusion.
    fn check(&self, groups: usize) -> Result<(), Failed> {
        let bare = self.name == BARE_DUCKDB && self.python.is_ok();
        if bare && (self.rows - groups as f64).abs() > 0.5 {
            return Err("DuckDB and DataFusion did not answer the same question".into());
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
        if whole {
            let postgres = self.name.starts_with("PostgreSQL");
            let goal = postgres.then_some(Goal::RatioAtMost(TIMES_OF_POSTGRES_MOST));
            let ratio = weir.over(&self.usage.seconds);
            let what = format!("  weir, over {}", self.name);
            report.compared(&what, weir, &ratio, goal);
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
        let districts = question::districts();
        let args = [what, &threshold, &contributors, &trips, &districts];
        let args = [&args.map(str::to_owned), places].concat();
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
        sql: String::new(),
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

/// The same cells and the districts in tables of PostgreSQL, analysed.
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
    let districts = question::districts();
    server.sql(&format!("CREATE TABLE districts AS {districts}"))?;
    server.sql("VACUUM ANALYZE week, districts")?;
    Ok(server)
}
