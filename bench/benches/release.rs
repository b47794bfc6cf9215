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
use bench::{grid, reserved, run};
use cells::check::{Checker, Limits};
use cells::read::{Blobs, ExactCells};
use cells::release::{Noisy, ReleasedTable};
use cells::write::Writer;
use datafusion::functions_aggregate::expr_fn::sum;
use datafusion::logical_expr::ident;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use object_store::local::LocalFileSystem;
use policies::agreement::Agreement;
use privacy::protect::{Exact, Protected, protect};
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
    write(folder.path(), &terms, zones, &cells)?;
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
        kept = released(folder.path(), &reserved, stages).await?;
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

/// The file as the broker writes it.
fn write(
    folder: &Path,
    terms: &Agreement,
    zones: usize,
    cells: &[RecordBatch],
) -> Result<(), Failed> {
    let limits = Limits {
        rows_max: u64::MAX,
        bytes_max: u64::MAX,
        dictionary_max: zones.max(grid::MODES.len()),
    };
    let ids: Arc<[String]> = grid::zone_ids(zones).into();
    let mut checker = Checker::new(grid::table(terms)?, terms.population.unit, &ids, limits)?;
    let file = std::fs::File::create(folder.join(FILE))?;
    let mut writer = Writer::new(file, &checker, &[])?;
    for batch in cells {
        writer.write(&checker.check(batch)?)?;
    }
    writer.finish(checker.finish()?)?;
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
async fn released(
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
    let ExactCells {
        keys,
        contributors,
        measures,
    } = cells;
    let measures = measures.into_iter().map(|m| (m.name, m.values)).collect();
    let exact = Exact {
        contributors,
        measures,
    };
    let release = protect(spend, exact)?;
    stages.noise.push_since(start);

    let start = Instant::now();
    let Protected::Noisy {
        kept,
        contributors,
        near_threshold,
        providers: _,
        measures,
    } = release.protected().clone()
    else {
        return Err("a release without noise".into());
    };
    let measures = measures.into_iter().map(|(name, n)| (name, column(n)));
    let contributors = column(contributors);
    let rows = cells::release::protected(
        &table,
        unit,
        &keys,
        &kept,
        contributors,
        measures.collect(),
        near_threshold,
    )?;
    let facts = std::collections::BTreeMap::new();
    let bytes = ReleasedTable { rows, facts }.encode()?;
    stages.encode.push_since(start);
    stages.whole.push_since(whole);
    std::hint::black_box(bytes);
    Ok(kept.len())
}

fn column(noisy: privacy::protect::Noisy) -> Noisy {
    let privacy::protect::Noisy { values, low, high } = noisy;
    Noisy { values, low, high }
}
