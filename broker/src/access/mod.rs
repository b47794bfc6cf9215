//! Who may do what: the Cedar policies of `policies/*.cedar`, and the one way to ask them.
//!
//! Cedar is the second lock, never the only one: budget, purpose and state are decided by
//! `policies::decide` and the reducer, which know nothing of these documents.

pub mod ask;
pub mod documents;
pub mod in_force;
pub mod load;
pub mod matrix;
mod memory;
pub mod method;

#[cfg(test)]
mod tests;

pub use ask::{Object, Policies, Who};
pub use in_force::InForce;
