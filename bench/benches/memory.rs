//! Resident memory of a broker in a process of its own: idle, and at its peak while cells arrive.

use std::process::ExitCode;
use std::time::Duration;

use bench::report::{Goal, Measure, Report};
use bench::run::{Failed, Settings};
use bench::series::Series;
use bench::town::Town;
use bench::weir::{self, Broker};
use bench::{grid, run};

const IDLE_MIB: f64 = 80.0;
const PEAK_MIB: f64 = 512.0;
/// From "serving" to the idle figure.
const SETTLE: Duration = Duration::from_secs(2);
/// Cells that the goal for the peak is for.
const GOAL_ROWS: usize = 10_000_000;

fn main() -> ExitCode {
    run::bench("memory", memory)
}

async fn memory(settings: Settings) -> Result<(), Failed> {
    let mut report = Report::new("memory", settings);
    let weir = weir::binary()?;
    if !weir.is_file() {
        let why = format!(
            "`{}` is not there: cargo build --release -p cli, or say WEIR_BIN",
            weir.display()
        );
        report.absent("weir serve", &why);
        report.print();
        return Ok(());
    }
    let Settings { rows, runs } = settings;
    let zones = grid::zones_for(rows);
    let (mut idle, mut peak) = (Series::default(), Series::default());
    for _ in 0..runs {
        let town = Town::new()?;
        let broker = Broker::start(&weir, &town.config())?;
        tokio::time::sleep(SETTLE).await;
        idle.push(broker.mib("VmRSS")?);
        let provider = town.provider(broker.address, zones).await?;
        let cells = grid::cells(&provider.terms, zones, rows)?;
        provider
            .client
            .push(&provider.push(1)?, &cells, |_| {})
            .await?;
        peak.push(broker.mib("VmHWM")?);
    }
    let goal = Goal::Below;
    report.bounded("idle (VmRSS)", Measure::Mebibytes, &idle, goal(IDLE_MIB));
    report.bounded(
        "peak while cells arrive (VmHWM)",
        Measure::Mebibytes,
        &peak,
        goal(PEAK_MIB),
    );
    report.note(&format!("binary: {}", weir.display()));
    if settings.rows < GOAL_ROWS {
        let why = "the goal for the peak is meant for 10 million cells";
        report.note(&format!("{why}: WEIR_BENCH_ROWS={GOAL_ROWS}"));
    }
    report.print();
    Ok(())
}
