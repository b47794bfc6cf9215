#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, DictionaryArray, Int64Array, UInt8Array};
use arrow::datatypes::Int32Type;
use policies::agreement::Unit;

use super::*;

fn od() -> Table {
    serde_json::from_str(
        r#"{"name": "od", "kind": "od_trips", "zoning": "z", "period": "day", "bins": [0, 7, 9],
        "categories": [{"dimension": "mode", "values": ["bike"]}], "cells_max": 1,
        "per_cell_max": 1, "clamps": []}"#,
    )
    .unwrap()
}

fn batch(table: &Table) -> RecordBatch {
    let schema = proto::columns::released_schema(table, Unit::Trip, &[]);
    let text = |values: [&str; 2]| -> ArrayRef {
        Arc::new(values.into_iter().collect::<DictionaryArray<Int32Type>>())
    };
    let number = |values: [i64; 2]| -> ArrayRef { Arc::new(Int64Array::from_iter_values(values)) };
    let columns = vec![
        text(["=1+1", "00100"]),
        text(["-2", "a,\"b\""]),
        Arc::new(UInt8Array::from(vec![1, 2])) as ArrayRef,
        text(["bike", "bike"]),
        number([12, 1234]),
        number([-3, 1200]),
        number([27, 1268]),
        Arc::new(BooleanArray::from(vec![true, false])),
    ];
    RecordBatch::try_new(schema, columns).unwrap()
}

#[test]
fn the_head_shows_the_largest_rows_with_their_intervals() {
    let table = od();
    let batch = batch(&table);
    let head = Rows::new(&batch, &table, &[]).head(1).unwrap();
    assert!(head.contains("1,234 (1,200 to 1,268)"), "{head}");
    assert!(
        !head.contains("contributors_low") && !head.contains("=1+1"),
        "{head}"
    );
}

#[test]
fn of_sums_and_percentiles_the_head_shows_mean_and_median() {
    let columns = [
        "duration_s",
        "duration_s_mean",
        "duration_s_p15",
        "duration_s_p50",
        "trips",
    ];
    let bounds = [
        "trips_low",
        "duration_s_mean_high",
        "duration_s_p85",
        "duration_s_p50_low",
    ];
    let names = [&columns[..], &bounds].concat();
    let shown: Vec<_> = names
        .iter()
        .filter(|name| !is_beside(name, &names))
        .collect();
    assert_eq!(shown, [&"duration_s_mean", &"duration_s_p50", &"trips"]);
    assert!(!is_beside("x_low", &["x_low"]) && !is_beside("x_p15", &["x_p15"]));
}

/// Both rows stand alone in their day bin and places, so each is all that is published there.
#[test]
fn with_two_categories_the_head_shows_shares_of_what_is_published() {
    let mut table = od();
    assert!(
        !Rows::new(&batch(&table), &table, &[])
            .head(2)
            .unwrap()
            .contains("share")
    );
    let taxi = "taxi".parse().unwrap();
    table.categories[0].values.push(taxi);
    let head = Rows::new(&batch(&table), &table, &[]).head(2).unwrap();
    assert!(
        head.contains("share of published contributors by mode"),
        "{head}"
    );
    assert!(head.contains("100.0 % (100.0 to 100.0)"), "{head}");
}

#[test]
fn a_share_is_rounded_outwards() {
    let share = Share {
        low: 0.1234,
        value: 0.25,
        high: 0.5001,
    };
    assert_eq!(share_text(&share), "25.0 % (12.3 to 50.1)");
}

#[test]
fn json_rows_are_typed() {
    let table = od();
    let batch = batch(&table);
    let rows = Rows::new(&batch, &table, &[]).json().unwrap();
    assert_eq!(rows[0]["contributors_low"], -3);
    assert_eq!(rows[1]["origin"], "00100");
    assert_eq!(rows[0]["near_threshold"], true);
}

/// A coarser bin is keyed by the first of the table's bins, and shown as long as it is.
#[test]
fn day_bins_of_merged_rows_are_shown_whole() {
    let table = od();
    let batch = batch(&table);
    let merged = [serde_json::from_str(r#"{"bins": [0, 7]}"#).unwrap()];
    let json = Rows::new(&batch, &table, &merged).json().unwrap();
    assert_eq!(json[0]["start"], "07:00-24:00");
    let schema = proto::columns::with_rungs(&batch.schema());
    let rungs: ArrayRef = Arc::new(UInt8Array::from(vec![1, 0]));
    let columns = batch.columns().iter().cloned().chain([rungs]).collect();
    let ladder = RecordBatch::try_new(schema, columns).unwrap();
    let json = Rows::new(&ladder, &table, &merged).json().unwrap();
    assert_eq!(json[0]["start"], "07:00-24:00");
    assert_eq!(json[1]["start"], "09:00-24:00", "rung 0 is the table's own");
    assert_eq!((&json[0]["rung"], &json[1]["rung"]), (&1.into(), &0.into()));
}

/// The total over a day is not its first bin.
#[test]
fn a_margin_over_all_bins_says_all() {
    let table = od();
    let text = |values: [&str; 2]| -> ArrayRef {
        Arc::new(values.into_iter().collect::<DictionaryArray<Int32Type>>())
    };
    let columns = vec![
        text(["a", "a"]),
        text(["b", "b"]),
        Arc::new(UInt8Array::from(vec![0, 0])) as ArrayRef,
        text(["bike", "bike"]),
        Arc::new(Int64Array::from(vec![30, 70])),
        text(["", "start=all"]),
        text([proto::columns::K_ONLY; 2]),
    ];
    let batch = RecordBatch::try_new(proto::columns::k_only_schema(&table), columns).unwrap();
    let json = Rows::new(&batch, &table, &[]).json().unwrap();
    assert_eq!(
        (&json[0]["start"], &json[1]["start"]),
        (&"00:00-07:00".into(), &"all".into())
    );
    assert_eq!(json[1]["margin"], "start=all");
    assert_eq!(json[0]["protection"], "k-only: not differentially private");
}
