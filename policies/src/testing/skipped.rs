//! What a test says where something it needs is not on this machine.

use std::io::Write;

/// Says that a test, or a part of one, was left out. Written past `eprintln`, which the test runner keeps to itself as long as
/// tests pass: what is not tested is seen in every log.
pub fn skipped(what: impl std::fmt::Display) {
    // One write, so that tests beside it do not write into the line. Where nobody reads, nobody is told.
    let line = format!("SKIPPED: {what}\n");
    let _unread = std::io::stderr().write_all(line.as_bytes());
}
