//! Periods as they are typed: `2023-10-05`, `2023-10-01..2023-10-07` (both ends included), or
//! several of them with commas between.

use policies::period::Period;
use proto::limits::PERIODS_MAX;

/// Periods as typed.
#[derive(Debug, Clone)]
pub struct Periods(pub Vec<Period>);

impl std::str::FromStr for Periods {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse(text).map(Self)
    }
}

/// Reads periods; each is kept once, in the order typed.
///
/// # Errors
/// A sentence: what is wrong, and what may be typed.
pub fn parse(text: &str) -> Result<Vec<Period>, String> {
    let mut periods = Vec::new();
    for part in text.split(',') {
        match part.split_once("..") {
            None => push(&mut periods, one(part)?)?,
            Some((first, last)) => {
                for period in between(one(first)?, one(last)?)? {
                    push(&mut periods, period)?;
                }
            }
        }
    }
    Ok(periods)
}

fn one(text: &str) -> Result<Period, String> {
    text.trim()
        .parse()
        .map_err(|e: policies::period::PeriodError| e.to_string())
}

fn push(periods: &mut Vec<Period>, period: Period) -> Result<(), String> {
    if periods.contains(&period) {
        return Ok(());
    }
    if periods.len() >= PERIODS_MAX {
        return Err(format!(
            "over {PERIODS_MAX} periods: ask for fewer at a time"
        ));
    }
    periods.push(period);
    Ok(())
}

fn between(first: Period, last: Period) -> Result<Vec<Period>, String> {
    if first.grain() != last.grain() {
        return Err(format!("`{first}` and `{last}` are not of one length"));
    }
    if first > last {
        return Err(format!("`{first}..{last}` ends before it begins"));
    }
    let mut periods = Vec::new();
    let mut period = first;
    while period <= last && periods.len() <= PERIODS_MAX {
        periods.push(period);
        period = period.next().map_err(|e| e.to_string())?;
    }
    Ok(periods)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        parse(text)
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn ranges_hold_both_ends() {
        assert_eq!(texts("2023-10-05"), ["2023-10-05"]);
        assert_eq!(
            texts("2023-02-27..2023-03-01"),
            ["2023-02-27", "2023-02-28", "2023-03-01"]
        );
        assert_eq!(texts("2020-W53..2021-W01"), ["2020-W53", "2021-W01"]);
        assert_eq!(texts("2023-12..2024-01"), ["2023-12", "2024-01"]);
        assert_eq!(
            texts("2023-10-05,2023-10-04..2023-10-05"),
            ["2023-10-05", "2023-10-04"]
        );
        assert_eq!(texts("2023-01-01..2023-12-31").len(), 365);
    }

    #[test]
    fn what_is_no_range_is_named() {
        for (text, says) in [
            ("", "not a period"),
            ("2023-10-05..", "not a period"),
            ("2023-10..2023-10-05", "not of one length"),
            ("2023-10-05..2023-10-04", "ends before it begins"),
            ("2000-01-01..2023-12-31", "ask for fewer"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(says), "`{text}`: {error}");
        }
    }
}
