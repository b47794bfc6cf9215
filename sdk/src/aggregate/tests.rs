#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]

mod bounds;
mod held;
mod measures;
mod order;
mod periods;
mod places;
mod refused;
mod rows;
pub(super) mod world;
