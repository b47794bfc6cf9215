//! `weir demo` beside other programs.

use std::process::{Command, Stdio};

/// Found by the test of the Python example: the demo panicked in the middle of its story.
#[test]
fn a_reader_that_goes_away_does_not_end_the_demo() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir"));
    let mut demo = command.arg("demo").stdout(Stdio::piped()).spawn().unwrap();
    drop(demo.stdout.take());
    assert!(demo.wait().unwrap().success());
}
