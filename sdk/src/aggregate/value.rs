//! Numbers of a row: what is missing, what is no number, and the value of each sum.

use super::mapping::{Sentinel, SumSource, TimeFormat};
use super::read::{Columns, Field, Row, Slot};
use super::report::Reason;
use super::time::Clock;

/// The values of a column that mean "not there".
#[derive(Debug)]
pub(crate) struct Missing(Vec<Sentinel>);

impl Missing {
    pub fn new(listed: &[Sentinel]) -> Self {
        Self(listed.to_vec())
    }

    pub fn has(&self, field: Field<'_>) -> bool {
        field == Field::Missing || self.0.iter().any(|sentinel| equals(sentinel, field))
    }
}

fn equals(sentinel: &Sentinel, field: Field<'_>) -> bool {
    match (sentinel, field) {
        (Sentinel::Text(text), Field::Text(found)) => text == found,
        (Sentinel::Number(number), field) => {
            self::number(field).is_ok_and(|found| found.total_cmp(number).is_eq())
        }
        (Sentinel::Text(_), _) => false,
    }
}

/// A whole number that a float holds exactly, as exports write ids of columns with gaps.
pub(crate) fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2⁵³
    let fits = number.fract().abs() < f64::MIN_POSITIVE && number.abs() < EXACT;
    fits.then_some(number as i64)
}

/// A finite number.
pub(crate) fn number(field: Field<'_>) -> Result<f64, Reason> {
    let number = match field {
        Field::Missing => return Err(Reason::ValueMissing),
        Field::Text(text) => text.parse().map_err(|_| Reason::ValueNotANumber)?,
        Field::Int(number) => number as f64,
        Field::Float(number) => number,
        Field::Local(_) | Field::Instant(_) => return Err(Reason::ValueNotANumber),
    };
    if f64::is_finite(number) {
        Ok(number)
    } else {
        Err(Reason::ValueNotANumber)
    }
}

/// Reads the value of one sum, in the measure's unit.
#[derive(Debug)]
pub(crate) enum SumReader {
    Column {
        slot: Slot,
        missing: Missing,
        scale: f64,
    },
    Between {
        from: Slot,
        until: Slot,
        format: TimeFormat,
        scale: f64,
    },
    Steps {
        slot: Slot,
        scale: f64,
    },
}

impl SumReader {
    pub fn new(source: &SumSource, columns: &mut Columns) -> Self {
        match source {
            SumSource::Column { column, scale } => Self::Column {
                slot: columns.slot(&column.column),
                missing: Missing::new(&column.missing),
                scale: *scale,
            },
            SumSource::Between {
                from,
                until,
                format,
                scale,
            } => Self::Between {
                from: columns.slot(from),
                until: columns.slot(until),
                format: format.clone(),
                scale: *scale,
            },
            SumSource::Steps { column, scale } => Self::Steps {
                slot: columns.slot(column),
                scale: *scale,
            },
        }
    }

    pub fn read(&self, row: &Row<'_>, clock: &Clock) -> Result<f64, Reason> {
        let (value, scale) = match self {
            Self::Column {
                slot,
                missing,
                scale,
            } => {
                let field = row.field(*slot);
                if missing.has(field) {
                    return Err(Reason::ValueMissing);
                }
                (number(field)?, scale)
            }
            Self::Between {
                from,
                until,
                format,
                scale,
            } => {
                let seconds = clock.seconds_between(row.field(*from), row.field(*until), format);
                let seconds = seconds.map_err(|reason| match reason {
                    Reason::TimeMissing => Reason::ValueMissing,
                    _ => Reason::ValueNotANumber,
                })?;
                (seconds, scale)
            }
            Self::Steps { slot, scale } => {
                let Field::Text(text) = row.field(*slot) else {
                    return Err(Reason::ValueMissing);
                };
                let points = text.matches('[').count().saturating_sub(1);
                (points.saturating_sub(1) as f64, scale)
            }
        };
        Ok(value * scale)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_number_sentinel_matches_every_spelling() {
        let missing = Missing::new(&[Sentinel::Number(-1.0), Sentinel::Text("NA".into())]);
        for field in [
            Field::Text("-1"),
            Field::Text("-1.0"),
            Field::Int(-1),
            Field::Float(-1.0),
            Field::Text("NA"),
            Field::Missing,
        ] {
            assert!(missing.has(field), "{field:?}");
        }
        for field in [
            Field::Text("1"),
            Field::Text("n/a"),
            Field::Int(0),
            Field::Float(f64::NAN),
        ] {
            assert!(!missing.has(field), "{field:?}");
        }
    }
}
