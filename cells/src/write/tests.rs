#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::Arc;

use parquet::file::reader::{FileReader, SerializedFileReader};
use policies::agreement::Unit;

use super::*;
use crate::testing::{GOOD, LIMITS, batch, blob, checker, grid, trips};

fn open(blob: Vec<u8>) -> SerializedFileReader<bytes::Bytes> {
    SerializedFileReader::new(bytes::Bytes::from(blob)).unwrap()
}

#[test]
fn a_blob_is_zstd_sorted_and_tells_nothing_of_the_sender() {
    let blob = open(blob(&[batch(&GOOD)]));
    let file = blob.metadata().file_metadata();
    assert_eq!(file.created_by(), Some("weir"));
    let keys: Vec<&str> = file
        .key_value_metadata()
        .into_iter()
        .flatten()
        .map(|pair| pair.key.as_str())
        .collect();
    assert_eq!(keys, ["ARROW:schema"]);
    let group = blob.metadata().row_group(0);
    assert_eq!(group.sorting_columns().unwrap().len(), 4);
    for column in group.columns() {
        assert!(matches!(column.compression(), Compression::ZSTD(_)));
    }
}

#[test]
fn keys_are_stored_by_dictionary_and_numbers_byte_by_byte() {
    let blob = open(blob(&[batch(&GOOD)]));
    let columns = blob.metadata().row_group(0).columns();
    let (keys, numbers) = columns.split_at(4);
    assert!(keys.iter().all(|c| c.dictionary_page_offset().is_some()));
    assert!(!numbers.is_empty());
    for column in numbers {
        let split = column.encodings().any(|e| e == Encoding::BYTE_STREAM_SPLIT);
        assert!(split && column.dictionary_page_offset().is_none());
    }
}

#[test]
fn what_no_row_uses_is_not_stored() {
    let unused = crate::testing::coded(vec![0; 4], vec![Some("00100"), Some("atlantis")]);
    let mut columns = batch(&GOOD).columns().to_vec();
    if let Some(first) = columns.first_mut() {
        *first = unused;
    }
    let given = arrow::array::RecordBatch::try_new(batch(&GOOD).schema(), columns).unwrap();
    // All cells start in one zone now, so only the first two keep their order.
    let bytes = blob(&[given.slice(0, 2)]);
    assert!(!bytes.windows(8).any(|window| window == b"atlantis"));
}

#[test]
fn memory_is_a_row_group_however_large_the_contribution_is() {
    let zones: Arc<[String]> = (0..400).map(|n| format!("{n:03}")).collect();
    let mut checker = Checker::new(&trips(), Unit::PersonDay, &zones, LIMITS).unwrap();
    let mut writer = Writer::new(std::io::sink(), &checker, &[]).unwrap();
    let (mut rows, mut most) = (0, 0);
    for origin in 0..zones.len() {
        let batch = grid(&checker, &zones, origin, &[0, 1, 2]);
        rows += batch.num_rows();
        writer.write(&checker.check(&batch).unwrap()).unwrap();
        most = most.max(writer.buffered_bytes());
    }
    writer.finish(checker.finish().unwrap()).unwrap();
    assert!(rows > 3 * ROW_GROUP_ROWS, "{rows} rows");
    assert!(most < 16 << 20, "{most} bytes were held for {rows} rows");
}

#[test]
fn a_blob_is_not_finished_without_the_evidence_of_its_own_check() {
    let mut first = checker();
    let mut writer = Writer::new(Vec::new(), &first, &[]).unwrap();
    writer.write(&first.check(&batch(&GOOD)).unwrap()).unwrap();
    let other = checker().finish().unwrap();
    assert!(matches!(writer.finish(other), Err(WriteError::Unchecked)));
}

#[test]
fn the_same_cells_give_the_same_bytes_however_they_are_cut() {
    let zones: Arc<[String]> = (0..260).map(|n| format!("{n:03}")).collect();
    let new = || Checker::new(&trips(), Unit::PersonDay, &zones, LIMITS).unwrap();
    let write = |cut: usize| {
        let mut checker = new();
        let mut writer = Writer::new(Vec::new(), &checker, &[]).unwrap();
        for origin in 0..80 {
            let batch = grid(&checker, &zones, origin, &[0, 1, 2]);
            for from in (0..batch.num_rows()).step_by(cut) {
                let slice = batch.slice(from, cut.min(batch.num_rows() - from));
                writer.write(&checker.check(&slice).unwrap()).unwrap();
            }
        }
        writer.finish(checker.finish().unwrap()).unwrap()
    };
    let whole = write(usize::MAX);
    for cut in [1000, 777, 40] {
        assert!(write(cut) == whole, "cut at {cut} rows the blob is another");
    }
}

#[test]
fn the_senders_dictionary_leaves_no_trace() {
    let order = |dictionary: Vec<Option<&str>>, codes: Vec<i32>| {
        let mut columns = batch(&GOOD).columns().to_vec();
        if let Some(first) = columns.first_mut() {
            *first = crate::testing::coded(codes, dictionary);
        }
        blob(&[arrow::array::RecordBatch::try_new(batch(&GOOD).schema(), columns).unwrap()])
    };
    let plain = order(vec![Some("00100"), Some("99")], vec![0, 0, 0, 1]);
    let turned = order(
        vec![Some("99"), Some("xy"), Some("00100")],
        vec![2, 2, 2, 0],
    );
    assert_eq!(plain, turned);
    assert_eq!(plain, blob(&[batch(&GOOD)]));
}
