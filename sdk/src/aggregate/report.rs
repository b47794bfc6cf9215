//! What a run did with the rows: for the company's own screen. Only [`Declared`] travels.

use std::collections::BTreeMap;
use std::fmt;

use arrow::array::RecordBatch;
use policies::id::TableName;
use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident => $id:literal,)*) => {
        /// Why a row is not counted in a table. The text form is stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum Reason {
            $($(#[$doc])* #[serde(rename = $id)] $variant,)*
        }

        impl Reason {
            /// All reasons there are.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable text.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $id,)*
                }
            }
        }
    };
}

reasons! {
    /// The line has another number of fields than the header, or is not UTF-8.
    RowMalformed => "row.malformed",
    /// No id of a person, where the agreement protects persons.
    UnitMissing => "unit.missing",
    /// No time.
    TimeMissing => "time.missing",
    /// A time that does not have the mapping's format.
    TimeUnparsable => "time.unparsable",
    /// A time in no period that the agreement covers whole.
    TimeOutsidePeriod => "time.outside_period",
    /// No zone id, no coordinates, or an empty line.
    ZoneMissing => "zone.missing",
    /// An id that the lookup file or the zoning does not have.
    ZoneUnknown => "zone.unknown",
    /// A point outside every zone, or a key that the lookup file gives none.
    ZoneOutside => "zone.outside",
    /// Coordinates that are not numbers.
    ZoneUnparsable => "zone.unparsable",
    /// No category.
    CategoryMissing => "category.missing",
    /// A category that the table does not list.
    CategoryUnknown => "category.unknown",
    /// No value to sum, or one that the mapping lists as missing.
    ValueMissing => "value.missing",
    /// A value that is not a finite number.
    ValueNotANumber => "value.not_a_number",
    /// A number above 2⁴⁰ in a company's own aggregate: more than a cell may hold.
    ValueTooLarge => "value.too_large",
    /// A negative count in a company's own aggregate.
    ValueNegative => "value.negative",
    /// A count of units or events that is not a whole number.
    ValueNotWhole => "value.not_whole",
    /// A company's own aggregate breaks the agreement's bounds.
    BoundsBroken => "bounds.broken",
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a run did, table by table. Holds true counts: local only, MUST NOT be sent or logged.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Rows in all input files, without headers.
    pub read: u64,
    /// One per plan table, in the plan's order.
    pub tables: Vec<TableReport>,
    /// What a person should look at, in plain words.
    pub notes: Vec<String>,
}

/// One table's share: `kept` + all of `rejected` = the report's `read`.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct TableReport {
    /// The table.
    pub table: TableName,
    /// Rows that became an event (or cells, for a company's own aggregate).
    pub kept: u64,
    /// Rows that did not, each under the first reason found.
    pub rejected: BTreeMap<Reason, u64>,
    /// Kept events that `cells_max` dropped.
    pub dropped_by_cells_max: u64,
    /// Kept events that `per_cell_max` dropped.
    pub dropped_by_per_cell_max: u64,
    /// Kept events whose value was moved into the clamp's range, by measure.
    pub clamped: BTreeMap<String, u64>,
    /// Periods written.
    pub periods: usize,
    /// Those of them without a cell.
    pub periods_empty: usize,
    /// Cells of all periods.
    pub cells: usize,
}

impl TableReport {
    pub(crate) fn new(table: TableName) -> Self {
        Self {
            table,
            kept: 0,
            rejected: BTreeMap::new(),
            dropped_by_cells_max: 0,
            dropped_by_per_cell_max: 0,
            clamped: BTreeMap::new(),
            periods: 0,
            periods_empty: 0,
            cells: 0,
        }
    }

    pub(crate) fn periods_of(&mut self, written: &[RecordBatch]) {
        self.periods = written.len();
        let empty = written.iter().filter(|cells| cells.num_rows() == 0);
        self.periods_empty = empty.count();
    }

    /// Rows that are not counted.
    #[must_use]
    pub fn rejected_total(&self) -> u64 {
        self.rejected.values().sum()
    }

    pub(crate) fn reject(&mut self, reason: Reason) {
        *self.rejected.entry(reason).or_default() += 1;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "rows read: {}", self.read)?;
        for table in &self.tables {
            writeln!(
                f,
                "table {}: {} rows kept, {} rejected; {} cells in {} periods, {} of them empty",
                table.table,
                table.kept,
                table.rejected_total(),
                table.cells,
                table.periods,
                table.periods_empty
            )?;
            for (reason, rows) in &table.rejected {
                writeln!(f, "  rejected {reason}: {rows}")?;
            }
            let dropped = [
                ("cells_max", table.dropped_by_cells_max),
                ("per_cell_max", table.dropped_by_per_cell_max),
            ];
            for (bound, events) in dropped.iter().filter(|(_, events)| *events > 0) {
                writeln!(f, "  dropped by {bound}: {events}")?;
            }
            for (measure, events) in table.clamped.iter().filter(|(_, events)| **events > 0) {
                writeln!(f, "  clamped {measure}: {events}")?;
            }
        }
        self.notes
            .iter()
            .try_for_each(|note| writeln!(f, "note: {note}"))
    }
}

/// What the provider declares about one table and period beside its cells; it goes to the quality
/// sheet (DESIGN 7.1).
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// Units that contributed to the period; absent where the population has no unit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub active_units: Option<u64>,
    /// Share of events that `cells_max` and `per_cell_max` dropped; absent where it is not known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub truncated: Option<Rate>,
    /// Share of events whose value was clamped, by sum measure; in a company's own aggregate, of
    /// cells.
    #[serde(default)]
    pub clamped: BTreeMap<String, Rate>,
}

macro_rules! no_counts_in_debug {
    ($($name:ident)*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}

no_counts_in_debug! { Report TableReport Declared }

/// A share in thousandths, 0 to 1000, written as a decimal text with three digits: `0.012`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate(u16);

impl Rate {
    /// `part` of `whole`, rounded to the nearest thousandth; 0 of 0 is 0.
    #[must_use]
    pub fn of(part: u64, whole: u64) -> Self {
        let (part, whole) = (u128::from(part.min(whole)), u128::from(whole.max(1)));
        Self(u16::try_from((part * 2000 + whole) / (whole * 2)).unwrap_or(1000))
    }

    /// Thousandths.
    #[must_use]
    pub fn thousandths(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1000, self.0 % 1000)
    }
}

impl TryFrom<String> for Rate {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let rate = text
            .split_once('.')
            .filter(|(whole, part)| whole.len() == 1 && part.len() == 3)
            .and_then(|(whole, part)| format!("{whole}{part}").parse().ok())
            .map(Self);
        match rate {
            Some(rate) if rate.0 <= 1000 && rate.to_string() == text => Ok(rate),
            _ => Err("a rate is written with three digits, from 0.000 to 1.000".into()),
        }
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        rate.to_string()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn rates_round_to_the_nearest_thousandth() {
        for (part, whole, text) in [
            (0, 0, "0.000"),
            (1, 3, "0.333"),
            (1, 2001, "0.000"),
            (1, 2000, "0.001"),
            (2, 3, "0.667"),
            (5, 5, "1.000"),
            (u64::MAX, u64::MAX, "1.000"),
        ] {
            let rate = Rate::of(part, whole);
            assert_eq!(rate.to_string(), text);
            assert_eq!(Rate::try_from(text.to_owned()).unwrap(), rate);
        }
        for text in [
            "0.5", "1.001", "+.500", "0.+12", "00.100", "", "0,012", "2.000",
        ] {
            assert!(
                Rate::try_from(text.to_owned()).is_err(),
                "`{text}` was taken"
            );
        }
    }

    #[test]
    fn debug_shows_no_count() {
        let declared = Declared {
            active_units: Some(987_654),
            ..Declared::default()
        };
        assert_eq!(format!("{declared:?}"), "Declared(..)");
    }

    #[test]
    fn reasons_have_distinct_ids() {
        let ids: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|r| r.as_str()).collect();
        assert_eq!(ids.len(), Reason::ALL.len());
    }
}
