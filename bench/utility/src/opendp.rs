//! The same release through OpenDP's Python package, in one process for all.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::ours::Rows;
use super::set::{Cells, Key};
use crate::Failed;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/opendp_release.py");

/// A running Python.
#[derive(Debug)]
pub struct OpenDp {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Its version.
    pub version: String,
}

/// What it drew.
#[derive(Debug)]
pub struct Drawn {
    /// The distribution and its scale.
    pub noise: String,
    /// Least noisy count that is published.
    pub published_from: u64,
    /// Run by run. Without intervals: both ends are the value.
    pub runs: Vec<Rows>,
}

#[derive(serde::Deserialize)]
struct Answer {
    noise: String,
    scale: f64,
    threshold: u64,
    drawn: Vec<(Vec<usize>, Vec<i64>)>,
}

impl OpenDp {
    /// Starts `WEIR_BENCH_PYTHON`.
    ///
    /// # Errors
    /// Says why there is none.
    pub fn start() -> Result<Self, Failed> {
        let python = std::env::var_os("WEIR_BENCH_PYTHON").unwrap_or_else(|| "python3".into());
        let mut child = Command::new(python)
            .arg(SCRIPT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take().ok_or("no pipe")?;
        let mut output = BufReader::new(child.stdout.take().ok_or("no pipe")?);
        let mut first = String::new();
        output.read_line(&mut first)?;
        let version = first.trim().to_owned();
        if !version.starts_with("opendp ") {
            return Err(format!("OpenDP's Python package: `{version}`").into());
        }
        Ok(Self {
            child,
            input,
            output,
            version,
        })
    }

    /// Draws these cells `runs` times.
    ///
    /// # Errors
    /// Where Python fails.
    pub fn draw(
        &mut self,
        (epsilon, delta): (f64, f64),
        (l0, k): (u32, u32),
        runs: usize,
        cells: &Cells,
    ) -> Result<Drawn, Failed> {
        let counts: Vec<u64> = cells.values().copied().collect();
        let request = serde_json::json!({ "epsilon": epsilon, "delta": delta, "l0": l0, "k": k,
            "runs": runs, "counts": counts });
        writeln!(self.input, "{request}")?;
        self.input.flush()?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let answer: Answer = serde_json::from_str(&line)?;
        let keys: Vec<Key> = cells.keys().copied().collect();
        let rows = |(kept, values): (Vec<usize>, Vec<i64>)| -> Rows {
            let rows = kept.into_iter().zip(values);
            let rows = rows.filter_map(|(row, value)| Some((*keys.get(row)?, value, value, value)));
            rows.collect()
        };
        Ok(Drawn {
            noise: format!("{} {:.2}", answer.noise, answer.scale),
            published_from: answer.threshold + u64::from(k) - 1,
            runs: answer.drawn.into_iter().map(rows).collect(),
        })
    }
}

impl Drop for OpenDp {
    /// Python ends with its input; should it not, it is ended.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
