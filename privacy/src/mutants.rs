//! Noise with a hole, for the attacks to find; built with the feature `mutants` only.

use std::sync::{LazyLock, Mutex, PoisonError};

use policies::mechanism::{Draw, Scale};
use policies::mutants::{Mutant, active};

use crate::sampler::{self, DrawError};

/// [`sampler::add_noise`], unless this process has a mutant of the noise.
pub(crate) fn add_noise(draw: &Draw, values: &[i64]) -> Result<Vec<i64>, DrawError> {
    if active(Mutant::NoiseHalved) {
        let scale = Scale::from_sixteenths(draw.scale.sixteenths() / 2).unwrap_or(draw.scale);
        return sampler::add_noise(&Draw { scale, ..*draw }, values);
    }
    if active(Mutant::NoiseSharedByCells) {
        let one = sampler::add_noise(draw, &[0])?
            .first()
            .copied()
            .unwrap_or_default();
        return Ok(values.iter().map(|value| value + one).collect());
    }
    if active(Mutant::RungNoiseReused) {
        return spread(draw, values);
    }
    if active(Mutant::NoiseSharedByMeasures) || active(Mutant::RevisionWithOldNoise) {
        return remembered(draw, values);
    }
    sampler::add_noise(draw, values)
}

/// The noise of the first column of this length, scaled, for every later one.
fn remembered(draw: &Draw, values: &[i64]) -> Result<Vec<i64>, DrawError> {
    type Column = (u64, Vec<i64>);
    static FIRST: LazyLock<Mutex<Vec<Column>>> = LazyLock::new(Mutex::default);
    let scale = draw.scale.sixteenths();
    let mut first = FIRST.lock().unwrap_or_else(PoisonError::into_inner);
    let any_scale = active(Mutant::NoiseSharedByMeasures);
    let same = |(s, noise): &&Column| noise.len() == values.len() && (any_scale || *s == scale);
    if let Some((s, noise)) = first.iter().find(same) {
        let scaled = |z: &i64| z.saturating_mul(scale.cast_signed()) / s.cast_signed();
        return Ok(std::iter::zip(values, noise)
            .map(|(v, z)| v + scaled(z))
            .collect());
    }
    let noise = sampler::add_noise(draw, &vec![0; values.len()])?;
    let noisy = std::iter::zip(values, &noise).map(|(v, z)| v + z).collect();
    first.push((scale, noise));
    Ok(noisy)
}

/// The noise of the first columns, and for each shorter column that of them in turn: scaled, and spread over rows that
/// hold equally many cells.
fn spread(draw: &Draw, values: &[i64]) -> Result<Vec<i64>, DrawError> {
    type Columns = (Vec<(u64, Vec<i64>)>, usize);
    static FINEST: LazyLock<Mutex<Columns>> = LazyLock::new(Mutex::default);
    let scale = draw.scale.sixteenths();
    let mut finest = FINEST.lock().unwrap_or_else(PoisonError::into_inner);
    let (columns, reused) = &mut *finest;
    if let Some((s, noise)) = columns.get(*reused)
        && noise.len() > values.len()
    {
        *reused += 1;
        let each = noise.len() / values.len().max(1);
        let scaled = |z: &i64| z.saturating_mul(scale.cast_signed()) / s.cast_signed();
        return Ok(std::iter::zip(values, noise.iter().step_by(each))
            .map(|(v, z)| v + scaled(z))
            .collect());
    }
    let noise = sampler::add_noise(draw, &vec![0; values.len()])?;
    let noisy = std::iter::zip(values, &noise).map(|(v, z)| v + z).collect();
    columns.push((scale, noise));
    Ok(noisy)
}
