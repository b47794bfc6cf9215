//! Which period of a table, and which of a unit's own, a day belongs to.

use std::collections::HashMap;

use jiff::civil::Date;
use policies::agreement::Days;
use policies::period::{Grain, Period};

/// The day that numbers count from.
const EPOCH: Date = Date::constant(1970, 1, 1);

/// A day's periods, as days since 1970 of their first day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DayOf {
    pub period: i32,
    pub unit_period: i32,
}

/// The days that an agreement covers, for one table.
#[derive(Debug)]
pub(crate) struct Calendar {
    covers: Days,
    grain: Grain,
    unit_grain: Grain,
    known: HashMap<Date, Option<DayOf>>,
    last: Option<(Date, Option<DayOf>)>,
}

impl Calendar {
    pub fn new(covers: Days, grain: Grain, unit_grain: Grain) -> Self {
        Self {
            covers,
            grain,
            unit_grain,
            known: HashMap::new(),
            last: None,
        }
    }

    /// The periods of a day; `None` where its period is not covered whole.
    pub fn day(&mut self, date: Date) -> Option<DayOf> {
        if let Some((last, found)) = self.last
            && last == date
        {
            return found;
        }
        if date < self.covers.from || date > self.covers.until {
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
        self.covers.hold(period).then_some(())?;
        Some(DayOf {
            period: number(period)?,
            unit_period: number(unit_period)?,
        })
    }

    /// The period that starts on a day's number.
    pub fn period(&self, number: i32) -> Option<Period> {
        let date = EPOCH.checked_add(jiff::Span::new().days(number)).ok()?;
        Period::holding(date, self.grain).ok()
    }
}

/// Days from 1970 to a period's first day.
pub(crate) fn number(period: Period) -> Option<i32> {
    let hours = period.first().duration_since(EPOCH).as_hours();
    i32::try_from(hours.div_euclid(24)).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn only_whole_periods_count() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        let covers = Days {
            from: day("2023-10-04"),
            until: day("2023-10-31"),
        };
        let mut weeks = Calendar::new(covers, Grain::Week, Grain::Day);
        assert_eq!(weeks.day(day("2023-10-08")), None);
        assert_eq!(weeks.day(day("2023-10-03")), None);
        let found = weeks.day(day("2023-10-11")).unwrap();
        assert_eq!(weeks.period(found.period).unwrap().to_string(), "2023-W41");
        assert_eq!(found.unit_period - found.period, 2);
        assert_eq!(weeks.day(day("2023-10-11")), Some(found));
        assert_eq!(weeks.day(day("2023-10-30")), None);
    }
}
