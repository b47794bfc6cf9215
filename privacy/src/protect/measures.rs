//! The measures of a release: what noise is added to, and what is shown of it.

use policies::agreement::Unit;
use policies::mechanism::{Draw, MeasureDraw};
use policies::table::{Charged, Clamp, PERCENTILES, Table};

use super::{Noisy, ProtectError, add_noise, columns, interval};
use crate::engine::{OpenDpError, half_width_95, half_width_missing};
use crate::interval::percentile::{edges, percentile};
use crate::interval::ratio::{Ends, Noised, mean, mean_between, sum, sum_between};
use crate::interval::widened;
use crate::sampler::DrawError;

/// Most of a centred sum in size: with any noise it stays far inside `i64`. Ingest refuses more.
pub const CENTRED_MAX: i128 = 1 << 52;
/// Two statements that each miss with 2.5 % hold together in 95 of 100.
pub(crate) const HALF_MISS: f64 = 0.025;

/// One charged measure: its columns, true until [`Self::with_noise`].
pub(crate) struct Measure<'a> {
    name: &'a str,
    charged: Charged<'a>,
    draw: Draw,
    /// One; for a histogram, one per bin.
    columns: Vec<Vec<i64>>,
}

/// Centres the sums among the columns of [`Table::drawn_columns`], cell by cell and by true counts: before cells are
/// merged, and before any noise.
///
/// # Errors
/// [`ProtectError::Columns`] where the columns are others, [`ProtectError::Count`] where a sum is out of range.
pub(super) fn centred(
    table: &Table,
    unit: Unit,
    contributors: &[i64],
    mut exact: Vec<(String, Vec<i64>)>,
) -> Result<Vec<Vec<i64>>, ProtectError> {
    let counts = match unit {
        Unit::Trip => Some(contributors.to_vec()),
        _ => {
            let count = exact
                .iter()
                .find(|(name, _)| Some(name.as_str()) == table.count());
            count.map(|(_, values)| values.clone())
        }
    };
    for (name, sums) in &mut exact {
        if let Some(Charged::Sum(clamp)) = table.charged(name) {
            let counts = counts.as_ref();
            let counts = counts.ok_or_else(|| columns("a sum without its count"))?;
            centre(clamp, sums, counts)?;
        }
    }
    Ok(exact.into_iter().map(|(_, values)| values).collect())
}

/// The measures of a release in the order of the mechanism, from columns that are [`centred`].
///
/// # Errors
/// [`ProtectError::Columns`] where the table has no such measure.
pub(crate) fn measures<'a>(
    table: &'a Table,
    draws: &'a [MeasureDraw],
    centred: Vec<Vec<i64>>,
) -> Result<Vec<Measure<'a>>, ProtectError> {
    let mut centred = centred.into_iter();
    let measure = |m: &'a MeasureDraw| {
        let charged = table.charged(&m.measure);
        let charged = charged.ok_or_else(|| columns("the table has no such measure"))?;
        let width = match charged {
            Charged::Count | Charged::Sum(_) => 1,
            Charged::Histogram(histogram) => histogram.bins(),
        };
        Ok(Measure {
            name: &m.measure,
            charged,
            draw: m.draw,
            columns: centred.by_ref().take(width).collect(),
        })
    };
    draws.iter().map(measure).collect()
}

/// sum → S' = 2·sum − (min + max)·count.
pub(super) fn centre(clamp: &Clamp, sums: &mut [i64], counts: &[i64]) -> Result<(), ProtectError> {
    let ends = i128::from(clamp.min) + i128::from(clamp.max);
    for (sum, count) in sums.iter_mut().zip(counts) {
        let centred = 2 * i128::from(*sum) - ends * i128::from(*count);
        let fits = (-CENTRED_MAX..=CENTRED_MAX).contains(&centred);
        let centred = i64::try_from(centred).ok().filter(|_| fits);
        *sum = centred.ok_or(ProtectError::Count)?;
    }
    Ok(())
}

impl Measure<'_> {
    /// Fresh noise on every number, of every row.
    pub fn with_noise(mut self) -> Result<Self, DrawError> {
        for column in &mut self.columns {
            *column = add_noise(&self.draw, column)?;
        }
        Ok(self)
    }

    fn at(&self, row: usize) -> i64 {
        let column = self.columns.first().and_then(|column| column.get(row));
        column.copied().unwrap_or_default()
    }
}

/// The published columns of the kept rows, as [`Table::shown_columns`] names them.
pub(crate) struct Shown<'a> {
    pub table: &'a Table,
    pub kept: &'a [usize],
    /// The noisy contributors of each kept row with the interval that holds given the selection, and misses in
    /// [`HALF_MISS`] at most: the count of sums where they are it (unit trip).
    pub counted: &'a dyn Fn() -> Vec<Ends>,
}

impl Shown<'_> {
    /// What is shown of measures that have their noise.
    pub fn columns(&self, measures: &[Measure<'_>]) -> Result<Vec<(String, Noisy)>, ProtectError> {
        let mut shown = Vec::new();
        for measure in measures {
            match measure.charged {
                Charged::Count => {
                    let half = super::half_width(&measure.draw)?;
                    let noised = measure.columns.first().map(Vec::as_slice);
                    let noisy = interval(self.kept, noised.unwrap_or_default(), half, 0);
                    shown.push((measure.name.to_owned(), noisy));
                }
                Charged::Sum(clamp) => {
                    let (sums, means) = self.sums(clamp, measure, measures)?;
                    shown.push((measure.name.to_owned(), sums));
                    shown.push((clamp.mean_column(), means));
                }
                Charged::Histogram(histogram) => {
                    let clamp = self.table.clamp(&histogram.measure);
                    let edges = edges(clamp.ok_or_else(|| columns("no clamp"))?, histogram);
                    let half = widened(half_width_95(&measure.draw)?);
                    for percent in PERCENTILES {
                        let ends = self.kept.iter().map(|row| {
                            let bins = measure.columns.iter();
                            let bins: Vec<i64> =
                                bins.filter_map(|bin| bin.get(*row).copied()).collect();
                            percentile(percent, &bins, &edges, half)
                        });
                        shown.push((histogram.percentile_column(percent), ends.collect()));
                    }
                }
            }
        }
        Ok(shown)
    }

    /// The sum and the mean of each kept row. Where the count is the noisy contributors, which selected the row, its
    /// interval is the one that holds given the selection.
    fn sums(
        &self,
        clamp: &Clamp,
        measure: &Measure<'_>,
        all: &[Measure<'_>],
    ) -> Result<(Noisy, Noisy), ProtectError> {
        let counted = all.iter().find(|m| m.charged == Charged::Count);
        let Some(count) = counted else {
            let half = widened(half_width_missing(&measure.draw, HALF_MISS)?);
            let counts = (self.counted)();
            let rows = self.kept.iter().zip(counts).map(|(row, count)| {
                let value = measure.at(*row);
                let centred = Noised { value, half };
                (
                    sum_between(clamp, centred, count),
                    mean_between(clamp, centred, count),
                )
            });
            return Ok(rows.unzip());
        };
        let half = |draw: &Draw| half_width_95(draw).map(widened);
        let (half, count_half) = (half(&measure.draw)?, half(&count.draw)?);
        let rows = self.kept.iter().map(|row| {
            let centred = Noised {
                value: measure.at(*row),
                half,
            };
            let count = Noised {
                value: count.at(*row),
                half: count_half,
            };
            (sum(clamp, centred, count), mean(clamp, centred, count))
        });
        Ok(rows.unzip())
    }
}

/// Half width of the 95 % interval of each number that has one width for all rows: a count and a sum by their names, each bin of
/// a histogram by the name of its charge. Means and percentiles have a width of their own in every row.
pub(crate) fn half_widths(
    table: &Table,
    contributors: &Draw,
    draws: &[MeasureDraw],
) -> Result<Vec<(String, Draw, u64)>, OpenDpError> {
    let count = draws
        .iter()
        .find(|m| table.charged(&m.measure) == Some(Charged::Count));
    let count = count.map_or(*contributors, |count| count.draw);
    let width = |m: &MeasureDraw| {
        let half = half_width_95(&m.draw)?;
        let half = match table.charged(&m.measure) {
            Some(Charged::Sum(clamp)) => {
                let none = |half| Noised { value: 0, half };
                let count = none(widened(half_width_95(&count)?));
                sum(clamp, none(widened(half)), count).high.unsigned_abs()
            }
            Some(Charged::Count | Charged::Histogram(_)) | None => half,
        };
        Ok((m.measure.clone(), m.draw, half))
    };
    draws.iter().map(width).collect()
}

impl Noisy {
    /// Row by row.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Ends> + '_ {
        let ends = std::iter::zip(&self.low, &self.high);
        let rows = std::iter::zip(&self.values, ends);
        rows.map(|(value, (low, high))| Ends {
            value: *value,
            low: *low,
            high: *high,
        })
    }
}

impl Extend<Ends> for Noisy {
    fn extend<I: IntoIterator<Item = Ends>>(&mut self, rows: I) {
        for Ends { value, low, high } in rows {
            self.values.push(value);
            self.low.push(low);
            self.high.push(high);
        }
    }
}

impl FromIterator<Ends> for Noisy {
    fn from_iter<I: IntoIterator<Item = Ends>>(rows: I) -> Self {
        let mut noisy = Self::default();
        noisy.extend(rows);
        noisy
    }
}
