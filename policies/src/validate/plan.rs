//! The plan: what is released, when, at which charge.

use std::collections::BTreeSet;

use super::{Check, DELTA_MAX, delta_beside};
use crate::agreement::{Agreement, Charge, PlanItem, Protection, Unit};
use crate::id::PopulationId;
use crate::joint::{DOMINANCE_PERCENT, MIN_PROVIDERS_LEAST, PARTS_MAX};
use crate::loss::{Delta, Loss, Rho};
use crate::mechanism::LINF_MAX;
use crate::mutants::delta_max;
use crate::table::{Charged, Table};

/// A year: what is due later is not due.
const HOURS_MAX: u32 = 24 * 366;
/// Most editions of one period.
const EDITIONS_MAX: u32 = 64;

impl Check {
    pub(super) fn plan_item(&mut self, a: &Agreement, item: &PlanItem, path: &str) {
        let Some(table) = a.table(&item.table) else {
            let message = format!("`{}` is not among `tables`", item.table);
            return self.require(false, &format!("{path}.table"), message);
        };
        let editions = (1..=EDITIONS_MAX).contains(&item.editions);
        let message = format!("has to be 1 to {EDITIONS_MAX}");
        self.require(editions, &format!("{path}.editions"), message);
        for (name, hours) in [
            ("due_hours", item.due_hours),
            ("grace_hours", item.grace_hours),
        ] {
            let message = format!("has to be at most {HOURS_MAX}");
            self.require(hours <= HOURS_MAX, &format!("{path}.{name}"), message);
        }
        let alone = !item.scheduled || item.joint.is_none();
        let message = "a table that stands together with others' is asked for: leave it out";
        self.require(alone, &format!("{path}.scheduled"), message);
        self.joint(a, item, table, &format!("{path}.joint"));
        let dense = item.dense && item.charge.is_none();
        let message = "a dense table has a charge of its own, and so a unit";
        self.require(!dense, &format!("{path}.dense"), message);
        let path = format!("{path}.charge");
        match (&item.charge, a.population.unit) {
            // What has no charge has other rules of its own.
            _ if a.population.protection == Protection::KOnly => return,
            (None, Unit::None) => {}
            (Some(_), Unit::None) => self.require(false, &path, "no unit, no charge: leave it out"),
            (None, _) => self.require(false, &path, "a release of protected data needs a charge"),
            (Some(charge), _) if item.dense => self.dense(a, item, table, charge, &path),
            (Some(charge), unit) => self.charge(table, unit, charge, &path),
        }
        self.beside_units(a, item.total(), &path);
        self.ladder(a, item, table, &path.replace(".charge", ".rungs"));
    }

    /// δ is small only beside the number of units: below 1 over them, where the agreement names a bound.
    pub(super) fn beside_units(&mut self, a: &Agreement, total: Option<Loss>, path: &str) {
        let (Some(units), Some(total)) = (a.population.units_max, total) else {
            return;
        };
        let most = delta_beside(units);
        let message = format!(
            "`delta`, with that of all rungs, has to be at most {most}: below 1 over `population.units_max`"
        );
        self.require(total.delta <= most, path, message);
    }

    /// What is asked of a joint table: possible at all, and not undone by another line of this plan.
    fn joint(&mut self, a: &Agreement, item: &PlanItem, table: &Table, path: &str) {
        let Some(rule) = item.joint else { return };
        self.require(!rule.is_none(), path, "asks for nothing: leave it out");
        let unit = a.population.unit != Unit::None;
        self.require(unit, path, "data without a unit is not joined");
        let most = u32::try_from(PARTS_MAX).unwrap_or(u32::MAX);
        let range = MIN_PROVIDERS_LEAST..=most;
        let message = format!("has to be {MIN_PROVIDERS_LEAST} to {most}");
        let fits = rule.min_providers.is_none_or(|n| range.contains(&n));
        self.require(fits, &format!("{path}.min_providers"), message);
        let (low, high) = (DOMINANCE_PERCENT.start(), DOMINANCE_PERCENT.end());
        let message = format!("has to be {low} to {high}");
        let fits = rule
            .dominance_percent
            .is_none_or(|p| DOMINANCE_PERCENT.contains(&p));
        self.require(fits, &format!("{path}.dominance_percent"), message);
        let beside = a.plan.iter().any(|other| {
            let its = a.table(&other.table);
            other.table != item.table && its.is_some_and(|its| its.kind == table.kind)
        });
        let message = "another line releases a table of the same kind, whose rows could undo what this \
                       rule withholds: release one of them";
        self.require(!beside, path, message);
    }

    pub(super) fn charge(&mut self, table: &Table, unit: Unit, charge: &Charge, path: &str) {
        self.require(
            charge.selection > Rho::ZERO,
            path,
            "`selection` has to be above 0, and all charges together at most the cap",
        );
        let delta = charge.delta > Delta::ZERO && charge.delta <= delta_max(DELTA_MAX);
        let message = format!("`delta` has to be above 0, at most {DELTA_MAX}");
        self.require(delta, path, message);
        self.measures(table, unit, charge, path);
    }

    pub(super) fn measures(&mut self, table: &Table, unit: Unit, charge: &Charge, path: &str) {
        let unique: BTreeSet<_> = charge.measures.iter().map(|m| &m.measure).collect();
        self.require(
            unique.len() == charge.measures.len(),
            path,
            "one charge per measure",
        );
        // An unknown kind is a fault of the table.
        if table.kind().is_none() {
            return;
        }
        for (n, measure) in charge.measures.iter().enumerate() {
            let name = &measure.measure;
            self.require(
                measure.rho > Rho::ZERO,
                path,
                format!("`{name}` needs a rho above 0"),
            );
            self.measure(table, unit, charge, name, &format!("{path}.measures[{n}]"));
        }
    }

    fn measure(&mut self, table: &Table, unit: Unit, charge: &Charge, name: &str, path: &str) {
        match table.charged(name) {
            None => {
                let message = format!(
                    "`{name}` is no count, clamped sum (`duration_s`) or histogram \
                     (`duration_s_histogram`) of the table"
                );
                self.require(false, path, message);
            }
            Some(Charged::Count) => {
                let message =
                    format!("with unit trip the contributors are the trips: drop `{name}`");
                self.require(unit != Unit::Trip, path, message);
            }
            Some(Charged::Sum(_)) => self.counted(table, unit, charge, name, path),
            Some(Charged::Histogram(_)) => {}
        }
        let fits = table.sensitivity(name).is_none_or(|most| most <= LINF_MAX);
        let message = format!("one unit can change `{name}` by over {LINF_MAX}: narrow the clamp");
        self.require(fits, path, message);
    }

    /// A sum is centred by its count, so its release shows both. With unit trip the contributors
    /// are the count.
    fn counted(&mut self, table: &Table, unit: Unit, charge: &Charge, name: &str, path: &str) {
        let Some(count) = table.count() else {
            let message = format!("`{name}` has no count beside it in kind `{}`", table.kind);
            return self.require(false, path, message);
        };
        let charged = charge.measures.iter().any(|m| m.measure == count);
        let message = format!("a charge on `{name}` needs one on `{count}` beside it");
        self.require(charged || unit == Unit::Trip, path, message);
    }

    pub(super) fn allotment(&mut self, a: &Agreement) {
        let Some(cap) = a.population.cap else { return };
        match a.allotment() {
            None => self.require(false, "plan", "the sum of all charges leaves its type"),
            Some(sum) => {
                let population: &PopulationId = &a.population.id;
                let message = format!(
                    "all editions together come to ({sum}) for each unit-period, over the cap \
                     ({cap}) of `{population}`"
                );
                self.require(sum.fits_in(cap), "plan", message);
            }
        }
    }
}
