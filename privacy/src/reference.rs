//! Noise without a release, ours and OpenDP's, for whoever compares them. Behind the feature `reference`,
//! which only `bench` asks for: a broker built by itself (`-p cli`) has none of this.

use policies::mechanism::Draw;

use crate::engine::{OpenDpError, opendp_noise};
use crate::sampler::{self, DrawError};

/// Noise as a release draws it, on at most so many threads.
///
/// # Errors
/// [`DrawError`].
pub fn own(draw: &Draw, values: &[i64], threads: usize) -> Result<Vec<i64>, DrawError> {
    sampler::add_noise_by_system(threads, draw, values)
}

/// The same from OpenDP's sampler, in one equal piece per thread.
///
/// # Errors
/// [`OpenDpError`] where it refuses.
pub fn opendp(draw: &Draw, values: &[i64], threads: usize) -> Result<Vec<i64>, OpenDpError> {
    let rows = values.len().div_ceil(threads.max(1)).max(1);
    std::thread::scope(|scope| {
        let workers: Vec<_> = values
            .chunks(rows)
            .map(|piece| scope.spawn(|| opendp_noise(draw, piece)))
            .collect();
        let ended_early = |_| OpenDpError {
            doing: "finish a thread",
        };
        let parts = workers
            .into_iter()
            .map(|worker| worker.join().map_err(ended_early)?);
        Ok(parts.collect::<Result<Vec<_>, _>>()?.concat())
    })
}
