//! What may be merged on request, and what for.

use std::collections::BTreeSet;

use super::{Check, fits};
use crate::agreement::{AdHoc, Agreement, Allowed, Unit};
use crate::coarse::Coarsening;

/// Most requests that may read one period.
const REQUESTS_MAX: u32 = 1024;
/// Most coarsenings of one line.
const COARSENINGS_MAX: usize = 64;

impl Check {
    pub(super) fn ad_hoc(&mut self, a: &Agreement) {
        let unique: BTreeSet<_> = a.ad_hoc.iter().map(|line| &line.table).collect();
        let once = unique.len() == a.ad_hoc.len();
        self.require(once, "ad_hoc", "name each table once");
        for (n, line) in a.ad_hoc.iter().enumerate() {
            self.ad_hoc_line(a, line, &format!("ad_hoc[{n}]"));
        }
    }

    fn ad_hoc_line(&mut self, a: &Agreement, line: &AdHoc, path: &str) {
        let planned = a.plan_item(&line.table).is_some();
        let message = format!("`{}` is not among `plan`", line.table);
        self.require(planned, &format!("{path}.table"), message);
        let joint = a.plan_item(&line.table).is_some_and(|i| i.joint.is_some());
        self.require(
            !joint,
            &format!("{path}.table"),
            "has a `joint` rule in the plan, which a merge of one provider would undo",
        );
        let requests = (1..=REQUESTS_MAX).contains(&line.requests);
        let message = format!("has to be 1 to {REQUESTS_MAX}");
        self.require(requests, &format!("{path}.requests"), message);
        let charge = format!("{path}.charge");
        let unit = a.population.unit;
        self.require(
            unit != Unit::None,
            &charge,
            "no unit, no ad-hoc merges: all is released as contributed",
        );
        let Some(table) = a.table(&line.table) else {
            return;
        };
        self.charge(table, unit, &line.charge, &charge);
        self.beside_units(a, line.charge.total(), &charge);
        if let Allowed::Only(these) = &line.coarsenings {
            let path = format!("{path}.coarsenings");
            let unique: BTreeSet<_> = these.iter().map(spelling).collect();
            let once = (1..=COARSENINGS_MAX).contains(&these.len()) && unique.len() == these.len();
            let message = format!("name 1 to {COARSENINGS_MAX}, each once, or `any`");
            self.require(once, &path, message);
            for coarsening in these {
                fits(self, a, table, coarsening, &path);
            }
        }
    }
}

fn spelling(coarsening: &Coarsening) -> String {
    serde_json::to_string(coarsening).unwrap_or_default()
}
