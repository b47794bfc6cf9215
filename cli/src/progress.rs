//! How far a long job is: on standard error, and only where a person looks at it.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Output;

const BAR: &str = "{msg} [{bar:30}] {bytes}/{total_bytes} {bytes_per_sec} {eta} left";
const STEPS: &str = "{msg} [{bar:30}] {pos}/{len}";
const TICK: Duration = Duration::from_millis(200);

/// A bar over bytes.
#[must_use]
pub fn bytes(output: Output, what: &str, total: u64) -> ProgressBar {
    styled(output, what, total, BAR)
}

/// A bar over a number of things.
#[must_use]
pub fn steps(output: Output, what: &str, total: u64) -> ProgressBar {
    styled(output, what, total, STEPS)
}

/// A sign of life for a wait of unknown length.
#[must_use]
pub fn waiting(output: Output, what: &str) -> ProgressBar {
    let bar = styled(output, what, 0, "{spinner} {msg} {elapsed}");
    if !bar.is_hidden() {
        bar.enable_steady_tick(TICK);
    }
    bar
}

fn styled(output: Output, what: &str, total: u64, template: &str) -> ProgressBar {
    let seen = std::io::stderr().is_terminal() && !output.json() && !output.is_quiet();
    let target = if seen {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(total), target);
    // The templates above are constant; a wrong one falls back to the default style.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.with_message(what.to_owned())
}
