//! Time as an agreement speaks of it: whole days, ISO weeks and months of one IANA zone, and the bins
//! of a day.
//!
//! A period is written `2023-10-05` (day), `2023-W40` (ISO 8601 week) or `2023-10` (month).

use std::fmt;

use jiff::civil::{Date, ISOWeekDate, Weekday};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// Why a text or a date is not a period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeriodError {
    /// Neither a day, nor a week, nor a month.
    #[error("`{given}` is not a period: write 2023-10-05, 2023-W40 or 2023-10")]
    Form {
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
    /// Does every period of this grain hold whole periods of `other`? (A month does not hold weeks.)
    #[must_use]
    pub fn holds_whole(self, other: Self) -> bool {
        self == other || other == Self::Day
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
        let span = match self.grain {
            Grain::Day => 1.day(),
            Grain::Week => 1.week(),
            Grain::Month => 1.month(),
        };
        self.first
            .checked_add(span)
            .map_err(|_| PeriodError::Calendar)
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

    /// Its days, in order.
    #[must_use]
    pub fn days(self) -> Vec<Date> {
        let end = self.end().unwrap_or(Date::MAX);
        self.first
            .series(1.day())
            .take_while(|day| *day < end)
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
        let midnight = self.end()?.to_zoned_datetime(zone.tz.clone());
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

/// An IANA time zone by name, from the database compiled into this build: the same bins everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone {
    name: String,
    tz: TimeZone,
}

impl Zone {
    /// Its IANA name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The zone's rules.
    #[must_use]
    pub fn tz(&self) -> &TimeZone {
        &self.tz
    }
}

impl TryFrom<String> for Zone {
    type Error = PeriodError;
    fn try_from(name: String) -> Result<Self, PeriodError> {
        match TimeZone::get(&name) {
            Ok(tz) => Ok(Self { name, tz }),
            Err(_) => Err(PeriodError::Zone {
                zone: name.chars().take(40).collect(),
            }),
        }
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name
    }
}

/// The bins of a local day by the hour each one starts: `[0, 7, 9, 16, 18]` makes five.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
pub struct DayBins(Vec<u8>);

impl DayBins {
    /// One bin that is the whole day.
    #[must_use]
    pub fn whole_day() -> Self {
        Self(vec![0])
    }

    /// The bin that holds the local hour `hour` (0 to 23). A wall-clock hour that a DST change repeats
    /// falls twice into the same bin.
    #[must_use]
    pub fn of_hour(&self, hour: u8) -> u8 {
        let after = self.0.partition_point(|start| *start <= hour);
        u8::try_from(after.saturating_sub(1)).unwrap_or(u8::MAX)
    }

    /// How many there are, 1 to 24.
    #[must_use]
    pub fn count(&self) -> u8 {
        u8::try_from(self.0.len()).unwrap_or(u8::MAX)
    }

    /// `07-09`, or `None` past the last bin.
    #[must_use]
    pub fn label(&self, bin: u8) -> Option<String> {
        let from = self.0.get(usize::from(bin))?;
        let until = self.0.get(usize::from(bin) + 1).copied().unwrap_or(24);
        Some(format!("{from:02}-{until:02}"))
    }
}

impl TryFrom<Vec<u8>> for DayBins {
    type Error = String;
    fn try_from(starts: Vec<u8>) -> Result<Self, String> {
        let rising = starts.is_sorted_by(|a, b| a < b);
        let in_day = starts.last().is_some_and(|last| *last < 24);
        if starts.first() == Some(&0) && rising && in_day {
            Ok(Self(starts))
        } else {
            Err("bins are the hours at which they start: from 0, rising, below 24".into())
        }
    }
}

impl From<DayBins> for Vec<u8> {
    fn from(bins: DayBins) -> Self {
        bins.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_period_has_one_spelling() {
        for text in ["2023-10-05", "2023-W40", "2020-W53", "2023-10"] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
        }
        for text in [
            "2023", "2023-W54", "2021-W53", "2023-13", "2023-2-1", "20231005", "2023-W4", "",
        ] {
            assert!(text.parse::<Period>().is_err(), "`{text}` was taken");
        }
    }

    #[test]
    fn a_day_of_25_hours_ends_at_local_midnight() {
        let zone = Zone::try_from("Europe/Helsinki".to_owned()).unwrap();
        let day: Period = "2023-10-29".parse().unwrap();
        let before: Period = "2023-10-28".parse().unwrap();
        let hours = day
            .ends_at(&zone)
            .unwrap()
            .duration_since(before.ends_at(&zone).unwrap());
        assert_eq!(hours.as_hours(), 25);
    }

    #[test]
    fn bins_cover_the_day_once() {
        let bins = DayBins::try_from(vec![0, 7, 9, 16, 18]).unwrap();
        let of: Vec<u8> = (0..24).map(|hour| bins.of_hour(hour)).collect();
        assert!(of.is_sorted() && of.first() == Some(&0) && of.last() == Some(&4));
        assert_eq!(bins.label(1).unwrap(), "07-09");
        assert_eq!(bins.label(4).unwrap(), "18-24");
        for starts in [vec![], vec![1], vec![0, 24], vec![0, 9, 7], vec![0, 7, 7]] {
            assert!(DayBins::try_from(starts).is_err());
        }
    }
}
