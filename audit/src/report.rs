//! A log as a report that can be filed: tables, as one HTML page and as CSV files.
//!
//! What stands in it is recomputed from the entries. Texts that others wrote (titles, reasons) are
//! written so that neither a browser nor a spreadsheet takes them for anything but text: see
//! [`csv`](Table::csv) and [`html`](Report::html).

use jiff::Timestamp;
use policies::entry::{Body, Entry};
use policies::state::{Stage, State};
use serde::Serialize;

use crate::checkpoint::Checkpoint;
use crate::replay::Replayer;

mod csv;
mod html;
mod rows;
#[cfg(test)]
mod tests;

/// Collects what a report says while a log is replayed.
#[derive(Debug)]
pub struct Recorder {
    within: Within,
    contributions: Table,
    releases: Table,
    refusals: Table,
    entries: Table,
}

/// Which entries a report is about, by their time; what came before is replayed all the same.
#[derive(Debug, Clone, Copy, Default)]
pub struct Within {
    /// The first moment; absent: the log's beginning.
    pub from: Option<Timestamp>,
    /// The first moment that is not in it; absent: the log's end.
    pub until: Option<Timestamp>,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Table {
    /// A word, for a file name.
    pub name: &'static str,
    /// What its rows are.
    pub title: &'static str,
    /// Names of the columns.
    pub header: Vec<&'static str>,
    /// The rows; each is as long as the header.
    pub rows: Vec<Vec<String>>,
}

/// A report. Only made of a log whose entries all hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The log's origin.
    pub log: String,
    /// Entries under the checkpoint.
    pub entries: u64,
    /// Their root hash.
    pub root: String,
    /// The time that it is about, and when it was made.
    pub about: String,
    /// What an auditor should look at: silences, charges without an end, settings of development.
    pub findings: Vec<String>,
    /// What the broker says beside its log, and was compared with nothing.
    pub not_compared: Vec<String>,
    /// The tables.
    pub tables: Vec<Table>,
}

impl Within {
    fn holds(self, time: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= time) && self.until.is_none_or(|until| time < until)
    }
}

impl Recorder {
    /// A recorder of the entries in a time.
    #[must_use]
    pub fn new(within: Within) -> Self {
        Self {
            within,
            contributions: rows::contributions(),
            releases: rows::releases(),
            refusals: rows::refusals(),
            entries: rows::entries(),
        }
    }

    /// Takes the entry that [`Replayer::step`] has just given back; `summary` is one line about it.
    pub fn take(&mut self, index: u64, entry: &Entry, summary: String) {
        if !self.within.holds(entry.time) {
            return;
        }
        let (index, time) = (index.to_string(), time_of(entry.time));
        let kind = entry.body.kind().to_owned();
        match &entry.body {
            Body::ContributionAccepted(c) => {
                self.contributions
                    .rows
                    .push(rows::contribution(&index, &time, c));
            }
            Body::ReleaseReserved(r) => {
                let key = r.key.to_string();
                self.releases
                    .rows
                    .push(rows::release(&index, &time, &key, r));
            }
            Body::ReleaseRefused { .. } => {
                self.refusals
                    .rows
                    .extend(rows::refusal(&index, &time, &entry.body));
            }
            _ => {}
        }
        self.entries.rows.push(vec![index, time, kind, summary]);
    }

    /// The report of everything taken, once the whole log has been replayed up to its checkpoint.
    #[must_use]
    pub fn finish(
        mut self,
        replayer: &Replayer,
        checkpoint: &Checkpoint,
        made: Timestamp,
    ) -> Report {
        let state = replayer.state();
        for row in &mut self.releases.rows {
            rows::end_of_release(row, state);
        }
        let end = |time: Option<Timestamp>, other: &str| match time {
            Some(moment) => time_of(moment),
            None => other.to_owned(),
        };
        let Within { from, until } = self.within;
        Report {
            log: checkpoint.origin().to_string(),
            entries: checkpoint.size(),
            root: checkpoint.root().to_string(),
            about: format!(
                "{} to {}, made at {}",
                end(from, "the beginning"),
                end(until, "the end"),
                time_of(made)
            ),
            findings: findings(replayer),
            not_compared: not_compared(replayer),
            tables: vec![
                rows::organisations(state),
                rows::agreements(state),
                rows::balances(replayer),
                self.contributions,
                self.releases,
                self.refusals,
                self.entries,
            ],
        }
    }
}

/// What breaks no rule and should be looked at.
fn findings(replayer: &Replayer) -> Vec<String> {
    let silent = replayer.gaps().iter().map(|gap| {
        let how = if gap.stopped {
            "it was off"
        } else {
            "it was on and silent"
        };
        let (from, to) = (time_of(gap.from), time_of(gap.to));
        format!(
            "no sign of life from {from} to {to}, ended by entry {}: {how}",
            gap.entry
        )
    });
    let overdue = replayer.overdue().map(|open| {
        let (since, entry) = (time_of(open.since), open.entry);
        format!(
            "release {} was charged by entry {entry} at {since} and has not ended",
            open.key
        )
    });
    let unchecked = replayer.snapshots_unchecked();
    let unchecked = (unchecked > 0)
        .then(|| format!("{unchecked} snapshots are of a form that this version cannot recompute"));
    let rest = unchecked.into_iter().chain(replayer.settings());
    silent.chain(overdue).chain(rest).collect()
}

/// What the log was not compared with. A log that holds says nothing yet about what a broker says elsewhere.
fn not_compared(replayer: &Replayer) -> Vec<String> {
    let none = replayer.state().snapshot().is_none();
    let snapshots = none.then(|| {
        "the log holds no snapshot of the broker's state: what it believes was compared with nothing".to_owned()
    });
    let answers = "the broker's answers and its public register were not asked for: `weir audit replay` compares them";
    snapshots.into_iter().chain([answers.to_owned()]).collect()
}

/// How a release ended, in a word.
fn outcome(state: &State, key: &policies::id::ReleaseKey) -> (String, String) {
    match state.release(key).map(|release| &release.stage) {
        Some(Stage::Published { entry, .. }) => ("published".to_owned(), entry.to_string()),
        Some(Stage::Aborted { reason }) => (format!("aborted: {reason}"), String::new()),
        Some(Stage::Reserved) => ("not ended".to_owned(), String::new()),
        None => ("unknown".to_owned(), String::new()),
    }
}

/// To the second: entries of one decision share their time anyway.
fn time_of(time: Timestamp) -> String {
    format!("{time:.0}")
}
