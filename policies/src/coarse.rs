//! A coarser reading of a table: which of its cells fall into one row.
//!
//! Ad-hoc merging (DESIGN section 7 rule 3) and the rungs of a ladder (rule 7) are both one
//! [`Coarsening`]. It is a public term: which cells merge never depends on a contribution.

use serde::{Deserialize, Serialize};

use crate::agreement::{Unit, ZoningRef};
use crate::kind::{Dimension, DimensionKind};
use crate::mutants::{Mutant, instead_of};
use crate::period::DayBins;
use crate::table::Table;

mod merge;
mod words;

pub(crate) use merge::periods;
pub use merge::{MERGE_PERIODS_MAX, Merge, MergeError};

/// The key of a row in which all zones, or all values of a category, are one.
pub const ALL: &str = "all";

/// What the contributors of merged rows are called: a lower bound of the distinct units, which is a
/// gate and no estimate of people. Where the unit is a trip they add up, and keep their name.
pub const AT_LEAST: &str = "contributors_at_least";

/// Are the contributors of a table a lower bound ([`AT_LEAST`])? So where its cells may merge (`merges`), unless they
/// count trips.
#[must_use]
pub fn is_bounded(merges: bool, unit: Unit) -> bool {
    merges && unit != Unit::Trip
}

/// How a table's cells are merged. The default merges none.
///
/// One coarsening has one spelling: bins are named only where they differ from the table's own,
/// categories in the order of the table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coarsening {
    /// Fewer day bins, each of which starts where one of the table's own does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bins: Option<DayBins>,
    /// What becomes of every zone dimension.
    #[serde(skip_serializing_if = "Zones::are_same", default)]
    pub zones: Zones,
    /// Category dimensions whose values become one ([`ALL`]).
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub categories: Vec<String>,
}

/// What becomes of a table's zones.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Zones {
    /// They stay.
    #[default]
    Same,
    /// Each becomes its parent in the zoning.
    Parent,
    /// All become one ([`ALL`]).
    All,
}

impl Zones {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
    fn are_same(&self) -> bool {
        *self == Self::Same
    }
}

/// Why a coarsening is none of a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoarseningError {
    /// Bins that cut through one of the table's, as many as the table has, or of no dimension.
    #[error("`bins` has to leave out some of the starts {own:?} of the table's own, but not 0")]
    Bins {
        /// Where the table's bins start; none where its kind has no day bin.
        own: Vec<u8>,
    },
    /// Zones of a table without any, or parents that its zoning does not name.
    #[error("`zones` has to be `same` or `all`: the zoning names no parents")]
    Parents,
    /// The kind has no zones.
    #[error("`zones` has to be `same`: the table has none")]
    Zones,
    /// Dimensions that are no category, or one twice, or in another order.
    #[error("`categories` has to be some of {known}, in that order")]
    Categories {
        /// The table's, with commas.
        known: String,
    },
}

impl Coarsening {
    /// Does it merge nothing?
    #[must_use]
    pub fn is_same(&self) -> bool {
        *self == Self::default()
    }

    /// May it be used on this table?
    ///
    /// # Errors
    /// [`CoarseningError`] for the first field that does not fit.
    pub fn check(&self, table: &Table, zoning: &ZoningRef) -> Result<(), CoarseningError> {
        if let Some(bins) = &self.bins {
            let own = if has(table, DimensionKind::DayBin) {
                table.bins.starts()
            } else {
                &[]
            };
            let fewer = bins.starts().len() < own.len();
            if !fewer || !bins.starts().iter().all(|start| own.contains(start)) {
                return Err(CoarseningError::Bins { own: own.to_vec() });
            }
        }
        if self.zones != Zones::Same && !has(table, DimensionKind::Zone) {
            return Err(CoarseningError::Zones);
        }
        if self.zones == Zones::Parent && zoning.parents.is_none() {
            return Err(CoarseningError::Parents);
        }
        let known: Vec<_> = table
            .categories
            .iter()
            .map(|axis| &axis.dimension)
            .collect();
        let mut left = known.iter();
        if !self
            .categories
            .iter()
            .all(|name| left.any(|known| *known == name))
        {
            let known: Vec<_> = known.into_iter().map(String::as_str).collect();
            let known = known.join(", ");
            return Err(CoarseningError::Categories { known });
        }
        Ok(())
    }

    /// r: the most cells that one unit can have in one row of one period, from public terms:
    /// the largest row's number of cells, but no unit has more than `cells_max` in all. Where zones
    /// merge, only the latter. `None` for an unknown kind.
    ///
    /// ```
    /// # use policies::{coarse::Coarsening, table::Table};
    /// let table: Table = serde_json::from_str(r#"{"name": "p", "kind": "presence",
    ///     "zoning": "z", "period": "day", "bins": [0, 7, 9, 16, 18], "categories":
    ///     [{"dimension": "category", "values": ["resident", "visitor"]}],
    ///     "cells_max": 5, "per_cell_max": 1, "clamps": []}"#).unwrap();
    /// let r = |json| serde_json::from_str::<Coarsening>(json).unwrap().merged(&table).unwrap();
    /// assert_eq!(r("{}"), 1);
    /// assert_eq!(r(r#"{"bins": [0, 9]}"#), 3); // 09-16, 16-18 and 18-24
    /// assert_eq!(r(r#"{"bins": [0, 9], "categories": ["category"]}"#), 5); // of 6 cells
    /// assert_eq!(r(r#"{"zones": "all"}"#), 5);
    /// ```
    #[must_use]
    pub fn merged(&self, table: &Table) -> Option<u32> {
        let mut cells = 1_u32;
        for dimension in &table.kind()?.dimensions {
            let values = match dimension.kind {
                DimensionKind::Zone if self.zones == Zones::Same => 1,
                DimensionKind::Zone => u32::MAX,
                DimensionKind::DayBin => self.bins_in_one(table),
                DimensionKind::Category if self.drops(dimension) => {
                    let values = table.axis(&dimension.name)?.values.len();
                    u32::try_from(values).unwrap_or(u32::MAX)
                }
                DimensionKind::Category => 1,
            };
            cells = cells.saturating_mul(values.max(1));
        }
        Some(instead_of(
            cells.min(table.cells_max),
            Mutant::MergesUncounted,
            1,
        ))
    }

    /// Size of the public domain of the merged rows, with so many zones and parents in the zoning;
    /// `None` where it leaves `u64`, or parents are asked for and there are none.
    #[must_use]
    pub fn domain_size(&self, table: &Table, zones: u32, parents: Option<u32>) -> Option<u64> {
        let dimensions = &table.kind()?.dimensions;
        dimensions.iter().try_fold(1_u64, |size, dimension| {
            let values = match dimension.kind {
                DimensionKind::Zone => u64::from(match self.zones {
                    Zones::Same => zones,
                    Zones::Parent => parents?,
                    Zones::All => 1,
                }),
                DimensionKind::DayBin => {
                    u64::from(self.bins.as_ref().unwrap_or(&table.bins).count())
                }
                DimensionKind::Category if self.drops(dimension) => 1,
                DimensionKind::Category => table.axis(&dimension.name)?.values.len() as u64,
            };
            size.checked_mul(values)
        })
    }

    /// Does every row of it hold whole rows of `finer`?
    #[must_use]
    pub fn holds(&self, finer: &Self) -> bool {
        let bins = match (&self.bins, &finer.bins) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(own), Some(finer)) => own.starts().iter().all(|s| finer.starts().contains(s)),
        };
        let mut categories = finer.categories.iter();
        bins && self.zones >= finer.zones && categories.all(|c| self.categories.contains(c))
    }

    /// The first of the table's own bins in the coarse bin that holds `bin`: the key that a merged
    /// row has. `None` for a bin that the table does not have.
    #[must_use]
    pub fn first_bin(&self, table: &Table, bin: u8) -> Option<u8> {
        let start = *table.bins.starts().get(usize::from(bin))?;
        let Some(coarse) = &self.bins else {
            return Some(bin);
        };
        let of = coarse.starts().iter().rev().find(|s| **s <= start)?;
        let first = table.bins.starts().iter().position(|s| s == of)?;
        u8::try_from(first).ok()
    }

    /// Does this dimension become [`ALL`]?
    #[must_use]
    pub fn drops(&self, dimension: &Dimension) -> bool {
        self.categories.contains(&dimension.name)
    }

    /// The most of the table's own bins in one coarse bin.
    fn bins_in_one(&self, table: &Table) -> u32 {
        let Some(coarse) = &self.bins else { return 1 };
        let until = |n: usize| coarse.starts().get(n).copied().unwrap_or(24);
        let inside = coarse.starts().iter().enumerate().map(|(n, from)| {
            let own = table.bins.starts().iter();
            own.filter(|start| (*from..until(n + 1)).contains(*start))
                .count()
        });
        u32::try_from(inside.max().unwrap_or(1)).unwrap_or(u32::MAX)
    }
}

fn has(table: &Table, wanted: DimensionKind) -> bool {
    table
        .kind()
        .is_some_and(|kind| kind.dimensions.iter().any(|d| d.kind == wanted))
}

#[cfg(test)]
mod tests;
