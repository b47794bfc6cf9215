//! How much of a city's figures survives: the product's releases at the requested grain against
//! k-only suppression, the same release through OpenDP's Python package, and the optimum of the
//! same (ε, δ).
//!
//! | module | holds |
//! | --- | --- |
//! | [`set`] | a data set as events, counted at any grain |
//! | [`data`] | the five data sets |
//! | [`ours`] | a release by the product's own path |
//! | [`opendp`] | the same through OpenDP's Python package |
//! | [`optimum`] | exact selection probabilities of the optimum |
//! | [`ladder`] | figures at the fine grain from coarser tables |
//! | [`score`] | what is counted |
//! | [`tables`] | what is printed |

pub mod data;
pub mod ladder;
pub mod opendp;
pub mod optimum;
pub mod ours;
pub mod score;
pub mod set;
pub mod tables;

/// Whatever ends the bench early.
pub type Failed = Box<dyn std::error::Error + Send + Sync>;

/// The seed of all that is generated; printed with the results. Noise has none: it comes from the operating system.
pub const SEED: u64 = 20_261_124;
