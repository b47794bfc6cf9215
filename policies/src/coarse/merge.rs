//! What an ad-hoc request merges.

use serde::{Deserialize, Serialize};

use super::Coarsening;
use crate::period::Period;

/// Most periods of one merge: a quarter of days. Each one's blob stands in the reservation.
pub const MERGE_PERIODS_MAX: usize = 92;

/// Whole periods of a table, read together and coarser: 1 to [`MERGE_PERIODS_MAX`] of one grain,
/// rising. Not every merge is allowed: [`crate::decide`] asks the agreement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct Merge {
    first: Period,
    later: Vec<Period>,
    coarsening: Coarsening,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    periods: Vec<Period>,
    #[serde(skip_serializing_if = "Coarsening::is_same", default)]
    coarsening: Coarsening,
}

/// Why periods are not those of a merge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// None, or too many.
    #[error("a merge reads 1 to {MERGE_PERIODS_MAX} periods, not `{given}`")]
    Count {
        /// How many.
        given: usize,
    },
    /// Out of order, one twice, or of different lengths.
    #[error("the periods of a merge are of one length, each once, from the first to the last")]
    Order,
    /// A single period at its own grain is what the plan releases.
    #[error("it merges nothing: name several periods, or something coarser")]
    Nothing,
}

impl Merge {
    /// Of these periods.
    ///
    /// # Errors
    /// [`MergeError`].
    pub fn new(periods: &[Period], coarsening: Coarsening) -> Result<Self, MergeError> {
        let given = periods.len();
        let [first, later @ ..] = periods else {
            return Err(MergeError::Count { given });
        };
        if given > MERGE_PERIODS_MAX {
            return Err(MergeError::Count { given });
        }
        let one_grain = later.iter().all(|period| period.grain() == first.grain());
        if !one_grain || !periods.is_sorted_by(|a, b| a < b) {
            return Err(MergeError::Order);
        }
        if later.is_empty() && coarsening.is_same() {
            return Err(MergeError::Nothing);
        }
        Ok(Self {
            first: *first,
            later: later.to_vec(),
            coarsening,
        })
    }

    /// The first of them.
    #[must_use]
    pub fn first(&self) -> Period {
        self.first
    }

    /// All of them, rising.
    pub fn periods(&self) -> impl Iterator<Item = Period> {
        periods(self.first, Some(self))
    }

    /// What becomes of their cells.
    #[must_use]
    pub fn coarsening(&self) -> &Coarsening {
        &self.coarsening
    }
}

/// All periods that are read: those of the merge, or the one there is.
pub(crate) fn periods(one: Period, merge: Option<&Merge>) -> impl Iterator<Item = Period> {
    let later = merge.map(|merge| merge.later.as_slice());
    std::iter::once(one).chain(later.unwrap_or_default().iter().copied())
}

impl TryFrom<Parts> for Merge {
    type Error = MergeError;
    fn try_from(parts: Parts) -> Result<Self, MergeError> {
        Self::new(&parts.periods, parts.coarsening)
    }
}

impl From<Merge> for Parts {
    fn from(merge: Merge) -> Self {
        Self {
            periods: merge.periods().collect(),
            coarsening: merge.coarsening,
        }
    }
}
