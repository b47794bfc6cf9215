//! The interval of noisy contributors, given that they were published.
//!
//! A row is seen only where ñ = n + Z ≥ t, t = T + k − 1. Near t, large noise is what is seen, so that
//! ñ ± half width covers far less than it says. What is seen has the distribution of Z cut off below t − n,
//! and these intervals invert its tails (as Clopper and Pearson 1934): n belongs to the interval iff, in the
//! distribution of published ñ under n, neither what was seen or more has a or less, nor what was seen or less has
//! b or less, where a + b = α. With u = ñ − n and the excess d = ñ − t that is
//!
//! ```text
//! G(u)/G(u − d) > a   and   1 − G(u + 1)/G(u − d) > b,   G(m) = P[Z ≥ m].
//! ```
//!
//! Under every n each test fails with its own probability at most, so that any split of α that depends on public
//! terms alone covers. a and b are α/2, or what lets one end come a step nearer ([`Tails::split`]). Both noises are log-concave, so the published ñ has a monotone likelihood ratio in n: the first holds up to
//! some u, the second from some u on, and each is found by halving. Far above t they are the plain interval.

use policies::mechanism::{Noise, SCALE_STEPS, Selection};

use super::ratio::Ends;

/// Scales up to this are taken step by step; larger ones in steps of their 512th part, ends moved outwards by
/// one step.
const FINEST: u64 = 512;

/// Conditional intervals of one selection. They depend on the excess alone, so they are computed once for all rows.
pub(crate) struct Selected {
    /// Units in one step.
    step: i64,
    k: i64,
    from: i64,
    /// By excess, in steps: how far the interval reaches down and up from ñ. The last serves all greater ones.
    reach: Vec<(i64, i64)>,
}

impl Selected {
    /// For intervals that miss with probability `alpha` at most.
    pub fn new(selection: &Selection, alpha: f64) -> Self {
        let sixteenths = selection.draw.scale.sixteenths();
        let step = whole(sixteenths.div_ceil(SCALE_STEPS * FINEST).max(1));
        let tails = Tails::new(
            selection.draw.noise,
            sixteenths as f64 / (SCALE_STEPS as f64 * step as f64),
        );
        let (k, from) = (
            i64::from(selection.k.max(1)),
            whole(selection.published_from()),
        );
        let split = tails.split(alpha);
        // From here on nothing is cut off that floats could tell.
        let plain = 2 * tails.before;
        let reach = (0..=plain).map(|excess| {
            let least = from.saturating_sub(k) / step + excess + 1;
            tails.reach(excess, i64::from(step > 1), least, split)
        });
        Self {
            step,
            k,
            from,
            reach: reach.collect(),
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
        let excess = noisy.saturating_sub(self.from).max(0) / self.step;
        let place = usize::try_from(excess).unwrap_or(usize::MAX);
        let reach = self.reach.get(place).or(self.reach.last());
        let (down, up) = reach.copied().unwrap_or((i64::MAX, i64::MAX));
        let low = noisy.saturating_sub(down.saturating_mul(self.step));
        let high = noisy.saturating_add(up.saturating_mul(self.step));
        (low.max(self.k).min(noisy), high.max(noisy))
    }
}

/// The chance that a row of n contributors is published: G(t − n), and 0 below k.
pub(crate) struct Chance {
    step: i64,
    k: u64,
    from: i64,
    tails: Tails,
}

impl Chance {
    pub fn new(selection: &Selection) -> Self {
        let sixteenths = selection.draw.scale.sixteenths();
        let step = whole(sixteenths.div_ceil(SCALE_STEPS * FINEST).max(1));
        let scale = sixteenths as f64 / (SCALE_STEPS as f64 * step as f64);
        Self {
            step,
            k: u64::from(selection.k),
            from: whole(selection.published_from()),
            tails: Tails::new(selection.draw.noise, scale),
        }
    }

    /// For one n.
    pub fn of(&self, contributors: u64) -> f64 {
        if contributors < self.k {
            return 0.0;
        }
        let needed = self.from.saturating_sub(whole(contributors));
        let steps = needed.div_euclid(self.step).max(-self.tails.before);
        self.tails.ratio(steps, -self.tails.before)
    }
}

/// G of one noise, in steps.
struct Tails {
    /// Steps below 0 where the table begins; before that G is 1.
    before: i64,
    /// G at each step from −`before` on, up to a common factor.
    tails: Vec<f64>,
}

impl Tails {
    fn new(noise: Noise, scale: f64) -> Self {
        let weight = |z: i64| match noise {
            Noise::DiscreteLaplace => (-(z.abs() as f64) / scale).exp(),
            Noise::DiscreteGaussian => (-(z as f64).powi(2) / (2.0 * scale * scale)).exp(),
        };
        // Below −far, G is 1 but for 10⁻¹⁶; beyond `end` no threshold calibrated for any δ lies.
        let (far, end) = match noise {
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
        Self { before, tails }
    }

    /// a and b. Integer noise leaves room: at h, the plain half width of α/2 each, both tails together are often
    /// well below α. Where α is enough for the tail from h on and the one from h + 1 on, the lower end is one
    /// nearer: discrete Laplace of scale 1 then covers 95.0 % with 6 numbers instead of 97.3 % with 7.
    fn split(&self, alpha: f64) -> (f64, f64) {
        let from_on = |m: i64| self.ratio(m, -self.before);
        let most = whole(self.tails.len() as u64) - self.before;
        let h = first(0, most, |h| from_on(h + 1) <= alpha / 2.0);
        let room = alpha - from_on(h) - from_on(h + 1);
        if room > 0.0 {
            (from_on(h) + room / 2.0, from_on(h + 1) + room / 2.0)
        } else {
            (alpha / 2.0, alpha / 2.0)
        }
    }

    /// How far down and up the interval of this excess reaches, where n is at least k from u = `least` on. An excess
    /// within a step is taken at the end of the step that is wider, and `outward` steps are added.
    fn reach(
        &self,
        excess: i64,
        outward: i64,
        least: i64,
        (more_or_same, less_or_same): (f64, f64),
    ) -> (i64, i64) {
        let end = whole(self.tails.len() as u64) - self.before;
        let most = least.min(end);
        let below = last(0, most, |u| self.ratio(u, u - excess) > more_or_same);
        let more = excess + outward;
        let above = first(-self.before, most, |u| {
            1.0 - self.ratio(u + 1, u - more) > less_or_same
        });
        // At the end of the table nothing is known but k.
        let down = if below < end {
            below + outward
        } else {
            i64::MAX
        };
        (down, outward - above)
    }

    /// G(u)/G(seen), 1 where floats cannot tell.
    fn ratio(&self, u: i64, seen: i64) -> f64 {
        let (part, whole) = (self.at(u), self.at(seen));
        if whole > 0.0 { part / whole } else { 1.0 }
    }

    fn at(&self, steps: i64) -> f64 {
        let place = usize::try_from(steps + self.before).unwrap_or(0);
        self.tails.get(place).copied().unwrap_or(0.0)
    }
}

fn whole(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
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
