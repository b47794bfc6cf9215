//! Shares by category, for example by mode: of the published rows that differ in nothing else, which
//! part does each count?
//!
//! Computed from released numbers alone, so it costs nothing. It is a share of what is *published*:
//! rows that were withheld are in no denominator, and what they hold nobody knows.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::row::{RowConverter, SortField};
use policies::kind::{DimensionKind, MeasureKind};
use policies::table::Table;
use proto::columns::MARGIN;

/// Shares of the published rows of one table.
#[derive(Debug, Clone, PartialEq)]
pub struct Shares {
    /// The category that rows are compared by, for example `mode`.
    pub dimension: String,
    /// The column that is counted: events where they are released, else units.
    pub counted: String,
    /// One per row, in the order of the rows.
    pub of_published: Vec<Share>,
}

/// A part of a whole and its 95 % interval, 0 ≤ low ≤ value ≤ high ≤ 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// Lower end.
    pub low: f64,
    /// The share of the released numbers.
    pub value: f64,
    /// Upper end.
    pub high: f64,
}

/// A released count, and how far its noise reaches in 95 of 100.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Count {
    /// As released.
    pub value: i64,
    /// Half the width of its interval.
    pub half: f64,
}

impl Shares {
    /// Shares by the table's one category dimension; `None` where it has another number of them, or
    /// only one value, or the rows are not of this table, or a k-only table's with margins among them.
    ///
    /// Where only units are counted, their intervals are not symmetric near the threshold: the wider
    /// half serves, and shares of such rows are approximate.
    #[must_use]
    pub fn of(rows: &RecordBatch, table: &Table) -> Option<Self> {
        // Margins beside the cells they add up would be counted twice.
        if rows.column_by_name(MARGIN).is_some() {
            return None;
        }
        let kind = table.kind()?;
        let dimensions = kind.dimensions.iter().enumerate();
        let mut categories = dimensions.filter(|(_, d)| d.kind == DimensionKind::Category);
        let (place, dimension) = categories.next()?;
        let one = categories.next().is_none();
        if !one || table.axis(&dimension.name)?.values.len() < 2 {
            return None;
        }
        let (counted, counts) = counts(rows, table)?;
        let mut others = rows.columns().get(..kind.dimensions.len())?.to_vec();
        others.remove(place);
        let mut of_published = vec![Share::UNKNOWN; rows.num_rows()];
        for group in groups(&others)? {
            let own: Vec<Count> = group
                .iter()
                .filter_map(|row| counts.get(*row).copied())
                .collect();
            for (row, share) in group.into_iter().zip(shares(&own)) {
                *of_published.get_mut(row)? = share;
            }
        }
        Some(Self {
            dimension: dimension.name.clone(),
            counted,
            of_published,
        })
    }
}

impl Share {
    const UNKNOWN: Self = Self {
        low: 0.0,
        value: 0.0,
        high: 1.0,
    };
}

/// The share of each count in the sum of all, which have noise of their own.
///
/// Fieller (Supplement to J. R. Stat. Soc., 1954): with A one count and B the sum of the others, s belongs
/// to the interval iff |(1 − s)·A − s·B| ≤ √((1 − s)²·h_A² + s²·h_B²), half widths adding up in squares and
/// taken a step wider, since noise is in whole numbers. Where the sum could be 0 by its noise the set is not
/// bounded: 0 to 1.
#[must_use]
pub fn shares(counts: &[Count]) -> Vec<Share> {
    let square = |count: &Count| match count.half {
        half if half > 0.0 => (half + 1.0).powi(2),
        _ => 0.0, // released as contributed
    };
    let total: f64 = counts.iter().map(|count| count.value as f64).sum();
    let all: f64 = counts.iter().map(square).sum();
    let share = |count: &Count| {
        let (a, own) = (count.value as f64, square(count));
        // s²·(T² − all) − 2s·(A·T − own) + A² − own ≤ 0, where T = A + B and all = own + h_B².
        let (first, middle, last) = (total * total - all, a * total - own, a * a - own);
        if total <= 0.0 || first <= 0.0 {
            return Share::UNKNOWN;
        }
        let value = (a / total).clamp(0.0, 1.0);
        let root = (middle * middle - first * last).max(0.0).sqrt();
        Share {
            low: ((middle - root) / first).clamp(0.0, value),
            value,
            high: ((middle + root) / first).clamp(value, 1.0),
        }
    };
    counts.iter().map(share).collect()
}

/// The released counts: of events, else of contributors, else of units without an interval.
fn counts(rows: &RecordBatch, table: &Table) -> Option<(String, Vec<Count>)> {
    let units = table.kind()?.measures.iter();
    let units = units.filter(|measure| measure.kind == MeasureKind::Units);
    let names = table
        .count()
        .into_iter()
        .chain([proto::columns::CONTRIBUTORS]);
    let mut names = names.chain(units.map(|measure| measure.name.as_str()));
    let name = names.find(|name| rows.column_by_name(name).is_some())?;
    let numbers = |name: &str| {
        let column = rows.column_by_name(name)?;
        Some(column.as_primitive_opt::<Int64Type>()?.values().to_vec())
    };
    let values = numbers(name)?;
    let ends = numbers(&format!("{name}_low")).zip(numbers(&format!("{name}_high")));
    let (low, high) = ends.unwrap_or_else(|| (values.clone(), values.clone()));
    let rows = values.into_iter().zip(low.into_iter().zip(high));
    let counts = rows.map(|(value, (low, high))| {
        let half = value.saturating_sub(low).max(high.saturating_sub(value));
        Count {
            value,
            half: half as f64,
        }
    });
    Some((name.to_owned(), counts.collect()))
}

/// Rows of the same values in all columns.
fn groups(columns: &[ArrayRef]) -> Option<Vec<Vec<usize>>> {
    let fields = columns
        .iter()
        .map(|c| SortField::new(c.data_type().clone()));
    let converter = RowConverter::new(fields.collect()).ok()?;
    let keys = converter.convert_columns(columns).ok()?;
    let mut groups: HashMap<_, Vec<usize>> = HashMap::new();
    for (row, key) in keys.iter().enumerate() {
        groups.entry(key).or_default().push(row);
    }
    Some(groups.into_values().collect())
}

#[cfg(test)]
mod tests;
