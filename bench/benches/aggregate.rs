//! `sdk::aggregate` over raw trips in CSV and Parquet against DuckDB's plain group-by of the same
//! Parquet file. Weir does more: units, bounds by keyed hash, distinct people, rejected rows.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use bench::python::Python;
use bench::report::{Measure, Report};
use bench::run::{Failed, Settings};
use bench::series::Series;
use bench::{grid, raw, run};
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
    let mut duckdb = Python::start(SCRIPT, &[&parquet], "duckdb")?;
    let company = Company::new(folder.path())?;

    let [mut from_csv, mut from_parquet, mut plain, mut distinct] =
        std::array::from_fn(|_| Series::default());
    for run in 0..=runs {
        let csv_s = company.aggregate("csv", &csv, rows)?;
        let parquet_s = company.aggregate("parquet", &parquet, rows)?;
        let duck = match &mut duckdb {
            Ok(duckdb) => Some((duckdb.seconds("plain")?, duckdb.seconds("distinct")?)),
            Err(_) => None,
        };
        // The first of each warms up.
        if run > 0 {
            from_csv.push(csv_s);
            from_parquet.push(parquet_s);
            if let Some((p, d)) = duck {
                plain.push(p);
                distinct.push(d);
            }
        }
    }

    let mut report = Report::new("aggregate", settings);
    match &duckdb {
        Ok(duckdb) => {
            let what = format!("{} group by, count(*)", duckdb.version);
            report.plain(&what, Measure::Seconds, &plain);
            let ratio = distinct.over(&plain);
            report.compared("  with count(DISTINCT rider)", &distinct, &ratio, None);
            let ratio = from_parquet.over(&plain);
            report.compared("weir aggregate, Parquet", &from_parquet, &ratio, None);
            report.compared(
                "weir aggregate, CSV",
                &from_csv,
                &from_csv.over(&plain),
                None,
            );
            report.note("ratio: times DuckDB's count(*), which uses every core; no goal is set");
        }
        Err(why) => {
            report.absent("DuckDB group by", why);
            report.plain("weir aggregate, Parquet", Measure::Seconds, &from_parquet);
            report.plain("weir aggregate, CSV", Measure::Seconds, &from_csv);
        }
    }
    report.print();
    Ok(())
}

/// The company's side: agreement, zoning, secret.
struct Company {
    terms: policies::agreement::Agreement,
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

    /// Seconds; an error where rows are missing.
    fn aggregate(&self, format: &str, input: &Path, rows: usize) -> Result<f64, Failed> {
        let mapping = Mapping::parse(&raw::mapping(format), &self.folder)?;
        let inputs = [input.to_owned()];
        let start = Instant::now();
        let (cells, report) = sdk::aggregate::run(
            &self.terms,
            &mapping,
            &inputs,
            &self.zonings,
            &self.options,
            &mut |_| {},
        )?;
        let seconds = start.elapsed().as_secs_f64();
        let kept: u64 = report.tables.iter().map(|table| table.kept).sum();
        if cells.is_empty() || kept * 100 < rows as u64 * 99 {
            return Err(format!("only {kept} of {rows} rows were good").into());
        }
        Ok(seconds)
    }
}
