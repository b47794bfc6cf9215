//! The rungs of a plan's table.

use super::{Check, fits};
use crate::agreement::{Agreement, Charge, PlanItem};
use crate::coarse::Coarsening;
use crate::table::Table;

/// Most rungs of one table.
const RUNGS_MAX: usize = 8;

impl Check {
    /// Each rung fits the table and holds whole rows of the one before, of which the first is the table
    /// itself; a row covers what is left of them.
    pub(super) fn ladder(&mut self, a: &Agreement, item: &PlanItem, table: &Table, path: &str) {
        if item.rungs.is_empty() {
            return;
        }
        let most = format!("has to be at most {RUNGS_MAX} rungs");
        self.require(item.rungs.len() <= RUNGS_MAX, path, most);
        let message = "a table with rungs has a charge of its own, and so a unit";
        self.require(item.charge.is_some(), path, message);
        let message = "a table with a `joint` rule has no rungs: a merged row is of one provider";
        self.require(item.joint.is_none(), path, message);
        let mut finer = &Coarsening::default();
        for (n, rung) in item.rungs.iter().enumerate() {
            let path = format!("{path}[{n}]");
            let coarser = rung.coarsening.holds(finer) && rung.coarsening != *finer;
            let message = "has to be coarser than the rung before it, in whole rows of it";
            self.require(coarser, &format!("{path}.coarsening"), message);
            fits(
                self,
                a,
                table,
                &rung.coarsening,
                &format!("{path}.coarsening"),
            );
            let names = |charge: &Charge| -> Vec<String> {
                charge.measures.iter().map(|m| m.measure.clone()).collect()
            };
            let same = item.charge.as_ref().map(names) == Some(names(&rung.charge));
            let message =
                "has to pay for the measures of the table, in their order: its rows stand beside";
            self.require(same, &format!("{path}.charge"), message);
            let unit = a.population.unit;
            self.charge(table, unit, &rung.charge, &format!("{path}.charge"));
            finer = &rung.coarsening;
        }
    }
}
