//! What may be merged on request, beside the plan.

use serde::{Deserialize, Serialize};

use super::Charge;
use crate::coarse::Coarsening;
use crate::id::TableName;
use crate::table::Table;

/// Leave to merge cells of a planned table on request. A merge reads whole periods, each of them due
/// as the plan says, and costs each unit-period of each of them the whole charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdHoc {
    /// A table of the plan.
    pub table: TableName,
    /// How its cells may be merged.
    pub coarsenings: Allowed,
    /// What one request costs each unit-period it reads.
    pub charge: Charge,
    /// How many requests may read one period.
    pub requests: u32,
}

impl AdHoc {
    /// r of the coarsest merge that may be asked for, which needs the most noise.
    #[must_use]
    pub fn most_merged(&self, table: &Table) -> u32 {
        match &self.coarsenings {
            Allowed::Any => table.cells_max,
            Allowed::Only(these) => {
                let merged = these.iter().filter_map(|c| c.merged(table)).max();
                merged.unwrap_or(table.cells_max)
            }
        }
    }
}

/// Which coarsenings may be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Allowed {
    /// Every one that fits the table.
    Any,
    /// These, and nothing else.
    Only(Vec<Coarsening>),
}

impl Allowed {
    /// Which, for people.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Any => "any that fits the table".to_owned(),
            Self::Only(these) => {
                let these: Vec<_> = these.iter().map(Coarsening::in_words).collect();
                these.join("; or ")
            }
        }
    }

    /// May it be asked for?
    #[must_use]
    pub fn allows(&self, coarsening: &Coarsening) -> bool {
        match self {
            Self::Any => true,
            Self::Only(these) => these.contains(coarsening),
        }
    }
}
