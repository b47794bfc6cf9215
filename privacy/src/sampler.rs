//! Weir's own exact sampler: integer noise with exactly the probabilities that are charged.
//!
//! | file | does |
//! | --- | --- |
//! | `random` | ChaCha20 words, keyed and rekeyed by the operating system, erased as they are used |
//! | `uniform` | a whole number below n (Lemire 2019) |
//! | `bernoulli` | true with probability e^(-γ), γ rational (CKS20 section 5.1) |
//! | `laplace` | discrete Laplace (CKS20 section 5.2) |
//! | `gaussian` | discrete Gaussian (CKS20 section 5.3) |
//! | `noise` | a column of true counts → the noisy column, on all processors |
//!
//! CKS20 is Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy" (arXiv 2004.00010).
//!
//! **Exact** means: given independent uniform words, every draw has exactly the probabilities of its
//! distribution. There is no float, no table and no cut tail; a product that leaves its type ends the
//! release with [`DrawError::Range`], it never wraps or saturates. The words are ChaCha20's, so that the
//! whole is computational differential privacy, as with every pseudorandom generator.
//!
//! **Time.** No sampler sees a count, so time cannot depend on one. Rejection sampling is not constant
//! time: how often a proposal is rejected says nothing about the one accepted, but a large |noise| took
//! more steps to propose (e^(-|z|/b) is drawn one factor 1/e at a time). `noise` therefore says which row
//! a draw belongs to only after a whole block is drawn: see there for what still leaks.

mod bernoulli;
mod gaussian;
mod laplace;
mod noise;
mod random;
mod uniform;

pub(crate) use noise::add_noise;
#[cfg(feature = "reference")]
pub(crate) use noise::add_noise_by_system;
use random::Random;

/// Why nothing was drawn. Says nothing about a count or a draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DrawError {
    /// The operating system gave no randomness: nothing may be released.
    #[error("the operating system gives no randomness, so no noise is drawn: see getrandom(2)")]
    NoRandomness,
    /// A number left its type. For allowed scales and counts its probability is below 2⁻³⁶⁰ a draw.
    #[error("a draw left the range of its integers, so no noise is drawn")]
    Range,
    /// A thread could not be started, or ended early.
    #[error("a thread that draws noise could not be started or did not finish")]
    Thread,
}

#[cfg(test)]
mod tests;
