//! The discrete Laplace distribution, P[Z = z] ∝ e^(-|z|/b).

use policies::mechanism::{SCALE_MAX, SCALE_STEPS};

use super::{DrawError, Random};

/// Scales are whole numbers over 2 to this.
pub(super) const SCALE_SHIFT: u32 = SCALE_STEPS.trailing_zeros();

// What the ranges here and for the Gaussian are proved for.
const _: () = assert!(SCALE_MAX <= 1 << 28 && SCALE_STEPS == 1 << 4);

impl Random {
    /// Z with b = `steps`/2^`shift`, for `steps` from 1 to 2²⁸ and `shift` up to 4 (CKS20 section 5.2).
    ///
    /// With t = `steps`, s = 2^`shift`:
    /// 1. U, uniform below t and kept with probability e^(-U/t), has P[U = u] ∝ e^(-u/t).
    /// 2. V, the coins of 1/e that fall true before the first false, has P[V = v] ∝ e^(-v).
    /// 3. So X = U + t·V has P[X = x] ∝ e^(-x/t): every x ≥ 0 is one pair (u, v), by division with rest.
    /// 4. So Y = ⌊X/s⌋ has P[Y = y] ∝ Σ_(r<s) e^(-(ys+r)/t) ∝ e^(-y·s/t) = e^(-y/b).
    /// 5. A fair sign makes P[±y] ∝ e^(-y/b), where −0 is drawn again: else 0 would come twice as often.
    ///
    /// # Errors
    /// [`DrawError::Range`] if V passes 2³⁴, of probability e^(-2³⁴).
    #[inline]
    pub(super) fn laplace(&mut self, steps: u64, shift: u32) -> Result<i64, DrawError> {
        loop {
            let u = self.below(steps)?;
            if !self.exp(u, steps)? {
                continue;
            }
            let mut v: u64 = 0;
            while self.one_in_e()? {
                v += 1;
            }
            let x = steps.checked_mul(v).and_then(|tv| tv.checked_add(u));
            let y = x.ok_or(DrawError::Range)? >> shift;
            let y = i64::try_from(y).map_err(|_| DrawError::Range)?;
            let negative = self.bit()?;
            if !negative {
                return Ok(y);
            }
            if y != 0 {
                return Ok(-y);
            }
        }
    }
}
