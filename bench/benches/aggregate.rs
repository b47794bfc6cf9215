//! `sdk::aggregate` over raw trips in CSV and Parquet against DuckDB and pandas on the same Parquet
//! file: a plain group-by, and the same bounding (cells of a person and day by hash, distinct people), whose answers
//! have to agree.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use arrow::array::AsArray;
use arrow::datatypes::UInt64Type;
use bench::python::{self, Python};
use bench::report::{Goal, Report};
use bench::run::{Failed, Settings};
use bench::series::Series;
use bench::usage::{Meter, Usage, Used};
use bench::{grid, raw, run};
use policies::agreement::{Agreement, Unit};
use sdk::aggregate::{Aggregated, MEMORY_BYTES, Mapping, Options, Secret, TableReport, Zoning};

const ZONES: usize = 100;
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/group_by.py");

fn main() -> ExitCode {
    run::bench("aggregate", aggregate)
}

async fn aggregate(settings: Settings) -> Result<(), Failed> {
    let Settings { rows, runs } = settings;
    let folder = tempfile::tempdir()?;
    let (csv, parquet) = raw::write(folder.path(), ZONES, rows)?;
    let script = |package: &str| {
        let file = parquet.display().to_string();
        Python::start(SCRIPT, &[package, &file], package)
    };
    let mut peers = [
        Peer::new("DuckDB, bare count(*)", "plain", script("duckdb")?),
        Peer::new(
            "DuckDB, count(DISTINCT rider)",
            "distinct",
            script("duckdb")?,
        ),
        Peer::new("DuckDB, the same bounding", "bounded", script("duckdb")?),
        Peer::new("pandas, the same bounding", "bounded", script("pandas")?),
    ];
    let company = Company::new(folder.path())?;

    let (mut from_csv, mut from_parquet) = (Usage::default(), Usage::default());
    let mut last = Outcome::default();
    for run in 0..=runs {
        let of_csv = company.aggregate("csv", &csv, rows)?;
        last = company.aggregate("parquet", &parquet, rows)?;
        // The first of each warms up.
        if run > 0 {
            from_csv.push(of_csv.used);
            from_parquet.push(last.used);
        }
        for peer in &mut peers {
            peer.run(run > 0);
        }
    }

    let mut report = Report::new("aggregate", settings);
    report.used("weir aggregate, Parquet", &from_parquet, None, None);
    report.used("weir aggregate, CSV", &from_csv, None, None);
    for peer in &peers {
        peer.report(&mut report, &from_parquet.seconds);
        peer.check(&last)?;
    }
    report.note("ratio: weir's time from the same Parquet over theirs; DuckDB uses every core");
    report.note(&format!(
        "memory: weir holds {} MiB of trips at most, beside the cells, and spills the rest; the others what they like",
        MEMORY_BYTES >> 20
    ));
    report.note(&format!(
        "weir: {}; {:.0} trips were in cells that a person had too many of, which are chosen by chance",
        last.totals, last.dropped
    ));
    company.stages(&parquet, runs, &mut report)?;
    report.print();
    Ok(())
}

/// What an answer holds in all.
#[derive(Debug, Clone, Copy, Default)]
struct Totals {
    cells: f64,
    /// Over all cells.
    contributors: f64,
    trips: f64,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cells,
            contributors,
            trips,
        } = self;
        write!(
            f,
            "{cells:.0} cells, {contributors:.0} people in them, {trips:.0} trips"
        )
    }
}

/// Somebody else's query of the same file, or why there is none.
struct Peer {
    name: &'static str,
    query: &'static str,
    python: Result<Python, String>,
    usage: Usage,
    totals: Totals,
}

impl Peer {
    fn new(name: &'static str, query: &'static str, python: Result<Python, String>) -> Self {
        Self {
            name,
            query,
            python,
            usage: Usage::default(),
            totals: Totals::default(),
        }
    }

    fn run(&mut self, counts: bool) {
        let answer = python::ask(&mut self.python, self.query);
        let Some([seconds, cpu, peak_mib, cells, contributors, trips]) = answer else {
            return;
        };
        self.totals = Totals {
            cells,
            contributors,
            trips,
        };
        if counts {
            self.usage.push(Used {
                seconds,
                cpu,
                peak_mib,
            });
        }
    }

    fn report(&self, report: &mut Report, weir: &Series) {
        let python = match &self.python {
            Ok(python) => python,
            Err(why) => return report.absent(self.name, why),
        };
        // The goal is for the same work: DuckDB with the same bounding.
        let same_work = self.query == "bounded" && python.version.starts_with("duckdb");
        let goal = same_work.then_some(Goal::RatioAtMost(1.0));
        let what = format!("{} ({})", self.name, python.version);
        let ratio = weir.over(&self.usage.seconds);
        report.used(&what, &self.usage, Some(&ratio), goal);
        if self.query == "bounded" {
            report.note(&format!("{}: {}", self.name, self.totals));
        }
    }

    /// Whether it did the same work. Which of too many cells a person keeps is each side's own choice, how many is not. So
    /// the people in all cells are as many, and each cell of a person that one side keeps and the other drops makes a
    /// cell more at most, and as many trips more as one may have more than another.
    fn check(&self, weir: &Outcome) -> Result<(), Failed> {
        if self.python.is_err() || self.query != "bounded" {
            return Ok(());
        }
        let (own, theirs) = (weir.totals, self.totals);
        let (cells, trips) = (own.cells - theirs.cells, own.trips - theirs.trips);
        let chosen = weir.dropped * (grid::PER_CELL_MAX - 1) as f64;
        if (own.contributors - theirs.contributors).abs() < 0.5
            && cells.abs() <= weir.dropped
            && trips.abs() <= chosen
        {
            return Ok(());
        }
        let name = self.name;
        Err(format!("{name}: {theirs}, where weir has {own}: not the same bounding").into())
    }
}

/// One run of ours.
#[derive(Debug, Clone, Copy, Default)]
struct Outcome {
    used: Used,
    totals: Totals,
    /// Rows that became a trip in a cell.
    kept: u64,
    /// Trips of cells that a person has too many of: at least one for each such cell.
    dropped: f64,
}

/// The company's side: agreement, zoning, secret.
struct Company {
    terms: Agreement,
    zonings: [Zoning; 1],
    options: Options,
    folder: PathBuf,
}

impl Company {
    fn new(folder: &Path) -> Result<Self, Failed> {
        let key = policies::id::sha256_hex(b"nobody").parse()?;
        let geojson = grid::geojson(ZONES)?;
        Ok(Self {
            terms: grid::agreement(("fleet", &key), ("city", &key), &geojson, ZONES)?,
            zonings: [Zoning::parse(&geojson)?],
            options: Options::new(Secret::from_bytes(&[7; 32])),
            folder: folder.to_owned(),
        })
    }

    /// An error where rows are missing.
    fn aggregate(&self, format: &str, input: &Path, rows: usize) -> Result<Outcome, Failed> {
        let outcome = self.run(&self.terms, format, input)?;
        let kept = outcome.kept;
        if kept != rows as u64 {
            return Err(format!("only {kept} of {rows} rows were good").into());
        }
        Ok(outcome)
    }

    /// Where the time goes: the same file with persons or rows alone, and with all rows outside the days that are
    /// wanted. What is left out of one run is the difference.
    fn stages(&self, input: &Path, runs: usize, report: &mut Report) -> Result<(), Failed> {
        let mut elsewhere = self.terms.clone();
        elsewhere.covers =
            serde_json::from_str(r#"{"from": "2027-03-01", "until": "2027-03-31"}"#)?;
        let of_rows = |terms: &Agreement| {
            let mut terms = terms.clone();
            terms.population.unit = Unit::Trip;
            terms
        };
        let kinds = [
            of_rows(&elsewhere),
            elsewhere.clone(),
            of_rows(&self.terms),
            self.terms.clone(),
        ];
        let mut seconds = [0.0; 4];
        for (terms, seconds) in kinds.iter().zip(&mut seconds) {
            let mut all = Series::default();
            for _ in 0..runs {
                all.push(self.run(terms, "parquet", input)?.used.seconds);
            }
            *seconds = all.median();
        }
        let [read, hashed, counted, whole] = seconds;
        report.note(&format!(
            "stages of Parquet, s: read {read:.2}, hash persons {:.2}, place and count {:.2}, sort and bound persons {:.2}, all {whole:.2}",
            hashed - read,
            counted - read,
            whole - counted - (hashed - read),
        ));
        Ok(())
    }

    fn run(&self, terms: &Agreement, format: &str, input: &Path) -> Result<Outcome, Failed> {
        let persons = terms.population.unit != Unit::Trip;
        let mapping = Mapping::parse(&raw::mapping(format, persons), &self.folder)?;
        let inputs = [input.to_owned()];
        let meter = Meter::start()?;
        let (cells, report) = sdk::aggregate::run(
            terms,
            &mapping,
            &inputs,
            &self.zonings,
            &self.options,
            &mut |_| {},
        )?;
        let used = meter.stop()?;
        let of_all = |figure: fn(&TableReport) -> u64| report.tables.iter().map(figure).sum();
        let dropped: u64 = of_all(|table| table.dropped_by_cells_max);
        Ok(Outcome {
            used,
            totals: totals(&cells),
            kept: of_all(|table| table.kept),
            dropped: dropped as f64,
        })
    }
}

/// Of all days.
fn totals(days: &[Aggregated]) -> Totals {
    let sum = |name: &str| {
        let columns = days.iter().filter_map(|day| {
            let column = day.cells.column_by_name(name)?;
            arrow::compute::sum(column.as_primitive_opt::<UInt64Type>()?)
        });
        columns.sum::<u64>() as f64
    };
    Totals {
        cells: days.iter().map(|day| day.cells.num_rows()).sum::<usize>() as f64,
        contributors: sum("contributors"),
        trips: sum("trips"),
    }
}
