//! The only file that names OpenDP's constructors, types and floats.
//!
//! OpenDP's measurements are neither `Send` nor `Sync`: each is built, asked and dropped inside one
//! function here. Its `Debug` and errors never see data: maps are asked before any draw.
//!
//! OpenDP catches what its arithmetic panics about (`catch_unwind_silent`) under a panic hook that it puts in the place
//! of the process's for that while. Two threads at once put back each other's, and every later panic of the process is
//! silent: so it is asked by one at a time.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use opendp::accuracy::{
    discrete_gaussian_scale_to_accuracy, discrete_laplacian_scale_to_accuracy,
    gaussian_scale_to_accuracy,
};
use opendp::combinators::{ConcentratedMeasure, make_pureDP_to_zCDP};
use opendp::core::Measurement;
use opendp::domains::{AtomDomain, MapDomain, VectorDomain};
use opendp::error::Fallible;
use opendp::measurements::{
    make_gaussian, make_gaussian_threshold, make_laplace, make_laplace_threshold,
};
use opendp::measures::{Approximate, MaxDivergence, ZeroConcentratedDivergence};
use opendp::metrics::{AbsoluteDistance, L1Distance, L01InfDistance, L2Distance, L02InfDistance};
use policies::loss::{Delta, Loss, Rho, UNITS_PER_ONE};
use policies::mechanism::{Draw, Noise, SCALE_STEPS, Scale, Selection};
use policies::mutants::{Mutant, instead_of};

type Vectors = VectorDomain<AtomDomain<i64>>;
type Laplace = Measurement<Vectors, L1Distance<i64>, MaxDivergence, Vec<i64>>;
type Gaussian = Measurement<Vectors, L2Distance<f64>, ZeroConcentratedDivergence, Vec<i64>>;
type Cells = MapDomain<AtomDomain<u64>, AtomDomain<i64>>;
type LaplaceCells = Measurement<
    Cells,
    L01InfDistance<AbsoluteDistance<i64>>,
    Approximate<MaxDivergence>,
    HashMap<u64, i64>,
>;
type GaussianCells = Measurement<
    Cells,
    L02InfDistance<AbsoluteDistance<f64>>,
    Approximate<ZeroConcentratedDivergence>,
    HashMap<u64, i64>,
>;

/// OpenDP refused, or its answer is not a number we can use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("OpenDP cannot {doing}")]
pub struct OpenDpError {
    /// What was asked of it.
    pub doing: &'static str,
}

/// Held by whoever asks OpenDP.
fn alone() -> MutexGuard<'static, ()> {
    static ASKED: Mutex<()> = Mutex::new(());
    ASKED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failing<E>(doing: &'static str) -> impl FnOnce(E) -> OpenDpError {
    move |_| OpenDpError { doing }
}

/// Dyadic, so the f64 is exact.
fn float(scale: Scale) -> f64 {
    scale.sixteenths() as f64 / SCALE_STEPS as f64
}

fn vectors() -> Vectors {
    VectorDomain::new(AtomDomain::<i64>::default())
}

fn laplace(scale: Scale) -> Fallible<Laplace> {
    make_laplace(vectors(), L1Distance::<i64>::default(), float(scale), None)
}

fn gaussian(scale: Scale) -> Fallible<Gaussian> {
    make_gaussian(vectors(), L2Distance::<f64>::default(), float(scale), None)
}

/// √(r·L0)·L∞, never below the true value: exact for squares, else the next float up.
fn l2(draw: &Draw) -> f64 {
    // Below 2³² by the draw's own bounds, so that every float here is exact.
    let squared = u64::from(instead_of(draw.l0, Mutant::NoL0, 1))
        * u64::from(instead_of(draw.merged, Mutant::NoMergeScale, 1));
    let root = if squared.isqrt().pow(2) == squared {
        squared.isqrt() as f64
    } else {
        (squared as f64).sqrt().next_up()
    };
    let l2 = root * draw.linf as f64;
    if root.fract() == 0.0 {
        l2
    } else {
        l2.next_up()
    }
}

fn l1(draw: &Draw) -> Option<i64> {
    i64::try_from(u64::from(draw.l0).checked_mul(draw.linf)?).ok()
}

/// OpenDP's ρ for this draw, in units rounded up.
pub(crate) fn rho(draw: &Draw) -> Result<Rho, OpenDpError> {
    let _alone = alone();
    let doing = "map a draw's sensitivity to rho";
    let rho = match draw.noise {
        Noise::DiscreteGaussian => gaussian(draw.scale).and_then(|m| m.map(&l2(draw))),
        Noise::DiscreteLaplace => {
            let l1 = l1(draw).ok_or(OpenDpError { doing })?;
            laplace(draw.scale)
                .and_then(make_pureDP_to_zCDP)
                .and_then(|m| m.map(&l1))
        }
    };
    let rho = rho.map_err(failing(doing))?;
    units_up(rho)
        .map(Rho::from_units)
        .ok_or(OpenDpError { doing })
}

/// OpenDP's δ of this selection, in units rounded up. Its map is asked with T − 1: opendp 0.16 computes
/// P[Z > T′ − 1] but lets pass what reaches T (opendp#2922), so T′ = T − 1 makes the claim true.
pub(crate) fn delta(selection: &Selection) -> Result<Delta, OpenDpError> {
    let _alone = alone();
    let doing = "map a selection threshold to delta";
    let (draw, wrong) = (&selection.draw, OpenDpError { doing });
    let threshold = i64::try_from(selection.threshold).map_err(|_| wrong.clone())? - 1;
    let cells = || -> Cells { MapDomain::new(AtomDomain::default(), AtomDomain::default()) };
    let delta = match draw.noise {
        Noise::DiscreteLaplace => {
            let metric = L01InfDistance::<AbsoluteDistance<i64>>::default();
            let l1 = l1(draw).ok_or(wrong)?;
            let measurement: Fallible<LaplaceCells> =
                make_laplace_threshold(cells(), metric, float(draw.scale), threshold, None);
            measurement
                .and_then(|m| m.map(&(draw.l0, l1, 1)))
                .map(|(_, delta)| delta)
        }
        Noise::DiscreteGaussian => {
            let metric = L02InfDistance::<AbsoluteDistance<f64>>::default();
            let measurement: Fallible<GaussianCells> =
                make_gaussian_threshold(cells(), metric, float(draw.scale), threshold, None);
            measurement
                .and_then(|m| m.map(&(draw.l0, l2(draw), 1.0)))
                .map(|(_, delta)| delta)
        }
    };
    let delta = delta.map_err(failing(doing))?;
    units_up(delta)
        .map(Delta::from_units)
        .ok_or(OpenDpError { doing })
}

/// ⌈value·10¹²⌉, from the float's own bits: exact, so no tolerance is needed anywhere.
fn units_up(value: f64) -> Option<u64> {
    if !(0.0..1e6).contains(&value) {
        return None;
    }
    let bits = value.to_bits() & !(1 << 63);
    let (exponent, fraction) = (bits >> 52, bits & ((1 << 52) - 1));
    let mantissa = if exponent == 0 {
        fraction
    } else {
        fraction | 1 << 52
    };
    // value = mantissa·2^-shift, and mantissa·10¹² is below 2⁹³.
    let shift = 1075_u64.checked_sub(exponent.max(1))?;
    let scaled = u128::from(mantissa) * u128::from(UNITS_PER_ONE);
    let power = u32::try_from(shift)
        .ok()
        .and_then(|shift| 1_u128.checked_shl(shift));
    match power {
        Some(power) => u64::try_from(scaled.div_ceil(power)).ok(),
        None => Some(u64::from(scaled > 0)),
    }
}

/// Noise from OpenDP's sampler added to every value, on this thread: what ours is compared with.
#[cfg(any(test, feature = "reference"))]
pub(crate) fn opendp_noise(draw: &Draw, values: &[i64]) -> Result<Vec<i64>, OpenDpError> {
    // Beside other tests; benches measure it on all cores.
    let _alone = cfg!(test).then(alone);
    let values = values.to_vec();
    match draw.noise {
        Noise::DiscreteLaplace => laplace(draw.scale).and_then(|m| m.invoke(&values)),
        Noise::DiscreteGaussian => gaussian(draw.scale).and_then(|m| m.invoke(&values)),
    }
    .map_err(failing("draw noise"))
}

/// Half the width of the 95 % interval: the least h with P[|Z| ≤ h] ≥ 0.95.
pub(crate) fn half_width_95(draw: &Draw) -> Result<u64, OpenDpError> {
    half_width(draw.noise, draw.scale, 0.05)
}

/// Half the width of an interval that misses with probability `alpha` at most.
pub(crate) fn half_width_missing(draw: &Draw, alpha: f64) -> Result<u64, OpenDpError> {
    half_width(draw.noise, draw.scale, alpha)
}

/// The least m with P[Z ≥ −m] ≥ 0.95. The noise is symmetric, so each tail outside ±m has half of 10 %.
pub(crate) fn margin_95(draw: &Draw) -> Result<u64, OpenDpError> {
    half_width(draw.noise, draw.scale, 0.1)
}

/// From this σ on the continuous accuracy serves: OpenDP's discrete one takes time in proportion to σ
/// (minutes at the largest scale).
const CONTINUOUS_FROM: f64 = 4096.0;

/// OpenDP's accuracy a has P[|Z| ≥ a] ≤ α, and on integers |Z| ≥ ⌈a⌉ is |Z| > ⌈a⌉ − 1: the half width is
/// ⌈a⌉ − 1. A large Gaussian takes the continuous accuracy, one wider, since P[|Z| ≥ m] ≤ P[|N| ≥ m − 1]
/// (CKS20 Proposition 25).
fn half_width(noise: Noise, scale: Scale, alpha: f64) -> Result<u64, OpenDpError> {
    let _alone = alone();
    let doing = "give the accuracy of a scale";
    let scale = float(scale);
    let accuracy = match noise {
        Noise::DiscreteLaplace => discrete_laplacian_scale_to_accuracy(scale, alpha),
        Noise::DiscreteGaussian if scale < CONTINUOUS_FROM => {
            discrete_gaussian_scale_to_accuracy(scale, alpha)
        }
        Noise::DiscreteGaussian => gaussian_scale_to_accuracy(scale, alpha).map(|a| a + 1.0),
    };
    let accuracy = accuracy.map_err(failing(doing))?.ceil();
    if accuracy.is_nan() || accuracy > 1e15 {
        return Err(OpenDpError { doing });
    }
    // A scale far below 1 has an accuracy below 0: `as` makes that 0.
    Ok((accuracy as u64).saturating_sub(1))
}

/// ε at `delta`, for display: (ρ, Σδ) as approximate zCDP converted by OpenDP. `None` where Σδ leaves no
/// room below `delta`, or ε is beyond all floats.
pub(crate) fn epsilon(loss: Loss, delta: Delta) -> Result<Option<f64>, OpenDpError> {
    let room = delta.left_after(loss.delta);
    if room == Delta::ZERO {
        return Ok(None);
    }
    let _alone = alone();
    let doing = "convert rho to epsilon";
    // Two steps of the float: one for the cast of a large number, one for the division.
    let rho = in_ones(loss.rho.units()).next_up().next_up();
    let room = in_ones(room.units()).next_down().next_down();
    let profile = <ZeroConcentratedDivergence as ConcentratedMeasure>::convert(rho);
    let profile = profile.map_err(failing(doing))?;
    let epsilon = profile.epsilon(room.min(1.0)).map_err(failing(doing))?;
    Ok(Some(epsilon).filter(|e| e.is_finite()))
}

fn in_ones(units: u64) -> f64 {
    units as f64 / UNITS_PER_ONE as f64
}

#[cfg(test)]
mod tests;
