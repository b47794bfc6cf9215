//! `weir serve` in a process of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::run::Failed;
use crate::usage;

/// `WEIR_BIN`, or the binary of this bench's own profile: benches lie in its `deps`.
///
/// # Errors
/// Where this program has no folder.
pub fn binary() -> Result<PathBuf, Failed> {
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
pub struct Broker {
    child: Child,
    /// Where it serves.
    pub address: SocketAddr,
}

impl Broker {
    /// Starts it and waits until it serves.
    ///
    /// # Errors
    /// Where it does not.
    pub fn start(weir: &Path, config: &Path) -> Result<Self, Failed> {
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

    /// Processor seconds so far.
    ///
    /// # Errors
    /// Where it is gone.
    pub fn cpu_seconds(&self) -> Result<f64, Failed> {
        usage::cpu_seconds(&self.child.id().to_string())
    }

    /// A figure of `/proc/PID/status`.
    ///
    /// # Errors
    /// Where it is gone.
    pub fn mib(&self, field: &str) -> Result<f64, Failed> {
        usage::status_mib(&self.child.id().to_string(), field)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
