//! A synthetic table for tests: trips between 4 zones, 3 day bins, 2 modes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::sync::Arc;

use arrow::array::{
    ArrayRef, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray, UInt8Array,
    UInt64Array,
};
use arrow::datatypes::Int32Type;
use policies::agreement::Unit;
use policies::table::Table;

use crate::check::{Checker, Limits};
use crate::write::Writer;

pub(crate) const LIMITS: Limits = Limits {
    rows_max: 10_000_000,
    bytes_max: 1 << 30,
    dictionary_max: 1000,
};

/// One cell: origin, destination, bin, mode, contributors, trips, metres.
pub(crate) type Cell = (&'static str, &'static str, u8, &'static str, u64, u64, i64);

/// `per_cell_max` 3, `cells_max` 4, distance clamped to 100 to 5,000.
pub(crate) fn trips() -> Table {
    serde_json::from_str(
        r#"{"name": "od", "kind": "od_trips", "zoning": "post", "period": "day",
        "bins": [0, 7, 16], "categories": [{"dimension": "mode", "values": ["walk", "bike"]}],
        "cells_max": 4, "per_cell_max": 3,
        "clamps": [{"measure": "distance_m", "min": 100, "max": 5000}]}"#,
    )
    .unwrap()
}

pub(crate) fn presence() -> Table {
    serde_json::from_str(
        r#"{"name": "people", "kind": "presence", "zoning": "post", "period": "day",
        "bins": [0], "categories": [{"dimension": "category", "values": ["all"]}],
        "cells_max": 4, "per_cell_max": 1, "clamps": []}"#,
    )
    .unwrap()
}

/// Sorted as text: leading zeros count.
pub(crate) fn zones() -> Arc<[String]> {
    ["00100", "00120", "0090", "99"].map(str::to_owned).into()
}

/// A text column whose dictionary holds what occurs, as it comes.
pub(crate) fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(
        values
            .iter()
            .copied()
            .collect::<DictionaryArray<Int32Type>>(),
    )
}

/// A text column with a dictionary of one's choice.
pub(crate) fn coded(codes: Vec<i32>, dictionary: Vec<Option<&str>>) -> ArrayRef {
    let values = Arc::new(StringArray::from(dictionary));
    Arc::new(DictionaryArray::<Int32Type>::try_new(Int32Array::from(codes), values).unwrap())
}

pub(crate) fn columns(cells: &[Cell]) -> Vec<ArrayRef> {
    let text = |pick: fn(&Cell) -> &'static str| texts(&cells.iter().map(pick).collect::<Vec<_>>());
    let count = |pick: fn(&Cell) -> u64| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(cells.iter().map(pick)))
    };
    vec![
        text(|c| c.0),
        text(|c| c.1),
        Arc::new(UInt8Array::from_iter_values(cells.iter().map(|c| c.2))),
        text(|c| c.3),
        count(|c| c.4),
        count(|c| c.5),
        Arc::new(Int64Array::from_iter_values(cells.iter().map(|c| c.6))),
    ]
}

pub(crate) fn batch(cells: &[Cell]) -> RecordBatch {
    let schema = proto::columns::cells_schema(&trips(), Unit::PersonDay);
    RecordBatch::try_new(schema, columns(cells)).unwrap()
}

pub(crate) fn checker() -> Checker {
    Checker::new(&trips(), Unit::PersonDay, &zones(), LIMITS).unwrap()
}

/// A blob of these batches.
pub(crate) fn blob(batches: &[RecordBatch]) -> Vec<u8> {
    let mut checker = checker();
    let mut writer = Writer::new(Vec::new(), &checker, &[]).unwrap();
    for batch in batches {
        writer.write(&checker.check(batch).unwrap()).unwrap();
    }
    writer.finish(checker.finish().unwrap()).unwrap()
}

/// Four good cells.
pub(crate) const GOOD: [Cell; 4] = [
    ("00100", "00100", 0, "bike", 5, 9, 9_000),
    ("00100", "99", 2, "bike", 1, 1, 100),
    ("00100", "99", 2, "walk", 2, 6, 30_000),
    ("99", "0090", 1, "walk", 7, 7, 700),
];

/// Every key with this origin, one contributor each.
pub(crate) fn grid(checker: &Checker, zones: &[String], origin: usize, bins: &[u8]) -> RecordBatch {
    let modes = ["bike", "walk"];
    let rows = zones.len() * bins.len() * modes.len();
    let code = |n: usize| i32::try_from(n).unwrap();
    let all: Vec<Option<&str>> = zones.iter().map(|id| Some(id.as_str())).collect();
    let each = bins.len() * modes.len();
    let columns: Vec<ArrayRef> = vec![
        coded(vec![code(origin); rows], all.clone()),
        coded((0..rows).map(|row| code(row / each)).collect(), all),
        Arc::new(UInt8Array::from_iter_values(
            (0..rows).map(|row| bins[row / modes.len() % bins.len()]),
        )),
        coded(
            (0..rows).map(|row| code(row % modes.len())).collect(),
            modes.map(Some).to_vec(),
        ),
        Arc::new(UInt64Array::from(vec![1; rows])),
        Arc::new(UInt64Array::from(vec![1; rows])),
        Arc::new(Int64Array::from(vec![100; rows])),
    ];
    RecordBatch::try_new(checker.schema().clone(), columns).unwrap()
}
