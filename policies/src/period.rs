//! Time as an agreement speaks of it: whole days, ISO weeks and months of one IANA zone, and the
//! bins of a day.
//!
//! A period is written `2023-10-05` (day), `2023-W40` (ISO 8601 week) or `2023-10` (month).

use std::fmt;

use jiff::civil::{Date, ISOWeekDate, Weekday};
use jiff::{Span, Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

mod bins;
mod place;
mod zone;

pub use bins::DayBins;
pub use place::{FROM_PLACE_KM_MAX, Place, Swapped};
pub use zone::Zone;

/// Why a text or a date is not a period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// Neither a day, nor a week, nor a month.
    #[error("`{given}` is not a period: write 2023-10-05, 2023-W40 or 2023-10")]
    Form {
        /// What was given, shortened.
        given: String,
    },
    /// No length of a period.
    #[error("`{given}` is no length of a period: write day, week or month")]
    Grain {
        /// What was given, shortened.
        given: String,
    },
    /// The calendar ends there.
    #[error("the period leaves the calendar")]
    Calendar,
    /// The zone is not in the IANA database this build carries.
    #[error("`{zone}` is not an IANA time zone: write a name like Europe/Helsinki")]
    Zone {
        /// The name given.
        zone: String,
    },
}

/// How long a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grain {
    /// A calendar day.
    Day,
    /// An ISO 8601 week, Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
}

impl Grain {
    /// Does every period of this grain hold whole periods of `other`? (A month does not hold
    /// weeks.)
    #[must_use]
    pub fn holds_whole(self, other: Self) -> bool {
        self == other || other == Self::Day
    }

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    fn span(self) -> Span {
        match self {
            Self::Day => 1.day(),
            Self::Week => 1.week(),
            Self::Month => 1.month(),
        }
    }
}

impl std::str::FromStr for Grain {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let all = [Self::Day, Self::Week, Self::Month];
        let found = all.into_iter().find(|grain| grain.as_str() == text);
        found.ok_or_else(|| PeriodError::Grain {
            given: text.chars().take(40).collect(),
        })
    }
}

/// One period: a grain and its first day.
///
/// ```
/// use policies::period::{Grain, Period};
/// let week: Period = "2023-W40".parse().unwrap();
/// assert_eq!(week.days().len(), 7);
/// assert_eq!(week.parts(Grain::Day).unwrap()[0].to_string(), "2023-10-02");
/// assert!("2023-10".parse::<Period>().unwrap().parts(Grain::Week).is_none());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period {
    first: Date,
    grain: Grain,
}

impl Period {
    /// The period of `grain` that holds `date`.
    ///
    /// # Errors
    /// [`PeriodError::Calendar`] at the calendar's first days.
    pub fn holding(date: Date, grain: Grain) -> Result<Self, PeriodError> {
        let first = match grain {
            Grain::Day => date,
            Grain::Month => date.first_of_month(),
            Grain::Week => {
                let back = i64::from(date.weekday().to_monday_zero_offset());
                date.checked_sub(back.days())
                    .map_err(|_| PeriodError::Calendar)?
            }
        };
        Ok(Self { first, grain })
    }

    /// Its length.
    #[must_use]
    pub fn grain(self) -> Grain {
        self.grain
    }

    /// Its first day.
    #[must_use]
    pub fn first(self) -> Date {
        self.first
    }

    /// The first day after it.
    ///
    /// # Errors
    /// [`PeriodError::Calendar`] at the calendar's end.
    pub fn end(self) -> Result<Date, PeriodError> {
        self.first
            .checked_add(self.grain.span())
            .map_err(|_| PeriodError::Calendar)
    }

    /// Its last day; the calendar's last where the calendar ends inside it.
    #[must_use]
    pub fn last(self) -> Date {
        let end = self
            .end()
            .and_then(|end| end.yesterday().map_err(|_| PeriodError::Calendar));
        end.unwrap_or(Date::MAX)
    }

    /// The period after it.
    ///
    /// # Errors
    /// [`PeriodError::Calendar`] at the calendar's end.
    pub fn next(self) -> Result<Self, PeriodError> {
        Ok(Self {
            first: self.end()?,
            grain: self.grain,
        })
    }

    /// The period before it.
    ///
    /// # Errors
    /// [`PeriodError::Calendar`] at the calendar's first days.
    pub fn previous(self) -> Result<Self, PeriodError> {
        let first = self.first.checked_sub(self.grain.span());
        Ok(Self {
            first: first.map_err(|_| PeriodError::Calendar)?,
            grain: self.grain,
        })
    }

    /// Its days, in order, 1 to 31.
    #[must_use]
    pub fn days(self) -> Vec<Date> {
        let last = self.last();
        self.first
            .series(1.day())
            .take_while(|day| *day <= last)
            .collect()
    }

    /// The periods of a finer grain it is made of, or `None` where it does not hold whole ones.
    #[must_use]
    pub fn parts(self, grain: Grain) -> Option<Vec<Self>> {
        if !self.grain.holds_whole(grain) {
            return None;
        }
        if self.grain == grain {
            return Some(vec![self]);
        }
        Some(
            self.days()
                .into_iter()
                .map(|first| Self {
                    first,
                    grain: Grain::Day,
                })
                .collect(),
        )
    }

    /// The instant after its last, in `zone`: no reading of the period can be complete before it.
    ///
    /// # Errors
    /// [`PeriodError`] where the zone is unknown or the calendar ends.
    pub fn ends_at(self, zone: &Zone) -> Result<Timestamp, PeriodError> {
        let midnight = self.end()?.to_zoned_datetime(zone.tz().clone());
        midnight
            .map(|zoned| zoned.timestamp())
            .map_err(|_| PeriodError::Calendar)
    }
}

impl std::str::FromStr for Period {
    type Err = PeriodError;

    fn from_str(text: &str) -> Result<Self, PeriodError> {
        let fail = || PeriodError::Form {
            given: text.chars().take(40).collect(),
        };
        let period = if let Some((year, week)) = text.split_once("-W") {
            let year = year.parse().map_err(|_| fail())?;
            let week = week.parse().map_err(|_| fail())?;
            let monday = ISOWeekDate::new(year, week, Weekday::Monday).map_err(|_| fail())?;
            Self {
                first: monday.date(),
                grain: Grain::Week,
            }
        } else if text.len() == 7 {
            let first = format!("{text}-01").parse().map_err(|_| fail())?;
            Self {
                first,
                grain: Grain::Month,
            }
        } else {
            Self {
                first: text.parse().map_err(|_| fail())?,
                grain: Grain::Day,
            }
        };
        // One spelling per period: keys of the ledger are compared as text.
        if period.to_string() == text {
            Ok(period)
        } else {
            Err(fail())
        }
    }
}

impl TryFrom<String> for Period {
    type Error = PeriodError;
    fn try_from(text: String) -> Result<Self, PeriodError> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.grain {
            Grain::Day => write!(f, "{}", self.first),
            Grain::Month => write!(f, "{:04}-{:02}", self.first.year(), self.first.month()),
            Grain::Week => {
                let week = self.first.iso_week_date();
                write!(f, "{:04}-W{:02}", week.year(), week.week())
            }
        }
    }
}

#[cfg(test)]
mod tests;
