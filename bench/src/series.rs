//! Figures of several runs.

use std::time::Instant;

/// One figure per run, in the order of the runs.
#[derive(Debug, Clone, Default)]
pub struct Series(Vec<f64>);

impl Series {
    /// Adds the figure of a run.
    pub fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// Adds the seconds since `start`.
    pub fn push_since(&mut self, start: Instant) {
        self.push(start.elapsed().as_secs_f64());
    }

    /// The middle figure, of an even number the mean of the two middle ones; NaN without runs.
    #[must_use]
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let half = sorted.len() / 2;
        let at = |n: usize| sorted.get(n).copied().unwrap_or(f64::NAN);
        if sorted.len() % 2 == 1 {
            at(half)
        } else {
            f64::midpoint(at(half.wrapping_sub(1)), at(half))
        }
    }

    /// The figure that a share of all figures (0 to 1) does not exceed; NaN without figures.
    #[must_use]
    pub fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let place = (share * sorted.len() as f64).ceil() as usize;
        sorted
            .get(place.saturating_sub(1))
            .copied()
            .unwrap_or(f64::NAN)
    }

    /// How many figures.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// All figures together.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.0.iter().sum()
    }

    /// Takes another one's figures.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// The least figure.
    #[must_use]
    pub fn least(&self) -> f64 {
        self.0.iter().copied().fold(f64::NAN, f64::min)
    }

    /// The greatest figure.
    #[must_use]
    pub fn most(&self) -> f64 {
        self.0.iter().copied().fold(f64::NAN, f64::max)
    }

    /// Run by run, this figure over the other one: runs of a pair come right after each other, so
    /// that a busy moment of the machine touches both.
    #[must_use]
    pub fn over(&self, other: &Self) -> Self {
        Self(
            std::iter::zip(&self.0, &other.0)
                .map(|(a, b)| a / b)
                .collect(),
        )
    }
}

/// The greatest distance between the empirical distributions of two series of one length, 0 to 1.
#[must_use]
pub fn kolmogorov_smirnov(a: &Series, b: &Series) -> f64 {
    let steps =
        |series: &Series, step: i64| series.0.iter().map(|x| (*x, step)).collect::<Vec<_>>();
    let mut all = [steps(a, 1), steps(b, -1)].concat();
    all.sort_by(|(x, _), (y, _)| x.total_cmp(y));
    let (mut height, mut most) = (0_i64, 0);
    for equal in all.chunk_by(|(x, _), (y, _)| x.total_cmp(y).is_eq()) {
        height += equal.iter().map(|(_, step)| step).sum::<i64>();
        most = most.max(height.abs());
    }
    most as f64 / a.0.len().max(1) as f64
}

/// The slope of the least-squares line through the logarithms: 1 is proportional, 0 is constant.
#[must_use]
pub fn log_slope(points: &[(f64, f64)]) -> f64 {
    let logs: Vec<_> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let count = logs.len() as f64;
    let mean_x = logs.iter().map(|(x, _)| x).sum::<f64>() / count;
    let mean_y = logs.iter().map(|(_, y)| y).sum::<f64>() / count;
    let up: f64 = logs.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    up / logs.iter().map(|(x, _)| (x - mean_x).powi(2)).sum::<f64>()
}
