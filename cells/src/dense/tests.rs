#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use arrow::array::AsArray;
use arrow::datatypes::UInt8Type;

use super::*;
use crate::testing::{texts, trips, zones};

/// Cells of `trips()`, as read: origin, destination, bin, mode, contributors.
fn cells(rows: &[(&str, &str, u8, &str, u64)]) -> ExactCells {
    let columns: Vec<ArrayRef> = vec![
        texts(&rows.iter().map(|r| r.0).collect::<Vec<_>>()),
        texts(&rows.iter().map(|r| r.1).collect::<Vec<_>>()),
        Arc::new(rows.iter().map(|r| r.2).collect::<UInt8Array>()),
        texts(&rows.iter().map(|r| r.3).collect::<Vec<_>>()),
    ];
    let schema = Arc::new(Schema::new(key_fields(&trips())));
    ExactCells {
        keys: RecordBatch::try_new(schema, columns).unwrap(),
        contributors: Some(rows.iter().map(|r| r.4).collect()),
        measures: vec![ExactMeasure {
            name: "trips".into(),
            values: rows.iter().map(|r| 2 * r.4).collect(),
        }],
    }
}

fn keys(cells: &ExactCells) -> Vec<(String, String, u8, String)> {
    let text = |column: usize, row: usize| {
        let column = cells.keys.column(column).as_dictionary::<Int32Type>();
        let code = usize::try_from(column.keys().value(row)).unwrap();
        column.values().as_string::<i32>().value(code).to_owned()
    };
    let bins = cells.keys.column(2).as_primitive::<UInt8Type>();
    (0..cells.keys.num_rows())
        .map(|row| (text(0, row), text(1, row), bins.value(row), text(3, row)))
        .collect()
}

#[test]
fn every_key_of_the_domain_is_there_once_and_in_order() {
    let given = [("00100", "99", 1, "walk", 3), ("99", "0090", 2, "bike", 5)];
    let all = dense(cells(&given), &trips(), &zones()).unwrap();
    let all_keys = keys(&all);
    assert_eq!(all_keys.len(), 4 * 4 * 3 * 2);
    assert!(all_keys.windows(2).all(|pair| pair[0] < pair[1]));
    let numbers = all.contributors.unwrap();
    for (key, (n, trips)) in
        std::iter::zip(&all_keys, std::iter::zip(&numbers, &all.measures[0].values))
    {
        let own = given
            .iter()
            .find(|g| (g.0, g.1, g.2, g.3) == (&key.0, &key.1, key.2, &key.3));
        assert_eq!(*n, own.map_or(0, |own| own.4), "{key:?}");
        assert_eq!(*trips, 2 * n);
    }
    assert_eq!(numbers.iter().sum::<u64>(), 8);
}

#[test]
fn a_table_without_cells_has_all_its_keys_too() {
    let all = dense(cells(&[]), &trips(), &zones()).unwrap();
    assert_eq!(all.contributors.unwrap(), vec![0; 4 * 4 * 3 * 2]);
}

/// Whatever the check at the door let in: a row beyond the domain would tell that somebody is in it.
#[test]
fn a_cell_outside_the_domain_makes_no_table() {
    for outside in [
        ("00199", "99", 1, "walk", 3),
        ("99", "99", 3, "walk", 3),
        ("99", "99", 1, "boat", 3),
    ] {
        let refused = dense(cells(&[outside]), &trips(), &zones());
        assert!(matches!(refused, Err(ReadError::Damaged { .. })));
    }
}
