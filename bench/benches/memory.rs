//! Resident memory of a broker in a process of its own: idle, and at its peak while cells arrive.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use bench::report::{Goal, Measure, Report};
use bench::run::{Failed, Settings};
use bench::series::Series;
use bench::town::Town;
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
    let weir = weir()?;
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

/// `WEIR_BIN`, or the binary of this bench's own profile: benches lie in its `deps`.
fn weir() -> Result<PathBuf, Failed> {
    if let Some(path) = std::env::var_os("WEIR_BIN") {
        return Ok(path.into());
    }
    let own = std::env::current_exe()?;
    let profile = own
        .parent()
        .and_then(Path::parent)
        .ok_or("no target folder")?;
    Ok(profile.join("weir"))
}

/// Killed when dropped, whatever happens.
struct Broker {
    child: Child,
    address: SocketAddr,
}

impl Broker {
    fn start(weir: &Path, config: &Path) -> Result<Self, Failed> {
        let mut child = Command::new(weir)
            .args(["serve", "--config"])
            .arg(config)
            .stdout(Stdio::piped())
            .spawn()?;
        let said = child.stdout.take().map(BufReader::new);
        // From here on a failure drops, and so kills, the child.
        let mut broker = Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        let mut line = String::new();
        said.ok_or("no output")?.read_line(&mut line)?;
        let address = line
            .strip_prefix("serving on ")
            .and_then(|rest| rest.split([',', ';', ' ']).next());
        let unknown = || format!("`weir serve` said `{}`, not where it serves", line.trim());
        broker.address = address.ok_or_else(unknown)?.parse()?;
        Ok(broker)
    }

    /// A figure of `/proc/PID/status`.
    fn mib(&self, field: &str) -> Result<f64, Failed> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let kib = line.and_then(|rest| rest.split_whitespace().next());
        let kib: f64 = kib.ok_or_else(|| format!("no {field}"))?.parse()?;
        Ok(kib / 1024.0)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
