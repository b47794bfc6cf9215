//! The names of the columns of cells and released tables beside dimensions and measures: here, where the pure
//! crates reach them. Their types are in `proto::columns`.

use crate::coarse::ALL;

/// Distinct units behind a cell; absent where the population has no unit.
pub const CONTRIBUTORS: &str = "contributors";

/// The key of a released table's schema metadata that holds its quality sheet.
pub const QUALITY: &str = "weir.quality";

/// Which rung of a ladder a row is of, from 0 for the table's own; only where the plan has rungs. A row
/// of a coarser one covers only cells that no finer row shows, and its key is a parent's id, the first of
/// the table's bins in the coarser one, or `all`.
pub const RUNG: &str = "rung";

/// True where noise could have decided whether the row is there.
pub const NEAR_THRESHOLD: &str = "near_threshold";

/// How many providers a row of a joint table counts.
pub const PROVIDERS: &str = "providers";

/// Empty for the table's own cells; else the dimensions in which the row is a sum, in the table's order, as
/// `origin=parent;start=all`. There its key is the parent's id, or [`ALL`], or bin 0.
pub const MARGIN: &str = "margin";
/// What stands in [`MARGIN`] for a zone's parent.
pub const PARENT: &str = "parent";
/// Says of every row how it is protected: [`K_ONLY`].
pub const PROTECTION: &str = "protection";
/// The label of a k-only table, in its rows and, under `weir.protection`, in its schema's metadata.
pub const K_ONLY: &str = "k-only: not differentially private";

/// Is a row with this [`MARGIN`] a sum over all values of the dimension?
#[must_use]
pub fn is_over_all(margin: &str, dimension: &str) -> bool {
    let mut parts = margin.split(';').filter_map(|part| part.split_once('='));
    parts.any(|(name, level)| name == dimension && level == ALL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_margin_says_over_what_it_adds_up() {
        let margin = "origin=parent;start=all";
        assert!(is_over_all(margin, "start"));
        assert!(!is_over_all(margin, "origin") && !is_over_all(margin, "mode"));
        assert!(!is_over_all("", "start"));
    }
}
