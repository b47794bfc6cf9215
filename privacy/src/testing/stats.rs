//! Certified bounds and goodness of fit. Every test allows itself one false alarm in a million runs.

use policies::mechanism::{Draw, Noise};

/// Probability of a false alarm of one statistical test.
pub const ALPHA: f64 = 1e-6;

/// P[Z = z] for every |z| ≤ `far`, from −`far` on, normalised by their own sum.
pub fn pmf(draw: &Draw, far: i32) -> Vec<f64> {
    let scale = draw.scale.sixteenths() as f64 / 16.0;
    let weight = |z: i32| match draw.noise {
        Noise::DiscreteLaplace => (-f64::from(z.abs()) / scale).exp(),
        Noise::DiscreteGaussian => (-f64::from(z).powi(2) / (2.0 * scale * scale)).exp(),
    };
    let weights: Vec<f64> = (-far..=far).map(weight).collect();
    let all: f64 = weights.iter().sum();
    weights.into_iter().map(|w| w / all).collect()
}

/// The least probability under which `hits` or more of `trials` are not a one-in-a-million event, by
/// Chernoff's bound: P[X ≥ hits] ≤ e^(−n·KL(hits/n ‖ p)).
pub fn at_least(hits: usize, trials: usize) -> f64 {
    let found = hits as f64 / trials as f64;
    let surprising = |p: f64| trials as f64 * divergence(found, p) > -ALPHA.ln();
    let (mut low, mut high) = (0.0, found);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if surprising(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// The greatest probability under which `hits` or fewer are not a one-in-a-million event.
pub fn at_most(hits: usize, trials: usize) -> f64 {
    1.0 - at_least(trials - hits, trials)
}

fn divergence(q: f64, p: f64) -> f64 {
    let part = |q: f64, p: f64| if q > 0.0 { q * (q / p).ln() } else { 0.0 };
    part(q, p) + part(1.0 - q, 1.0 - p)
}

/// How many standard deviations the pooled chi-square of `seen` against `expected` rows is too high (Wilson
/// and Hilferty 1931); over 4.8 once in a million. A count without probability is infinitely wrong.
pub fn chi_square_z(seen: &[f64], expected: &[f64]) -> f64 {
    let (mut statistic, mut bins) = (0.0, 0.0);
    let (mut seen_here, mut expected_here) = (0.0, 0.0);
    let mut expected_left: f64 = expected.iter().sum();
    for (seen, expected) in std::iter::zip(seen, expected) {
        seen_here += seen;
        expected_here += expected;
        // Bins of 20 and more; what would be left over joins the last one.
        if expected_here >= 20.0 && expected_left - expected_here >= 20.0 {
            statistic += (seen_here - expected_here).powi(2) / expected_here;
            bins += 1.0;
            expected_left -= expected_here;
            (seen_here, expected_here) = (0.0, 0.0);
        }
    }
    statistic += (seen_here - expected_here).powi(2) / expected_here;
    let spread = 2.0 / (9.0 * bins);
    ((statistic / bins).cbrt() - (1.0 - spread)) / spread.sqrt()
}
