//! What a piece of work took of this process: wall time, processor time, and the most memory it had at once.

use std::fs;
use std::time::Instant;

use crate::run::Failed;
use crate::series::Series;

/// Linux counts processor time in hundredths of a second where it tells it (`sysconf(_SC_CLK_TCK)`).
const TICKS_PER_SECOND: f64 = 100.0;

/// One run's figures.
#[derive(Debug, Clone, Copy, Default)]
pub struct Used {
    /// Wall time, seconds.
    pub seconds: f64,
    /// Of all threads, user and system, seconds; to 10 ms.
    pub cpu: f64,
    /// The highest resident memory while it ran, MiB: of the whole process, data that was there before
    /// included.
    pub peak_mib: f64,
}

impl Used {
    /// Takes in what was done after it.
    pub fn add(&mut self, other: Self) {
        self.seconds += other.seconds;
        self.cpu += other.cpu;
        self.peak_mib = self.peak_mib.max(other.peak_mib);
    }
}

/// The figures of several runs.
#[derive(Debug, Clone, Default)]
pub struct Usage {
    /// Wall time, seconds.
    pub seconds: Series,
    /// Processor time, seconds.
    pub cpu: Series,
    /// Peak memory, MiB.
    pub peak_mib: Series,
    /// On disk, a cell, where something is stored.
    pub cell_bytes: Option<f64>,
}

impl Usage {
    /// Adds a run.
    pub fn push(&mut self, used: Used) {
        self.seconds.push(used.seconds);
        self.cpu.push(used.cpu);
        self.peak_mib.push(used.peak_mib);
    }
}

/// Runs from [`Meter::start`] to [`Meter::stop`]. Works on Linux.
#[derive(Debug)]
pub struct Meter {
    start: Instant,
    cpu: f64,
}

impl Meter {
    /// Forgets the highest memory so far.
    ///
    /// # Errors
    /// Where `/proc` is not Linux's.
    pub fn start() -> Result<Self, Failed> {
        // 5: the high-water mark becomes what is resident now (proc(5)).
        fs::write("/proc/self/clear_refs", "5")?;
        Ok(Self {
            cpu: cpu_seconds("self")?,
            start: Instant::now(),
        })
    }

    /// The figures since then.
    ///
    /// # Errors
    /// Where `/proc` is not Linux's.
    pub fn stop(self) -> Result<Used, Failed> {
        let seconds = self.start.elapsed().as_secs_f64();
        Ok(Used {
            seconds,
            cpu: cpu_seconds("self")? - self.cpu,
            peak_mib: status_mib("self", "VmHWM")?,
        })
    }
}

/// Processor seconds of a process, `self` or an id, and of no child of it.
///
/// # Errors
/// Where there is none.
pub fn cpu_seconds(process: &str) -> Result<f64, Failed> {
    // proc(5): 14 utime, 15 stime.
    Ok(stat(process, 14)? + stat(process, 15)?)
}

/// Processor seconds of those children of a process that ended and were waited for.
///
/// # Errors
/// Where there is no such process.
pub fn cpu_seconds_of_ended(process: &str) -> Result<f64, Failed> {
    // proc(5): 16 cutime, 17 cstime.
    Ok(stat(process, 16)? + stat(process, 17)?)
}

/// Seconds in a field of `/proc/PROCESS/stat`, as proc(5) numbers them, from 4.
fn stat(process: &str, field: usize) -> Result<f64, Failed> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // Fields are counted after the name, the second, which may hold spaces.
    let after = stat.rsplit_once(')').ok_or("no name in stat")?.1;
    let ticks = after.split_whitespace().nth(field.saturating_sub(3));
    Ok(ticks.ok_or("no time")?.parse::<f64>()? / TICKS_PER_SECOND)
}

/// A figure of `/proc/PROCESS/status`, as MiB.
///
/// # Errors
/// Where there is none.
pub fn status_mib(process: &str, field: &str) -> Result<f64, Failed> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let mut lines = status.lines();
    let line = lines.find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kib = line.and_then(|rest| rest.split_whitespace().next());
    let kib: f64 = kib.ok_or_else(|| format!("no {field}"))?.parse()?;
    Ok(kib / 1024.0)
}
