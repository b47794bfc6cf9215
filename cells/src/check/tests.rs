#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt64Array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Schema};
use policies::agreement::Unit;

use super::*;
use crate::testing::{
    Cell, GOOD, LIMITS, batch, checker, coded, columns, presence, texts, trips, zones,
};

mod sums;

fn fault(cells: &[Cell]) -> CheckError {
    checker()
        .check(&batch(cells))
        .expect_err("a broken batch was taken")
}

/// The good cells with one column replaced, under whatever schema the columns have.
fn with_column(n: usize, column: ArrayRef) -> RecordBatch {
    let mut all = columns(&GOOD);
    all[n] = column;
    RecordBatch::try_new(batch(&GOOD).schema(), all).unwrap()
}

#[test]
fn good_cells_pass_in_one_batch_or_in_many() {
    let mut whole = checker();
    whole.check(&batch(&GOOD)).unwrap();
    whole.finish().unwrap();
    let mut many = checker();
    for n in 0..GOOD.len() {
        many.check(&batch(&GOOD).slice(n, 1)).unwrap();
    }
    many.check(&batch(&[])).unwrap();
    assert_eq!(many.finish().unwrap().rows(), 4);
}

#[test]
fn a_checked_batch_has_our_schema_and_nothing_of_the_senders() {
    let metadata = HashMap::from([("pandas".to_owned(), "secret".to_owned())]);
    let schema = Schema::new_with_metadata(batch(&GOOD).schema().fields().clone(), metadata);
    let given = batch(&GOOD).with_schema(Arc::new(schema)).unwrap();
    let mut checker = checker();
    let checked = checker.check(&given).unwrap();
    assert_eq!(&checked.batch().schema(), checker.schema());
    assert!(checked.batch().schema().metadata().is_empty());
}

#[test]
fn a_lying_schema_is_refused() {
    let good = batch(&GOOD);
    let fields: Vec<Field> = good
        .schema()
        .fields()
        .iter()
        .map(|field| field.as_ref().clone())
        .collect();
    let take = |n: usize| good.columns()[n].clone();
    let mut cases: Vec<(&str, RecordBatch)> = Vec::new();
    let mut add = |column, fields: Vec<Field>, columns: Vec<ArrayRef>| {
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
        cases.push((column, batch));
    };
    let mut renamed = fields.clone();
    renamed[5] = renamed[5].clone().with_name("people");
    add("trips", renamed, good.columns().to_vec());
    let mut nullable = fields.clone();
    nullable[4] = nullable[4].clone().with_nullable(true);
    add("contributors", nullable, good.columns().to_vec());
    let mut plain = fields.clone();
    plain[0] = Field::new("origin", DataType::Utf8, false);
    let mut plain_columns = good.columns().to_vec();
    plain_columns[0] = arrow::compute::cast(&take(0), &DataType::Utf8).unwrap();
    add("origin", plain, plain_columns);
    let mut signed = fields.clone();
    signed[4] = Field::new("contributors", DataType::Int64, false);
    let mut signed_columns = good.columns().to_vec();
    signed_columns[4] = arrow::compute::cast(&take(4), &DataType::Int64).unwrap();
    add("contributors", signed, signed_columns);
    add(
        "distance_m",
        fields[..6].to_vec(),
        good.columns()[..6].to_vec(),
    );
    let mut swapped = fields.clone();
    swapped.swap(0, 1);
    add("origin", swapped, good.columns().to_vec());
    for (column, batch) in cases {
        let error = checker().check(&batch).unwrap_err();
        assert_eq!(
            (error.fault, error.column.as_deref()),
            (Fault::Schema, Some(column))
        );
    }
    let mut more = fields;
    more.push(Field::new("name", DataType::UInt64, false));
    let mut more_columns = good.columns().to_vec();
    more_columns.push(take(4));
    let more = RecordBatch::try_new(Arc::new(Schema::new(more)), more_columns).unwrap();
    assert_eq!(
        checker().check(&more).unwrap_err(),
        CheckError::whole(Fault::Schema)
    );
}

#[test]
fn a_bomb_dictionary_is_refused() {
    let ids: Vec<String> = (0..=LIMITS.dictionary_max)
        .map(|n| format!("{n:05}"))
        .collect();
    let dictionary = ids.iter().map(|id| Some(id.as_str())).collect();
    let bomb = with_column(0, coded(vec![0; 4], dictionary));
    let error = checker().check(&bomb).unwrap_err();
    assert_eq!(error.fault, Fault::Dictionary { max: 1000 });
    assert_eq!(error.column.as_deref(), Some("origin"));
}

#[test]
fn null_columns_are_refused() {
    // A schema that says "not null" keeps honest libraries from building such a batch: take their
    // data from a nullable one.
    let null = UInt64Array::new(
        vec![5, 1, 2, 7].into(),
        Some(NullBuffer::from(vec![true, false, true, true])),
    );
    let nullable: Vec<Field> = batch(&GOOD)
        .schema()
        .fields()
        .iter()
        .map(|field| field.as_ref().clone().with_nullable(true))
        .collect();
    let mut all = columns(&GOOD);
    all[4] = Arc::new(null);
    let given = RecordBatch::try_new(Arc::new(Schema::new(nullable)), all).unwrap();
    assert_eq!(checker().check(&given).unwrap_err().fault, Fault::Schema);
    // A dictionary hides a null from the column's own null count.
    let hidden = with_column(1, coded(vec![0, 1, 1, 0], vec![Some("00100"), None]));
    let error = checker().check(&hidden).unwrap_err();
    assert_eq!((error.fault, error.row), (Fault::Null, Some(1)));
    assert_eq!(error.column.as_deref(), Some("destination"));
}

#[test]
fn unsorted_cells_are_refused_within_and_across_batches() {
    let mut cells = GOOD;
    cells.swap(1, 2);
    let error = fault(&cells);
    assert_eq!((error.fault, error.row), (Fault::Order, Some(2)));
    let mut checker = checker();
    checker.check(&batch(&GOOD[2..])).unwrap();
    let error = checker.check(&batch(&GOOD[..1])).unwrap_err();
    assert_eq!((error.fault, error.row), (Fault::Order, Some(2)));
}

#[test]
fn ids_sort_as_text_and_not_as_numbers() {
    // 90 < 100 as numbers; "00100" < "0090" < "99" as text.
    let numeric = [("0090", "00100", 0, "bike", 1, 1, 100), GOOD[0]];
    assert_eq!(fault(&numeric).fault, Fault::Order);
}

#[test]
fn duplicates_are_refused_within_and_across_batches() {
    let error = fault(&[GOOD[0], GOOD[0]]);
    assert_eq!((error.fault, error.row), (Fault::Duplicate, Some(1)));
    let mut checker = checker();
    checker.check(&batch(&GOOD)).unwrap();
    let error = checker.check(&batch(&GOOD[3..])).unwrap_err();
    assert_eq!((error.fault, error.row), (Fault::Duplicate, Some(4)));
}

#[test]
fn foreign_keys_are_refused_with_row_and_column() {
    let cases: [(Cell, Fault, &str); 4] = [
        (
            ("100", "99", 2, "walk", 2, 6, 30_000),
            Fault::Zone,
            "origin",
        ),
        (
            ("99", "90", 2, "walk", 2, 6, 30_000),
            Fault::Zone,
            "destination",
        ),
        (
            ("99", "99", 3, "walk", 2, 6, 30_000),
            Fault::Bin { count: 3 },
            "start",
        ),
        (
            ("99", "99", 2, "tram", 2, 6, 30_000),
            Fault::Category,
            "mode",
        ),
    ];
    for (cell, expected, column) in cases {
        let error = fault(&[GOOD[0], cell]);
        assert_eq!((error.fault, error.row), (expected, Some(1)));
        assert_eq!(error.column.as_deref(), Some(column));
    }
    // What no row uses does no harm: a client may send one dictionary for all batches.
    let unused = coded(
        vec![1, 1, 1, 2],
        vec![Some("atlantis"), Some("00100"), Some("99")],
    );
    checker().check(&with_column(0, unused)).unwrap();
}

#[test]
fn numbers_outside_their_bounds_are_refused() {
    let contributors = Fault::Contributors { max: VALUE_MAX };
    let events = Fault::Events { per_cell_max: 3 };
    let sum = Fault::Sum {
        min: 100,
        max: 5000,
    };
    let value = Fault::Value { max: VALUE_MAX };
    let cases = [
        (0, 0, 0, contributors, "contributors"),
        (VALUE_MAX + 1, VALUE_MAX, 0, contributors, "contributors"),
        (u64::MAX, u64::MAX, 0, contributors, "contributors"),
        (2, 1, 100, events, "trips"),
        (2, 7, 700, events, "trips"),
        (VALUE_MAX, VALUE_MAX + 1, 700, value, "trips"),
        (2, 2, 199, sum, "distance_m"),
        (2, 2, 10_001, sum, "distance_m"),
        (2, 2, -200, value, "distance_m"),
        (2, 2, i64::MIN, value, "distance_m"),
        (2, 2, i64::MAX, value, "distance_m"),
    ];
    for (c, trips, metres, expected, column) in cases {
        let error = fault(&[GOOD[0], ("99", "99", 0, "bike", c, trips, metres)]);
        assert_eq!(
            (error.fault, error.row),
            (expected, Some(1)),
            "{c} {trips} {metres}"
        );
        assert_eq!(error.column.as_deref(), Some(column));
    }
    for (c, trips, metres) in [(2, 2, 200), (2, 6, 30_000), (2, 6, 600)] {
        checker()
            .check(&batch(&[("99", "99", 0, "bike", c, trips, metres)]))
            .unwrap();
    }
}

#[test]
fn no_value_stands_in_an_error() {
    let cells = [GOOD[0], ("secretville", "99", 0, "bike", 424_242, 1, 100)];
    let text = format!("{0} {0:?}", fault(&cells));
    assert!(
        !text.contains("secretville") && !text.contains("424242"),
        "{text}"
    );
    let cells = [GOOD[0], ("99", "99", 0, "bike", 424_242, 1, 100)];
    let text = format!("{0} {0:?}", fault(&cells));
    assert!(!text.contains("424242"), "{text}");
    let mut checker = checker();
    checker
        .check(&batch(&[(
            "99", "99", 0, "bike", 424_242, 424_242, 42_424_200,
        )]))
        .unwrap();
    assert!(!format!("{checker:?}").contains("4242"));
}

#[test]
fn contributors_fit_the_declared_active_units() {
    // 15 contributors in all, cells_max 4: 4 active units can touch 16 cells, 3 only 12.
    for (units, passes) in [
        (Some(4), true),
        (Some(3), false),
        (Some(0), false),
        (None, true),
    ] {
        let mut checker = checker().with_active_units(&trips(), units);
        checker.check(&batch(&GOOD)).unwrap();
        let end = checker.finish();
        assert_eq!(end.is_ok(), passes, "{units:?}");
        assert!(passes || end.unwrap_err().fault == Fault::ActiveUnits);
    }
}

#[test]
fn rows_and_bytes_have_a_cap_over_all_batches() {
    let small = |rows_max, bytes_max| {
        let limits = Limits {
            rows_max,
            bytes_max,
            ..LIMITS
        };
        Checker::new(&trips(), Unit::PersonDay, &zones(), limits).unwrap()
    };
    let mut rows = small(3, 1 << 20);
    rows.check(&batch(&GOOD[..2])).unwrap();
    assert_eq!(
        rows.check(&batch(&GOOD[2..])).unwrap_err().fault,
        Fault::Rows { max: 3 }
    );
    let mut bytes = small(100, 200);
    bytes.check(&batch(&GOOD[..2])).unwrap();
    assert_eq!(
        bytes.check(&batch(&GOOD[2..])).unwrap_err().fault,
        Fault::Bytes { max: 200 }
    );
}

#[test]
fn data_without_a_unit_is_checked_for_keys_and_size_only() {
    let schema = proto::columns::cells_schema(&presence(), Unit::None);
    let people = |n: u64| {
        let columns: Vec<ArrayRef> = vec![
            texts(&["99"]),
            Arc::new(arrow::array::UInt8Array::from(vec![0])),
            texts(&["all"]),
            Arc::new(UInt64Array::from(vec![n])),
        ];
        RecordBatch::try_new(schema.clone(), columns).unwrap()
    };
    let check = |n| {
        let checker = Checker::new(&presence(), Unit::None, &zones(), LIMITS);
        checker.unwrap().check(&people(n)).map(|_| ())
    };
    check(0).unwrap();
    check(VALUE_MAX).unwrap();
    assert_eq!(
        check(VALUE_MAX + 1).unwrap_err().fault,
        Fault::Value { max: VALUE_MAX }
    );
}

#[test]
fn a_checker_wants_sorted_zones_and_a_known_kind() {
    let new = |table: &_, zones: &Arc<[String]>| {
        Checker::new(table, Unit::PersonDay, zones, LIMITS).map(|_| ())
    };
    for ids in [["b", "a"], ["a", "a"]] {
        let ids: Arc<[String]> = ids.map(str::to_owned).into();
        assert!(matches!(new(&trips(), &ids), Err(SetupError::Zones { .. })));
    }
    let mut table = trips();
    table.kind = "unheard".into();
    assert!(matches!(
        new(&table, &zones()),
        Err(SetupError::Table { .. })
    ));
    let mut table = trips();
    table.categories.clear();
    assert!(matches!(
        new(&table, &zones()),
        Err(SetupError::Table { .. })
    ));
}
