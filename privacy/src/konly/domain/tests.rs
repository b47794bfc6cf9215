#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::*;

fn table(bins: &str, modes: &str) -> Table {
    let json = format!(
        r#"{{"name": "od", "kind": "od_trips", "zoning": "z", "period": "day", "bins": {bins},
        "categories": [{{"dimension": "mode", "values": {modes}}}], "cells_max": 4,
        "per_cell_max": 2, "clamps": []}}"#
    );
    serde_json::from_str(&json).unwrap()
}

fn zones() -> Vec<String> {
    ["c", "a", "b"].map(String::from).to_vec()
}

fn parents(of: [&str; 3]) -> BTreeMap<String, String> {
    let zones = ["a", "b", "c"].map(String::from);
    std::iter::zip(zones, of.map(String::from)).collect()
}

fn nodes(domain: &Domain) -> Vec<usize> {
    domain.dims().iter().map(Hierarchy::nodes).collect()
}

#[test]
fn levels_that_repeat_another_are_none() {
    let table = table("[0, 12]", r#"["bike"]"#);
    let of = |parents: Option<&BTreeMap<_, _>>| Domain::new(&table, &zones(), parents).unwrap();
    assert_eq!(nodes(&of(None)), [4, 4, 3], "one mode is no dimension");
    assert_eq!(nodes(&of(Some(&parents(["w", "w", "e"])))), [6, 6, 3]);
    assert_eq!(nodes(&of(Some(&parents(["w", "w", "w"])))), [4, 4, 3]);
    assert_eq!(nodes(&of(Some(&parents(["x", "y", "z"])))), [4, 4, 3]);
    let lost = Domain::new(&table, &zones(), Some(&BTreeMap::new())).unwrap_err();
    assert_eq!(lost, DomainError::Parent);
}

#[test]
fn a_key_is_where_it_says() {
    let table = table("[0, 12]", r#"["tram", "bike"]"#);
    let domain = Domain::new(&table, &zones(), Some(&parents(["w", "e", "w"]))).unwrap();
    let nodes = [
        domain.text(0, "b").unwrap(),
        domain.text(1, "c").unwrap(),
        domain.bin(2, 1).unwrap(),
        domain.text(3, "tram").unwrap(),
    ];
    let key = domain.key(&nodes);
    assert!(domain.is_finest(key));
    let places: Vec<_> = domain.places(key).collect();
    let expected = [
        ("origin", Place::Text("b")),
        ("destination", Place::Text("c")),
        ("start", Place::Bin(1)),
        ("mode", Place::Text("tram")),
    ];
    assert_eq!(places, expected);
    // Up one step in every dimension.
    let mut above = key;
    for (d, dim) in domain.dims().iter().enumerate() {
        above = above.with(d, dim.chain(key.node(d))[1]);
    }
    let places: Vec<_> = domain.places(above).map(|(_, place)| place).collect();
    let expected = [
        Place::Parent("e"),
        Place::Parent("w"),
        Place::All,
        Place::All,
    ];
    assert_eq!(places, expected);
    for unknown in [
        domain.text(0, "w"),
        domain.text(2, "a"),
        domain.bin(2, 2),
        domain.bin(0, 0),
    ] {
        assert_eq!(unknown, None);
    }
}

#[test]
fn a_table_of_one_key_has_a_domain() {
    let one = ["a".to_owned()];
    let domain = Domain::new(&table("[0]", r#"["bike"]"#), &one, None).unwrap();
    assert_eq!(nodes(&domain), [2]);
    let places: Vec<_> = domain.places(domain.key(&[0; 4])).map(|(_, p)| p).collect();
    let bike = Place::Text("bike");
    assert_eq!(
        places,
        [Place::Text("a"), Place::Text("a"), Place::Bin(0), bike]
    );
}

#[test]
fn rows_are_bounded_by_their_margins() {
    let table = table("[0, 12]", r#"["bike"]"#);
    let cells = CELLS_MAX as u64;
    assert_eq!(rows_max(&table, 3, None), cells / 8);
    assert_eq!(rows_max(&table, 3, Some(2)), cells / 18);
    assert_eq!(rows_max(&table, 3, Some(3)), cells / 8);
    assert_eq!(rows_max(&table, 1, Some(1)), cells / 2);
}
