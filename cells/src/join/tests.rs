#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::sync::Arc;

use arrow::array::{AsArray, DictionaryArray, UInt8Array};
use arrow::datatypes::{Int32Type, Schema, UInt8Type};
use policies::table::Table;
use proptest::prelude::*;
use proto::columns::key_fields;

use super::*;

type Cell = (String, u8, u64);

fn table() -> Table {
    serde_json::from_str(
        r#"{"name": "p", "kind": "presence", "zoning": "z", "period": "day", "bins": [0, 12],
        "categories": [{"dimension": "category", "values": ["a"]}], "cells_max": 1,
        "per_cell_max": 1, "clamps": []}"#,
    )
    .unwrap()
}

/// Cells with dictionaries in the order of their own rows.
fn part(cells: &[Cell]) -> ExactCells {
    let text = |texts: Vec<&str>| -> ArrayRef {
        Arc::new(texts.into_iter().collect::<DictionaryArray<Int32Type>>())
    };
    let columns = vec![
        text(cells.iter().map(|c| c.0.as_str()).collect()),
        Arc::new(cells.iter().map(|c| c.1).collect::<UInt8Array>()) as ArrayRef,
        text(cells.iter().map(|_| "a").collect()),
    ];
    let schema = Arc::new(Schema::new(key_fields(&table())));
    ExactCells {
        keys: RecordBatch::try_new(schema, columns).unwrap(),
        contributors: Some(cells.iter().map(|c| c.2).collect()),
        measures: vec![ExactMeasure {
            name: "twice".into(),
            values: cells.iter().map(|c| 2 * c.2).collect(),
        }],
    }
}

fn keys(cells: &ExactCells) -> Vec<(String, u8)> {
    let zones = cells.keys.column(0).as_dictionary::<Int32Type>();
    let texts = zones.values().as_string::<i32>();
    let bins = cells.keys.column(1).as_primitive::<UInt8Type>();
    (0..cells.keys.num_rows())
        .map(|row| {
            let code = usize::try_from(zones.keys().value(row)).unwrap();
            (texts.value(code).to_owned(), bins.value(row))
        })
        .collect()
}

fn cells(max: usize) -> impl Strategy<Value = Vec<Cell>> {
    let key = (
        prop::sample::select(vec!["b", "a", "ä", "zz", "a b"]),
        0..2_u8,
    );
    prop::collection::btree_map(key, 1..1000_u64, 0..max).prop_map(|map| {
        map.into_iter()
            .map(|((z, b), n)| (z.to_owned(), b, n))
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    /// Every cell is where its key is, everything else is 0, and all parts have the same ascending keys.
    #[test]
    fn every_cell_stands_at_its_key_in_every_part(
        parts in prop::collection::vec(cells(10), 1..5),
    ) {
        let joined = join(parts.iter().map(|cells| part(cells)).collect()).unwrap();
        prop_assert_eq!(joined.len(), parts.len());
        let all = keys(&joined[0]);
        prop_assert!(all.is_sorted_by(|a, b| a < b), "{:?}", all);
        for (cells, joined) in parts.iter().zip(&joined) {
            prop_assert_eq!(&keys(joined), &all);
            let contributors = joined.contributors.as_ref().unwrap();
            for (key, (n, twice)) in all.iter().zip(contributors.iter().zip(&joined.measures[0].values)) {
                let own = cells.iter().find(|(z, b, _)| (z, b) == (&key.0, &key.1));
                prop_assert_eq!(*n, own.map_or(0, |cell| cell.2));
                prop_assert_eq!(*twice, 2 * n);
            }
        }
        let named: std::collections::BTreeSet<_> =
            parts.iter().flatten().map(|(z, b, _)| (z.clone(), *b)).collect();
        prop_assert_eq!(all, named.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn other_keys_are_not_joined() {
    let mut other = part(&[("a".into(), 0, 1)]);
    other.keys = other.keys.project(&[0, 1]).unwrap();
    let joined = join(vec![part(&[("a".into(), 0, 1)]), other]);
    assert!(matches!(joined, Err(ReadError::Damaged { .. })));
}
