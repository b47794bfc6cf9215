//! May this agreement exist here? Every fault is named with the path of its field.

use std::collections::BTreeSet;

use crate::agreement::{Agreement, FORM, PlanItem, Unit};
use crate::entry::Floors;
use crate::id::PopulationId;
use crate::kind::{DimensionKind, Kind, MeasureKind};
use crate::loss::{Delta, Rho, UNITS_PER_ONE};
use crate::mechanism::{L0_MAX, LINF_MAX};
use crate::period::Grain;
use crate::table::Table;

/// Most tables in one agreement.
pub const TABLES_MAX: usize = 32;
/// Largest public domain of a table: what a release may have to look through.
pub const DOMAIN_MAX: u64 = 1 << 32;
/// Largest δ of one release; δ has to be far below one over the number of people.
pub const DELTA_MAX: Delta = Delta::from_units(UNITS_PER_ONE / 100_000);
/// Most zones, hours, days and editions that make sense here.
const ZONES_MAX: u32 = 1 << 20;
const HOURS_MAX: u32 = 24 * 366;
const EDITIONS_MAX: u32 = 64;

/// One thing wrong with an agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The field, for example `tables[0].cells_max`.
    pub path: String,
    /// What is wrong and what is allowed.
    pub message: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// Everything wrong with an agreement under these floors; empty where it may be offered.
#[must_use]
pub fn faults(agreement: &Agreement, floors: &Floors) -> Vec<Fault> {
    let mut check = Check { faults: Vec::new() };
    check.head(agreement);
    check.parties(agreement);
    check.population(agreement, floors);
    check.zonings(agreement);
    check.names(agreement);
    for (n, table) in agreement.tables.iter().enumerate() {
        check.table(agreement, table, &format!("tables[{n}]"));
    }
    for (n, item) in agreement.plan.iter().enumerate() {
        check.plan_item(agreement, item, &format!("plan[{n}]"));
    }
    check.allotment(agreement);
    check.faults
}

struct Check {
    faults: Vec<Fault>,
}

impl Check {
    fn require(&mut self, holds: bool, path: &str, message: impl Into<String>) {
        if !holds {
            self.faults.push(Fault {
                path: path.to_owned(),
                message: message.into(),
            });
        }
    }

    fn head(&mut self, a: &Agreement) {
        self.require(a.form == FORM, "form", format!("has to be `{FORM}`"));
        for (path, text, most) in [
            ("title", &a.title, 200),
            ("public_summary", &a.public_summary, 4000),
        ] {
            let fits = !text.trim().is_empty() && text.chars().count() <= most;
            self.require(
                fits,
                path,
                format!("has to say something, in at most {most} characters"),
            );
        }
        self.require(
            a.valid.from <= a.valid.until,
            "valid",
            "ends before it begins",
        );
        self.require(
            a.covers.from <= a.covers.until,
            "covers",
            "ends before it begins",
        );
        let purposes = !a.purposes.is_empty() && a.purposes.iter().all(|p| is_purpose(p));
        self.require(
            purposes,
            "purposes",
            "name DPV purposes, like `dpv:PublicPolicyMaking`",
        );
    }

    fn parties(&mut self, a: &Agreement) {
        let differ = a.provider.org != a.planner.org;
        self.require(differ, "planner.org", "an agreement has two parties");
        let unique: BTreeSet<_> = a.recipients.iter().collect();
        let fits = !unique.is_empty() && unique.len() == a.recipients.len();
        self.require(
            fits,
            "recipients",
            "name each recipient once, and at least one",
        );
        let provider = a.recipients.contains(&a.provider.org);
        self.require(
            !provider,
            "recipients",
            "the provider is not a recipient of its own data",
        );
    }

    fn population(&mut self, a: &Agreement, floors: &Floors) {
        let description = !a.population.description.trim().is_empty();
        self.require(
            description,
            "population.description",
            "say whose data it is",
        );
        let days = a.retention_days;
        let most = floors.retention_days_max;
        let message = format!("has to be 1 to {most} days, the steward's limit");
        self.require((1..=most).contains(&days), "retention_days", message);
        if a.population.unit == Unit::None {
            self.require(
                a.population.cap.is_none(),
                "population.cap",
                "no unit, no cap: leave it out",
            );
            self.require(a.k == 0, "k", "no unit, no k: write 0");
            return;
        }
        let message = format!("has to be at least {}, the steward's floor", floors.k_min);
        self.require(a.k >= floors.k_min.max(1), "k", message);
        match a.population.cap {
            None => self.require(false, "population.cap", "a unit needs a cap"),
            Some(cap) => {
                let message = format!("is over the steward's limit ({})", floors.cap_max);
                self.require(cap.fits_in(floors.cap_max), "population.cap", message);
            }
        }
    }

    fn zonings(&mut self, a: &Agreement) {
        let unique: BTreeSet<_> = a.zonings.iter().map(|z| &z.id).collect();
        self.require(
            unique.len() == a.zonings.len(),
            "zonings",
            "name each zoning once",
        );
        for (n, zoning) in a.zonings.iter().enumerate() {
            let fits = (1..=ZONES_MAX).contains(&zoning.zones);
            self.require(
                fits,
                &format!("zonings[{n}].zones"),
                format!("has to be 1 to {ZONES_MAX}"),
            );
        }
    }

    fn names(&mut self, a: &Agreement) {
        let unique: BTreeSet<_> = a.tables.iter().map(|t| &t.name).collect();
        let fits = (1..=TABLES_MAX).contains(&a.tables.len()) && unique.len() == a.tables.len();
        self.require(
            fits,
            "tables",
            format!("name 1 to {TABLES_MAX} tables, each once"),
        );
        let planned: BTreeSet<_> = a.plan.iter().map(|i| &i.table).collect();
        let once = !a.plan.is_empty() && planned.len() == a.plan.len();
        self.require(once, "plan", "name at least one table, and each once");
    }

    fn table(&mut self, a: &Agreement, table: &Table, path: &str) {
        let Some(kind) = table.kind() else {
            let known: Vec<_> = Kind::all().iter().map(|k| k.kind.as_str()).collect();
            let message = format!("`{}` is not a kind: {}", table.kind, known.join(", "));
            return self.require(false, &format!("{path}.kind"), message);
        };
        let zoning = a.zoning(&table.zoning);
        self.require(
            zoning.is_some(),
            &format!("{path}.zoning"),
            "is not among `zonings`",
        );
        self.axes(kind, table, path);
        self.clamps(kind, table, path);
        self.bounds(a.population.unit, table, path);
        let size = zoning.and_then(|z| table.domain_size(z.zones));
        let message = format!("the table's public domain is over {DOMAIN_MAX} keys: coarsen it");
        self.require(size.is_none_or(|s| s <= DOMAIN_MAX), path, message);
    }

    fn axes(&mut self, kind: &Kind, table: &Table, path: &str) {
        let path = format!("{path}.categories");
        let wanted: Vec<_> = kind
            .dimensions
            .iter()
            .filter(|d| d.kind == DimensionKind::Category)
            .map(|d| d.name.as_str())
            .collect();
        let given: Vec<_> = table
            .categories
            .iter()
            .map(|a| a.dimension.as_str())
            .collect();
        let message = format!(
            "list the values of exactly these dimensions: {}",
            wanted.join(", ")
        );
        self.require(wanted == given, &path, message);
        for axis in &table.categories {
            let unique: BTreeSet<_> = axis.values.iter().collect();
            let fits = !unique.is_empty() && unique.len() == axis.values.len();
            self.require(
                fits,
                &path,
                format!("`{}` lists each value once", axis.dimension),
            );
        }
    }

    fn clamps(&mut self, kind: &Kind, table: &Table, path: &str) {
        let unique: BTreeSet<_> = table.clamps.iter().map(|c| &c.measure).collect();
        let path = format!("{path}.clamps");
        self.require(
            unique.len() == table.clamps.len(),
            &path,
            "one range per measure",
        );
        for clamp in &table.clamps {
            let sum = kind
                .measure(&clamp.measure)
                .is_some_and(|m| m.kind == MeasureKind::Sum);
            let message = format!("`{}` is not a sum of kind `{}`", clamp.measure, kind.kind);
            self.require(sum, &path, message);
            let rising = clamp.min < clamp.max;
            self.require(
                rising,
                &path,
                format!("`{}` needs min below max", clamp.measure),
            );
        }
    }

    fn bounds(&mut self, unit: Unit, table: &Table, path: &str) {
        let l0 = (1..=L0_MAX).contains(&table.cells_max);
        self.require(
            l0,
            &format!("{path}.cells_max"),
            format!("has to be 1 to {L0_MAX}"),
        );
        let linf = (1..=LINF_MAX).contains(&u64::from(table.per_cell_max));
        self.require(
            linf,
            &format!("{path}.per_cell_max"),
            format!("has to be 1 to {LINF_MAX}"),
        );
        if unit == Unit::Trip {
            let one = table.cells_max == 1 && table.per_cell_max == 1;
            let message = "a trip touches one cell once: cells_max and per_cell_max are 1";
            self.require(one, path, message);
        }
        if let Some(grain) = unit.grain() {
            let whole = table.period.holds_whole(grain);
            let message = format!(
                "a {} does not hold whole {}s",
                word(table.period),
                unit.word()
            );
            self.require(whole, &format!("{path}.period"), message);
        }
    }

    fn plan_item(&mut self, a: &Agreement, item: &PlanItem, path: &str) {
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
        let path = format!("{path}.charge");
        match (&item.charge, a.population.unit) {
            (None, Unit::None) => {}
            (Some(_), Unit::None) => self.require(false, &path, "no unit, no charge: leave it out"),
            (None, _) => self.require(false, &path, "a release of protected data needs a charge"),
            (Some(charge), unit) => {
                self.require(
                    charge.selection > Rho::ZERO,
                    &path,
                    "`selection` has to be above 0",
                );
                let delta = charge.delta > Delta::ZERO && charge.delta <= DELTA_MAX;
                let message = format!("`delta` has to be above 0, at most {DELTA_MAX}");
                self.require(delta, &path, message);
                self.measures(table, unit, charge, &path);
            }
        }
    }

    fn measures(
        &mut self,
        table: &Table,
        unit: Unit,
        charge: &crate::agreement::Charge,
        path: &str,
    ) {
        let unique: BTreeSet<_> = charge.measures.iter().map(|m| &m.measure).collect();
        self.require(
            unique.len() == charge.measures.len(),
            path,
            "one charge per measure",
        );
        for measure in &charge.measures {
            let name = &measure.measure;
            let kind = table
                .kind()
                .and_then(|kind| kind.measure(name))
                .map(|m| m.kind);
            let count = kind == Some(MeasureKind::Count);
            let message = format!("`{name}` is not a count of this kind; only counts are released");
            self.require(count, path, message);
            self.require(
                measure.rho > Rho::ZERO,
                path,
                format!("`{name}` needs a rho above 0"),
            );
            let message = format!("with unit trip the contributors are the trips: drop `{name}`");
            self.require(unit != Unit::Trip, path, message);
        }
    }

    fn allotment(&mut self, a: &Agreement) {
        let Some(cap) = a.population.cap else { return };
        match a.allotment() {
            None => self.require(false, "plan", "the sum of all charges leaves its type"),
            Some(sum) => {
                let population: &PopulationId = &a.population.id;
                let message = format!(
                    "all editions together come to ({sum}) for each unit-period, over the cap ({cap}) of `{population}`"
                );
                self.require(sum.fits_in(cap), "plan", message);
            }
        }
    }
}

fn word(grain: Grain) -> &'static str {
    match grain {
        Grain::Day => "day",
        Grain::Week => "week",
        Grain::Month => "month",
    }
}

fn is_purpose(text: &str) -> bool {
    text.strip_prefix("dpv:").is_some_and(|term| {
        (1..=64).contains(&term.len()) && term.bytes().all(|b| b.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests;
