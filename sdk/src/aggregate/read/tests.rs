#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::fs;
use std::io::Write;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, DictionaryArray, Int32Array, ListArray, RecordBatch,
    StringArray, TimestampMillisecondArray,
};
use arrow::datatypes::Int32Type;

use super::*;
use crate::aggregate::mapping::Delimiter;

const CSV: SourceFormat = SourceFormat::Csv {
    delimiter: Delimiter(b','),
};

fn columns(names: &[&str]) -> (Columns, Vec<Slot>) {
    let mut columns = Columns::default();
    let slots = names.iter().map(|name| columns.slot(name)).collect();
    (columns, slots)
}

/// Every field as text, and the number of malformed lines.
fn rows(path: &Path, format: SourceFormat, names: &[&str]) -> (Vec<Vec<String>>, usize) {
    let (columns, slots) = columns(names);
    let (mut rows, mut malformed) = (Vec::new(), 0);
    read(path, format, &columns, &mut |step| {
        match step {
            Step::Row(row) => rows.push(
                slots
                    .iter()
                    .map(|slot| format!("{:?}", row.field(*slot)))
                    .collect(),
            ),
            Step::Malformed => malformed += 1,
            Step::Bytes(_) => {}
        }
        Ok(())
    })
    .unwrap();
    (rows, malformed)
}

fn file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

#[test]
fn a_byte_order_mark_and_odd_lines_do_not_stop_a_csv() {
    let text = b"\xEF\xBB\xBFid, name ,x\n1,\"a, b\",\n2,c\n3,\xFF,1\n 4 ,d,  \n\n5,e,f\n";
    let (_folder, path) = file("a.csv", text);
    let (rows, malformed) = rows(&path, CSV, &["id", "x", "name"]);
    assert_eq!(
        rows,
        [
            ["Text(\"1\")", "Missing", "Text(\"a, b\")"],
            ["Text(\"4\")", "Missing", "Text(\"d\")"],
            ["Text(\"5\")", "Text(\"f\")", "Text(\"e\")"],
        ]
    );
    assert_eq!(malformed, 2);
}

#[test]
fn gzip_of_several_members_is_read_whole_and_a_cut_one_is_an_error() {
    let mut bytes = Vec::new();
    for part in ["a,b\n1,2\n", "3,4\n"] {
        let mut encoder = flate2::write::GzEncoder::new(&mut bytes, flate2::Compression::fast());
        encoder.write_all(part.as_bytes()).unwrap();
    }
    let (_folder, path) = file("a.csv.gz", &bytes);
    assert_eq!(
        rows(&path, CSV, &["b"]).0,
        [["Text(\"2\")"], ["Text(\"4\")"]]
    );

    let (_folder, path) = file("cut.csv.gz", &bytes[..bytes.len() - 9]);
    let (columns, _) = columns(&["b"]);
    let error = read(&path, CSV, &columns, &mut |_| Ok(())).unwrap_err();
    assert!(error.to_string().contains("cut.csv.gz"), "{error}");
}

#[test]
fn missing_and_doubled_columns_are_named() {
    let (_folder, path) = file("a.csv", b"a,b,b\n1,2,3\n");
    for (column, says) in [("c", "`a`, `b`, `b`"), ("b", "more than one column `b`")] {
        let (columns, _) = columns(&[column]);
        let error = read(&path, CSV, &columns, &mut |_| Ok(())).unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
    }
}

#[test]
fn an_unclosed_quote_ends_in_an_error_not_in_memory() {
    let mut text = b"a,b\n1,\"".to_vec();
    text.resize(40 << 20, b'x');
    let (_folder, path) = file("a.csv", &text);
    let (columns, _) = columns(&["a"]);
    let error = read(&path, CSV, &columns, &mut |_| Ok(())).unwrap_err();
    assert!(error.to_string().contains("quote"), "{error}");
}

#[test]
fn a_long_file_of_short_rows_is_read_to_its_end() {
    let row = format!("1,{}\n", "x".repeat(1 << 20));
    let text = format!("a,b\n{}", row.repeat(40));
    let (_folder, path) = file("a.csv", text.as_bytes());
    assert_eq!(rows(&path, CSV, &["a"]).0.len(), 40);
}

fn parquet(columns: Vec<(&str, ArrayRef)>) -> (tempfile::TempDir, std::path::PathBuf) {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    file("a.parquet", &bytes)
}

#[test]
fn parquet_types_become_fields() {
    let moment = 1_698_539_400_000; // 2023-10-29T00:30:00Z
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("int", Arc::new(Int32Array::from(vec![Some(541), None]))),
        ("text", Arc::new(StringArray::from(vec![" 030 ", ""]))),
        (
            "dict",
            Arc::new(DictionaryArray::<Int32Type>::from_iter([Some("a"), None])),
        ),
        (
            "local",
            Arc::new(TimestampMillisecondArray::from(vec![Some(moment), None])),
        ),
        (
            "instant",
            Arc::new(
                TimestampMillisecondArray::from(vec![Some(moment), None]).with_timezone("UTC"),
            ),
        ),
        (
            "date",
            Arc::new(Date32Array::from(vec![Some(19_659), None])),
        ),
        ("flag", Arc::new(BooleanArray::from(vec![Some(true), None]))),
    ];
    let (_folder, path) = parquet(columns);
    let names = ["flag", "date", "instant", "local", "dict", "text", "int"];
    let (rows, _) = rows(&path, SourceFormat::Parquet {}, &names);
    assert_eq!(
        rows[0],
        [
            "Text(\"true\")",
            "Local(2023-10-29T00:00:00)",
            "Instant(2023-10-29T00:30:00Z)",
            "Local(2023-10-29T00:30:00)",
            "Text(\"a\")",
            "Text(\"030\")",
            "Int(541)"
        ]
    );
    assert!(rows[1].iter().all(|field| field == "Missing"), "{rows:?}");
}

#[test]
fn a_nested_parquet_column_is_refused() {
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(vec![Some(1)])]);
    let (_folder, path) = parquet(vec![("line", Arc::new(list))]);
    let (columns, _) = columns(&["line"]);
    let error = read(&path, SourceFormat::Parquet {}, &columns, &mut |_| Ok(())).unwrap_err();
    assert!(
        matches!(error, AggregateError::ColumnType { .. }),
        "{error}"
    );
}
