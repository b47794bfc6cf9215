//! e^-x in integers with a known side of error, for charges that an auditor recomputes without
//! OpenDP and without floating point.
//!
//! Numbers are fractions of 2⁶²: [`ONE`] is 1. `*_up` MUST never be below the true value, `*_down`
//! never above it. Errors stay under 2⁻⁵⁰, far below the ledger's unit of 10⁻¹².

/// Bits after the point.
const BITS: u32 = 62;

/// 1 in this representation.
pub const ONE: u128 = 1 << BITS;

/// From this exponent on, e^-x is far below one unit (e^-43 is).
const FAR: u128 = 64;

/// Terms of the Taylor series; at r ≤ 1/2 the rest is below 2⁻⁷⁵.
const TERMS: u128 = 18;

/// ⌈a·b⌉. Both MUST be at most 2·[`ONE`], or the product leaves `u128`.
#[must_use]
pub fn mul_up(a: u128, b: u128) -> u128 {
    (a * b + (ONE - 1)) >> BITS
}

/// ⌊a·b⌋. Both MUST be at most 2·[`ONE`], or the product leaves `u128`.
#[must_use]
pub fn mul_down(a: u128, b: u128) -> u128 {
    (a * b) >> BITS
}

/// An upper bound of e^-(num/den), at least one unit; `None` for a zero denominator, or where the
/// fraction's parts leave `u128`.
#[must_use]
pub fn exp_neg_up(num: u128, den: u128) -> Option<u128> {
    if num.checked_div(den)? >= FAR {
        return Some(1);
    }
    let (remainder, halvings) = reduce(num, den)?;
    // The partial sum, rounded down, is below e^r, so its reciprocal rounded up is above e^-r.
    let mut sum = ONE;
    let mut term = ONE;
    for n in 1..=TERMS {
        term = mul_down(term, remainder.0) / n;
        sum += term;
    }
    let mut power = (ONE * ONE).div_ceil(sum);
    for _ in 0..halvings {
        power = mul_up(power, power);
    }
    Some(power.min(ONE))
}

/// A lower bound of e^-(num/den), which may be 0; `None` for a zero denominator, or where the
/// fraction's parts leave `u128`.
#[must_use]
pub fn exp_neg_down(num: u128, den: u128) -> Option<u128> {
    if num.checked_div(den)? >= FAR {
        return Some(0);
    }
    let (remainder, halvings) = reduce(num, den)?;
    let mut sum = ONE;
    let mut term = ONE;
    for n in 1..=TERMS {
        term = mul_up(term, remainder.1).div_ceil(n);
        sum += term;
    }
    // The terms left out sum to less than the last one kept.
    sum += term.max(1);
    let mut power = ONE * ONE / sum;
    for _ in 0..halvings {
        power = mul_down(power, power);
    }
    Some(power)
}

/// num/den = r·2^halvings with r ≤ 1/2, r rounded (down, up).
fn reduce(num: u128, den: u128) -> Option<((u128, u128), u32)> {
    let mut halvings = 0;
    let mut scaled_den = den;
    while num.checked_mul(2)? > scaled_den {
        scaled_den = scaled_den.checked_mul(2)?;
        halvings += 1;
    }
    let product = num.checked_mul(ONE)?;
    Some((
        (product / scaled_den, product.div_ceil(scaled_den)),
        halvings,
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    /// ⌊e^-(num/den)·2⁶²⌋, computed with Python's `decimal` at 80 digits.
    const REFERENCE: [(u128, u128, u128); 4] = [
        (1, 2, 2_797_128_963_144_291_324),
        (1, 1, 1_696_544_475_317_221_318),
        (18, 1, 70_235_884_649),
        (7, 16, 2_977_528_282_145_755_564),
    ];

    #[test]
    fn bounds_enclose_the_reference_and_are_tight() {
        for (num, den, floor) in REFERENCE {
            let (low, high) = (
                exp_neg_down(num, den).unwrap(),
                exp_neg_up(num, den).unwrap(),
            );
            assert!(
                low <= floor && floor < high,
                "e^-{num}/{den}: {low}..{high} misses {floor}"
            );
            assert!(
                high - low < 1 << 12,
                "e^-{num}/{den}: {low}..{high} is wide"
            );
        }
    }

    #[test]
    fn absurd_exponents_have_bounds_or_none_and_never_panic() {
        assert_eq!((exp_neg_up(1, 0), exp_neg_down(1, 0)), (None, None));
        for num in [64, 1 << 50, u128::MAX] {
            assert_eq!(exp_neg_up(num, 1), Some(1));
            assert_eq!(exp_neg_down(num, 1), Some(0));
        }
        assert_eq!(exp_neg_up(0, 1), Some(ONE));
        assert_eq!(exp_neg_up(u128::MAX, u128::MAX), None);
        for num in 0..64 * 7 {
            let (low, high) = (exp_neg_down(num, 7).unwrap(), exp_neg_up(num, 7).unwrap());
            assert!(
                low < high && high - low < 1 << 12,
                "e^-{num}/7: {low}..{high}"
            );
        }
    }
}
