//! One figure at growing sizes, and how it grows.

use crate::report::{Measure, Report};
use crate::series::{Series, log_slope};

/// Seconds by size.
#[derive(Debug)]
pub struct Line {
    what: &'static str,
    points: Vec<(f64, f64)>,
}

impl Line {
    /// Without a size yet.
    #[must_use]
    pub fn new(what: &'static str) -> Self {
        Self {
            what,
            points: Vec::new(),
        }
    }

    /// Adds a size, greater than the last, and its line to the table.
    pub fn add(&mut self, report: &mut Report, size: usize, seconds: &Series) {
        report.plain(&format!("{}: {size}", self.what), Measure::Seconds, seconds);
        self.points.push((size as f64, seconds.median()));
    }

    /// Tells the slope through the medians, and beside it that from each size to the next: where they rise, something
    /// constant rules the small sizes, and the last tells more than the whole.
    pub fn finish(self, report: &mut Report) {
        let steps = self.points.windows(2).filter_map(|pair| {
            let [(from, _), (to, _)] = pair else {
                return None;
            };
            Some(format!("{from} to {to}: {:.2}", log_slope(pair)))
        });
        let steps: Vec<_> = steps.collect();
        let (all, steps) = (log_slope(&self.points), steps.join("; "));
        report.note(&format!("{}: slope {all:.2} ({steps})", self.what));
    }
}
