#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::sync::Arc;

use arrow::array::{BooleanArray, DictionaryArray, Int64Array, UInt8Array};
use arrow::datatypes::Int32Type;
use policies::agreement::Unit;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

fn count(value: i64, half: f64) -> Count {
    Count { value, half }
}

#[test]
fn shares_of_exact_counts_are_exact() {
    let found = shares(&[count(30, 0.0), count(60, 0.0), count(10, 0.0)]);
    for (share, value) in found.iter().zip([0.3, 0.6, 0.1]) {
        assert!((share.value - value).abs() < 1e-12, "{share:?}");
        assert!((share.high - share.low).abs() < 1e-9, "{share:?}");
    }
    assert_eq!(shares(&[]), []);
}

#[test]
fn where_the_sum_is_noise_nothing_is_known() {
    for counts in [
        [count(5, 9.0), count(3, 9.0)],
        [count(-5, 1.0), count(2, 1.0)],
    ] {
        assert!(shares(&counts).iter().all(|s| *s == Share::UNKNOWN));
    }
}

/// The set of all shares that the released numbers do not contradict, and no other.
#[test]
fn the_interval_is_fiellers_set() {
    let counts = [count(120, 20.0), count(300, 20.0), count(-4, 20.0)];
    let total = 416.0;
    for (n, share) in shares(&counts).iter().enumerate() {
        let a = counts[n].value as f64;
        for step in 0..=1000 {
            let s = f64::from(step) / 1000.0;
            let pivot = ((1.0 - s) * a - s * (total - a)).abs();
            let reach = ((1.0 - s) * 21.0).hypot(s * 21.0 * 2_f64.sqrt());
            let inside = (share.low..=share.high).contains(&s);
            let at_an_end = (s - share.low).abs().min((s - share.high).abs()) < 1e-3;
            assert!(inside == (pivot <= reach) || at_an_end, "{share:?}, {s}");
        }
    }
}

/// Of 20,000 draws at least 95 in 100 hold the true share, with one false alarm in a million runs.
#[test]
fn intervals_cover_95_of_100() {
    println!("seed 3");
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    // Irwin–Hall: the sum of twelve uniforms has variance 1.
    let mut noise = |sigma: f64| {
        let sum: f64 = (0..12).map(|_| rng.random_range(0.0..1.0)).sum();
        ((sum - 6.0) * sigma).round() as i64
    };
    let truth = [400, 90, 30];
    let mut hits = [0_u32; 3];
    for _ in 0..20_000 {
        let noisy = truth.map(|n| count(n + noise(15.0), 29.0));
        for (n, share) in shares(&noisy).iter().enumerate() {
            let exact = truth[n] as f64 / 520.0;
            hits[n] += u32::from((share.low..=share.high).contains(&exact));
        }
    }
    // 4.9 standard deviations below 19,000.
    assert!(hits.iter().all(|hits| *hits >= 18_850), "{hits:?}");
}

fn table(modes: &str) -> Table {
    let json = format!(
        r#"{{"name": "od", "kind": "od_trips", "zoning": "z", "period": "day", "bins": [0, 12],
        "categories": [{{"dimension": "mode", "values": [{modes}]}}], "cells_max": 1,
        "per_cell_max": 1, "clamps": []}}"#
    );
    serde_json::from_str(&json).unwrap()
}

fn rows(table: &Table, trips: bool) -> RecordBatch {
    let text = |values: [&str; 3]| -> ArrayRef {
        Arc::new(values.into_iter().collect::<DictionaryArray<Int32Type>>())
    };
    let number = |values: [i64; 3]| -> ArrayRef { Arc::new(Int64Array::from_iter_values(values)) };
    let mut columns = vec![
        text(["a", "a", "a"]),
        text(["b", "b", "b"]),
        Arc::new(UInt8Array::from(vec![0, 1, 0])),
        text(["bike", "bike", "taxi"]),
        number([100, 100, 300]),
        number([80, 90, 270]),
        number([110, 110, 310]),
    ];
    if trips {
        columns.extend([
            number([150, 9, 50]),
            number([145, 4, 45]),
            number([155, 14, 55]),
        ]);
    }
    columns.push(Arc::new(BooleanArray::from(vec![false; 3])));
    let names: Vec<String> = trips.then(|| "trips".to_owned()).into_iter().collect();
    let schema = proto::columns::released_schema(table, Unit::PersonDay, &names);
    RecordBatch::try_new(schema, columns).unwrap()
}

#[test]
fn rows_are_compared_with_those_of_the_same_other_keys() {
    let table = table(r#""bike", "taxi""#);
    let trips = Shares::of(&rows(&table, true), &table).unwrap();
    assert_eq!(
        (trips.dimension.as_str(), trips.counted.as_str()),
        ("mode", "trips")
    );
    let values: Vec<f64> = trips.of_published.iter().map(|share| share.value).collect();
    assert_eq!(
        values,
        [0.75, 1.0, 0.25],
        "the second stands alone in its day bin"
    );
    let people = Shares::of(&rows(&table, false), &table).unwrap();
    assert_eq!(people.counted, "contributors");
    // The wider half of each interval.
    let expected = shares(&[count(100, 20.0), count(300, 30.0)]);
    let found = &people.of_published;
    assert_eq!((found[0], found[2]), (expected[0], expected[1]));
}

#[test]
fn one_category_is_no_share() {
    let table = table(r#""bike""#);
    assert_eq!(Shares::of(&rows(&table, true), &table), None);
}
