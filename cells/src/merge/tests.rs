#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::*;
use crate::testing::{Cell, batch, coded, trips};

const MONDAY: [Cell; 4] = [
    ("00120", "99", 2, "walk", 1, 1, 100),
    ("00100", "00100", 0, "bike", 1, 1, 100),
    ("00100", "99", 1, "bike", 1, 1, 100),
    ("00100", "99", 2, "walk", 1, 1, 100),
];
const TUESDAY: [Cell; 2] = [
    ("0090", "00120", 0, "walk", 1, 1, 100),
    ("00100", "0090", 2, "bike", 1, 1, 100),
];

fn keys(cells: &[Cell]) -> RecordBatch {
    batch(cells).project(&[0, 1, 2, 3]).unwrap()
}

fn rows(json: &str) -> Rows {
    let parent = |(zone, parent): (&str, &str)| (zone.to_owned(), parent.to_owned());
    let parents = [
        ("00100", "south"),
        ("00120", "south"),
        ("0090", "north"),
        ("99", "north"),
    ];
    let coarsening = serde_json::from_str(json).unwrap();
    Rows::new(&trips(), &coarsening, parents.map(parent).into())
}

type Key = (String, String, u8, String);

fn texts(keys: &RecordBatch) -> Vec<Key> {
    let text = |column: usize, row: usize| {
        let column = keys.column(column).as_any();
        let column: &DictionaryArray<Int32Type> = column.downcast_ref().unwrap();
        let values = column.values().as_string::<i32>();
        values.value(column.key(row).unwrap()).to_owned()
    };
    let bins = keys.column(2).as_primitive::<UInt8Type>();
    (0..keys.num_rows())
        .map(|row| (text(0, row), text(1, row), bins.value(row), text(3, row)))
        .collect()
}

fn key(origin: &str, destination: &str, bin: u8, mode: &str) -> Key {
    (origin.into(), destination.into(), bin, mode.into())
}

#[test]
fn cells_fall_into_rows_that_are_the_same_on_every_day() {
    let mut rows = rows(r#"{"bins": [0, 7], "zones": "parent", "categories": ["mode"]}"#);
    assert_eq!(rows.of(&keys(&MONDAY)).unwrap(), [0, 1, 0, 0]);
    assert_eq!(rows.of(&keys(&TUESDAY)).unwrap(), [2, 0]);
    let (keys, order) = rows.finish().unwrap();
    let expected = [
        key("north", "south", 0, "all"),
        key("south", "north", 1, "all"),
        key("south", "south", 0, "all"),
    ];
    assert_eq!(texts(&keys), expected);
    assert_eq!(order, [2, 0, 1]);
    assert_eq!(keys.schema().fields().len(), 4);
}

#[test]
fn what_is_not_merged_stays_and_is_sorted() {
    let mut rows = rows("{}");
    assert_eq!(rows.of(&keys(&MONDAY)).unwrap(), [0, 1, 2, 3]);
    let (keys, order) = rows.finish().unwrap();
    assert_eq!(order, [1, 2, 3, 0]);
    assert!(texts(&keys).is_sorted());
}

#[test]
fn all_zones_can_be_one() {
    let mut rows = rows(r#"{"zones": "all"}"#);
    rows.of(&keys(&MONDAY)).unwrap();
    let (keys, _) = rows.finish().unwrap();
    let expected = [
        key("all", "all", 0, "bike"),
        key("all", "all", 1, "bike"),
        key("all", "all", 2, "walk"),
    ];
    assert_eq!(texts(&keys), expected);
}

#[test]
fn a_merge_of_nothing_has_no_rows() {
    let mut rows = rows(r#"{"zones": "all"}"#);
    assert_eq!(rows.of(&keys(&[])).unwrap(), [0_usize; 0]);
    let (keys, order) = rows.finish().unwrap();
    assert_eq!((keys.num_rows(), order.len()), (0, 0));
}

#[test]
fn foreign_keys_are_refused_and_unused_texts_are_not() {
    let narrow = keys(&MONDAY).project(&[0, 1, 2]).unwrap();
    assert_eq!(rows("{}").of(&narrow), Err(MergeError::Keys));
    let good = keys(&MONDAY[..1]);
    let with = |n: usize, array: ArrayRef| {
        let mut columns = good.columns().to_vec();
        columns[n] = array;
        RecordBatch::try_new(good.schema(), columns).unwrap()
    };
    let bin = with(2, Arc::new(UInt8Array::from(vec![3])));
    assert_eq!(rows("{}").of(&bin), Err(MergeError::Bin));
    let orphan = || with(0, coded(vec![0], vec![Some("nowhere"), Some("99")]));
    let parent = r#"{"zones": "parent"}"#;
    assert_eq!(rows(parent).of(&orphan()), Err(MergeError::Parent));
    let unused = with(0, coded(vec![1], vec![Some("nowhere"), Some("99")]));
    assert_eq!(rows(parent).of(&unused).unwrap(), [0]);
}
