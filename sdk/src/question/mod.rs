//! Questions that planners ask, as named templates: SQL over released tables, with arguments.
//!
//! A template is data ([`Question`], `asked/*.toml`). It names the kinds of table that it reads as `t` (and `u`),
//! and its SQL sees them in one shape, whatever their agreements say:
//!
//! | column | holds |
//! | --- | --- |
//! | `period`, `period_start`, `period_end` | the period, its first day, the day after its last |
//! | the kind's zones and categories | texts; a zone is its district where `by` says so |
//! | `hours` | the part of the day, `06-09` |
//! | `n`, `h` | what is counted, and how far its 95 % interval reaches, to the wider side; null where nothing is claimed |
//! | `s`, `sh` | the same of the sum that the source asks for |
//!
//! Intervals reach further down than up near the threshold: with the wider side an answer claims no more than the row
//! that the log committed to. Of sums: the errors of rows are independent, so half widths add as squares, each a step wider since
//! noise is a whole number (as in `privacy`'s own sums). Exact for Gaussian noise, wide rather than narrow for
//! Laplace's. Rows that are withheld are in no sum and no interval.
//!
//! | module | holds |
//! | --- | --- |
//! | `argument` | values as they are given, checked, and quoted |
//! | `found` | the tables that the caller has, with their terms |
//! | `choose` | those of them that a question is read from, and whether they go together |
//! | `people` | what a sum of people is called, who may be in it several times |
//! | `statement` | tables in one shape, template and values as one statement |
//! | `ask` | the whole way, and what is said beside the rows |

mod argument;
mod ask;
mod choose;
mod district;
mod found;
mod people;
mod statement;

#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use serde::Deserialize;

pub use argument::{Argument, ArgumentError, Arguments};
pub use ask::{Answer, AskError, Missing, Outcome, Used};
pub use found::Found;

/// A template.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// What it is called, for example `od-matrix`.
    pub name: String,
    /// The question in plain words.
    pub asks: String,
    /// How its answer is to be read, and what is assumed.
    pub reading: String,
    /// Which arguments it takes.
    pub arguments: Vec<Argument>,
    /// Those it cannot be asked without.
    #[serde(default)]
    pub needed: Vec<Argument>,
    /// What it reads.
    pub sources: Vec<Source>,
    /// What a new agreement would have to have, where there is no such table.
    pub needs: Needs,
    /// The statement after the sources: `$name` is an argument's value, `{t.sum}`, `{t.half}`, `{t.name}`,
    /// `{t.low}` and `{t.high}` are a source's number.
    pub sql: String,
}

/// A table that a template reads.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its name in the template.
    pub alias: String,
    /// Which kinds of table it can be.
    pub kinds: Vec<String>,
    /// A sum that the table has to show, with its interval.
    #[serde(default)]
    pub sums: Option<String>,
    /// Can it be several tables, one under another? Then of one provider each, and only periods that all of them have.
    #[serde(default)]
    pub several: bool,
    /// Columns by which the answer keeps its rows apart, zones left out: over `period`, `hours` and categories that are
    /// not among them it adds up.
    pub apart: Vec<String>,
}

/// The table that would be needed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Needs {
    /// The agreement to start from, of `policies::template`.
    pub template: String,
    /// Kind, dimensions, bins and measures, in words.
    pub table: String,
}

const FILES: [&str; 7] = [
    include_str!("asked/od-matrix.toml"),
    include_str!("asked/catchment.toml"),
    include_str!("asked/travel-time.toml"),
    include_str!("asked/presence-by-hour.toml"),
    include_str!("asked/top-corridors.toml"),
    include_str!("asked/mode-split.toml"),
    include_str!("asked/trips-and-presence.toml"),
];

// A file that does not parse is left out here and fails `every_file_is_a_question`.
static ALL: LazyLock<Vec<Question>> = LazyLock::new(|| {
    let files = FILES.iter();
    files.filter_map(|file| toml::from_str(file).ok()).collect()
});

impl Question {
    /// All questions there are.
    #[must_use]
    pub fn all() -> &'static [Self] {
        &ALL
    }

    /// The question of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|question| question.name == name)
    }
}
