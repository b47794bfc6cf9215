//! A PostgreSQL of our own for one bench: started from Debian's packages, on a socket in its own folder, gone
//! when dropped.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::run::Failed;
use crate::usage::Used;
use crate::watch::Watch;

/// Where Debian puts each version.
const PACKAGES: &str = "/usr/lib/postgresql";
/// The user that the package makes; PostgreSQL does not run as root.
const USER: &str = "postgres";
/// Durable as by default, with memory as for a machine of its own.
const SETTINGS: &str = "-c listen_addresses='' -c fsync=on -c synchronous_commit=on -c shared_buffers=2GB \
     -c work_mem=512MB -c maintenance_work_mem=512MB -c max_wal_size=16GB -c jit=off";

/// A running server.
#[derive(Debug)]
pub struct Postgres {
    folder: TempDir,
    programs: PathBuf,
    /// Its version, as it says.
    pub version: String,
}

impl Postgres {
    /// Starts one. The inner error says why there is none, for the report.
    ///
    /// # Errors
    /// Where a folder cannot be made.
    pub fn start() -> Result<Result<Self, String>, Failed> {
        let Some(programs) = newest() else {
            return Ok(Err(format!(
                "nothing in {PACKAGES}: apt-get install postgresql"
            )));
        };
        let folder = tempfile::tempdir()?;
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777))?;
        let server = Self {
            folder,
            programs,
            version: String::new(),
        };
        Ok(server.started())
    }

    fn started(mut self) -> Result<Self, String> {
        let (data, log) = (
            self.folder.path().join("data"),
            self.folder.path().join("log"),
        );
        let (data, log) = (data.display().to_string(), log.display().to_string());
        self.run(
            "initdb",
            ["-D", &data, "-A", "trust", "-E", "UTF8", "--locale=C"],
        )?;
        let settings = format!("-k {} {SETTINGS}", self.socket().display());
        self.run(
            "pg_ctl",
            ["-D", &data, "-l", &log, "-w", "-o", &settings, "start"],
        )?;
        let version = self.sql("SHOW server_version")?;
        self.version = format!("PostgreSQL {}", version.trim());
        Ok(self)
    }

    /// The folder of its socket: what clients are given as host.
    #[must_use]
    pub fn socket(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a statement with `psql`; gives what it printed.
    ///
    /// # Errors
    /// What `psql` said.
    pub fn sql(&self, statement: &str) -> Result<String, String> {
        self.psql(&[statement])
    }

    /// What the server takes for one statement and its commit: its own clock's seconds, so that neither `psql` nor the
    /// connection counts.
    ///
    /// # Errors
    /// What `psql` said; where the server is gone.
    pub fn timed(&self, statement: &str) -> Result<Used, Failed> {
        let clock = "SELECT extract(epoch FROM clock_timestamp())";
        let watch = self.watch()?;
        let said = self.psql(&[clock, statement, clock])?;
        let used = watch.stop()?;
        let times: Result<Vec<f64>, _> = said.split_whitespace().map(str::parse).collect();
        let [begin, end] = times?.try_into().map_err(|_| "psql told no times")?;
        Ok(Used {
            seconds: end - begin,
            ..used
        })
    }

    /// Watches the server's processes.
    ///
    /// # Errors
    /// Where it is gone.
    pub fn watch(&self) -> Result<Watch, Failed> {
        let file = self.folder.path().join("data").join("postmaster.pid");
        let file = std::fs::read_to_string(file)?;
        Watch::start(file.lines().next().ok_or("the server wrote no id")?)
    }

    /// Bytes of a table with its indexes; not the log that was written for it.
    ///
    /// # Errors
    /// What `psql` said.
    pub fn bytes(&self, table: &str) -> Result<f64, Failed> {
        let bytes = self.sql(&format!("SELECT pg_total_relation_size('{table}')"))?;
        Ok(bytes.trim().parse()?)
    }

    /// Each statement is committed by itself.
    fn psql(&self, statements: &[&str]) -> Result<String, String> {
        let socket = self.socket().display().to_string();
        let args = [
            "-X",
            "-A",
            "-t",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            &socket,
            "-d",
            USER,
        ];
        let statements = statements.iter().flat_map(|statement| ["-c", statement]);
        self.run("psql", args.into_iter().chain(statements))
    }

    fn run<A: AsRef<OsStr>>(
        &self,
        program: &str,
        args: impl IntoIterator<Item = A>,
    ) -> Result<String, String> {
        let mut command = Command::new("runuser");
        command.args(["-u", USER, "--"]);
        command.arg(self.programs.join(program)).args(args);
        // A server that was started holds what it inherited: a pipe would never end.
        let starts = program == "pg_ctl";
        if starts {
            command.stdout(Stdio::null()).stderr(Stdio::null());
        }
        let ran = command
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output();
        let Output {
            status,
            stdout,
            stderr,
        } = ran.map_err(|e| format!("runuser: {e}"))?;
        if status.success() {
            return Ok(String::from_utf8_lossy(&stdout).into_owned());
        }
        Err(format!(
            "{program}: {status}: {}",
            String::from_utf8_lossy(&stderr).trim()
        ))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.folder.path().join("data").display().to_string();
        let _ = self.run("pg_ctl", ["-D", &data, "-m", "immediate", "-w", "stop"]);
    }
}

/// The programs of the newest version there is.
fn newest() -> Option<PathBuf> {
    let versions = std::fs::read_dir(PACKAGES).ok()?.flatten();
    let number = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions.map(|entry| entry.path()).max_by_key(number)?;
    Some(newest.join("bin")).filter(|bin| bin.join("initdb").is_file())
}
