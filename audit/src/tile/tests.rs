#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::*;

fn names(size: u64) -> Vec<String> {
    Tile::partial(size).map(|tile| tile.to_string()).collect()
}

/// The examples of the specification.
#[test]
fn tiles_are_named_as_the_specification_names_them() {
    assert_eq!(names(70_000), ["0/273.p/112", "1/001.p/17", "2/000.p/1"]);
    assert_eq!(names(256), ["1/000.p/1"]);
    let tile: Tile = "0/x001/x234/067".parse().unwrap();
    assert_eq!(
        (tile.level(), tile.index(), tile.is_full()),
        (0, 1_234_067, true)
    );
    assert_eq!(tile.to_string(), "0/x001/x234/067");
    let tile: Tile = "7/000.p/1".parse().unwrap();
    assert_eq!(tile.sizes(), 1 << 56..2 << 56);
    let tile: Tile = "0/x001/000.p/3".parse().unwrap();
    assert_eq!(
        (tile.index(), tile.byte_range()),
        (1000, 8_192_000..8_192_096)
    );
}

#[test]
fn a_tile_has_one_name() {
    for wrong in [
        "",
        "0",
        "0/",
        "/000",
        "0/0",
        "0/00",
        "0/0000",
        "00/000",
        "+0/000",
        "8/000",
        "0/x000/000",
        "0/001/002",
        "0/x001",
        "0/x001/x002",
        "0/000.p/0",
        "0/000.p/256",
        "0/000.p/01",
        "0/000.p/",
        "0/000.p/1/",
        "0/000/",
        "0/000.p/1.p/1",
        "0/-01",
        "0/ 01",
        "0/000?",
        "7/128",
        "7/x018/x446/x744/x073/x709/551",
        "-1/000",
        "entries/000",
        "0/x999/x999/x999/x999/x999/x999/999",
        "../checkpoint",
    ] {
        assert!(wrong.parse::<Tile>().is_err(), "`{wrong}`");
    }
}

#[test]
fn sizes_are_those_of_trees_that_have_the_tile() {
    let sizes = |name: &str| name.parse::<Tile>().unwrap().sizes();
    assert_eq!(sizes("0/000.p/5"), 5..6);
    assert_eq!(sizes("0/001.p/1"), 257..258);
    assert_eq!(sizes("1/000.p/2"), 512..768);
    assert_eq!(sizes("0/000"), 256..1 << 63);
    assert_eq!(sizes("1/000"), 65_536..1 << 63);
}
