//! What is counted. x: the true cells of the requested grain, without any bound. x̂: what a reader has, 0
//! where nothing is published.

use super::ladder::Figures;
use super::optimum::Optimum;
use super::ours::Rows;
use super::set::Cells;

/// Sums over all runs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Score {
    /// Σ|x̂ − x|.
    pub error: f64,
    /// Σx.
    pub total: f64,
    /// Σ of true units in cells that are published at this grain.
    pub covered: f64,
    /// Published rows whose interval holds the true number of what was contributed.
    pub inside: u64,
    /// Published rows.
    pub rows: u64,
    /// Σx̂ that a spread puts on keys where nobody was.
    pub astray: f64,
}

impl Score {
    /// Σ|x̂ − x| / Σx.
    #[must_use]
    pub fn weighted_error(&self) -> f64 {
        self.error / self.total
    }

    /// Share of units covered.
    #[must_use]
    pub fn coverage(&self) -> f64 {
        self.covered / self.total
    }

    /// Share of intervals that hold; NaN without rows.
    #[must_use]
    pub fn intervals(&self) -> f64 {
        self.inside as f64 / self.rows as f64
    }

    /// Adds a release: `bounded` is what it was drawn from.
    pub fn add(&mut self, truth: &Cells, bounded: &Cells, rows: &Rows) {
        let mut error: f64 = truth.values().map(|x| *x as f64).sum();
        self.total += error;
        for (key, value, low, high) in rows {
            let true_units = truth.get(key).copied().unwrap_or_default() as f64;
            let counted = bounded.get(key).copied().unwrap_or_default();
            error += (*value as f64 - true_units).abs() - true_units;
            self.covered += counted as f64;
            let counted = i64::try_from(counted).unwrap_or(i64::MAX);
            self.inside += u64::from((*low..=*high).contains(&counted));
            self.rows += 1;
        }
        self.error += error;
    }

    /// Adds figures that a ladder gives.
    pub fn add_figures(&mut self, truth: &Cells, figures: &Figures<'_>) {
        let mut assigned = 0.0;
        for (key, units) in truth {
            let figure = figures.at(*key);
            self.error += (figure - *units as f64).abs();
            self.total += *units as f64;
            assigned += figure;
        }
        self.astray += (figures.sum() - assigned).max(0.0);
    }
}

/// k-only suppression: true numbers from `k` units on, nothing below.
#[must_use]
pub fn k_only(truth: &Cells, k: u32) -> Score {
    let mut score = Score::default();
    for units in truth.values().copied() {
        score.total += units as f64;
        if units >= u64::from(k) {
            score.covered += units as f64;
        } else {
            score.error += units as f64;
        }
    }
    score
}

/// The share that the optimum covers in expectation: no draw is needed.
#[must_use]
pub fn optimal_coverage(truth: &Cells, bounded: &Cells, optimum: &Optimum) -> f64 {
    let total: f64 = truth.values().map(|x| *x as f64).sum();
    let cells = bounded.values().copied();
    let covered: f64 = cells.map(|n| n as f64 * optimum.publishes(n)).sum();
    covered / total
}
