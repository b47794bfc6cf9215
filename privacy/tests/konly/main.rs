//! k-only, attacked as a reader of the table would: interval bounds of every hidden cell by linear
//! programming, the structure of every line, and the distance to the best choice on small tables.
//!
//! Seeds are in the names of the worlds, which failures print. `WEIR_KONLY_LP=file` writes the large
//! attack as an LP file, for another solver.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests fail by panicking"
)]

mod attack;
mod bad_input;
#[path = "../../../tests/attacks/k_only/bounds.rs"]
mod bounds;
mod interval;
mod intervals;
mod local;
mod optimum;
mod structure;
mod world;
