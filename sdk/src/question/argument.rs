//! Values that are given with a question: each is checked, and becomes a literal of SQL in one place.

use std::collections::BTreeMap;

use jiff::civil::Date;
use policies::period::Period;
use serde::de::IntoDeserializer;
use serde::de::value::StrDeserializer;
use serde::{Deserialize, Serialize};

use super::Question;

/// Longest text, in characters.
const TEXT_CHARS_MAX: usize = 128;
/// Most rows that a limit can be.
const LIMIT_MAX: u16 = 1000;
/// The limit where none is given.
const LIMIT: &str = "10";

/// What can be given with a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Argument {
    /// Periods from this day on.
    From,
    /// Periods until this day, it included.
    Until,
    /// Parts of the day inside these hours, `6-9`.
    Hours,
    /// `zone`, or `district`: a zone's parent.
    By,
    /// Which of several tables, as `table` or `schema.table`.
    Table,
    /// A zone.
    Zone,
    /// A point, such as a stop, in place of the zone that holds it: `60.17,24.94`, latitude first.
    At,
    /// A zone of origin.
    Origin,
    /// A zone of destination.
    Destination,
    /// A day.
    Date,
    /// A period.
    Period,
    /// The period to compare with.
    Baseline,
    /// Most rows.
    Limit,
}

/// The values given, by argument; a table may be named several times.
#[derive(Debug, Clone, Default)]
pub struct Arguments {
    values: BTreeMap<Argument, String>,
    /// The tables named.
    pub tables: Vec<String>,
}

/// Why a value does not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    /// The question takes no such argument.
    #[error("`{question}` takes no --{}", argument.as_str())]
    Unknown {
        /// The question.
        question: String,
        /// What was given.
        argument: Argument,
    },
    /// The question cannot be asked without.
    #[error("`{question}` needs --{}", argument.as_str())]
    Needed {
        /// The question.
        question: String,
        /// What is missing.
        argument: Argument,
    },
    /// The value is of another form.
    #[error("--{} `{given}`: {wanted}", argument.as_str())]
    Form {
        /// The argument.
        argument: Argument,
        /// The value, shortened.
        given: String,
        /// What it should be.
        wanted: &'static str,
    },
}

impl Argument {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::From => "from",
            Self::Until => "until",
            Self::Hours => "hours",
            Self::By => "by",
            Self::Table => "table",
            Self::Zone => "zone",
            Self::At => "at",
            Self::Origin => "origin",
            Self::Destination => "destination",
            Self::Date => "date",
            Self::Period => "period",
            Self::Baseline => "baseline",
            Self::Limit => "limit",
        }
    }

    /// The argument of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        let name: StrDeserializer<'_, serde::de::value::Error> = name.into_deserializer();
        Self::deserialize(name).ok()
    }
}

impl Arguments {
    /// Gives a value; an absent one is left out.
    #[must_use]
    pub fn with(mut self, argument: Argument, value: Option<impl Into<String>>) -> Self {
        if let Some(value) = value {
            self.values.insert(argument, value.into());
        }
        self
    }

    /// Names the tables to read.
    #[must_use]
    pub fn with_tables(mut self, tables: Vec<String>) -> Self {
        self.tables = tables;
        self
    }

    /// The same with the zone that holds the point in its place.
    pub(super) fn located(mut self, zone: &str) -> Self {
        self.values.remove(&Argument::At);
        self.with(Argument::Zone, Some(zone))
    }

    pub(super) fn get(&self, argument: Argument) -> Option<&str> {
        self.values.get(&argument).map(String::as_str)
    }

    /// Are they those that the question takes, each of its form?
    pub(super) fn check(&self, question: &Question) -> Result<(), ArgumentError> {
        let name = || question.name.clone();
        for argument in self.values.keys() {
            if !question.arguments.contains(argument) {
                return Err(ArgumentError::Unknown {
                    question: name(),
                    argument: *argument,
                });
            }
            self.literal(*argument)?;
        }
        if let [period, baseline] = self.compared().as_slice()
            && period == baseline
        {
            return Err(ArgumentError::Form {
                argument: Argument::Baseline,
                given: baseline.to_string(),
                wanted: "another period than --period",
            });
        }
        let at = self.get(Argument::At);
        if let (Some(at), Some(_)) = (at, self.get(Argument::Zone)) {
            return Err(ArgumentError::Form {
                argument: Argument::At,
                given: at.to_owned(),
                wanted: "either this or --zone",
            });
        }
        let lacking = |argument: &&Argument| {
            let located = **argument == Argument::Zone && at.is_some();
            self.get(**argument).is_none() && !located
        };
        match question.needed.iter().find(lacking) {
            None => Ok(()),
            Some(argument) => Err(ArgumentError::Needed {
                question: name(),
                argument: *argument,
            }),
        }
    }

    /// The value as a literal of SQL, `NULL` of its type where none is given. Nothing that is given gets into a
    /// statement by another way.
    ///
    /// # Errors
    /// [`ArgumentError::Form`].
    pub(super) fn literal(&self, argument: Argument) -> Result<String, ArgumentError> {
        let wrong = |wanted| ArgumentError::Form {
            argument,
            given: self
                .get(argument)
                .unwrap_or_default()
                .chars()
                .take(40)
                .collect(),
            wanted,
        };
        let given = self.get(argument);
        match argument {
            Argument::From | Argument::Until | Argument::Date => match given {
                None => Ok("CAST(NULL AS DATE)".into()),
                Some(text) => {
                    let day: Date = text.parse().map_err(|_| wrong("a day like 2026-10-05"))?;
                    Ok(format!("CAST('{day}' AS DATE)"))
                }
            },
            Argument::Period | Argument::Baseline => match given {
                None => Ok("CAST(NULL AS VARCHAR)".into()),
                Some(text) => {
                    let wanted = "a period like 2026-10-05, 2026-W41 or 2026-10";
                    let period: Period = text.parse().map_err(|_| wrong(wanted))?;
                    Ok(format!("'{period}'"))
                }
            },
            Argument::Zone | Argument::Origin | Argument::Destination => match given {
                None => Ok("CAST(NULL AS VARCHAR)".into()),
                Some(text) => {
                    quoted(text).ok_or_else(|| wrong("a zone's id, 1 to 128 characters of text"))
                }
            },
            Argument::At => match given {
                None => Ok(String::new()),
                Some(_) => self
                    .point()
                    .map(|_| String::new())
                    .ok_or_else(|| wrong("latitude and longitude in degrees like 60.17,24.94")),
            },
            Argument::Limit => {
                let number = given.unwrap_or(LIMIT).parse::<u16>().ok();
                let number = number.filter(|n| (1..=LIMIT_MAX).contains(n));
                let number = number.ok_or_else(|| wrong("a number from 1 to 1000"))?;
                Ok(number.to_string())
            }
            Argument::Hours => match given {
                None => Ok(String::new()),
                Some(_) => self
                    .hours()
                    .map(|_| String::new())
                    .ok_or_else(|| wrong("two hours like 6-9, from 0 to 24")),
            },
            Argument::By => match given {
                None | Some("zone" | "district") => Ok(String::new()),
                Some(_) => Err(wrong("`zone` or `district`")),
            },
            Argument::Table => Ok(String::new()),
        }
    }

    /// The first and the last day given.
    pub(super) fn days(&self) -> (Option<Date>, Option<Date>) {
        let day = |argument| self.get(argument)?.parse().ok();
        (day(Argument::From), day(Argument::Until))
    }

    /// The periods that are compared.
    pub(super) fn compared(&self) -> Vec<Period> {
        let given = [Argument::Period, Argument::Baseline];
        let given = given.into_iter().filter_map(|argument| self.get(argument));
        given.filter_map(|period| period.parse().ok()).collect()
    }

    /// The point given, latitude and longitude in degrees.
    pub(super) fn point(&self) -> Option<(f64, f64)> {
        let (latitude, longitude) = self.get(Argument::At)?.split_once(',')?;
        let degrees = |text: &str, most: f64| {
            let degrees = text.trim().parse::<f64>().ok();
            degrees.filter(|degrees| (-most..=most).contains(degrees))
        };
        Some((degrees(latitude, 90.0)?, degrees(longitude, 180.0)?))
    }

    /// The hours given.
    pub(super) fn hours(&self) -> Option<(u8, u8)> {
        let (from, until) = self.get(Argument::Hours)?.split_once('-')?;
        let (from, until) = (from.parse().ok()?, until.parse().ok()?);
        (from < until && until <= 24).then_some((from, until))
    }
}

/// A value given as a literal of SQL; `None` for what no id looks like.
pub(super) fn quoted(text: &str) -> Option<String> {
    let fits = (1..=TEXT_CHARS_MAX).contains(&text.chars().count());
    let plain = !text.chars().any(char::is_control);
    (fits && plain).then(|| literal(text))
}

/// A text as a literal of SQL: the one place where one is quoted.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A name of a schema, table or column.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
