//! What a mechanism costs, in integers rounded against the caller: the one place where scales
//! become charges. The broker reserves by it, the auditor recomputes by it; the `privacy` crate
//! asserts that OpenDP's own maps are never above it.
//!
//! Scales are dyadic (sixteenths), so OpenDP's exact rationals stay small and ρ is a ratio of
//! integers.

use serde::{Deserialize, Serialize};

use crate::fixed::ONE;
use crate::loss::{Delta, Loss, Rho, UNITS_PER_ONE};
use crate::mutants::{Mutant, instead_of};

mod tail;
mod terms;

pub use terms::TermsError;

/// Sixteenths per 1: the granularity of a scale.
pub const SCALE_STEPS: u64 = 16;
/// Largest scale, in sixteenths: beyond it counts drown and products leave `u128`.
pub const SCALE_MAX: u64 = 1 << 28;
/// Largest L0.
pub const L0_MAX: u32 = 1 << 16;
/// Largest L∞.
pub const LINF_MAX: u64 = 1 << 32;

/// Which integer noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Noise {
    /// P[Z = z] ∝ e^(-|z|/b) (Ghosh, Roughgarden, Sundararajan 2009).
    DiscreteLaplace,
    /// P[Z = z] ∝ e^(-z²/2σ²) (Canonne, Kamath, Steinke 2020).
    DiscreteGaussian,
}

/// b or σ in sixteenths, 1 to [`SCALE_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Scale(u64);

impl Scale {
    /// In sixteenths.
    ///
    /// # Errors
    /// [`MechanismError::Scale`] outside 1 to [`SCALE_MAX`].
    pub fn from_sixteenths(sixteenths: u64) -> Result<Self, MechanismError> {
        if (1..=SCALE_MAX).contains(&sixteenths) {
            Ok(Self(sixteenths))
        } else {
            Err(MechanismError::Scale { given: sixteenths })
        }
    }

    /// In sixteenths.
    #[must_use]
    pub fn sixteenths(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for Scale {
    type Error = MechanismError;
    fn try_from(sixteenths: u64) -> Result<Self, MechanismError> {
        Self::from_sixteenths(sixteenths)
    }
}

impl From<Scale> for u64 {
    fn from(scale: Scale) -> Self {
        scale.0
    }
}

/// Why a mechanism has no cost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MechanismError {
    /// A scale of zero, or one beyond all use.
    #[error("a scale of `{given}` sixteenths is outside 1 to {SCALE_MAX}")]
    Scale {
        /// Sixteenths.
        given: u64,
    },
    /// A sensitivity of zero, or one beyond all use.
    #[error(
        "cells_max `{l0}` is outside 1 to {L0_MAX}, or per-cell change `{linf}` outside 1 to \
         {LINF_MAX}"
    )]
    Sensitivity {
        /// L0.
        l0: u32,
        /// L∞.
        linf: u64,
    },
    /// One unit has at most L0 cells to merge.
    #[error("`merged` has to be 1 to cells_max (`{l0}`), not `{merged}`")]
    Merged {
        /// r.
        merged: u32,
        /// L0.
        l0: u32,
    },
    /// A threshold below 2 selects on noise alone.
    #[error("a selection threshold of `{given}` is below 2")]
    Threshold {
        /// T.
        given: u64,
    },
    /// k of zero protects nobody.
    #[error("k must be at least 1")]
    K,
    /// The number leaves its type.
    #[error("the cost of the mechanism leaves its type")]
    Overflow,
}

/// One vector of noise: its distribution and the change one unit can make to what it hides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draw {
    /// The distribution.
    pub noise: Noise,
    /// Its scale.
    pub scale: Scale,
    /// Cells that one unit can change.
    pub l0: u32,
    /// By how much one unit can change one cell.
    pub linf: u64,
    /// r: the most of those cells that can fall into one row, where cells are merged.
    #[serde(default = "unmerged", skip_serializing_if = "is_unmerged")]
    pub merged: u32,
}

fn unmerged() -> u32 {
    1
}

fn is_unmerged(merged: &u32) -> bool {
    *merged == unmerged()
}

impl Draw {
    /// ρ, rounded up. Gaussian: r·L0·L∞²/2σ² (CKS20 Theorem 14). Laplace: ε²/2 with ε = L0·L∞/b
    /// (Bun and Steinke 2016, Proposition 1.4).
    ///
    /// r: where one unit's cells fall m₁, m₂, … at a time into merged rows, Σ mᵢ ≤ L0 and mᵢ ≤ r. So
    /// Δ1 = Σ mᵢ·L∞ ≤ L0·L∞ as before, but Δ2² = Σ mᵢ²·L∞² ≤ r·L0·L∞² (DESIGN section 7 rule 3).
    ///
    /// # Errors
    /// [`MechanismError`] for parameters outside their ranges.
    pub fn rho(&self) -> Result<Rho, MechanismError> {
        self.check()?;
        let (l0, linf, scale) = (
            u128::from(instead_of(self.l0, Mutant::NoL0, 1)),
            u128::from(self.linf),
            u128::from(self.scale.0),
        );
        let squared = match self.noise {
            Noise::DiscreteGaussian => {
                u128::from(instead_of(self.merged, Mutant::NoMergeScale, 1)) * l0 * linf * linf
            }
            Noise::DiscreteLaplace => l0 * l0 * linf * linf,
        };
        let steps = u128::from(SCALE_STEPS * SCALE_STEPS);
        let num = squared.checked_mul(steps).ok_or(MechanismError::Overflow)?;
        ratio_up(num, 2 * scale * scale).map(Rho::from_units)
    }

    fn check(&self) -> Result<(), MechanismError> {
        let (l0, linf) = (self.l0, self.linf);
        if l0 == 0 || l0 > L0_MAX || linf == 0 || linf > LINF_MAX {
            return Err(MechanismError::Sensitivity { l0, linf });
        }
        let merged = self.merged;
        if merged == 0 || merged > l0 {
            return Err(MechanismError::Merged { merged, l0 });
        }
        Ok(())
    }
}

/// Selection of rows by noisy contributors: nothing below k, then publish iff ñ ≥ T + k − 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Noise on contributors; its L∞ is 1.
    pub draw: Draw,
    /// Units below which nothing is published.
    pub k: u32,
    /// T, calibrated for one unit.
    pub threshold: u64,
}

impl Selection {
    /// δ, rounded up: L0·P[Z ≥ T − 1], the union bound over the cells of one unit. T − 1 and not T,
    /// since a cell of one unit passes with noise T − 1 (opendp#2922; privacy.md section 4a).
    ///
    /// # Errors
    /// [`MechanismError`] for parameters outside their ranges.
    pub fn delta(&self) -> Result<Delta, MechanismError> {
        self.draw.check()?;
        if self.k == 0 {
            return Err(MechanismError::K);
        }
        if self.threshold < 2 {
            return Err(MechanismError::Threshold {
                given: self.threshold,
            });
        }
        let tail = tail::tail_up(self.draw.noise, self.draw.scale, self.threshold - 1)?;
        let union = tail
            .checked_mul(u128::from(self.draw.l0))
            .ok_or(MechanismError::Overflow)?;
        let units = union
            .checked_mul(u128::from(UNITS_PER_ONE))
            .ok_or(MechanismError::Overflow)?;
        let units = u64::try_from(units.div_ceil(ONE)).map_err(|_| MechanismError::Overflow)?;
        Ok(Delta::from_units(units))
    }

    /// The least noisy count that is published: T + k − 1.
    #[must_use]
    pub fn published_from(&self) -> u64 {
        let threshold = instead_of(
            self.threshold,
            Mutant::ThresholdLowered,
            self.threshold.saturating_sub(1),
        );
        let k = instead_of(self.k, Mutant::NoKShift, 1);
        threshold.saturating_add(u64::from(k)).saturating_sub(1)
    }
}

/// All noise of one release, as pinned in its reservation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Mechanism {
    /// Noisy contributors select the rows; further measures have a draw of their own.
    Thresholded {
        /// How rows are selected; its noisy contributors are published.
        selection: Selection,
        /// Further published measures.
        measures: Vec<MeasureDraw>,
    },
    /// "DP only": every key of the public domain with noise, zeros included. Nothing is selected: no k, no
    /// threshold, δ = 0.
    Dense {
        /// Noise on contributors; its L∞ is 1.
        contributors: Draw,
        /// Further published measures.
        measures: Vec<MeasureDraw>,
    },
    /// A source without a unit: values as contributed, no k and no DP claim.
    Unprotected,
    /// No noise, no charge and no DP claim: exact counts of cells with at least k units, some of which are
    /// hidden so that none with fewer can be computed ([`Protection::KOnly`]).
    ///
    /// [`Protection::KOnly`]: crate::agreement::Protection::KOnly
    KOnly {
        /// Units below which a cell is hidden.
        k: u32,
    },
}

/// The noise of one published measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeasureDraw {
    /// The measure.
    pub measure: String,
    /// Its noise.
    pub draw: Draw,
}

impl Mechanism {
    /// Is it k-only?
    #[must_use]
    pub fn is_k_only(&self) -> bool {
        matches!(self, Self::KOnly { .. })
    }

    /// Is every key published?
    #[must_use]
    pub fn is_dense(&self) -> bool {
        matches!(self, Self::Dense { .. })
    }

    /// The noise on contributors and on each further measure; `None` where there is none.
    #[must_use]
    pub fn draws(&self) -> Option<(&Draw, &[MeasureDraw])> {
        match self {
            Self::Thresholded {
                selection,
                measures,
            } => Some((&selection.draw, measures)),
            Self::Dense {
                contributors,
                measures,
            } => Some((contributors, measures)),
            Self::Unprotected | Self::KOnly { .. } => None,
        }
    }

    /// What every unit-period it reads loses.
    ///
    /// # Errors
    /// [`MechanismError`] for parameters outside their ranges.
    pub fn cost(&self) -> Result<Loss, MechanismError> {
        let Some((contributors, measures)) = self.draws() else {
            return Ok(Loss::ZERO);
        };
        let mut rho = contributors.rho()?;
        for measure in measures {
            rho = rho
                .checked_add(measure.draw.rho()?)
                .ok_or(MechanismError::Overflow)?;
        }
        let delta = match self {
            Self::Thresholded { selection, .. } => selection.delta()?,
            Self::Dense { .. } | Self::Unprotected | Self::KOnly { .. } => Delta::ZERO,
        };
        Ok(Loss { rho, delta })
    }
}

/// ⌈num/den⌉ in units of 10⁻¹².
fn ratio_up(num: u128, den: u128) -> Result<u64, MechanismError> {
    let units = num
        .checked_mul(u128::from(UNITS_PER_ONE))
        .ok_or(MechanismError::Overflow)?;
    u64::try_from(units.div_ceil(den)).map_err(|_| MechanismError::Overflow)
}

#[cfg(test)]
mod tests;
