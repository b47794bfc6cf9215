//! A Python process that does one measured thing per line of input.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::run::Failed;

/// Its first line is `PACKAGE VERSION`; then each line of ours is answered by the seconds it took.
#[derive(Debug)]
pub struct Python {
    child: Child,
    ask: BufWriter<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// Package and version.
    pub version: String,
}

impl Python {
    /// `WEIR_BENCH_PYTHON` (or `python3`) with this script. The inner error says why there is none, for
    /// the report.
    ///
    /// # Errors
    /// Where a started process cannot be talked to.
    pub fn start<A: AsRef<OsStr>>(
        script: &str,
        args: &[A],
        package: &str,
    ) -> Result<Result<Self, String>, Failed> {
        Self::start_by("WEIR_BENCH_PYTHON", script, args, package)
    }

    /// [`Python::start`] with the Python that another variable names.
    ///
    /// # Errors
    /// As [`Python::start`].
    pub fn start_by<A: AsRef<OsStr>>(
        variable: &str,
        script: &str,
        args: &[A],
        package: &str,
    ) -> Result<Result<Self, String>, Failed> {
        let python = std::env::var_os(variable).unwrap_or_else(|| "python3".into());
        let spawned = Command::new(&python)
            .arg(script)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) => return Ok(Err(format!("`{}`: {error}", python.display()))),
        };
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (ask, answers) = pipes.ok_or("no pipes")?;
        let mut started = Self {
            child,
            ask: BufWriter::new(ask),
            answers: BufReader::new(answers),
            version: String::new(),
        };
        started.version = started.line()?;
        if started.version.split(' ').next() == Some(package) {
            return Ok(Ok(started));
        }
        let said = &started.version;
        Ok(Err(format!(
            "{package} is NOT INSTALLED for `{}` ({said}): see bench/README.md",
            python.display()
        )))
    }

    /// The seconds that one line took.
    ///
    /// # Errors
    /// Where the process ended or answers no number.
    pub fn seconds(&mut self, line: &str) -> Result<f64, Failed> {
        let [seconds] = self.numbers(line)?;
        Ok(seconds)
    }

    /// The numbers that one line is answered by.
    ///
    /// # Errors
    /// Where the process ended or answers anything else.
    pub fn numbers<const N: usize>(&mut self, line: &str) -> Result<[f64; N], Failed> {
        writeln!(self.ask, "{line}")?;
        self.ask.flush()?;
        let answer = self.line()?;
        if answer.is_empty() {
            return Err("the process ended without an answer, perhaps for want of memory".into());
        }
        let numbers: Result<Vec<f64>, _> = answer.split_whitespace().map(str::parse).collect();
        let numbers = numbers.ok().and_then(|numbers| numbers.try_into().ok());
        Ok(numbers.ok_or_else(|| format!("Python answered `{answer}`"))?)
    }

    fn line(&mut self) -> Result<String, Failed> {
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }
}

/// What a peer answers, where there is one. A peer that fails is missing from then on, with the reason; the others go
/// on.
pub fn ask<const N: usize>(peer: &mut Result<Python, String>, line: &str) -> Option<[f64; N]> {
    let answer = peer.as_mut().ok()?.numbers(line);
    answer
        .map_err(|why| *peer = Err(format!("it failed: {why}")))
        .ok()
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
