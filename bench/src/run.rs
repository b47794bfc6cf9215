//! Settings from the environment, and the entry point of a bench.

use std::process::ExitCode;

/// Whatever ends a bench early.
pub type Failed = Box<dyn std::error::Error + Send + Sync>;

/// The seed of everything generated; printed with the results.
pub const SEED: u64 = 20_261_124;

/// Sizes of a bench.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Rows or cells: `WEIR_BENCH_ROWS`.
    pub rows: usize,
    /// Measured runs of each side, after one that is not counted: `WEIR_BENCH_RUNS`, at least 1.
    pub runs: usize,
}

impl Settings {
    fn read() -> Result<Self, Failed> {
        Ok(Self {
            rows: number("WEIR_BENCH_ROWS", 1_000_000)?,
            runs: number("WEIR_BENCH_RUNS", 5)?,
        })
    }
}

/// Runs a bench under `cargo bench`; anything else (`cargo test --benches`) is told how to.
///
/// A missed goal is reported and is no failure.
pub fn bench(name: &str, body: impl AsyncFnOnce(Settings) -> Result<(), Failed>) -> ExitCode {
    if !std::env::args().any(|arg| arg == "--bench") {
        eprintln!("`{name}` is a bench: cargo bench -p bench --bench {name}");
        return ExitCode::SUCCESS;
    }
    match outcome(body) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench `{name}` failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn outcome(body: impl AsyncFnOnce(Settings) -> Result<(), Failed>) -> Result<(), Failed> {
    let settings = Settings::read()?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(body(settings))
}

/// A whole number from 1 in a variable.
///
/// # Errors
/// Where it is anything else.
pub fn number(name: &str, default: usize) -> Result<usize, Failed> {
    let Ok(text) = std::env::var(name) else {
        return Ok(default);
    };
    let number = text.replace(['_', ','], "").parse().ok();
    number
        .filter(|n| *n > 0)
        .ok_or_else(|| format!("`{name}` has to be a whole number from 1, not `{text}`").into())
}
