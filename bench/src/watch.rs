//! What another program's processes take while it works: of a server that forks, parent and children together.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::run::Failed;
use crate::usage::{Used, cpu_seconds, cpu_seconds_of_ended, status_mib};

/// From one look at the memory to the next: short beside what is measured, and a look takes microseconds.
const LOOK: Duration = Duration::from_millis(10);

/// Runs from [`Watch::start`] to [`Watch::stop`]. Works on Linux.
#[derive(Debug)]
pub struct Watch {
    parent: String,
    start: Instant,
    cpu: f64,
    over: Arc<AtomicBool>,
    looks: JoinHandle<f64>,
}

impl Watch {
    /// Watches a process and its children.
    ///
    /// # Errors
    /// Where there is none.
    pub fn start(parent: &str) -> Result<Self, Failed> {
        let over = Arc::new(AtomicBool::new(false));
        let (stop, of) = (Arc::clone(&over), parent.to_owned());
        let looks = std::thread::spawn(move || {
            let mut peak = 0.0_f64;
            while !stop.load(Ordering::Relaxed) {
                peak = peak.max(memory_mib(&of));
                std::thread::sleep(LOOK);
            }
            peak.max(memory_mib(&of))
        });
        Ok(Self {
            cpu: cpu_of_all(parent)?,
            parent: parent.to_owned(),
            start: Instant::now(),
            over,
            looks,
        })
    }

    /// The figures since then; the memory as it was seen every 10 ms.
    ///
    /// # Errors
    /// Where the process is gone.
    pub fn stop(self) -> Result<Used, Failed> {
        let seconds = self.start.elapsed().as_secs_f64();
        self.over.store(true, Ordering::Relaxed);
        Ok(Used {
            seconds,
            cpu: cpu_of_all(&self.parent)? - self.cpu,
            peak_mib: self.looks.join().map_err(|_| "no memory was seen")?,
        })
    }
}

fn children(parent: &str) -> BTreeSet<String> {
    let all = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
    let all = all.unwrap_or_default();
    all.split_whitespace().map(str::to_owned).collect()
}

/// A child that ended is counted by its parent, and one that runs by itself.
fn cpu_of_all(parent: &str) -> Result<f64, Failed> {
    let ended = cpu_seconds(parent)? + cpu_seconds_of_ended(parent)?;
    let running = children(parent);
    let running = running.iter().filter_map(|child| cpu_seconds(child).ok());
    Ok(ended + running.sum::<f64>())
}

/// What each has for itself, and the greatest part that any has of what they share. One that ends meanwhile has
/// none.
fn memory_mib(parent: &str) -> f64 {
    let mut all = children(parent);
    all.insert(parent.to_owned());
    let own = all.iter().filter_map(|p| status_mib(p, "RssAnon").ok());
    let shared = all.iter().filter_map(|p| status_mib(p, "RssShmem").ok());
    own.sum::<f64>() + shared.fold(0.0, f64::max)
}
