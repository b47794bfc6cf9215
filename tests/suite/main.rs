//! System tests: promises of the whole, through public interfaces. One binary.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking, and say what they promise in their names"
)]

mod access;
mod ageing;
mod bundles;
mod calls;
mod contribute;
mod crash;
mod dense;
mod docs;
mod export;
mod files;
mod flight;
mod harness;
mod hostile;
mod joint;
mod k_only;
mod life;
mod limits;
mod listing;
mod measures;
mod merge;
mod nobody;
mod odrl;
mod offers;
mod open_change;
mod open_data;
mod open_shapes;
mod open_slow;
mod open_web;
mod opening;
mod operation;
mod planted;
mod policies_dir;
mod python;
mod questions;
mod raw;
mod recovery;
mod register;
mod release;
mod restart;
mod retention;
mod rotation;
mod sql;
mod stalled;
mod story;
mod tenants;
mod walls;
mod web;
mod witness;
