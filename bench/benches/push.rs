//! A push to the broker (mTLS, checked, logged, durable) against a bare Flight `DoPut` → Parquet →
//! fsync of the same cells, both in this process over loopback.

use std::process::ExitCode;
use std::time::Instant;

use bench::report::{Goal, Measure, Report};
use bench::run::{Failed, Settings};
use bench::series::Series;
use bench::town::Town;
use bench::{bare, grid, run};

/// Share of the bare way's speed that a push keeps.
const SPEED_LEAST: f64 = 0.6;

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

    let (mut bare_s, mut weir_s) = (Series::default(), Series::default());
    for run in 0..=runs {
        let push = provider.push(run + 1)?;
        let start = Instant::now();
        bare::push(&mut bare, &cells).await?;
        let bare = start.elapsed();
        let start = Instant::now();
        provider.client.push(&push, &cells, |_| {}).await?;
        let weir = start.elapsed();
        // The first of each warms up.
        if run > 0 {
            bare_s.push(bare.as_secs_f64());
            weir_s.push(weir.as_secs_f64());
        }
    }
    running.stop().await?;

    let mut report = Report::new("push", settings);
    report.plain("bare Flight → Parquet → fsync", Measure::Seconds, &bare_s);
    let goal = Some(Goal::RatioAtLeast(SPEED_LEAST));
    report.compared("weir push", &weir_s, &bare_s.over(&weir_s), goal);
    report.note("ratio: the push's speed as a share of the bare one's");
    let speed = rows as f64 / weir_s.median();
    report.note(&format!("the push takes {speed:.0} cells/s"));
    report.print();
    Ok(())
}
