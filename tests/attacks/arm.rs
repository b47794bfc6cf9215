//! What opens the hole that the environment names, ahead of an attack in the same process: the variable alone does nothing.

/// In the order of names ahead of every attack.
pub const ARMS: &str = "arm::the_hole_that_is_named_is_open_from_here_on";

#[test]
fn the_hole_that_is_named_is_open_from_here_on() {
    policies::mutants::arm();
}
