//! The measured values of one row: which columns make which cell.

use std::collections::BTreeMap;

use policies::period::DayBins;

use crate::aggregate::error::MappingError;
use crate::aggregate::mapping::{Combine, ValueColumns, ValueSource};
use crate::aggregate::read::{Columns, Row, Slot};
use crate::aggregate::report::Reason;
use crate::aggregate::value::{Missing, number};

/// Values are kept in millionths until they are summed, so that the order of rows cannot matter.
pub(super) const MILLIONTHS: i64 = 1_000_000;

/// Reads one measured column.
#[derive(Debug)]
pub(super) struct ValueReader {
    bins: Bins,
    scale: f64,
    missing: Missing,
    mean: bool,
}

#[derive(Debug)]
enum Bins {
    One(Slot),
    /// The columns of each bin, in order of bins.
    Many(Vec<(u8, Vec<Slot>)>),
}

impl ValueReader {
    /// `bins` is absent where the table's kind has no day bin, `distinct` where values are of
    /// units.
    pub fn new(
        source: &ValueSource,
        field: &str,
        bins: Option<&DayBins>,
        combine: Option<Combine>,
        distinct: bool,
        columns: &mut Columns,
    ) -> Result<Self, MappingError> {
        let fail = |problem: &str| MappingError::field(field, problem);
        let made = match (&source.columns, bins) {
            (ValueColumns::One(column), _) => Bins::One(columns.slot(column)),
            (ValueColumns::Hours(_), None) => {
                return Err(fail("the table has no day bin: give one `column`"));
            }
            (ValueColumns::Hours(hours), Some(bins)) => {
                let mut made: BTreeMap<u8, Vec<Slot>> = BTreeMap::new();
                for (hour, column) in hours {
                    made.entry(bins.of_hour(*hour))
                        .or_default()
                        .push(columns.slot(column));
                }
                let shared = made.values().any(|slots| slots.len() > 1);
                if shared && distinct {
                    return Err(fail("hours share a bin, and distinct units do not add up"));
                }
                if shared && combine.is_none() {
                    return Err(fail(
                        "hours share a bin: say how with `aggregates.within_bin`",
                    ));
                }
                Bins::Many(made.into_iter().collect())
            }
        };
        Ok(Self {
            bins: made,
            scale: source.scale,
            missing: Missing::new(&source.missing),
            mean: combine == Some(Combine::Mean),
        })
    }

    /// The bins it gives values for; `None` where the row itself says which.
    pub fn bins(&self) -> Option<Vec<u8>> {
        match &self.bins {
            Bins::One(_) => None,
            Bins::Many(bins) => Some(bins.iter().map(|(bin, _)| *bin).collect()),
        }
    }

    /// Appends one value per bin, in millionths.
    pub fn read(&self, row: &Row<'_>, to: &mut Vec<i64>) -> Result<(), Reason> {
        match &self.bins {
            Bins::One(slot) => to.push(self.value(row, *slot)?),
            Bins::Many(bins) => {
                for (_, slots) in bins {
                    let mut sum = 0_i64;
                    for slot in slots {
                        let value = self.value(row, *slot)?;
                        sum = sum.checked_add(value).ok_or(Reason::ValueTooLarge)?;
                    }
                    let hours = i64::try_from(slots.len()).unwrap_or(1).max(1);
                    to.push(if self.mean {
                        (sum + hours / 2) / hours
                    } else {
                        sum
                    });
                }
            }
        }
        Ok(())
    }

    fn value(&self, row: &Row<'_>, slot: Slot) -> Result<i64, Reason> {
        // 2⁴⁰, what the broker takes in a cell; in millionths still inside 64 bits.
        const LARGEST: f64 = 1_099_511_627_776.0 * MILLIONTHS as f64;
        let field = row.field(slot);
        if self.missing.has(field) {
            return Err(Reason::ValueMissing);
        }
        let millionths = (number(field)? * self.scale * MILLIONTHS as f64).round();
        if millionths < 0.0 {
            return Err(Reason::ValueNegative);
        }
        if millionths > LARGEST {
            return Err(Reason::ValueTooLarge);
        }
        Ok(millionths as i64)
    }
}
