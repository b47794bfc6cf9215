#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use arrow::array::{AsArray, BooleanArray, UInt64Array};
use arrow::datatypes::Int64Type;

use super::*;
use crate::testing::{GOOD, batch, columns, presence, texts, trips};

const UNIT: Unit = Unit::PersonDay;

fn keys() -> RecordBatch {
    batch(&GOOD).project(&[0, 1, 2, 3]).unwrap()
}

fn noisy(values: &[i64]) -> Noisy {
    Noisy {
        values: values.to_vec(),
        low: values.iter().map(|n| n - 2).collect(),
        high: values.iter().map(|n| n + 2).collect(),
    }
}

fn measures() -> Vec<String> {
    vec!["trips".to_owned()]
}

fn release(kept: &[usize], values: &[i64]) -> Result<RecordBatch, ReleaseError> {
    let near = values.iter().map(|n| *n < 10).collect();
    let trips_column = vec![("trips".to_owned(), noisy(values))];
    protected(
        &trips(),
        UNIT,
        &keys(),
        kept,
        noisy(values),
        trips_column,
        near,
    )
}

fn facts() -> BTreeMap<String, String> {
    let pairs = [
        ("weir.release_key", "k"),
        ("weir.agreement_id", "a"),
        ("weir.unit", "u"),
    ];
    pairs.map(|(a, b)| (a.to_owned(), b.to_owned())).into()
}

#[test]
fn a_released_table_survives_its_bytes() {
    let table = ReleasedTable {
        rows: release(&[0, 3], &[-4, 12]).unwrap(),
        facts: facts(),
    };
    let bytes = table.encode().unwrap();
    assert_eq!(
        ReleasedTable::decode(&bytes, &trips(), UNIT, &measures()).unwrap(),
        table
    );
    assert_eq!(
        table.clone().encode().unwrap(),
        bytes,
        "equal tables have equal bytes"
    );
    assert_eq!(fact(&bytes, "weir.unit").unwrap().as_deref(), Some("u"));
    assert_eq!(fact(&bytes, "weir.other").unwrap(), None);
    let values = table.rows.column_by_name("trips_low").unwrap();
    assert_eq!(values.as_primitive::<Int64Type>().values(), &[-6, 10]);
    let near = table.rows.column_by_name("near_threshold").unwrap();
    assert_eq!(near.as_boolean(), &BooleanArray::from(vec![true, false]));
}

#[test]
fn an_empty_release_is_a_table_too() {
    let table = ReleasedTable {
        rows: release(&[], &[]).unwrap(),
        facts: BTreeMap::new(),
    };
    let bytes = table.encode().unwrap();
    let back = ReleasedTable::decode(&bytes, &trips(), UNIT, &measures()).unwrap();
    assert_eq!((back.rows.num_rows(), back.facts.len()), (0, 0));
}

#[test]
fn no_zone_of_a_withheld_row_stands_in_the_bytes() {
    // Row 3 is the only one with zone "0090" and row 1 the only other one with "99" as destination.
    let table = ReleasedTable {
        rows: release(&[0], &[12]).unwrap(),
        facts: facts(),
    };
    for column in [0, 1, 3] {
        let values = table
            .rows
            .column(column)
            .as_any_dictionary()
            .values()
            .clone();
        assert_eq!(values.len(), 1, "a dictionary tells what was withheld");
    }
    let bytes = table.encode().unwrap();
    for withheld in [&b"0090"[..], b"99", b"walk"] {
        let found = bytes
            .windows(withheld.len())
            .any(|window| window == withheld);
        assert!(
            !found,
            "{} is in the bytes",
            String::from_utf8_lossy(withheld)
        );
    }
    assert!(bytes.windows(5).any(|window| window == b"00100"));
}

#[test]
fn a_long_table_goes_out_in_several_messages() {
    let rows = BATCH_ROWS + 7;
    let texts_of = |text: &str| texts(&vec![text; rows]);
    let mut all = columns(&GOOD[..1]);
    all.truncate(4);
    for (column, text) in [(0, "00100"), (1, "99"), (3, "bike")] {
        all[column] = texts_of(text);
    }
    all[2] = Arc::new(arrow::array::UInt8Array::from(vec![1; rows]));
    let keys = RecordBatch::try_new(keys().schema(), all).unwrap();
    let kept: Vec<usize> = (0..rows).collect();
    let values = noisy(&vec![7; rows]);
    let rows = protected(
        &trips(),
        UNIT,
        &keys,
        &kept,
        values,
        vec![],
        vec![false; rows],
    );
    let table = ReleasedTable {
        rows: rows.unwrap(),
        facts: BTreeMap::new(),
    };
    let bytes = table.encode().unwrap();
    assert_eq!(
        StreamReader::try_new(Cursor::new(&bytes), None)
            .unwrap()
            .count(),
        2
    );
    assert_eq!(
        ReleasedTable::decode(&bytes, &trips(), UNIT, &[]).unwrap(),
        table
    );
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let fit = |result: Result<RecordBatch, ReleaseError>| match result {
        Err(ReleaseError::Parts { .. }) => false,
        other => {
            other.unwrap();
            true
        }
    };
    assert!(fit(release(&[0, 3], &[1, 2])));
    assert!(!fit(release(&[3, 0], &[1, 2])), "rows have to rise");
    assert!(!fit(release(&[0, 0], &[1, 2])));
    assert!(!fit(release(&[0, 4], &[1, 2])), "there are four rows");
    assert!(!fit(release(&[0, 3], &[1])));
    let near = protected(&trips(), UNIT, &keys(), &[0], noisy(&[1]), vec![], vec![]);
    assert!(!fit(near));
    let unit = protected(
        &trips(),
        Unit::None,
        &keys(),
        &[0],
        noisy(&[1]),
        vec![],
        vec![true],
    );
    assert!(!fit(unit));
    assert!(!fit(plain(
        &trips(),
        &keys(),
        vec![("trips".into(), vec![1])]
    )));
}

#[test]
fn data_without_a_unit_goes_out_as_it_came() {
    let keys = keys().project(&[0, 2, 3]).unwrap();
    let rows = plain(
        &presence(),
        &keys,
        vec![("people".into(), vec![4, 3, 2, 1])],
    )
    .unwrap();
    assert_eq!(
        rows.schema(),
        released_schema(&presence(), Unit::None, &["people".into()])
    );
    assert_eq!(rows.num_rows(), 4);
}

#[test]
fn other_bytes_are_refused() {
    let bytes = |batch: &RecordBatch| {
        let mut stream = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
        stream.write(batch).unwrap();
        stream.into_inner().unwrap()
    };
    let good = release(&[0], &[12]).unwrap();
    let decode = |bytes: &[u8]| ReleasedTable::decode(bytes, &trips(), UNIT, &measures());
    decode(&bytes(&good)).unwrap();
    let foreign = decode(&bytes(&batch(&GOOD))).unwrap_err();
    assert!(matches!(foreign, ReleaseError::Foreign { .. }), "{foreign}");
    assert!(matches!(
        decode(b"weir").unwrap_err(),
        ReleaseError::Arrow { .. }
    ));
    let torn = bytes(&good);
    assert!(decode(&torn[..torn.len() / 2]).is_err());
    let cells = UInt64Array::from(vec![1]);
    let cells = RecordBatch::try_from_iter([("contributors", Arc::new(cells) as _)]).unwrap();
    assert!(decode(&bytes(&cells)).is_err());
}

/// Rungs stand one below the other, numbered, with one dictionary of what is shown.
#[test]
fn a_ladder_names_each_rows_rung() {
    let rungs = [
        release(&[0, 3], &[20, 30]).unwrap(),
        release(&[1], &[40]).unwrap(),
    ];
    let rows = ladder(&rungs).unwrap();
    let schema = proto::columns::with_rungs(&released_schema(&trips(), UNIT, &measures()));
    assert_eq!(rows.schema(), schema);
    let rung = rows.column_by_name("rung").unwrap();
    let rung = rung.as_primitive::<arrow::datatypes::UInt8Type>();
    assert_eq!(rung.values(), &[0, 0, 1]);
    let people = rows.column_by_name("contributors").unwrap();
    assert_eq!(people.as_primitive::<Int64Type>().values(), &[20, 30, 40]);
    let none = [release(&[], &[]).unwrap(), release(&[], &[]).unwrap()];
    assert_eq!(ladder(&none).unwrap().num_rows(), 0);
    assert!(ladder(&[]).is_err());
    let bounded = proto::columns::bounded(&rungs[1].schema());
    let other = RecordBatch::try_new(bounded, rungs[1].columns().to_vec()).unwrap();
    assert!(ladder(&[rungs[0].clone(), other]).is_err());
}
