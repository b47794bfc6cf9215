//! The plan: what is released of which table, when, and at which charge.

use serde::{Deserialize, Serialize};

use crate::coarse::Coarsening;
use crate::id::TableName;
use crate::joint::JointRule;
use crate::loss::{Delta, Loss, Rho};
use crate::mechanism::Noise;

/// One line of the plan: a table, its charge and its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanItem {
    /// The table.
    pub table: TableName,
    /// What one edition of one period costs each unit-period it reads; absent where there is no
    /// unit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub charge: Option<Charge>,
    /// Coarser rows for what the table itself cannot show, finer ones first: each rung covers only cells
    /// that no finer row published, and is charged whether it shows a row or not.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub rungs: Vec<Rung>,
    /// How many editions of a period may be made (a correction makes a new one).
    pub editions: u32,
    /// Hours after the period's end at which it may be released.
    pub due_hours: u32,
    /// Hours after that in which a contribution is not yet late.
    pub grace_hours: u32,
    /// Does the broker release a period by itself, once due time and grace are over? Else it waits to be asked.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub scheduled: bool,
    /// What the table asks of those it stands in together with other providers'. With it, it is never
    /// released alone, nor beside another table that it could be subtracted from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub joint: Option<JointRule>,
    /// "DP only": every key of the table's public domain is published with noise, zeros included. There is no
    /// selection, so its charge has no δ, and the agreement's k is not promised for this table.
    #[serde(skip_serializing_if = "is_false", default)]
    pub dense: bool,
}

fn is_false(value: &bool) -> bool {
    !*value
}

/// One coarser rung of a ladder (DESIGN section 7 rule 7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rung {
    /// Which cells fall into one of its rows.
    pub coarsening: Coarsening,
    /// What its rows cost each unit-period, beside the table and the other rungs.
    pub charge: Charge,
}

impl PlanItem {
    /// What one edition of one period costs each unit-period it reads: the table and all its rungs.
    /// `None` where the sum leaves the type; zero where there is no unit.
    #[must_use]
    pub fn total(&self) -> Option<Loss> {
        let rungs = self.rungs.iter().map(|rung| &rung.charge);
        let mut charges = self.charge.iter().chain(rungs);
        charges.try_fold(Loss::ZERO, |sum, charge| sum.checked_add(charge.total()?))
    }
}

/// What one release costs, by purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Charge {
    /// ρ of the noisy contributors, which also select the rows.
    pub selection: Rho,
    /// δ of the selection threshold; 0 where a dense table has none.
    pub delta: Delta,
    /// ρ of each further measure that is published.
    pub measures: Vec<MeasureCharge>,
    /// The one distribution all its noise has; without it, each draw has the quieter one. Discrete
    /// Laplace makes ρ a pure ε of √(2ρ), as who counts in (ε, δ) needs it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub noise: Option<Noise>,
}

/// ρ of one published measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasureCharge {
    /// A count measure of the table's kind, a sum with a clamp, or a histogram
    /// ([`crate::table::Charged`]).
    pub measure: String,
    /// Its ρ.
    pub rho: Rho,
}

impl Charge {
    /// The sum, or `None` where it leaves the type.
    #[must_use]
    pub fn total(&self) -> Option<Loss> {
        let rho = self
            .measures
            .iter()
            .try_fold(self.selection, |sum, m| sum.checked_add(m.rho))?;
        Some(Loss {
            rho,
            delta: self.delta,
        })
    }
}
