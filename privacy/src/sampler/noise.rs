//! A column of true counts → the noisy column.
//!
//! **Which row a draw is for is decided after all draws of its block are made**, by a secret shuffle, and
//! a block is never smaller than [`BLOCK_LEAST`]: draws are independent and alike, so that shuffling and
//! dropping some changes nothing in their distribution, and the time that one draw took tells nothing
//! about one row. What time still tells is a sum over a whole block: how much |noise| it has in all,
//! and, in steps of [`BLOCK_LEAST`] rows, how many rows there are. Someone who watches the processor's
//! caches can watch the shuffle.

use policies::mechanism::{Draw, Noise};
use zeroize::Zeroizing;

use super::laplace::SCALE_SHIFT;
use super::{DrawError, Random};

/// Draws of a block are a multiple of this.
const BLOCK_LEAST: usize = 1 << 10;
/// Largest block, and the fewest rows worth a thread of their own: about a millisecond.
const BLOCK_MOST: usize = 1 << 13;

/// Independent noise added to every value, on all processors.
///
/// # Errors
/// [`DrawError`]; then there is no noisy column at all.
pub(crate) fn add_noise(draw: &Draw, values: &[i64]) -> Result<Vec<i64>, DrawError> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    add_noise_by_system(processors, draw, values)
}

/// [`add_noise`] on at most so many threads.
pub(crate) fn add_noise_by_system(
    threads: usize,
    draw: &Draw,
    values: &[i64],
) -> Result<Vec<i64>, DrawError> {
    add_noise_on(threads, draw, values, Random::new)
}

/// [`add_noise_by_system`] from other generators: every piece has one of its own.
pub(super) fn add_noise_on(
    threads: usize,
    draw: &Draw,
    values: &[i64],
    generator: impl Fn() -> Random,
) -> Result<Vec<i64>, DrawError> {
    let pieces = threads.min(values.len().div_ceil(BLOCK_MOST)).max(1);
    let rows = values.len().div_ceil(pieces).max(1);
    let mut noisy = values.to_vec();
    std::thread::scope(|scope| {
        // All are started before the first is waited for.
        let workers: Vec<_> = noisy
            .chunks_mut(rows)
            .map(|piece| {
                let mut random = generator();
                let work = move || add_noise_here(&mut random, draw, piece);
                std::thread::Builder::new().spawn_scoped(scope, work)
            })
            .collect();
        workers.into_iter().try_for_each(|worker| {
            let worker = worker.map_err(|_| DrawError::Thread)?;
            worker.join().map_err(|_| DrawError::Thread)?
        })
    })?;
    Ok(noisy)
}

fn add_noise_here(random: &mut Random, draw: &Draw, values: &mut [i64]) -> Result<(), DrawError> {
    for rows in values.chunks_mut(BLOCK_MOST) {
        let draws = rows.len().next_multiple_of(BLOCK_LEAST);
        let mut block = Zeroizing::new(Vec::with_capacity(draws));
        for _ in 0..draws {
            block.push(random.noise(draw)?);
        }
        random.shuffle(&mut block)?;
        for (value, noise) in std::iter::zip(rows, block.iter()) {
            *value = value.checked_add(*noise).ok_or(DrawError::Range)?;
        }
    }
    Ok(())
}

impl Random {
    fn noise(&mut self, draw: &Draw) -> Result<i64, DrawError> {
        match draw.noise {
            Noise::DiscreteLaplace => self.laplace(draw.scale.sixteenths(), SCALE_SHIFT),
            Noise::DiscreteGaussian => self.gaussian(draw.scale),
        }
    }

    /// Every order equally likely (Fisher and Yates; Knuth, TAOCP 2, algorithm 3.4.2 P).
    fn shuffle(&mut self, block: &mut [i64]) -> Result<(), DrawError> {
        for last in (1..block.len()).rev() {
            let other = self.below(last as u64 + 1)?;
            block.swap(last, other as usize);
        }
        Ok(())
    }
}
