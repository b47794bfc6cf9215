//! Sums and means from a centred sum and a count, each with noise of its own.
//!
//! S' = 2·sum − (min + max)·count, so sum = (S' + (min + max)·count)/2 and mean = (min + max)/2 + S'/(2·count)
//! (privacy.md section 4d).

use policies::table::Clamp;

/// A released number and how far its noise reaches: |noise| ≤ half in 95 of 100.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Noised {
    pub value: i64,
    pub half: f64,
}

/// A number and its interval, ends rounded outwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ends {
    pub value: i64,
    pub low: i64,
    pub high: i64,
}

/// The sum: noises add up, and half widths in squares.
pub(crate) fn sum(clamp: &Clamp, centred: Noised, count: Noised) -> Ends {
    let ends = ends_of(clamp);
    let half = centred.half.hypot(ends * count.half) / 2.0;
    let exact = sum_of(clamp, centred.value as f64, count.value);
    above_nothing(outwards(exact, exact - half, exact + half))
}

/// The mean, clamped to the range of a single value.
///
/// Fieller (Supplement to J. R. Stat. Soc., 1954): θ = S'/count belongs to the interval iff |S' − θ·count| ≤ √(h_s² + θ²·h_c²),
/// a quadratic in θ. Where the count could be 0 by its own noise the set is not bounded: the whole range.
pub(crate) fn mean(clamp: &Clamp, centred: Noised, count: Noised) -> Ends {
    let (s, c) = (centred.value as f64, count.value as f64);
    let (hs, hc) = (centred.half, count.half);
    let value = s / c.max(1.0);
    let square = c * c - hc * hc;
    if c <= 0.0 || square <= 0.0 {
        return mean_of(clamp, value, (f64::NEG_INFINITY, f64::INFINITY));
    }
    let root = (hs * hs * square + s * s * hc * hc).sqrt();
    mean_of(
        clamp,
        value,
        ((s * c - root) / square, (s * c + root) / square),
    )
}

/// The sum, where all that is known of the count is that it lies in `least..=most`: both statements hold together
/// if each misses half as often.
pub(crate) fn sum_between(clamp: &Clamp, centred: Noised, count: Ends) -> Ends {
    let s = centred.value as f64;
    let exact = sum_of(clamp, s, count.value);
    let low = sum_of(clamp, s - centred.half, count.low);
    let high = sum_of(clamp, s + centred.half, count.high);
    above_nothing(outwards(exact, low, high))
}

/// The mean, likewise; `count.low` is at least 1.
pub(crate) fn mean_between(clamp: &Clamp, centred: Noised, count: Ends) -> Ends {
    let s = centred.value as f64;
    let (few, many) = (count.low.max(1) as f64, count.high.max(1) as f64);
    let (low, high) = (s - centred.half, s + centred.half);
    let low = low / if low < 0.0 { few } else { many };
    let high = high / if high < 0.0 { many } else { few };
    mean_of(clamp, s / (count.value.max(1) as f64), (low, high))
}

fn ends_of(clamp: &Clamp) -> f64 {
    f64::from(clamp.min) + f64::from(clamp.max)
}

fn sum_of(clamp: &Clamp, centred: f64, count: i64) -> f64 {
    (centred + ends_of(clamp) * count as f64) / 2.0
}

fn mean_of(clamp: &Clamp, value: f64, (low, high): (f64, f64)) -> Ends {
    let at = |ratio: f64| {
        let mean = (ends_of(clamp) + ratio) / 2.0;
        mean.clamp(f64::from(clamp.min), f64::from(clamp.max))
    };
    outwards(at(value), at(low), at(high))
}

/// A sum of what is not negative is not negative, whatever the noise says.
fn above_nothing(ends: Ends) -> Ends {
    Ends {
        low: ends.low.max(0).min(ends.value),
        high: ends.high.max(0),
        ..ends
    }
}

/// Casts saturate, and no input is NaN.
fn outwards(value: f64, low: f64, high: f64) -> Ends {
    let value = value.round() as i64;
    Ends {
        value,
        low: (low.floor() as i64).min(value),
        high: (high.ceil() as i64).max(value),
    }
}

#[cfg(test)]
mod tests;
