//! Cosignatures for our own checkpoints: every new tree is shown to the witnesses of a policy, and a
//! checkpoint that a quorum cosigned is what members and strangers get.
//!
//! | module | holds |
//! | --- | --- |
//! | `client` | one witness, over HTTP |
//! | `collect` | the task that asks them all, and the first look at start |
//! | `heads` | which checkpoint an answer leans on, and how long it waits for it |
//!
//! While no quorum is reached, reads lean on the newest checkpoint as it is, and releases wait for a
//! bounded time and then end as `UNAVAILABLE`: their reservation is kept for the retry.

mod client;
mod collect;
mod heads;

pub use collect::{Collector, CosignError};
pub use heads::Heads;
