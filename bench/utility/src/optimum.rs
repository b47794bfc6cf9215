//! The optimum of the same (ε, δ): no way to select cells that is (ε, δ) differentially private
//! publishes a cell with higher probability (Desfontaines, Voss, Gipson, Mandayam 2020, arXiv
//! 2006.03684, Theorem 1), where one unit is in one cell.
//!
//! With L0 cells per unit the optimum is not known. By composition, each cell gets (ε', δ') such that L0
//! of them compose to (ε, δ): basic composition, (ε/L0, δ/L0); or half of δ for the cells and the other
//! half for the conversion of L0·ε'²/2 in zero-concentrated differential privacy. The better one counts
//! per cell, which is generous: it may not be the same for all cells.
//!
//! It only selects: it gives no value, while ours selects and publishes with one charge.

/// P[a cell of n units is selected], n from 0 on.
#[derive(Debug, Clone)]
pub struct Optimum {
    probabilities: Vec<f64>,
    k: u64,
}

impl Optimum {
    /// The optimum with a floor of `k` units: nothing below, and of n units as if they were n − k + 1.
    #[must_use]
    pub fn new(epsilon: f64, delta: f64, cells_max: u32, k: u32) -> Self {
        let l0 = f64::from(cells_max);
        let basic = selection(epsilon / l0, delta / l0);
        let half = delta / 2.0;
        let each = (2.0 * rho(epsilon, half) / l0).sqrt();
        let concentrated = selection(each, half / l0);
        let most = basic.len().max(concentrated.len());
        let at = |list: &[f64], n: usize| list.get(n).copied().unwrap_or(1.0);
        let probabilities = (0..most)
            .map(|n| at(&basic, n).max(at(&concentrated, n)))
            .collect();
        Self {
            probabilities,
            k: u64::from(k),
        }
    }

    /// P\[published\].
    #[must_use]
    pub fn publishes(&self, units: u64) -> f64 {
        let Some(over) = units.checked_sub(self.k) else {
            return 0.0;
        };
        let place = usize::try_from(over + 1).unwrap_or(usize::MAX);
        self.probabilities.get(place).copied().unwrap_or(1.0)
    }

    /// The least number of units that is published at least every other time.
    #[must_use]
    pub fn half_at(&self) -> u64 {
        let below = self.probabilities.partition_point(|p| *p < 0.5) as u64;
        (below + self.k).saturating_sub(1)
    }
}

/// π(0) = 0 and π(n + 1) = min(e^ε·π(n) + δ, 1 − e^(−ε)·(1 − π(n) − δ), 1), up to where it is 1.
fn selection(epsilon: f64, delta: f64) -> Vec<f64> {
    let mut list = vec![0.0_f64];
    let mut last = 0.0_f64;
    while last < 1.0 && list.len() < 1_000_000 {
        let grows = epsilon.exp() * last + delta;
        let closes = 1.0 - (-epsilon).exp() * (1.0 - last - delta);
        last = grows.min(closes).min(1.0);
        list.push(last);
    }
    list
}

/// The ρ whose ε at `delta` is `epsilon` by ε = ρ + 2√(ρ·ln(1/δ)) (Bun and Steinke 2016): a little
/// less than the exact one.
fn rho(epsilon: f64, delta: f64) -> f64 {
    let log = (1.0 / delta).ln();
    ((log + epsilon).sqrt() - log.sqrt()).powi(2)
}
