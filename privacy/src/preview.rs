//! What a release will look like, from public terms only: nothing here can depend on a contribution.

use policies::loss::Loss;
use policies::mechanism::{Draw, Mechanism};
use policies::table::Table;

use crate::engine::{OpenDpError, half_width_95, margin_95};
use crate::protect;

/// The expected error and cost of one mechanism.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// What the mechanism costs each unit-period, exactly; never more than the plan's charge, which is what
    /// the ledger books.
    pub cost: Loss,
    /// Units a cell needs for an even chance to be published: T + k − 1, for the noise is symmetric; 0 of a
    /// dense table, which publishes every key.
    pub contributors_for_half: u64,
    /// Units a cell needs to be published at least 95 times in 100.
    pub contributors_for_most: u64,
    /// Half width of the 95 % interval of each published number, contributors first (near the threshold theirs
    /// reach further down). A histogram stands for each of its bins; means and percentiles have a width of their
    /// own in every row, and are not here.
    pub half_widths: Vec<(String, Draw, u64)>,
}

/// The preview of a mechanism for `table`; `None` for data without a unit, which is published as it is.
///
/// # Errors
/// [`OpenDpError`] where OpenDP cannot give an accuracy.
pub fn preview(table: &Table, mechanism: &Mechanism) -> Result<Option<Preview>, OpenDpError> {
    let Some((contributors, measures)) = mechanism.draws() else {
        return Ok(None);
    };
    let doing = "price a mechanism";
    let cost = mechanism.cost().map_err(|_| OpenDpError { doing })?;
    let half = half_width_95(contributors)?;
    let mut half_widths = vec![("contributors".to_owned(), *contributors, half)];
    half_widths.extend(protect::half_widths(table, contributors, measures)?);
    let (contributors_for_half, contributors_for_most) = match mechanism {
        Mechanism::Thresholded { selection, .. } => {
            let from = selection.published_from();
            (from, from.saturating_add(margin_95(contributors)?))
        }
        _ => (0, 0),
    };
    Ok(Some(Preview {
        cost,
        contributors_for_half,
        contributors_for_most,
        half_widths,
    }))
}

#[cfg(test)]
mod tests;
