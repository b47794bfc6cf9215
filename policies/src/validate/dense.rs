//! What a dense table asks of its line: a public domain of bounded size, and nothing that selects or merges.

use super::Check;
use crate::agreement::{Agreement, Charge, PlanItem};
use crate::entry::Floors;
use crate::loss::{Delta, Rho};
use crate::table::Table;

/// Most keys of a dense table: every one of them is drawn and published, whether anybody is in it or not.
pub const DENSE_KEYS_MAX: u64 = 1 << 20;

impl Check {
    /// The steward may want a k in every table.
    pub(super) fn dense_allowed(&mut self, a: &Agreement, floors: &Floors) {
        for (n, _) in a.plan.iter().enumerate().filter(|(_, item)| item.dense) {
            let message = "dense tables, which promise no k, are not allowed here: the steward's `dense_allowed` \
                           is false";
            self.require(floors.dense_allowed, &format!("plan[{n}].dense"), message);
        }
    }

    /// `path` is that of the charge.
    pub(super) fn dense(
        &mut self,
        a: &Agreement,
        item: &PlanItem,
        table: &Table,
        charge: &Charge,
        path: &str,
    ) {
        let selection = charge.selection > Rho::ZERO;
        self.require(selection, path, "`selection` has to be above 0");
        let delta = charge.delta == Delta::ZERO;
        self.require(
            delta,
            path,
            "`delta` has to be 0: a dense table selects nothing",
        );
        self.measures(table, a.population.unit, charge, path);

        let path = path.replace(".charge", ".dense");
        let message = "a dense table has no `rungs`: no key is left to them";
        self.require(item.rungs.is_empty(), &path, message);
        let message = "a dense table has no `joint` rule: it is of one provider alone";
        self.require(item.joint.is_none(), &path, message);
        let message = "a dense table has no line in `ad_hoc`: add up its rows, which costs nothing";
        self.require(a.ad_hoc(&table.name).is_none(), &path, message);
        // A table without a zoning or a kind is a fault of its own.
        let Some(zoning) = a.zoning(&table.zoning).filter(|_| table.kind().is_some()) else {
            return;
        };
        let keys = table.domain_size(zoning.zones);
        let fits = keys.is_some_and(|keys| keys <= DENSE_KEYS_MAX);
        let keys = keys.map_or("over 2^64".to_owned(), |keys| keys.to_string());
        let message = format!(
            "the table has {keys} keys (zones, bins and categories), a dense one has 1 to {DENSE_KEYS_MAX}"
        );
        self.require(fits, &path, message);
    }
}
