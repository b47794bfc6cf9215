//! Our proofs and notes against implementations nobody here wrote: `tlog_tiles` and `signed_note`
//! (Cloudflare's port of Go's sumdb packages), `ct-merkle`, and Go's sumdb packages themselves.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod notes;
mod random;
mod sumdb;
mod tiles;
mod trees;

/// The bytes of entry `index` in every log of these tests.
fn entry(index: u64) -> String {
    format!("entry {index}")
}
