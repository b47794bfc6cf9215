#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use crate::client::testing::samples::{DIGEST, OTHER_DIGEST, published};

use super::*;

fn key() -> ReleaseKey {
    DIGEST.parse().unwrap()
}

/// Why a table is refused; empty where it is taken. `change` gets sheet, salt and bytes.
fn verdict(change: impl FnOnce(&mut Vec<u8>, &mut Salt, &mut Vec<u8>)) -> String {
    let (blob, mut sheet, mut salt, mut bytes) = published(&key(), 3);
    change(&mut sheet, &mut salt, &mut bytes);
    why(open(&key(), &sheet, &blob, &salt, &bytes.into()))
}

fn why(opened: Result<Opened, ClientError>) -> String {
    match opened {
        Ok(_) => String::new(),
        Err(ClientError::Table { why, .. }) => why,
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_table_is_read_with_its_columns_and_rows() {
    let (blob, sheet, salt, bytes) = published(&key(), 3);
    let (sheet, schema, batches) = open(&key(), &sheet, &blob, &salt, &bytes.into()).unwrap();
    assert_eq!((sheet.published_keys, sheet.edition), (3, 1));
    assert_eq!(sheet.period.to_string(), "2023-10-05");
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    assert_eq!((rows, schema.fields().len()), (3, 4 + 3 + 1));
}

#[test]
fn one_changed_bit_of_the_bytes_or_the_salt_refuses_the_table() {
    assert_eq!(verdict(|_, _, _| {}), "");
    let length = published(&key(), 3).3.len();
    for at in (0..length).step_by(97) {
        let why = verdict(|_, _, bytes| *bytes.get_mut(at).unwrap() ^= 1);
        assert!(why.contains("do not match commitment"), "byte {at}: {why}");
    }
    let cut = verdict(|_, _, bytes| bytes.truncate(bytes.len() - 1));
    assert!(cut.contains("do not match commitment"), "{cut}");
    let salted = verdict(|_, salt, _| *salt = Salt::new([1; 16]));
    assert!(salted.contains("do not match commitment"), "{salted}");
}

#[test]
fn the_sheet_beside_a_table_is_the_one_inside_it() {
    let other = verdict(|sheet, _, _| *sheet.last_mut().unwrap() = b' ');
    assert!(other.contains("not the one that was published"), "{other}");
}

/// Bytes that the log committed to, and that are not a table of this key all the same.
#[test]
fn a_committed_table_still_has_to_be_the_one_it_is_called() {
    let (blob, sheet, salt, bytes) = published(&OTHER_DIGEST.parse().unwrap(), 3);
    let foreign = why(open(&key(), &sheet, &blob, &salt, &bytes.into()));
    assert_eq!(foreign, "its quality sheet is another release's");

    let salt = Salt::new([5; 16]);
    let junk = Bytes::from_static(b"PAR1");
    let blob = Commitment::new(&salt, &junk).to_string().parse().unwrap();
    let junk = why(open(&key(), b"{}", &blob, &salt, &junk));
    assert!(junk.contains("rows cannot be read"), "{junk}");
}
