//! What a piece of work took of this process: wall time, processor time, and the most memory it had at once.

use std::fs;
use std::time::Instant;

use crate::run::Failed;
use crate::series::Series;

/// Linux counts processor time in hundredths of a second where it tells it (`sysconf(_SC_CLK_TCK)`).
const TICKS_PER_SECOND: f64 = 100.0;

/// One run's figures.
#[derive(Debug, Clone, Copy)]
pub struct Used {
    /// Wall time, seconds.
    pub seconds: f64,
    /// Of all threads, user and system, seconds; to 10 ms.
    pub cpu: f64,
    /// The highest resident memory while it ran, MiB: of the whole process, data that was there before
    /// included.
    pub peak_mib: f64,
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
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // Fields are counted after the name, which may hold spaces (proc(5): 14 utime, 15 stime).
    let after = stat.rsplit_once(')').ok_or("no name in stat")?.1;
    let mut fields = after.split_whitespace().skip(11);
    let mut ticks = || -> Result<f64, Failed> { Ok(fields.next().ok_or("no time")?.parse()?) };
    Ok((ticks()? + ticks()?) / TICKS_PER_SECOND)
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
