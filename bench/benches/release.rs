//! Read, protect and encode one period's cells against the same grouping bare in DataFusion over
//! the same Parquet file.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::RecordBatch;
use audit::receipt::Verified;
use bench::report::{Goal, Measure, Report};
use bench::run::{Failed, Settings};
use bench::series::Series;
use bench::{grid, released, reserved, run};
use cells::read::Blobs;
use datafusion::functions_aggregate::expr_fn::sum;
use datafusion::logical_expr::ident;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use object_store::local::LocalFileSystem;
use privacy::protect::protect;
use privacy::spend::Spend;

/// Times the bare grouping that a release may take.
const TIMES_MOST: f64 = 1.5;
const FILE: &str = "cells.parquet";

fn main() -> ExitCode {
    run::bench("release", release)
}

#[derive(Default)]
struct Stages {
    read: Series,
    noise: Series,
    encode: Series,
    whole: Series,
}

async fn release(settings: Settings) -> Result<(), Failed> {
    let Settings { rows, runs } = settings;
    let zones = grid::zones_for(rows);
    let key = policies::id::sha256_hex(b"nobody").parse()?;
    let geojson = grid::geojson(zones)?;
    let terms = grid::agreement(("fleet", &key), ("city", &key), &geojson, zones)?;
    let folder = tempfile::tempdir()?;
    let cells = grid::cells(&terms, zones, rows)?;
    released::write(&folder.path().join(FILE), &terms, zones, &cells)?;
    drop(cells);
    let reserved = reserved::logged(&reserved::reservation(&terms)?)?;

    let (mut bare, mut stages) = (Series::default(), Stages::default());
    let (mut ignored, mut warm) = (Series::default(), Stages::default());
    let mut kept = 0;
    for run in 0..=runs {
        let first = run == 0;
        let bare = if first { &mut ignored } else { &mut bare };
        let stages = if first { &mut warm } else { &mut stages };
        let start = Instant::now();
        let groups = grouped(folder.path()).await?;
        bare.push_since(start);
        if groups != rows {
            return Err(format!("DataFusion found {groups} groups, not {rows}").into());
        }
        kept = release_of(folder.path(), &reserved, stages).await?;
    }

    let mut report = Report::new("release", settings);
    report.plain("bare grouping in DataFusion", Measure::Seconds, &bare);
    let goal = Some(Goal::RatioAtMost(TIMES_MOST));
    report.compared(
        "weir release",
        &stages.whole,
        &stages.whole.over(&bare),
        goal,
    );
    for (stage, seconds) in [
        ("  read", &stages.read),
        ("  noise", &stages.noise),
        ("  encode", &stages.encode),
    ] {
        report.compared(stage, seconds, &seconds.over(&bare), None);
    }
    report.note("ratio: times the bare grouping");
    report.note(&format!("the last release published {kept} rows"));
    report.print();
    Ok(())
}

/// Groups by every key column and adds up, as anybody would; gives the number of groups.
async fn grouped(folder: &Path) -> Result<usize, Failed> {
    let context = SessionContext::new();
    let path = folder.join(FILE).display().to_string();
    let frame = context
        .read_parquet(path, ParquetReadOptions::default())
        .await?;
    let keys = ["origin", "destination", "start", "mode"].map(ident);
    let sums = ["contributors", "trips"].map(|name| sum(ident(name)));
    let batches = frame
        .aggregate(keys.to_vec(), sums.to_vec())?
        .collect()
        .await?;
    Ok(batches.iter().map(RecordBatch::num_rows).sum())
}

/// What the broker does between reservation and blob; gives the number of published rows.
async fn release_of(
    folder: &Path,
    reserved: &Verified,
    stages: &mut Stages,
) -> Result<usize, Failed> {
    let whole = Instant::now();
    let spend = Spend::from_durable(reserved)?;
    let (table, unit) = (spend.reservation().table.clone(), spend.reservation().unit);
    let store = Arc::new(LocalFileSystem::new_with_prefix(folder)?);
    let blobs = Blobs::new(store, vec![FILE.into()]);
    let measures = ["trips".to_owned()];
    let memory = broker::limits::SCAN_MEMORY_BYTES;
    let cells = cells::read::read(&blobs, &table, unit, &measures, memory).await?;
    stages.read.push_since(whole);

    let start = Instant::now();
    let (keys, exact) = released::exact(cells);
    let release = protect(spend, exact)?;
    stages.noise.push_since(start);

    let start = Instant::now();
    let published = released::encode(&release, &keys)?;
    stages.encode.push_since(start);
    stages.whole.push_since(whole);
    Ok(published)
}
