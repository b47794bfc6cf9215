//! Whole numbers below a bound, each exactly equally likely.

use super::{DrawError, Random};

impl Random {
    /// Uniform on 0 to `n` − 1, `n` ≥ 1 (Lemire 2019, arXiv 1805.10941, algorithm 5).
    ///
    /// Exact: of the 2⁶⁴ words w, those with ⌊w·n / 2⁶⁴⌋ = r have the low halves of w·n that are ≡ r·n, in
    /// steps of n, in [0, 2⁶⁴). Without the low halves below 2⁶⁴ mod n there are ⌊2⁶⁴ / n⌋ of them for
    /// every r, and the others are drawn again. `n` itself is above that bound, which saves the division.
    ///
    /// # Errors
    /// [`DrawError`] of the words.
    #[inline]
    pub(super) fn below(&mut self, n: u64) -> Result<u64, DrawError> {
        loop {
            let product = u128::from(self.word()?) * u128::from(n);
            let (high, low) = ((product >> 64) as u64, product as u64);
            if low >= n {
                return Ok(high);
            }
            // 2⁶⁴ mod n.
            if low >= n.wrapping_neg() % n {
                return Ok(high);
            }
        }
    }

    /// Uniform on 0 to `n` − 1, `n` ≥ 1, for bounds beyond a word: as many bits as n − 1 has, drawn again
    /// while they are not below `n`, which at most every second time they are not.
    ///
    /// # Errors
    /// As [`below`](Self::below).
    #[inline]
    pub(super) fn below_wide(&mut self, n: u128) -> Result<u128, DrawError> {
        if let Ok(n) = u64::try_from(n) {
            return self.below(n).map(u128::from);
        }
        let unused = (n - 1).leading_zeros();
        loop {
            let bits = u128::from(self.word()?) << 64 | u128::from(self.word()?);
            let drawn = bits >> unused;
            if drawn < n {
                return Ok(drawn);
            }
        }
    }
}
