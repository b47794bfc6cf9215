//! Which period of a table, and which of a unit's own, a day belongs to; and which periods are written.

use std::collections::HashMap;

use jiff::civil::Date;
use policies::agreement::Days;
use policies::period::{Grain, Period};

use super::error::AggregateError;

/// The day that numbers count from.
const EPOCH: Date = Date::constant(1970, 1, 1);

/// A day's periods, as days since 1970 of their first day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DayOf {
    pub period: i32,
    pub unit_period: i32,
}

/// The days whose whole periods are counted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    days: Days,
    /// The provider has stated them: then every period is written, whatever the records hold.
    stated: bool,
}

impl Range {
    /// What the provider states, or all that the agreement covers.
    ///
    /// # Errors
    /// [`AggregateError::Days`] where the agreement does not cover what is stated.
    pub fn new(covers: Days, stated: Option<Days>) -> Result<Self, AggregateError> {
        let days = stated.unwrap_or(covers);
        let inside = covers.from <= days.from && days.from <= days.until;
        if inside && days.until <= covers.until {
            let stated = stated.is_some();
            return Ok(Self { days, stated });
        }
        Err(AggregateError::Days {
            stated: days,
            covers,
        })
    }

    pub fn hold(&self, period: Period) -> bool {
        self.days.hold(period)
    }
}

/// The days that are counted, for one table.
#[derive(Debug)]
pub(crate) struct Calendar {
    range: Range,
    grain: Grain,
    unit_grain: Grain,
    known: HashMap<Date, Option<DayOf>>,
    last: Option<(Date, Option<DayOf>)>,
}

impl Calendar {
    pub fn new(range: Range, grain: Grain, unit_grain: Grain) -> Self {
        Self {
            range,
            grain,
            unit_grain,
            known: HashMap::new(),
            last: None,
        }
    }

    /// The periods of a day; `None` where its period is not counted whole.
    pub fn day(&mut self, date: Date) -> Option<DayOf> {
        if let Some((last, found)) = self.last
            && last == date
        {
            return found;
        }
        if date < self.range.days.from || date > self.range.days.until {
            return None; // not remembered: there is no end of such days
        }
        let found = match self.known.get(&date) {
            Some(found) => *found,
            None => {
                let found = self.find(date);
                self.known.insert(date, found);
                found
            }
        };
        self.last = Some((date, found));
        found
    }

    fn find(&self, date: Date) -> Option<DayOf> {
        let period = Period::holding(date, self.grain).ok()?;
        let unit_period = Period::holding(date, self.unit_grain).ok()?;
        self.range.hold(period).then_some(())?;
        Some(DayOf {
            period: number(period)?,
            unit_period: number(unit_period)?,
        })
    }

    /// The periods that are written, in order, each with its number: all of the days that the provider stated, else all
    /// from the first to the last of those found. Either way nobody's record decides of one in between.
    pub fn written(&self, found: impl Iterator<Item = i32>) -> Vec<(i32, Period)> {
        let ends = found
            .into_iter()
            .fold(None, |ends: Option<(i32, i32)>, number| {
                let (first, last) = ends.unwrap_or((number, number));
                Some((first.min(number), last.max(number)))
            });
        let (first, last) = match (self.range.stated, ends) {
            (true, _) => (Some(self.range.days.from), Some(self.range.days.until)),
            (false, Some((first, last))) => (day(first), day(last)),
            (false, None) => (None, None),
        };
        let mut next = first.and_then(|first| Period::holding(first, self.grain).ok());
        let mut written = Vec::new();
        while let Some(period) = next.filter(|period| Some(period.first()) <= last) {
            let number = number(period).filter(|_| self.range.hold(period));
            written.extend(number.map(|number| (number, period)));
            next = period.next().ok();
        }
        written
    }
}

/// The day of a number.
fn day(number: i32) -> Option<Date> {
    EPOCH.checked_add(jiff::Span::new().days(number)).ok()
}

/// Days from 1970 to a period's first day.
pub(crate) fn number(period: Period) -> Option<i32> {
    let hours = period.first().duration_since(EPOCH).as_hours();
    i32::try_from(hours.div_euclid(24)).ok()
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn days(from: &str, until: &str) -> Days {
        Days {
            from: date(from),
            until: date(until),
        }
    }

    #[test]
    fn only_whole_periods_count() {
        let covers = days("2023-10-04", "2023-10-31");
        let range = Range::new(covers, None).unwrap();
        let mut weeks = Calendar::new(range, Grain::Week, Grain::Day);
        assert_eq!(weeks.day(date("2023-10-08")), None);
        assert_eq!(weeks.day(date("2023-10-03")), None);
        let found = weeks.day(date("2023-10-11")).unwrap();
        let written = weeks.written(std::iter::once(found.period));
        assert_eq!(written.len(), 1);
        assert_eq!(written[0].1.to_string(), "2023-W41");
        assert_eq!(found.unit_period - found.period, 2);
        assert_eq!(weeks.day(date("2023-10-11")), Some(found));
        assert_eq!(weeks.day(date("2023-10-30")), None);
    }

    #[test]
    fn all_stated_periods_are_written_else_all_between_the_ends_of_the_records() {
        let covers = days("2023-10-04", "2023-10-31");
        let names = |stated: Option<Days>, grain: Grain, found: &[&str]| -> Vec<String> {
            let range = Range::new(covers, stated).unwrap();
            let mut calendar = Calendar::new(range, grain, Grain::Day);
            let found: Vec<i32> = found
                .iter()
                .filter_map(|day| Some(calendar.day(date(day))?.period))
                .collect();
            let written = calendar.written(found.into_iter());
            written.iter().map(|(_, p)| p.to_string()).collect()
        };
        let stated = Some(days("2023-10-10", "2023-10-29"));
        let weeks = ["2023-W42", "2023-W43"];
        assert_eq!(names(stated, Grain::Week, &[]), weeks);
        assert_eq!(names(stated, Grain::Week, &["2023-10-17"]), weeks);
        assert_eq!(names(stated, Grain::Day, &[]).len(), 20);
        assert_eq!(names(stated, Grain::Month, &[]), [""; 0]);

        let found = ["2023-10-20", "2023-10-17", "2023-10-18", "2023-11-01"];
        let days_of = ["2023-10-17", "2023-10-18", "2023-10-19", "2023-10-20"];
        assert_eq!(names(None, Grain::Day, &found), days_of);
        assert_eq!(names(None, Grain::Day, &[]), [""; 0]);
    }

    #[test]
    fn days_that_the_agreement_does_not_cover_are_refused() {
        let covers = days("2023-10-04", "2023-10-31");
        for (from, until) in [
            ("2023-10-03", "2023-10-05"),
            ("2023-10-30", "2023-11-01"),
            ("2023-10-06", "2023-10-05"),
        ] {
            let error = Range::new(covers, Some(days(from, until))).unwrap_err();
            assert!(error.to_string().contains("2023-10-31"), "{error}");
        }
    }
}
