//! The client against a broker that lies, behind real TLS.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod connection;
mod log;
mod pushes;
mod spawned;
mod tables;
