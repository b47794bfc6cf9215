//! The discrete Gaussian distribution, P[Z = z] ∝ e^(-z²/2σ²).

use policies::mechanism::{SCALE_STEPS, Scale};

use super::{DrawError, Random};

impl Random {
    /// Z with σ = `scale` (CKS20 section 5.3).
    ///
    /// With t = ⌊σ⌋ + 1: a discrete Laplace Y of b = t, kept with probability e^(-(|Y| − σ²/t)²/2σ²), has
    /// P[Y = y] ∝ e^(-|y|/t − (|y| − σ²/t)²/2σ²) = e^(-y²/2σ²)·e^(-σ²/2t²), and the last factor is constant.
    ///
    /// In integers, with σ = s/16: (|Y| − σ²/t)²/2σ² = (256·t·|Y| − s²)² / (512·s²·t²).
    /// Ranges: s ≤ 2²⁸ and t ≤ 2²⁴ + 1, so s² ≤ 2⁵⁶ and 512·s²·t² < 2¹¹⁴. The square is below 2¹²⁸ while
    /// 256·t·|Y| is below 2⁶⁴, which holds up to |Y| = 2⁵⁶/t.
    ///
    /// # Errors
    /// [`DrawError::Range`] where |Y| passes that, of probability e^(-2⁵⁶/t²) ≤ e^(-255).
    #[inline]
    pub(super) fn gaussian(&mut self, scale: Scale) -> Result<i64, DrawError> {
        let s = scale.sixteenths();
        let t = s / SCALE_STEPS + 1;
        let (square, wide_t) = (u128::from(s) * u128::from(s), u128::from(t));
        let twice = 512 * square * wide_t * wide_t;
        loop {
            let y = self.laplace(t, 0)?;
            let far = 256 * wide_t * u128::from(y.unsigned_abs());
            let off = far.abs_diff(square);
            let off = off.checked_mul(off).ok_or(DrawError::Range)?;
            if self.exp_wide(off, twice)? {
                return Ok(y);
            }
        }
    }
}
