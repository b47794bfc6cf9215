//! The privacy gate: the only way from cells to a released table, and the only crate that names OpenDP.
//!
//! | module | does |
//! | --- | --- |
//! | [`calibrate`] | a signed charge → the noise that keeps it |
//! | [`spend`] | a durable reservation → the right to draw, once |
//! | [`merge`] | cells of coarser rows → a gate and sums that noise fits |
//! | [`protect`] | cells and that right → published rows with intervals |
//! | [`joint`] | the same for the parts of several providers in one table |
//! | [`konly`] | cells → what may be shown where only k is promised, without noise |
//! | [`preview`] | what a release will look like, from public terms only |
//! | [`outlook`] | what a provider may expect to be shown of its own cells |
//! | [`plan`] | what a whole plan costs, before anyone signs |
//! | [`stated`] | (ε, δ) of one release → the charge that keeps it |
//! | [`convert`] | (ρ, δ) → ε, for people to read |
//! | [`quality`] | the sheet that every released table carries |
//!
//! Nothing here reads a clock, a file or a network. Noise is drawn by our own exact sampler (`sampler`) from
//! ChaCha20, seeded and reseeded by the operating system; OpenDP gives maps, accuracies and conversions,
//! and its sampler is what ours is tested against (`docs/PRIVACY.md` says what that means).

pub mod calibrate;
pub mod convert;
mod engine;
mod interval;
pub mod joint;
pub mod konly;
pub mod merge;
#[cfg(feature = "mutants")]
mod mutants;
pub mod outlook;
pub mod plan;
pub mod preview;
pub mod protect;
pub mod quality;
#[cfg(feature = "reference")]
pub mod reference;
mod sampler;
pub mod spend;
pub mod stated;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use engine::OpenDpError;
#[cfg(feature = "mutants")]
use mutants::add_noise;
pub use sampler::DrawError;
#[cfg(not(feature = "mutants"))]
use sampler::add_noise;
