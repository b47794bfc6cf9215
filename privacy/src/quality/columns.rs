//! How each published column is made, and in which ways it can be off beside its noise.

use policies::agreement::Unit;
use policies::mechanism::Mechanism;
use policies::table::{Charged, PERCENTILES, Table};
use serde::{Deserialize, Serialize};

/// One published column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnNote {
    /// Its name; `_low` and `_high` beside it are the ends of its interval.
    pub column: String,
    /// How its 95 % interval is made.
    pub interval: Interval,
    /// In which ways it can be off beside its noise.
    pub biases: Vec<Bias>,
}

/// How a 95 % interval is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    /// The half width of the sheet on both sides.
    Fixed,
    /// Holds given that the row is published: wider near the threshold.
    GivenPublished,
    /// Fieller (1954), for the ratio of two noisy numbers: its own in every row.
    Fieller,
    /// From the ends of the intervals of the two numbers it is made of, each of which misses half as often.
    Ends,
    /// The bins that the percentile may lie in: ends are edges of bins.
    Bins,
}

/// A way to be off that no interval covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bias {
    /// The number, not its interval, is too high where noise lifted the row over the threshold
    /// (`near_threshold`).
    NearThreshold,
    /// Events that the bounds dropped are missing: declared as `truncated`.
    Truncation,
    /// Values beyond the clamp count as its ends: declared as `clamped_<measure>`.
    Clamping,
    /// A ratio of noisy numbers, not exactly centred where the count is small beside its noise.
    Ratio,
    /// Events are taken to lie evenly between the edges of a bin; the interval does not.
    Interpolation,
}

/// A note on every column that has noise.
pub(super) fn notes(table: &Table, unit: Unit, mechanism: &Mechanism) -> Vec<ColumnNote> {
    let Some((_, measures)) = mechanism.draws() else {
        return Vec::new();
    };
    let charged: Vec<_> = measures
        .iter()
        .filter_map(|m| Some((m.measure.as_str(), table.charged(&m.measure)?)))
        .collect();
    let note = |column: String, interval, biases: &[Bias]| ColumnNote {
        column,
        interval,
        biases: biases.to_vec(),
    };
    let selected = !mechanism.is_dense();
    let (interval, biases): (_, &[Bias]) = match selected {
        true => (
            Interval::GivenPublished,
            &[Bias::NearThreshold, Bias::Truncation],
        ),
        false => (Interval::Fixed, &[Bias::Truncation]),
    };
    let mut notes = vec![note("contributors".to_owned(), interval, biases)];
    for (name, charged) in charged {
        match charged {
            Charged::Count => {
                notes.push(note(name.to_owned(), Interval::Fixed, &[Bias::Truncation]));
            }
            Charged::Sum(clamp) => {
                let mut biases = vec![Bias::Truncation, Bias::Clamping];
                let mut intervals = (Interval::Fixed, Interval::Fieller);
                // With trips the count is the noisy contributors.
                match (unit == Unit::Trip, selected) {
                    (true, true) => {
                        biases.insert(0, Bias::NearThreshold);
                        intervals = (Interval::GivenPublished, Interval::GivenPublished);
                    }
                    (true, false) => intervals = (Interval::Ends, Interval::Ends),
                    (false, _) => {}
                }
                notes.push(note(name.to_owned(), intervals.0, &biases));
                biases.push(Bias::Ratio);
                notes.push(note(clamp.mean_column(), intervals.1, &biases));
            }
            Charged::Histogram(histogram) => {
                let biases = [Bias::Truncation, Bias::Clamping, Bias::Interpolation];
                let column = |percent| histogram.percentile_column(percent);
                let columns = PERCENTILES.map(column);
                notes.extend(columns.map(|column| note(column, Interval::Bins, &biases)));
            }
        }
    }
    notes
}
