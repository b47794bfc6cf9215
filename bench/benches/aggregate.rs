//! `sdk::aggregate` over raw trips in CSV and Parquet against DuckDB and pandas on the same Parquet
//! file: a plain group-by, and the same bounding (cells of a person and day by hash, distinct people).

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bench::python::Python;
use bench::report::{Goal, Report};
use bench::run::{Failed, Settings};
use bench::series::Series;
use bench::usage::{Meter, Usage, Used};
use bench::{grid, raw, run};
use policies::agreement::{Agreement, Unit};
use sdk::aggregate::{Mapping, Options, Secret, Zoning};

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
    for run in 0..=runs {
        let of_csv = company.aggregate("csv", &csv, rows)?;
        let of_parquet = company.aggregate("parquet", &parquet, rows)?;
        // The first of each warms up.
        if run > 0 {
            from_csv.push(of_csv);
            from_parquet.push(of_parquet);
        }
        for peer in &mut peers {
            peer.run(run > 0)?;
        }
    }

    let mut report = Report::new("aggregate", settings);
    report.used("weir aggregate, Parquet", &from_parquet, None, None);
    report.used("weir aggregate, CSV", &from_csv, None, None);
    for peer in &peers {
        peer.report(&mut report, &from_parquet.seconds);
    }
    report.note("ratio: weir's time from the same Parquet over theirs; DuckDB uses every core");
    company.stages(&parquet, runs, &mut report)?;
    report.print();
    Ok(())
}

/// Somebody else's query of the same file, or why there is none.
struct Peer {
    name: &'static str,
    query: &'static str,
    python: Result<Python, String>,
    seconds: Series,
    cpu: Series,
}

impl Peer {
    fn new(name: &'static str, query: &'static str, python: Result<Python, String>) -> Self {
        let (seconds, cpu) = (Series::default(), Series::default());
        Self {
            name,
            query,
            python,
            seconds,
            cpu,
        }
    }

    fn run(&mut self, counts: bool) -> Result<(), Failed> {
        let Ok(python) = &mut self.python else {
            return Ok(());
        };
        let [seconds, cpu] = python.numbers(self.query)?;
        if counts {
            self.seconds.push(seconds);
            self.cpu.push(cpu);
        }
        Ok(())
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
        report.compared(&what, &self.seconds, &weir.over(&self.seconds), goal);
        let cpu = self.cpu.median();
        report.note(&format!("{}: {cpu:.2} CPU s", self.name));
    }
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

    /// What it took; an error where rows are missing.
    fn aggregate(&self, format: &str, input: &Path, rows: usize) -> Result<Used, Failed> {
        let (used, cells, kept) = self.run(&self.terms, format, input)?;
        if cells == 0 || kept * 100 < rows as u64 * 99 {
            return Err(format!("only {kept} of {rows} rows were good").into());
        }
        Ok(used)
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
                all.push(self.run(terms, "parquet", input)?.0.seconds);
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

    /// What it took, how many files of cells came of it, and how many rows were good.
    fn run(
        &self,
        terms: &Agreement,
        format: &str,
        input: &Path,
    ) -> Result<(Used, usize, u64), Failed> {
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
        let kept = report.tables.iter().map(|table| table.kept).sum();
        Ok((used, cells.len(), kept))
    }
}
