//! The interval of noisy contributors, given that they were published.
//!
//! A row is seen only where ñ = n + Z ≥ t, t = T + k − 1. Near t, large noise is what is seen, so that
//! ñ ± half width covers far less than it says. What is seen has the distribution of Z cut off below t − n,
//! and these intervals invert its tails (equal ones, α/2 each, as Clopper and Pearson 1934): n belongs to the
//! interval iff, in the distribution of published ñ under n, neither what was seen or more, nor what was seen or less,
//! has α/2 or less. With u = ñ − n and the excess d = ñ − t that is
//!
//! ```text
//! G(u)/G(u − d) > α/2   and   1 − G(u + 1)/G(u − d) > α/2,   G(m) = P[Z ≥ m].
//! ```
//!
//! Both noises are log-concave, so the published ñ has a monotone likelihood ratio in n: the first holds up to
//! some u, the second from some u on, and each is found by halving. Far above t they are the plain interval.

use policies::mechanism::{Noise, SCALE_STEPS, Selection};

use super::ratio::Ends;

/// Scales up to this are taken step by step; larger ones in steps of their 2048th part, ends moved outwards by
/// one step.
const FINEST: u64 = 2048;

/// Conditional intervals of one selection.
pub(crate) struct Selected {
    /// α/2.
    tail: f64,
    /// Units in one step.
    step: i64,
    /// Steps below 0 where the table of tails begins; before that G is 1.
    before: i64,
    /// G at each step from −`before` on, up to a common factor; it ends where G is 0 in floats.
    tails: Vec<f64>,
    k: i64,
    from: i64,
}

impl Selected {
    /// For intervals that miss with probability `alpha` at most.
    pub fn new(selection: &Selection, alpha: f64) -> Self {
        let sixteenths = selection.draw.scale.sixteenths();
        let step = sixteenths.div_ceil(SCALE_STEPS * FINEST).max(1);
        let scale = sixteenths as f64 / (SCALE_STEPS * step) as f64;
        let weight = |z: i64| match selection.draw.noise {
            Noise::DiscreteLaplace => (-(z.abs() as f64) / scale).exp(),
            Noise::DiscreteGaussian => (-(z as f64).powi(2) / (2.0 * scale * scale)).exp(),
        };
        // Below −far, G is 1 but for 10⁻¹⁶; beyond `end` no threshold calibrated for any δ lies.
        let (far, end) = match selection.draw.noise {
            Noise::DiscreteLaplace => (37.0, 150.0),
            Noise::DiscreteGaussian => (8.3, 37.0),
        };
        let before = (far * scale).ceil() as i64;
        let mut sum = 0.0;
        let mut tails: Vec<f64> = (-before..=(end * scale).ceil() as i64)
            .rev()
            .map(|z| {
                sum += weight(z); // from the smallest on: no digit is lost
                sum
            })
            .collect();
        tails.reverse();
        Self {
            tail: alpha / 2.0,
            step: whole(step),
            before,
            tails,
            k: i64::from(selection.k.max(1)),
            from: whole(selection.published_from()),
        }
    }

    /// A published ñ and its ends.
    pub fn interval(&self, noisy: i64) -> Ends {
        let (low, high) = self.ends(noisy);
        Ends {
            value: noisy,
            low,
            high,
        }
    }

    /// The least and the greatest n for a published ñ: at least k, and never without ñ itself, where all n
    /// are surprised by so small an excess.
    pub fn ends(&self, noisy: i64) -> (i64, i64) {
        let excess = noisy.saturating_sub(self.from).max(0);
        // Rounded to where the interval is wider.
        let (less, more) = (
            excess / self.step,
            excess.saturating_add(self.step - 1) / self.step,
        );
        let outward = i64::from(self.step > 1);
        let end = whole(self.tails.len() as u64) - self.before;
        let most = (noisy.saturating_sub(self.k).max(0) / self.step + outward).min(end);
        let high = |u: i64| self.ratio(u, less) > self.tail;
        let low = |u: i64| 1.0 - self.ratio_after(u, more) > self.tail;
        let above = last(0, most, high).saturating_add(outward);
        let below = first(-self.before, most, low).saturating_sub(outward);
        let at = |steps: i64| noisy.saturating_sub(steps.saturating_mul(self.step));
        let least = if above < end { at(above) } else { self.k };
        (least.max(self.k).min(noisy), at(below).max(noisy))
    }

    /// G(u)/G(u − d), 1 where floats cannot tell.
    fn ratio(&self, u: i64, d: i64) -> f64 {
        ratio(self.tail_from(u), self.tail_from(u.saturating_sub(d)))
    }

    /// G(u + 1)/G(u − d).
    fn ratio_after(&self, u: i64, d: i64) -> f64 {
        let (after, seen) = (u.saturating_add(1), u.saturating_sub(d));
        ratio(self.tail_from(after), self.tail_from(seen))
    }

    fn tail_from(&self, steps: i64) -> f64 {
        let place = usize::try_from(steps.saturating_add(self.before)).unwrap_or(0);
        self.tails.get(place).copied().unwrap_or(0.0)
    }
}

fn whole(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 1.0 }
}

/// The last number of `low..=high` that passes, where all before it do; `low` where none does.
fn last(low: i64, high: i64, passes: impl Fn(i64) -> bool) -> i64 {
    let (mut low, mut high) = (low, high.max(low));
    while low < high {
        let middle = high - (high - low) / 2;
        if passes(middle) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    low
}

/// The first number of `low..=high` that passes, where all after it do; `high` where none does.
fn first(low: i64, high: i64, passes: impl Fn(i64) -> bool) -> i64 {
    let (mut low, mut high) = (low.min(high), high);
    while low < high {
        let middle = low + (high - low) / 2;
        if passes(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

#[cfg(test)]
mod tests;
