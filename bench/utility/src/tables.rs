//! What is printed: Markdown, as `docs/UTILITY.md` has it.

use super::score::Score;

/// A row of the main table.
#[derive(Debug)]
pub struct Line {
    /// ε in words.
    pub epsilon: String,
    /// k.
    pub k: u32,
    /// The noise, and from which noisy count a cell is published.
    pub noise: String,
    /// The fine table alone.
    pub ours: Score,
    /// The same through OpenDP; `None` where it was not measured.
    pub opendp: Option<(Score, u64)>,
    /// Least noisy count that ours publishes.
    pub published_from: u64,
    /// Share of units that the optimum covers.
    pub optimum: f64,
    /// From how many units on the optimum publishes every other time.
    pub optimum_from: u64,
    /// k-only suppression.
    pub k_only: Score,
    /// The ladder at the same (ε, δ) in all.
    pub ladder: Score,
}

/// The head of a table.
pub const HEAD: &str = "\
| ε | k | noise of the table | from: ours / OpenDP / optimum | covered %: ours / OpenDP / optimum / k-only | error %: ours / OpenDP / k-only | ladder: error % (astray %) | intervals % (rows) | missed |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |";

impl Line {
    /// One row.
    #[must_use]
    pub fn markdown(&self) -> String {
        let none = "NOT MEASURED".to_owned();
        let python = |figure: &dyn Fn(&(Score, u64)) -> String| {
            self.opendp.as_ref().map_or_else(|| none.clone(), figure)
        };
        format!(
            "| {} | {} | {} | {} / {} / {} | {} / {} / {} / {} | {} / {} / {} | {} ({}) | {} ({}) | {} |",
            self.epsilon,
            self.k,
            self.noise,
            self.published_from,
            python(&|(_, from)| from.to_string()),
            self.optimum_from,
            percent(self.ours.coverage()),
            python(&|(score, _)| percent(score.coverage())),
            percent(self.optimum),
            percent(self.k_only.coverage()),
            percent(self.ours.weighted_error()),
            python(&|(score, _)| percent(score.weighted_error())),
            percent(self.k_only.weighted_error()),
            percent(self.ladder.weighted_error()),
            percent(self.ladder.astray / self.ladder.total),
            percent(self.ours.intervals()),
            self.ours.rows,
            self.missed().join(", "),
        )
    }

    /// The goals that it misses, by letter; `i` for intervals.
    #[must_use]
    pub fn missed(&self) -> Vec<&'static str> {
        let mut missed = Vec::new();
        let demanding = self.epsilon != "0.5";
        if demanding && self.ladder.weighted_error() >= self.k_only.weighted_error() {
            missed.push("a");
        }
        // Two percent for what the draws of both sides differ by.
        let beaten = self.opendp.as_ref().is_some_and(|(score, from)| {
            self.published_from > *from
                || self.ours.weighted_error() > score.weighted_error() * 1.02
        });
        if beaten {
            missed.push("b");
        }
        // Where the optimum covers nothing, nothing can be missed.
        if self.optimum >= 0.001 && self.ours.coverage() < 0.9 * self.optimum {
            missed.push("c");
        }
        let held = self.ours.intervals();
        let spread = 3.0 * (0.95 * 0.05 / self.ours.rows.max(1) as f64).sqrt();
        if self.ours.rows > 0 && (held - 0.95).abs() > 0.01 + spread {
            missed.push("i");
        }
        missed
    }
}

fn percent(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}
