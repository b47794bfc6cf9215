//! What an agreement without differential privacy has to leave out, so that the little it promises holds.

use super::Check;
use crate::agreement::{Agreement, Unit};
use crate::entry::Floors;
use crate::kind::DimensionKind;
use crate::table::Table;

/// Most dimensions of a k-only table: what `privacy::konly` can hide.
pub const K_ONLY_DIMENSIONS_MAX: usize = 4;
/// Most values of a dimension with their parents and the total.
pub const K_ONLY_NODES_MAX: u64 = 1 << 16;
/// Least k of any k-only table: one unit alone is nobody's k-anonymity.
const K_MIN: u32 = 2;

impl Check {
    /// The rules of a k-only agreement, beside those of every one.
    pub(super) fn k_only(&mut self, a: &Agreement, floors: &Floors) {
        let unit = !matches!(a.population.unit, Unit::None | Unit::Trip);
        let message = "k-only needs people as its unit: k trips may all be one person's";
        self.require(unit, "population.unit", message);
        match floors.k_only_k_min {
            None => {
                let message =
                    "k-only tables are not allowed here: the steward sets no `k_only_k_min`";
                self.require(false, "population.protection", message);
            }
            Some(least) => {
                let least = least.max(floors.k_min).max(K_MIN);
                let message = format!("has to be at least {least}, the steward's floor for k-only");
                self.require(a.k >= least, "k", message);
            }
        }
        let message =
            "a k-only agreement releases one table: of two, one could be subtracted from the other";
        self.require(a.plan.len() <= 1, "plan", message);
        let message = "a k-only table is one fixed partition: leave out ad-hoc merges";
        self.require(a.ad_hoc.is_empty(), "ad_hoc", message);
        for (n, item) in a.plan.iter().enumerate() {
            for (holds, field, message) in [
                (
                    item.charge.is_none(),
                    "charge",
                    "k-only has no noise and no charge: leave it out",
                ),
                (
                    item.rungs.is_empty(),
                    "rungs",
                    "a k-only table has no rungs: its margins are published",
                ),
                (
                    item.joint.is_none(),
                    "joint",
                    "k-only tables are not joined with other providers'",
                ),
                (
                    item.editions <= 1,
                    "editions",
                    "a k-only table is published once: a correction could be subtracted from it",
                ),
            ] {
                self.require(holds, &format!("plan[{n}].{field}"), message);
            }
        }
        for (n, table) in a.tables.iter().enumerate() {
            self.k_only_table(a, table, &format!("tables[{n}]"));
        }
    }

    fn k_only_table(&mut self, a: &Agreement, table: &Table, path: &str) {
        let bare = table.clamps.is_empty() && table.histograms.is_empty();
        let message =
            "a k-only table shows contributors alone: leave out `clamps` and `histograms`";
        self.require(bare, path, message);
        let grain = a.population.unit.grain();
        let once = grain.is_none_or(|grain| table.period == grain);
        let message = "the period of a k-only table has to be that of the unit: over several, one person counts \
             several times towards k";
        self.require(once, &format!("{path}.period"), message);
        // An unknown kind or zoning is a fault of its own.
        let (Some(kind), Some(zoning)) = (table.kind(), a.zoning(&table.zoning)) else {
            return;
        };
        let few = kind.dimensions.len() <= K_ONLY_DIMENSIONS_MAX;
        let message = format!("a k-only table has at most {K_ONLY_DIMENSIONS_MAX} dimensions");
        self.require(few, path, message);
        for dimension in &kind.dimensions {
            let values = match dimension.kind {
                DimensionKind::Zone => {
                    u64::from(zoning.zones) + u64::from(zoning.parents.unwrap_or(0))
                }
                DimensionKind::DayBin => u64::from(table.bins.count()),
                DimensionKind::Category => table
                    .axis(&dimension.name)
                    .map_or(0, |axis| axis.values.len() as u64),
            };
            let message = format!(
                "`{}` has over {} values with their parents, too many for a k-only table",
                dimension.name,
                K_ONLY_NODES_MAX - 1
            );
            self.require(values < K_ONLY_NODES_MAX, path, message);
        }
    }
}
