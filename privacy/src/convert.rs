//! (ρ, Σδ) as ε, for people. Display only: nothing is ever decided on these numbers.

use policies::loss::Loss;
use serde::{Deserialize, Serialize};

use crate::engine::{self, OpenDpError};

/// The δ at which ε is shown, as text.
pub const DISPLAY_DELTA: &str = "0.000001";
const DISPLAY_DELTA_FLOAT: f64 = 1e-6;

/// ε at [`DISPLAY_DELTA`], two decimals, rounded up; `None` where Σδ alone is above that δ.
///
/// # Errors
/// [`OpenDpError`] where OpenDP's conversion fails.
pub fn epsilon(loss: Loss) -> Result<Option<String>, OpenDpError> {
    let epsilon = engine::epsilon(loss, DISPLAY_DELTA_FLOAT)?;
    Ok(epsilon.map(|e| format!("{:.2}", (e * 100.0).ceil() / 100.0)))
}

/// What someone loses over some unit-periods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossStatement {
    /// How many of their unit-periods are read.
    pub unit_periods: u32,
    /// (ρ, Σδ).
    pub loss: Loss,
    /// ε at [`DISPLAY_DELTA`]; absent where Σδ alone is above it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub epsilon: Option<String>,
}

/// The loss of somebody who is in `unit_periods` unit-periods, each of which loses `loss`.
///
/// # Errors
/// [`OpenDpError`] where a sum leaves its type or the conversion fails.
pub fn statement(loss: Loss, unit_periods: u32) -> Result<LossStatement, OpenDpError> {
    let doing = "add up losses";
    let loss = loss
        .checked_mul(u64::from(unit_periods))
        .ok_or(OpenDpError { doing })?;
    Ok(LossStatement {
        unit_periods,
        loss,
        epsilon: epsilon(loss)?,
    })
}
