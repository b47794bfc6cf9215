//! How far a sum of independent noises reaches. Floats, for display only.

use policies::mechanism::{Draw, Mechanism, Noise, SCALE_STEPS, Selection};

use crate::engine::OpenDpError;

/// Scales above this, in steps, are taken in coarser steps.
const SCALE_TAKEN: f64 = 32.0;

/// Half width of the 95 % interval of the contributors of a row that counts 1, 2, … of the providers with these
/// mechanisms.
///
/// # Errors
/// [`OpenDpError`] for noise wider than can be counted.
pub fn contributors_half_widths<'a>(
    mechanisms: impl IntoIterator<Item = &'a Mechanism>,
) -> Result<Vec<i64>, OpenDpError> {
    let selections = mechanisms.into_iter().filter_map(|m| match m {
        Mechanism::Thresholded { selection, .. } => Some(*selection),
        _ => None,
    });
    half_widths(&selections.collect::<Vec<_>>())
}

/// Half width of the 95 % interval of the sum of 1, 2, … of these selections' noises: of the widest so many. Within one
/// distribution a larger scale reaches farther, so only how many are of each matters.
pub(super) fn half_widths(selections: &[Selection]) -> Result<Vec<i64>, OpenDpError> {
    let of = |noise: Noise| {
        let mut draws: Vec<Draw> = selections
            .iter()
            .map(|s| s.draw)
            .filter(|draw| draw.noise == noise)
            .collect();
        draws.sort_by_key(|draw| std::cmp::Reverse(draw.scale));
        draws
    };
    let (gaussian, laplace) = (of(Noise::DiscreteGaussian), of(Noise::DiscreteLaplace));
    let widest = |n: usize| {
        let mixes = (0..=n).filter(|a| *a <= gaussian.len() && n - a <= laplace.len());
        let widths = mixes.map(|a| {
            let draws = gaussian.iter().take(a).chain(laplace.iter().take(n - a));
            half_width_of_sum(&draws.copied().collect::<Vec<_>>())
        });
        let widest = widths.collect::<Result<Vec<_>, _>>()?.into_iter().max();
        Ok(widest.unwrap_or_default())
    };
    (1..=selections.len()).map(widest).collect()
}

/// The least h with P[|Σ Z| ≤ h] ≥ 0.95, by convolution; over large scales in steps of a power of two, one step more for
/// each noise and one for the sum, since a noise lies within a step of where it is taken to be.
fn half_width_of_sum(draws: &[Draw]) -> Result<i64, OpenDpError> {
    let scale = |draw: &Draw| draw.scale.sixteenths() as f64 / SCALE_STEPS as f64;
    let most = draws.iter().map(scale).fold(0.0, f64::max);
    let mut step = 1_i64;
    while most / step as f64 > SCALE_TAKEN {
        step *= 2;
    }
    let mut sum = vec![1.0];
    for draw in draws {
        sum = convolved(&sum, &pmf(draw.noise, scale(draw) / step as f64));
    }
    let middle = sum.len() / 2;
    let mut within = 0.0;
    let reached = (0..=middle).find(|h| {
        let at = |place: Option<usize>| place.and_then(|p| sum.get(p)).copied().unwrap_or(0.0);
        let both = at(middle.checked_sub(*h)) + at(middle.checked_add(*h));
        within += if *h == 0 { both / 2.0 } else { both };
        within >= 0.95
    });
    let doing = "give the accuracy of a sum";
    let reached = reached.and_then(|h| i64::try_from(h).ok());
    let reached = reached.ok_or(OpenDpError { doing })?;
    let more = match step {
        1 => 0,
        _ => i64::try_from(draws.len() + 1).unwrap_or(i64::MAX),
    };
    Ok(reached.saturating_add(more).saturating_mul(step))
}

/// P[Z = z] for |z| up to where less than 10⁻⁹ is left.
fn pmf(noise: Noise, scale: f64) -> Vec<f64> {
    let (weight, reach): (fn(f64) -> f64, f64) = match noise {
        Noise::DiscreteLaplace => (|t| (-t).exp(), 21.0),
        Noise::DiscreteGaussian => (|t| (-t * t / 2.0).exp(), 7.0),
    };
    let far = (scale * reach).ceil() as i32;
    let weights: Vec<f64> = (-far..=far)
        .map(|z| weight(f64::from(z.abs()) / scale))
        .collect();
    let all: f64 = weights.iter().sum();
    weights.into_iter().map(|w| w / all).collect()
}

fn convolved(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut sum = vec![0.0; (a.len() + b.len()).saturating_sub(1)];
    for (n, p) in a.iter().enumerate() {
        for (at, q) in sum.iter_mut().skip(n).zip(b) {
            *at += p * q;
        }
    }
    sum
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]
mod tests {
    use super::*;
    use crate::engine::half_width_95;
    use crate::testing::draw;

    fn selection(noise: Noise, sixteenths: u64) -> Selection {
        Selection {
            draw: draw(noise, sixteenths, 1, 1),
            k: 5,
            threshold: 20,
        }
    }

    #[test]
    fn the_sum_of_one_reaches_as_far_as_one() {
        for noise in [Noise::DiscreteLaplace, Noise::DiscreteGaussian] {
            for sixteenths in [4, 16, 33, 161, 512] {
                let draw = draw(noise, sixteenths, 1, 1);
                let one = i64::try_from(half_width_95(&draw).unwrap()).unwrap();
                assert_eq!(
                    half_width_of_sum(&[draw]).unwrap(),
                    one,
                    "{noise:?} {sixteenths}"
                );
            }
            let large = draw(noise, 16 * 5000, 1, 1);
            let one = i64::try_from(half_width_95(&large).unwrap()).unwrap();
            let ours = half_width_of_sum(&[large]).unwrap();
            assert!(ours >= one && ours < one + one / 10, "{ours} {one}");
        }
    }

    /// Gaussians add up in squares; a wrong sum (of half widths, or of the first alone) is far off.
    #[test]
    fn half_widths_of_gaussians_add_up_in_squares() {
        let three = [160, 320, 480].map(|s| selection(Noise::DiscreteGaussian, s));
        let halves = half_widths(&three).unwrap();
        // The widest 1, 2 and 3 of σ = 10, 20 and 30.
        for (half, sigma) in halves.iter().zip([30.0, 1300_f64.sqrt(), 1400_f64.sqrt()]) {
            assert!(
                (*half as f64 - 1.96 * sigma).abs() <= 1.0,
                "{half} for σ {sigma}"
            );
        }
    }

    #[test]
    fn mixed_noises_take_the_wider_mix() {
        let both = [
            selection(Noise::DiscreteGaussian, 160),
            selection(Noise::DiscreteLaplace, 8),
        ];
        let halves = half_widths(&both).unwrap();
        assert_eq!(halves.len(), 2);
        assert_eq!(halves[0], half_width_of_sum(&[both[0].draw]).unwrap());
        assert!(halves[1] >= halves[0]);
    }
}
