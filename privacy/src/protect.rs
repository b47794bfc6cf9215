//! Cells and the right to draw → rows that may be shown.
//!
//! DESIGN section 7 rule 2: true contributors n < k publish nothing; otherwise a row is published iff
//! ñ ≥ T + k − 1. Noise is drawn for every row, withheld ones too, so that work does not tell them apart.

use std::fmt;

use policies::entry::Reservation;
use policies::loss::Loss;
use policies::mechanism::{Mechanism, Selection};
use policies::mutants::{Mutant, instead_of};
use policies::table::Table;

use crate::add_noise;
use crate::engine::{self, OpenDpError};
use crate::interval::selected::Selected;
use crate::konly::{KOnlyError, Key};
use crate::merge::Merged;
use crate::sampler::DrawError;
use crate::spend::Spend;

mod counts;
mod dense;
mod intervals;
mod ladder;
mod measures;

pub(crate) use counts::Counts;
use counts::signed_columns;
use intervals::selected;
pub(crate) use intervals::{half_width, interval};
pub use ladder::{Falls, protect_ladder};
pub use measures::CENTRED_MAX;
pub(crate) use measures::{HALF_MISS, Measure, Shown, half_widths, measures};

/// Largest true count: with any noise it stays far inside `i64`. Ingest refuses more, so that nothing ends
/// here after it was charged.
pub const COUNT_MAX: u64 = 1 << 40;

/// True cells, column by column, rows in the caller's order. They end here.
pub struct Exact {
    /// Distinct units per row; `None` where there is no unit.
    pub contributors: Option<Vec<u64>>,
    /// Measures that are published, by name.
    pub measures: Vec<(String, Vec<u64>)>,
}

/// Without a single number.
impl fmt::Debug for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exact(withheld)")
    }
}

/// One published column: low ≤ value ≤ high in every row.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Noisy {
    /// The unbiased noisy numbers: one may be below 0, and clamping it would bias every sum of rows.
    pub values: Vec<i64>,
    /// Lower end of the 95 % interval, which holds given that the row is published. Raised to what the true
    /// number surely is (k contributors in every published row, 0 of a count or sum, the clamp's end of a mean or
    /// percentile), but never over the value.
    pub low: Vec<i64>,
    /// Upper end of the 95 % interval, raised likewise: where the noise is far below, the interval still holds the
    /// least that the true number can be.
    pub high: Vec<i64>,
}

/// Without a single number: a draw MUST NOT be readable before it is published, not even in a log.
impl fmt::Debug for Noisy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Noisy(unpublished)")
    }
}

/// The published rows of one rung, as in [`Protected::Noisy`].
#[derive(Clone, PartialEq, Eq)]
pub struct Rows {
    /// Places of the published rows in the caller's order, ascending.
    pub kept: Vec<usize>,
    /// Noisy contributors, which selected the rows.
    pub contributors: Noisy,
    /// True where selection biases the row upward.
    pub near_threshold: Vec<bool>,
    /// Further columns.
    pub measures: Vec<(String, Noisy)>,
}

/// What may be shown of one release.
#[derive(Clone, PartialEq, Eq)]
pub enum Protected {
    /// Selected and noised; of a dense table, noised and all there.
    Noisy {
        /// Places of the published rows in the caller's order, ascending.
        kept: Vec<usize>,
        /// Noisy contributors, which selected the rows unless the table is dense.
        contributors: Noisy,
        /// True where ñ is within its half width of the threshold: selection biases such rows upward. Nowhere
        /// in a dense table.
        near_threshold: Vec<bool>,
        /// How many providers each row counts, where it could be several.
        providers: Option<Vec<i64>>,
        /// Further columns, as [`Table::shown_columns`] names them.
        ///
        /// [`Table::shown_columns`]: policies::table::Table::shown_columns
        measures: Vec<(String, Noisy)>,
    },
    /// A ladder: the rows of the table itself, then those of each rung.
    Ladder(Vec<Rows>),
    /// k-only: exact contributors of cells and margins, without noise.
    KOnly {
        /// What is shown, in the order of the public keys.
        cells: Vec<(Key, i64)>,
        /// How many of them are the table's own cells, no margins.
        finest: usize,
    },
    /// A source without a unit: as contributed, no claim.
    Plain {
        /// Measures, one number per row of the input.
        measures: Vec<(String, Vec<i64>)>,
    },
}

/// Without numbers, like [`Noisy`]; and plain values are true counts.
impl fmt::Debug for Protected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Noisy { .. } => "Protected::Noisy(unpublished)",
            Self::Ladder(_) => "Protected::Ladder(unpublished)",
            Self::KOnly { .. } => "Protected::KOnly(unpublished)",
            Self::Plain { .. } => "Protected::Plain(withheld)",
        })
    }
}

/// A finished release; only [`protect`] and its like ([`crate::joint::protect`],
/// [`crate::konly::protect_k_only`]) make one.
#[derive(Debug)]
pub struct Release {
    reservation: Reservation,
    protected: Protected,
}

impl Release {
    /// Only the ways to protect make one.
    pub(crate) fn made(reservation: Reservation, protected: Protected) -> Self {
        Self {
            reservation,
            protected,
        }
    }

    /// What was reserved for it.
    #[must_use]
    pub fn reservation(&self) -> &Reservation {
        &self.reservation
    }

    /// What may be shown.
    #[must_use]
    pub fn protected(&self) -> &Protected {
        &self.protected
    }
}

/// Why nothing is released. No variant says anything about a cell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProtectError {
    /// Columns do not fit the reservation or each other.
    #[error("the columns are not those of the reservation: {what}")]
    Columns {
        /// What does not fit.
        what: &'static str,
    },
    /// A count over [`COUNT_MAX`], which ingest refuses.
    #[error("a count is beyond what a contribution may hold")]
    Count,
    /// OpenDP's own map is above what was charged.
    #[error("the drawn noise would cost more than its charge: nothing is drawn")]
    Undercharged,
    /// OpenDP refused.
    #[error(transparent)]
    OpenDp(#[from] OpenDpError),
    /// The table could not be shown k-only.
    #[error(transparent)]
    KOnly(#[from] KOnlyError),
    /// No noise was drawn.
    #[error(transparent)]
    Draw(#[from] DrawError),
}

/// Draws the pinned noise and selects rows. Consumes the right and the cells.
///
/// Rows stay in the caller's order, which MUST be a function of the public keys: order is published too.
///
/// # Errors
/// [`ProtectError`]; then nothing was released, and the charge stays. All checks come before the first draw.
pub fn protect(spend: Spend, exact: Exact) -> Result<Release, ProtectError> {
    let reservation = spend.into_reservation();
    if reservation.joint.is_some() {
        return Err(columns("one part of several"));
    }
    if reservation.merge.is_some() {
        return Err(columns("cells of a merge that were not folded"));
    }
    if !reservation.rungs.is_empty() {
        return Err(columns("rungs without rows"));
    }
    if reservation.mechanism == Mechanism::Unprotected {
        let protected = plain(exact)?;
        return Ok(Release {
            reservation,
            protected,
        });
    }
    let counts = Counts::of_cells(&reservation, exact)?;
    single(reservation, counts)
}

/// [`protect`] for the rows of an ad-hoc merge.
///
/// # Errors
/// As [`protect`].
pub fn protect_merged(spend: Spend, merged: Merged) -> Result<Release, ProtectError> {
    let reservation = spend.into_reservation();
    if reservation.merge.is_none() {
        return Err(columns("merged rows where no merge was reserved"));
    }
    single(reservation, merged.0)
}

fn single(reservation: Reservation, counts: Counts) -> Result<Release, ProtectError> {
    check_maps(&reservation)?;
    let (table, mechanism) = (&reservation.table, &reservation.mechanism);
    let Rows {
        kept,
        contributors,
        near_threshold,
        measures,
    } = match mechanism {
        Mechanism::Dense {
            contributors,
            measures,
        } => dense::rows(table, contributors, measures, counts)?,
        _ => rows(table, mechanism, counts)?,
    };
    let protected = Protected::Noisy {
        kept,
        contributors,
        near_threshold,
        providers: None,
        measures,
    };
    Ok(Release {
        reservation,
        protected,
    })
}

/// Draws one mechanism over rows and selects.
pub(crate) fn rows(
    table: &Table,
    mechanism: &Mechanism,
    counts: Counts,
) -> Result<Rows, ProtectError> {
    let Mechanism::Thresholded {
        selection,
        measures: draws,
    } = mechanism
    else {
        return Err(columns("noise where none is pinned"));
    };
    let half = half_width(&selection.draw)?;
    let exact = measures(table, draws, counts.measures)?;
    // Every draw before any selection: withheld rows cost the same work.
    let noised = add_noise(&selection.draw, &counts.contributors)?;
    let measures = exact.into_iter().map(Measure::with_noise);
    let measures = measures.collect::<Result<Vec<_>, _>>()?;

    let gate = Gate::of(selection);
    let kept: Vec<usize> = std::iter::zip(&counts.contributors, &noised)
        .enumerate()
        .filter(|(_, (n, noisy))| gate.opens(**n, **noisy))
        .map(|(row, _)| row)
        .collect();
    let contributors = selected(selection, &kept, &noised);
    let near_threshold = contributors
        .values
        .iter()
        .map(|n| n.saturating_sub(gate.from) <= half)
        .collect();
    let counted = || {
        let selected = Selected::new(selection, HALF_MISS);
        let values = contributors.values.iter();
        values.map(|n| selected.interval(*n)).collect()
    };
    let shown = Shown {
        table,
        kept: &kept,
        counted: &counted,
    };
    let measures = shown.columns(&measures)?;
    Ok(Rows {
        kept,
        contributors,
        near_threshold,
        measures,
    })
}

/// What opens a row: at least k true units, and noisy ones from T + k − 1 on.
pub(crate) struct Gate {
    k: i64,
    /// The least noisy number that is published.
    pub(crate) from: i64,
}

impl Gate {
    pub(crate) fn of(selection: &Selection) -> Self {
        // k is at least 1, so a row without units is never kept, whatever its noise says.
        let k = i64::from(selection.k.max(1));
        Self {
            k: instead_of(k, Mutant::BelowK, i64::MIN),
            from: i64::try_from(selection.published_from()).unwrap_or(i64::MAX),
        }
    }

    /// Both are always compared: time does not tell which one kept a row back.
    pub(crate) fn opens(&self, n: i64, noisy: i64) -> bool {
        (n >= self.k) & (noisy >= self.from)
    }
}

/// OpenDP's maps, with the sensitivities of the pinned draws, are together at most what was charged.
pub(crate) fn check_maps(reservation: &Reservation) -> Result<(), ProtectError> {
    if maps(reservation)?.fits_in(reservation.charge) {
        Ok(())
    } else {
        Err(ProtectError::Undercharged)
    }
}

/// What OpenDP's maps of all draws of one part come to.
pub(crate) fn maps(reservation: &Reservation) -> Result<Loss, ProtectError> {
    let mut mapped = Loss::ZERO;
    let rungs = reservation.rungs.iter().map(|rung| &rung.mechanism);
    for mechanism in std::iter::once(&reservation.mechanism).chain(rungs) {
        let Some((contributors, measures)) = mechanism.draws() else {
            continue;
        };
        let draws = measures.iter().map(|measure| &measure.draw);
        for draw in std::iter::once(contributors).chain(draws) {
            let rho = engine::rho(draw)?;
            let sum = mapped.rho.checked_add(rho);
            mapped.rho = sum.ok_or(ProtectError::Undercharged)?;
        }
        if let Mechanism::Thresholded { selection, .. } = mechanism {
            let sum = mapped.delta.checked_add(engine::delta(selection)?);
            mapped.delta = sum.ok_or(ProtectError::Undercharged)?;
        }
    }
    Ok(mapped)
}

fn plain(exact: Exact) -> Result<Protected, ProtectError> {
    if exact.contributors.is_some() {
        return Err(columns("contributors without a unit"));
    }
    let measures = signed_columns(exact.measures)?;
    same_length(&measures, measures.first().map_or(0, |(_, v)| v.len()))?;
    Ok(Protected::Plain { measures })
}

pub(crate) fn columns(what: &'static str) -> ProtectError {
    ProtectError::Columns { what }
}

fn same_length(measures: &[(String, Vec<i64>)], rows: usize) -> Result<(), ProtectError> {
    if measures.iter().all(|(_, values)| values.len() == rows) {
        Ok(())
    } else {
        Err(columns("columns of different lengths"))
    }
}

#[cfg(test)]
mod tests;
