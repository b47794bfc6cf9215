//! The 95 % interval of every number that is shown.

use policies::mechanism::{Draw, Selection};

use super::{Noisy, ProtectError};
use crate::engine::half_width_95;
use crate::interval::selected::Selected;

pub(crate) fn half_width(draw: &Draw) -> Result<i64, ProtectError> {
    let half = half_width_95(draw)?;
    Ok(i64::try_from(half).unwrap_or(i64::MAX))
}

/// The kept rows' noisy contributors, with intervals that hold given that the row is published.
pub(super) fn selected(selection: &Selection, kept: &[usize], noised: &[i64]) -> Noisy {
    let selected = Selected::new(selection, 0.05);
    let values = kept.iter().filter_map(|row| noised.get(*row));
    values.map(|value| selected.interval(*value)).collect()
}

/// The kept rows of a column, each with its interval; `surely` is a lower bound of the true count.
pub(crate) fn interval(kept: &[usize], noised: &[i64], half: i64, surely: i64) -> Noisy {
    let values: Vec<i64> = kept
        .iter()
        .filter_map(|row| noised.get(*row).copied())
        .collect();
    let low = values
        .iter()
        .map(|v| v.saturating_sub(half).max(surely).min(*v))
        .collect();
    let high = values
        .iter()
        .map(|v| v.saturating_add(half).max(surely))
        .collect();
    Noisy { values, low, high }
}
