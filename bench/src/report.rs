//! The one table that a bench prints.

use comfy_table::{CellAlignment, ContentArrangement, Table};

use crate::run::{SEED, Settings};
use crate::series::Series;
use crate::usage::Usage;

/// What the figures of a line are.
#[derive(Debug, Clone, Copy)]
pub enum Measure {
    /// Wall time.
    Seconds,
    /// Wall time of one of many equal things.
    Nanoseconds,
    /// Resident memory.
    Mebibytes,
}

/// What the issue asks of a line.
#[derive(Debug, Clone, Copy)]
pub enum Goal {
    /// The median ratio is at least this.
    RatioAtLeast(f64),
    /// The median ratio is at most this.
    RatioAtMost(f64),
    /// Every single figure is below this.
    Below(f64),
}

/// The table of one bench.
#[derive(Debug)]
pub struct Report {
    title: String,
    table: Table,
    notes: Vec<String>,
}

impl Report {
    /// An empty table for `what` at these sizes.
    #[must_use]
    pub fn new(what: &str, settings: Settings) -> Self {
        let mut table = Table::new();
        table
            .load_preset("     ──            ")
            .set_content_arrangement(ContentArrangement::Disabled)
            .set_header([
                "what",
                "median",
                "min – max",
                "CPU s",
                "peak MiB",
                "B/cell",
                "ratio (min – max)",
                "goal",
                "",
            ]);
        for column in 1..=6 {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let Settings { rows, runs } = settings;
        let title = format!("{what}: {rows} rows, {runs} runs of each in turn, seed {SEED}");
        Self {
            title,
            table,
            notes: Vec::new(),
        }
    }

    /// A line without ratio and goal: what the others are compared with, or a stage.
    pub fn plain(&mut self, what: &str, measure: Measure, figures: &Series) {
        self.line(what, measure, (figures, None), None, None);
    }

    /// A line with its ratio.
    pub fn compared(&mut self, what: &str, figures: &Series, ratio: &Series, goal: Option<Goal>) {
        self.line(what, Measure::Seconds, (figures, None), Some(ratio), goal);
    }

    /// A line with what it took of the machine, and its ratio where there is something to compare with.
    pub fn used(&mut self, what: &str, usage: &Usage, ratio: Option<&Series>, goal: Option<Goal>) {
        let figures = (&usage.seconds, Some(usage));
        self.line(what, Measure::Seconds, figures, ratio, goal);
    }

    /// A line with a goal for its figures themselves.
    pub fn bounded(&mut self, what: &str, measure: Measure, figures: &Series, goal: Goal) {
        self.line(what, measure, (figures, None), None, Some(goal));
    }

    /// A line for something that could not be measured, and why, below the table.
    pub fn absent(&mut self, what: &str, why: &str) {
        self.table
            .add_row([what, "NOT MEASURED", "", "", "", "", "", "", ""]);
        self.note(&format!("NOT MEASURED: {what}: {why}"));
    }

    /// A remark below the table.
    pub fn note(&mut self, text: &str) {
        self.notes.push(text.to_owned());
    }

    /// Prints it.
    pub fn print(&self) {
        println!("\n{}", self.title);
        if cfg!(debug_assertions) {
            println!("DEV PROFILE: shows that the bench works; its figures mean nothing");
        }
        println!("{}", self.table);
        for note in &self.notes {
            println!("  {note}");
        }
    }

    fn line(
        &mut self,
        what: &str,
        measure: Measure,
        (figures, usage): (&Series, Option<&Usage>),
        ratio: Option<&Series>,
        goal: Option<Goal>,
    ) {
        let spread = |s: &Series, digits| {
            let (least, most) = (s.least(), s.most());
            format!("{least:.digits$} – {most:.digits$}")
        };
        let (digits, unit) = match measure {
            Measure::Seconds => (3, "s"),
            Measure::Nanoseconds => (1, "ns"),
            Measure::Mebibytes => (1, "MiB"),
        };
        let ratios = ratio.map(|r| format!("{:.2} ({})", r.median(), spread(r, 2)));
        let (asked, met) = match goal {
            None => (String::new(), None),
            Some(Goal::RatioAtLeast(least)) => (
                format!("≥ {least}"),
                Some(ratio.is_some_and(|r| r.median() >= least)),
            ),
            Some(Goal::RatioAtMost(most)) => (
                format!("≤ {most}"),
                Some(ratio.is_some_and(|r| r.median() <= most)),
            ),
            Some(Goal::Below(bound)) => (format!("< {bound} {unit}"), Some(figures.most() < bound)),
        };
        let verdict = met.map_or("", |met| if met { "met" } else { "MISSED" });
        self.table.add_row([
            what.to_owned(),
            format!("{:.digits$} {unit}", figures.median()),
            spread(figures, digits),
            usage.map_or_else(String::new, |u| format!("{:.2}", u.cpu.median())),
            usage.map_or_else(String::new, |u| format!("{:.0}", u.peak_mib.most())),
            usage
                .and_then(|u| u.cell_bytes)
                .map_or_else(String::new, |bytes| format!("{bytes:.2}")),
            ratios.unwrap_or_default(),
            asked,
            verdict.to_owned(),
        ]);
    }
}
