//! The binary itself, as people type it: a broker of its own on loopback, and one process per command.

#![allow(
    clippy::unwrap_used,
    clippy::string_slice,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod audits;
mod batches;
mod calls;
mod ckan;
mod contributions;
mod demo;
mod files;
mod helsinki;
mod holes;
mod life;
mod office;
mod open_ckan;
mod open_data;
mod questions;
mod rotation;
mod sql;
