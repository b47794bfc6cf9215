//! The rules of Weir, pure: what an agreement may say, what a request may ask, what an entry of the
//! log means, what a release costs.
//!
//! Everything here is a function of its arguments: no I/O, no clock, no randomness, no logging.
//! Time and state come in as values, decisions and effects go out as values. DESIGN section 5.
//!
//! | module | answers |
//! | --- | --- |
//! | [`agreement`], [`template`] | what did the parties sign, and where to start writing it? |
//! | [`call`] | what does a planner need to know? |
//! | [`table`], [`kind`], [`period`] | what is counted, at which grain, over which time? |
//! | [`coarse`] | which cells fall together, and how many of one unit? |
//! | [`joint`] | may several providers' tables be one? |
//! | [`validate`] | may this agreement exist at all? |
//! | [`odrl`] | what can a dataspace read of it? |
//! | [`text`] | may somebody else's words be shown as they are? |
//! | [`sign`] | did the parties really sign these bytes? |
//! | [`access`] | which role may call which method? |
//! | [`life`] | where can an agreement stand, and who may change that? |
//! | [`decide`] | may this release be made now? |
//! | [`schedule`] | what does a plan ask for by itself? |
//! | [`mechanism`] | how much does a mechanism cost, in integers? |
//! | [`ledger`] | is there budget left? |
//! | [`entry`], [`state`] | what has happened, and what follows from it? |
//! | [`mutants`] | which holes must the attacks find? |

pub mod access;
pub mod agreement;
pub mod call;
pub mod coarse;
pub mod column;
pub mod decide;
pub mod entry;
pub mod fixed;
pub mod id;
pub mod joint;
pub mod kind;
pub mod ledger;
pub mod life;
pub mod loss;
pub mod mechanism;
pub mod mutants;
pub mod odrl;
pub mod period;
pub mod refusal;
pub mod schedule;
pub mod sign;
pub mod state;
pub mod table;
pub mod template;
pub mod text;
pub mod validate;

#[cfg(any(test, feature = "testing"))]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::new_without_default,
    missing_docs,
    reason = "tests fail by panicking"
)]
pub mod testing;
