//! The holes that the attacks have to find are shut in the binary that serves, though this build has their code: the
//! feature of the test crate reaches it. Whatever the environment says.

use jiff::ToSpan;
use policies::mutants::{Mutant, VARIABLE};
use serde_json::Value;

use crate::contributions::pushed_on;
use crate::office::{Office, PURPOSE, first_day};

/// Every key of the table; more people than any threshold.
const CELLS: [(&str, &str, u8, u64, u64); 8] = [
    ("a", "a", 0, 500, 700),
    ("a", "a", 1, 500, 700),
    ("a", "b", 0, 500, 700),
    ("a", "b", 1, 500, 700),
    ("b", "a", 0, 500, 700),
    ("b", "a", 1, 500, 700),
    ("b", "b", 0, 500, 700),
    ("b", "b", 1, 500, 700),
];

/// Two days with the same cells, released by a broker that is told to have the hole.
fn released(mutant: Mutant) -> [Value; 2] {
    let office = Office::open_with(&[(VARIABLE, mutant.name())]);
    let id = office.agreed();
    [first_day(), first_day() + 1.days()].map(|day| {
        pushed_on(&office, &id, day, &CELLS);
        let day = day.to_string();
        let request = ["release", "request", &id, "od", &day, "--purpose", PURPOSE];
        let done = office.weir("city", &request).json();
        let key = done["release"].as_str().unwrap();
        let mut shown = office.weir("city", &["release", "get", key]).json();
        shown["rows"].take()
    })
}

#[test]
fn no_variable_takes_the_brokers_randomness_away() {
    let [first, second] = released(Mutant::NoRandomness);
    assert_eq!(first.as_array().unwrap().len(), CELLS.len(), "{first}");
    assert_eq!(second.as_array().unwrap().len(), CELLS.len(), "{second}");
}

#[test]
fn no_variable_gives_the_broker_a_seed() {
    let [first, second] = released(Mutant::ConstantSeed);
    assert_eq!(first.as_array().unwrap().len(), CELLS.len(), "{first}");
    assert_ne!(first, second, "two draws with the same noise");
}
