//! Percentiles from noisy counts in public bins.

use policies::table::{Clamp, Histogram};

use super::ratio::Ends;

/// Where each bin begins, and at last where the clamp ends.
pub(crate) fn edges(clamp: &Clamp, histogram: &Histogram) -> Vec<f64> {
    let all = std::iter::once(clamp.min).chain(histogram.edges.iter().copied());
    all.chain([clamp.max]).map(f64::from).collect()
}

/// The percentile of the events behind `bins`, one more `edges` than bins, whose noise reaches `half` in 95 of 100 each.
///
/// The point is read off the isotonic cumulation, straight between edges. The interval takes a bin in iff the
/// percentile may lie in it, and spans the bins so taken. The true p-quantile is in bin j iff
/// D_(j−1) < 0 ≤ D_j with D_j = (1 − p)·Σ_(i≤j) bins − p·Σ_(i>j) bins, so bin j is left out only where D̃_(j−1) is
/// above 0, or D̃_j below, by more than a half width: √((1 − p)²·j + p²·(m − j)) times that of one bin. Each happens to the
/// true bin in 2.5 of 100 at most, and only the true bin's two ends matter: no allowance for their number is needed. No
/// end is tested at the clamp, where nothing lies outside.
pub(crate) fn percentile(percent: u8, bins: &[i64], edges: &[f64], half: f64) -> Ends {
    let p = f64::from(percent) / 100.0;
    let all: i128 = bins.iter().map(|n| i128::from(*n)).sum();
    let mut below = 0_i128;
    let mut surely = vec![(false, false)]; // D surely above 0, surely below 0, at each edge
    for (n, bin) in (1_u32..).zip(bins) {
        below += i128::from(*bin);
        let d = (1.0 - p) * below as f64 - p * (all - below) as f64;
        let parts = (f64::from(n), bins.len() as f64 - f64::from(n));
        let reach = half * ((1.0 - p).powi(2) * parts.0 + p.powi(2) * parts.1).sqrt();
        surely.push((d > reach, d < -reach));
    }
    if let Some(last) = surely.last_mut() {
        *last = (false, false);
    }
    let spans = edges.windows(2).zip(surely.windows(2));
    let taken = spans.filter_map(|(span, tests)| match (span, tests) {
        ([from, to], [(false, _), (_, false)]) => Some((*from, *to)),
        _ => None,
    });
    let hull = taken.reduce(|hull, span| (hull.0.min(span.0), hull.1.max(span.1)));
    // Where every bin is left out, nothing is known.
    let whole = edges.first().copied().zip(edges.last().copied());
    let (low, high) = hull.or(whole).unwrap_or_default();
    let value = point(p, bins, edges).unwrap_or((low + high) / 2.0).round() as i64;
    Ends {
        value,
        low: (low as i64).min(value),
        high: (high as i64).max(value),
    }
}

/// The p-quantile of the isotonic cumulation; `None` where it holds nobody.
fn point(p: f64, bins: &[i64], edges: &[f64]) -> Option<f64> {
    let cumulated = isotonic(bins.iter().scan(0.0, |sum, n| {
        *sum += *n as f64;
        Some(*sum)
    }));
    let wanted = p * cumulated.last().filter(|all| **all > 0.0)?;
    let mut before = 0.0;
    for (after, span) in cumulated.iter().map(|n| n.max(0.0)).zip(edges.windows(2)) {
        if let [from, to] = span
            && after >= wanted
        {
            let share = (wanted - before) / (after - before).max(f64::MIN_POSITIVE);
            return Some(from + (to - from) * share.clamp(0.0, 1.0));
        }
        before = after;
    }
    None
}

/// The closest rising sequence in least squares, by pooling adjacent violators (Ayer and others 1955).
fn isotonic(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut pools: Vec<(f64, usize)> = Vec::new(); // mean and size
    for value in values {
        let mut pool = (value, 1_usize);
        while let Some(last) = pools.pop_if(|last| last.0 > pool.0) {
            let size = last.1 + pool.1;
            let sum = last.0 * last.1 as f64 + pool.0 * pool.1 as f64;
            pool = (sum / size as f64, size);
        }
        pools.push(pool);
    }
    let spread = pools.into_iter().map(|(mean, size)| vec![mean; size]);
    spread.flatten().collect()
}

#[cfg(test)]
mod tests;
