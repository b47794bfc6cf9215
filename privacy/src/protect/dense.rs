//! A dense table: every key of its public domain, zeros included, each number with noise (DESIGN section 7
//! rule 8).
//!
//! Which rows there are is public, so nothing is selected and δ is 0. One unit changes at most L0 of the rows, as in
//! every table, whether a row had been empty or not: the maps of [`super::check_maps`] hold as they are.
//!
//! Numbers are published as drawn, below 0 too. Clamping at 0 would be free post-processing, but adds E[max(Z, 0)]
//! (0.4 σ of a Gaussian) to every empty key, and that much times the number of keys to every sum of rows; whoever
//! shows single rows may clamp.

use policies::mechanism::{Draw, MeasureDraw};
use policies::mutants::{Mutant, active};
use policies::table::Table;

use super::measures::{HALF_MISS, Measure, Shown, measures};
use super::{Counts, ProtectError, Rows, half_width, interval};
use crate::add_noise;
use crate::engine::half_width_missing;
use crate::interval::ratio::Ends;

/// Fresh noise on every number of every row. `counts` MUST hold every key of the public domain.
pub(super) fn rows(
    table: &Table,
    contributors: &Draw,
    draws: &[MeasureDraw],
    counts: Counts,
) -> Result<Rows, ProtectError> {
    let exact = measures(table, draws, counts.measures)?;
    let mut noised = add_noise(contributors, &counts.contributors)?;
    if active(Mutant::AbsentWithoutNoise) {
        let rows = std::iter::zip(&mut noised, &counts.contributors);
        let empty = rows.filter(|(_, count)| **count == 0);
        empty.for_each(|(noisy, _)| *noisy = 0);
    }
    let exact = exact.into_iter().map(Measure::with_noise);
    let measures = exact.collect::<Result<Vec<_>, _>>()?;

    let kept: Vec<usize> = (0..noised.len()).collect();
    let half = i64::try_from(half_width_missing(contributors, HALF_MISS)?).unwrap_or(i64::MAX);
    let counted = || {
        let noisy = noised.iter();
        let ends = noisy.map(|value| Ends {
            value: *value,
            low: value.saturating_sub(half).max(0).min(*value),
            high: value.saturating_add(half).max(0),
        });
        ends.collect()
    };
    let shown = Shown {
        table,
        kept: &kept,
        counted: &counted,
    };
    let measures = shown.columns(&measures)?;
    Ok(Rows {
        contributors: interval(&kept, &noised, half_width(contributors)?, 0),
        near_threshold: vec![false; kept.len()],
        kept,
        measures,
    })
}
