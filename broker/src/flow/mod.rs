//! The use cases, one file each, each readable top to bottom: what a caller wants, what is checked, what
//! becomes an entry, what comes back. No transport in here.

pub mod admit;
pub mod agree;
pub mod broker;
pub mod call;
pub mod contribute;
pub mod draw;
mod join;
mod k_only;
pub mod life;
mod merge;
pub mod opening;
mod operation;
pub mod preview;
pub mod release;
mod retain;
pub mod rotate;
mod schedule;
pub(crate) mod sql;
pub mod watch;
pub mod zoning;

pub use broker::Broker;
