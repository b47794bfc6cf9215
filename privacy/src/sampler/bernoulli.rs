//! Coins that fall true with probability e^(-γ), γ ≥ 0 rational, without ever computing it.
//!
//! CKS20 section 5.1, after von Neumann: from k = 1 on, go on to k + 1 with probability γ/k. Then
//! P[k is reached] = γ^(k-1)/(k-1)!, and P[it ends at an odd k] = Σ_j γ^(2j)/(2j)! − γ^(2j+1)/(2j+1)!
//! = e^(-γ), for 0 ≤ γ ≤ 1. Going on with probability u/(t·k) is exact: a uniform number below t·k is
//! below u.

use super::{DrawError, Random};

impl Random {
    /// True with probability e^(-1): γ = 1 goes on to k = 2 always and to k = 3 with a fair bit, so both
    /// cost no word.
    ///
    /// # Errors
    /// [`DrawError`] of the words.
    #[inline]
    pub(super) fn one_in_e(&mut self) -> Result<bool, DrawError> {
        if !self.bit()? {
            return Ok(false);
        }
        let mut k = 3;
        while self.below(k)? == 0 {
            k += 1;
        }
        Ok(k % 2 == 1)
    }

    /// True with probability e^(-u/t), for u ≤ t and t from 1 to 2³².
    ///
    /// # Errors
    /// [`DrawError::Range`] if k passes 2³², of probability below 1/(2³²)!.
    #[inline]
    pub(super) fn exp(&mut self, u: u64, t: u64) -> Result<bool, DrawError> {
        let mut k: u64 = 1;
        while self.below(t.checked_mul(k).ok_or(DrawError::Range)?)? < u {
            k += 1;
        }
        Ok(k % 2 == 1)
    }

    /// True with probability e^(-u/t), for every u and t from 1 to 2¹¹⁴. What is over 1 of γ = u/t takes
    /// one coin of 1/e per whole: they are independent, so their probabilities multiply.
    ///
    /// # Errors
    /// [`DrawError::Range`] if k passes 2¹⁴, of probability below 1/(2¹⁴)!.
    #[inline]
    pub(super) fn exp_wide(&mut self, mut u: u128, t: u128) -> Result<bool, DrawError> {
        while u > t {
            if !self.one_in_e()? {
                return Ok(false);
            }
            u -= t;
        }
        let mut k: u128 = 1;
        while self.below_wide(t.checked_mul(k).ok_or(DrawError::Range)?)? < u {
            k += 1;
        }
        Ok(k % 2 == 1)
    }
}
