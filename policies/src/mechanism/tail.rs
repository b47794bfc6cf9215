//! Upper bounds of P[Z ≥ m] in integers: what selection's δ is made of. The work does not grow with
//! scale or threshold.

use super::{MechanismError, Noise, SCALE_STEPS, Scale};
use crate::fixed::{ONE, exp_neg_down, exp_neg_up, mul_down, mul_up};

/// An upper bound of P[Z ≥ m], m ≥ 1, as a fraction of [`ONE`]; at least one unit of it.
pub(super) fn tail_up(noise: Noise, scale: Scale, m: u64) -> Result<u128, MechanismError> {
    match noise {
        Noise::DiscreteLaplace => laplace_up(u128::from(scale.0), u128::from(m)),
        Noise::DiscreteGaussian => gaussian_up(u128::from(scale.0), u128::from(m)),
    }
    .ok_or(MechanismError::Overflow)
}

/// e^(-m/b) / (1 + e^(-1/b)).
fn laplace_up(scale: u128, m: u128) -> Option<u128> {
    let steps = u128::from(SCALE_STEPS);
    let numerator = exp_neg_up(m.checked_mul(steps)?, scale)?;
    let denominator = ONE + exp_neg_down(steps, scale)?;
    Some(numerator.checked_mul(ONE)?.div_ceil(denominator))
}

/// √(2π) rounded down, in 2⁻³².
const SQRT_2PI_DOWN: u128 = 10_765_886_462;
const SQRT_2PI_BITS: u32 = 32;

/// Σ_{x ≥ m} f(x) / Σ_x f(x), f(x) = e^(-x²/2σ²). The sum over all integers is above σ√(2π)
/// (Poisson summation) and, which is more where σ is small, above f(-2) + … + f(2).
fn gaussian_up(scale: u128, m: u128) -> Option<u128> {
    let sum = Gaussian { scale }.sum_up(m)?;
    let normal = scale.checked_mul(SQRT_2PI_DOWN)?;
    let parts = sum.checked_mul(u128::from(SCALE_STEPS) << SQRT_2PI_BITS)?;
    let tail = parts.div_ceil(normal);
    if scale > u128::from(SCALE_STEPS) {
        return Some(tail.min(ONE));
    }
    let gaussian = Gaussian { scale };
    let five = ONE + 2 * (gaussian.weight_down(1)? + gaussian.weight_down(4)?);
    Some(tail.min(sum.checked_mul(ONE)?.div_ceil(five)).min(ONE))
}

/// Blocks per σ: within one, f falls by at most e^(-h²/2σ²) = e^(-1/2048) below its bound.
const BLOCKS_PER_SIGMA: u128 = 32;
/// More than the blocks from 0 to where f is below [`NEGLIGIBLE`]: 9σ in blocks of at least σ/64.
const BLOCKS_MAX: u32 = 640;
/// 2⁻⁵² in units: what is left there is bounded by one geometric series.
const NEGLIGIBLE: u128 = 1 << 10;

/// f(x) = e^(-x²/2σ²), σ in sixteenths.
struct Gaussian {
    scale: u128,
}

impl Gaussian {
    /// An upper bound of e^(-squares/2σ²).
    fn weight_up(&self, squares: u128) -> Option<u128> {
        exp_neg_up(squares.saturating_mul(STEPS_SQUARED), self.two_variance())
    }

    /// A lower bound of e^(-squares/2σ²).
    fn weight_down(&self, squares: u128) -> Option<u128> {
        exp_neg_down(squares.saturating_mul(STEPS_SQUARED), self.two_variance())
    }

    fn two_variance(&self) -> u128 {
        2 * self.scale * self.scale
    }

    /// An upper bound of Σ_{x ≥ m} f(x), block by block. From x to x + 1 the weight falls by the
    /// ratio q(x) = e^(-(2x+1)/2σ²), and q falls with x: so a block of h terms that begins at a is
    /// below f(a)·(1 + q + … + q^(h-1)) with q = q(a), and everything from a on below f(a)/(1 - q).
    fn sum_up(&self, m: u128) -> Option<u128> {
        let block = (self.scale / (u128::from(SCALE_STEPS) * BLOCKS_PER_SIGMA)).max(1);
        let mut first = self.weight_up(m.saturating_mul(m))?;
        let mut ratio = self.weight_up(2 * m + 1)?;
        let mut ratio_to_block = self.weight_down(block * (2 * m + 1))?;
        let mut to_next = self.weight_up(block * (2 * m + block))?;
        // What these three lose from one block to the next.
        let ratio_falls = self.weight_up(2 * block)?;
        let ratio_to_block_falls = self.weight_down(2 * block * block)?;
        let to_next_falls = self.weight_up(2 * block * block)?;
        let mut sum = 0_u128;
        for _ in 0..BLOCKS_MAX {
            if first <= NEGLIGIBLE {
                break;
            }
            let series = geometric_up(first, ONE - ratio_to_block, ONE - ratio)?;
            sum = sum.checked_add(series.min(first * block))?;
            first = mul_up(first, to_next);
            ratio = mul_up(ratio, ratio_falls);
            ratio_to_block = mul_down(ratio_to_block, ratio_to_block_falls);
            to_next = mul_up(to_next, to_next_falls);
        }
        sum.checked_add(geometric_up(first, ONE, ONE - ratio)?)
    }
}

const STEPS_SQUARED: u128 = (SCALE_STEPS * SCALE_STEPS) as u128;

/// ⌈first·part/gap⌉; `None` where the gap is zero.
fn geometric_up(first: u128, part: u128, gap: u128) -> Option<u128> {
    (gap > 0).then(|| (first * part).div_ceil(gap))
}
