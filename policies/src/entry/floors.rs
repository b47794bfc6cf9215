//! What the steward asks of every agreement.

use serde::{Deserialize, Serialize};

use crate::loss::Loss;

/// The least that any agreement has to promise here, set by the steward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Floors {
    /// Least k.
    pub k_min: u32,
    /// Greatest cap of a unit-period.
    pub cap_max: Loss,
    /// Greatest retention of cells, in days.
    pub retention_days_max: u32,
    /// Least k of k-only tables, which have no differential privacy; absent: none are allowed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub k_only_k_min: Option<u32>,
    /// May agreements have dense tables, which promise no k? Absent: yes.
    #[serde(skip_serializing_if = "is_true", default = "yes")]
    pub dense_allowed: bool,
}

const fn yes() -> bool {
    true
}

const fn is_true(value: &bool) -> bool {
    *value
}
