#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use arrow::array::{ArrayRef, AsArray, DictionaryArray, Int32Array, StringArray};
use arrow::datatypes::{Field, UInt64Type};

use super::*;
use crate::client::testing::samples::cells;

fn sizes(columns: &Columns) -> Vec<usize> {
    columns.chunks.iter().map(RecordBatch::num_rows).collect()
}

/// The rows' own numbers, in the order in which they would be sent.
fn numbers(columns: &Columns) -> Vec<u64> {
    let trips = columns.chunks.iter().map(|chunk| {
        let trips = chunk.column_by_name("trips").unwrap();
        trips.as_primitive::<UInt64Type>().values().to_vec()
    });
    trips.flatten().collect()
}

#[test]
fn rows_are_sent_once_in_order_in_full_messages() {
    for lengths in [
        vec![10],
        vec![PUSH_ROWS],
        vec![PUSH_ROWS + 1],
        vec![3 * PUSH_ROWS + 5],
        vec![1, 0, 2, PUSH_ROWS, 0, 3],
        vec![PUSH_ROWS - 1, 2, PUSH_ROWS - 1, PUSH_ROWS - 1],
        vec![1000; 150],
    ] {
        let mut batches = Vec::new();
        let mut first = 0;
        for length in &lengths {
            batches.push(cells(first, *length));
            first += length;
        }
        let columns = Columns::new(&batches).unwrap();
        let sent = sizes(&columns);
        let (last, full) = sent.split_last().unwrap();
        assert!(
            full.iter().all(|rows| *rows == PUSH_ROWS),
            "{lengths:?}: {sent:?}"
        );
        assert!((1..=PUSH_ROWS).contains(last), "{lengths:?}: {sent:?}");
        assert_eq!(columns.rows, first as u64);
        let expected: Vec<u64> = (0..first as u64).collect();
        assert!(numbers(&columns) == expected, "{lengths:?}");
    }
}

#[test]
fn a_large_batch_is_cut_without_copying() {
    let whole = cells(0, 2 * PUSH_ROWS);
    let columns = Columns::new(std::slice::from_ref(&whole)).unwrap();
    let values = |batch: &RecordBatch| batch.column(0).as_any_dictionary().values().to_data();
    assert!(values(&columns.chunks[1]).ptr_eq(&values(&whole)));
}

#[test]
fn a_period_without_cells_has_columns_and_no_message() {
    let columns = Columns::new(&[cells(0, 0)]).unwrap();
    assert_eq!((columns.rows, sizes(&columns)), (0, vec![]));
    assert_eq!(columns.schema.fields().len(), 6);
    assert!(matches!(Columns::new(&[]), Err(ColumnsError::NoBatch)));
}

#[test]
fn what_a_tool_wrote_into_the_schema_stays_here() {
    let batch = cells(0, 3);
    let note = || HashMap::from([("pandas".to_owned(), "riders.csv".to_owned())]);
    let fields: Vec<Field> = batch
        .schema()
        .fields()
        .iter()
        .map(|field| field.as_ref().clone().with_metadata(note()))
        .collect();
    let noted = Arc::new(Schema::new_with_metadata(fields, note()));
    let noted = RecordBatch::try_new(noted, batch.columns().to_vec()).unwrap();
    let columns = Columns::new(&[noted, cells(3, 3)]).unwrap();
    assert_eq!(columns.schema, batch.schema());
    assert_eq!(columns.chunks[0].schema(), batch.schema());
    assert_eq!(sizes(&columns), [6]);
}

#[test]
fn other_columns_and_huge_dictionaries_are_refused_before_anything_is_sent() {
    let batch = cells(0, 3);
    let fewer = batch.project(&[0, 1, 2]).unwrap();
    let refused = Columns::new(&[batch, fewer]).err().unwrap();
    assert!(matches!(refused, ColumnsError::Schema { batch: 1 }));

    let long = "z".repeat(DICTIONARY_BYTES_MAX + 1);
    let values = Arc::new(StringArray::from(vec![long.as_str()]));
    let zones: ArrayRef = Arc::new(DictionaryArray::new(Int32Array::from(vec![0]), values));
    let huge = RecordBatch::try_from_iter([("origin", zones)]).unwrap();
    let refused = Columns::new(&[huge]).err().unwrap().to_string();
    assert!(
        refused.contains("`origin`") && !refused.contains("zz"),
        "{refused}"
    );
}
