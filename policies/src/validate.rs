//! May this agreement exist here? Every fault is named with the path of its field.

use std::collections::BTreeSet;

use jiff::civil::{Date, date};

use crate::agreement::{
    Agreement, Days, FORM, NOTICE_DAYS_MAX, Protection, UNITS_MAX, Unit, delta_beside,
};
use crate::coarse::Coarsening;
use crate::entry::Floors;
use crate::loss::{Delta, UNITS_PER_ONE};
use crate::table::Table;

mod ad_hoc;
mod canvas;
mod dense;
mod k_only;
mod ladder;
mod plan;
mod publication;
mod tables;
mod texts;

pub use dense::DENSE_KEYS_MAX;
pub use k_only::{K_ONLY_DIMENSIONS_MAX, K_ONLY_NODES_MAX};

/// Most tables in one agreement.
pub const TABLES_MAX: usize = 32;
/// Largest public domain of a table: what a release may have to look through.
pub const DOMAIN_MAX: u64 = 1 << 32;
/// Largest δ of one release; δ has to be far below one over the number of people.
pub const DELTA_MAX: Delta = Delta::from_units(UNITS_PER_ONE / 100_000);
/// Most bins of one histogram.
pub const BINS_MAX: usize = 32;
/// Most zones in one zoning.
const ZONES_MAX: u32 = 1 << 20;
/// Days that an agreement may speak of: beyond them a date is a slip.
const FIRST_DAY: Date = date(1900, 1, 1);
const LAST_DAY: Date = date(2199, 12, 31);

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

/// Everything wrong with an agreement under these floors; empty where it may be offered, and signed.
#[must_use]
pub fn faults(agreement: &Agreement, floors: &Floors) -> Vec<Fault> {
    let mut check = Check {
        faults: lasting_faults(agreement, floors),
    };
    check.plain_texts(agreement);
    check.faults
}

/// Those of them that are wrong in every log. What a rule asks of texts from now on is not asked of what an older broker
/// let in: an honest log holds for ever.
#[must_use]
pub fn lasting_faults(agreement: &Agreement, floors: &Floors) -> Vec<Fault> {
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
    check.dense_allowed(agreement, floors);
    check.ad_hoc(agreement);
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
        self.says("title", &a.title, 200);
        self.says("public_summary", &a.public_summary, 4000);
        self.canvas(a);
        self.publication(a);
        let notice = a.on_end.map_or(0, |end| end.notice_days);
        let message = format!("is at most {NOTICE_DAYS_MAX}");
        self.require(notice <= NOTICE_DAYS_MAX, "on_end.notice_days", message);
        self.days("valid", a.valid);
        self.days("covers", a.covers);
        let unique: BTreeSet<_> = a.purposes.iter().collect();
        let each_once = !unique.is_empty() && unique.len() == a.purposes.len();
        self.require(
            each_once && a.purposes.iter().all(|p| is_purpose(p)),
            "purposes",
            "name DPV purposes, like `dpv:PublicPolicyMaking`, each once",
        );
    }

    fn days(&mut self, path: &str, days: Days) {
        let rising = days.from <= days.until;
        self.require(rising, path, "ends before it begins");
        let near = days.from >= FIRST_DAY && days.until <= LAST_DAY;
        let message = format!("has to lie between {FIRST_DAY} and {LAST_DAY}");
        self.require(near || !rising, path, message);
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
        let fits = a
            .population
            .units_max
            .is_none_or(|n| (1..=UNITS_MAX).contains(&n));
        let message =
            format!("has to be 1 to {UNITS_MAX} in one unit-period; leave it out where unknown");
        self.require(fits, "population.units_max", message);
        let k_only = a.population.protection == Protection::KOnly;
        if k_only {
            self.k_only(a, floors);
        } else if a.population.unit == Unit::None {
            self.require(
                a.population.cap.is_none(),
                "population.cap",
                "no unit, no cap: leave it out",
            );
            self.require(a.k == 0, "k", "no unit, no k: write 0");
            let message = "no unit, none to count: leave it out";
            self.require(
                a.population.units_max.is_none(),
                "population.units_max",
                message,
            );
            return;
        } else {
            let message = format!("has to be at least {}, the steward's floor", floors.k_min);
            self.require(a.k >= floors.k_min.max(1), "k", message);
        }
        match a.population.cap {
            None => self.require(k_only, "population.cap", "a unit needs a cap"),
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
            let fits = zoning
                .parents
                .is_none_or(|n| (1..=zoning.zones).contains(&n));
            self.require(
                fits,
                &format!("zonings[{n}].parents"),
                "has to be 1 to the number of zones: each zone has one parent",
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
}

/// Is the coarsening one of the table?
fn fits(check: &mut Check, a: &Agreement, table: &Table, coarsening: &Coarsening, path: &str) {
    // A table without a zoning is a fault of its own.
    let Some(zoning) = a.zoning(&table.zoning) else {
        return;
    };
    if let Err(unfit) = coarsening.check(table, zoning) {
        check.require(false, path, unfit.to_string());
    }
}

pub(crate) fn is_purpose(text: &str) -> bool {
    text.strip_prefix("dpv:").is_some_and(|term| {
        (1..=64).contains(&term.len()) && term.bytes().all(|b| b.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests;
