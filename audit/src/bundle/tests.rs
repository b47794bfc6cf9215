#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use proptest::prelude::*;

use super::*;

fn bundle(entries: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries {
        append(&mut bytes, entry).unwrap();
    }
    bytes
}

#[test]
fn golden_bytes() {
    let bytes = bundle(&[b"ab", b"", b"c"]);
    assert_eq!(bytes, b"\x00\x02ab\x00\x00\x00\x01c");
    assert_eq!(read(&bytes, 3).unwrap(), [b"ab".as_slice(), b"", b"c"]);
    assert_eq!(read(b"", 0).unwrap(), Vec::<&[u8]>::new());
}

#[test]
fn an_entry_has_a_largest_size() {
    let (mut bytes, largest) = (Vec::new(), vec![7; ENTRY_BYTES_MAX]);
    append(&mut bytes, &largest).unwrap();
    assert_eq!(read(&bytes, 1).unwrap(), [&largest[..]]);
    let before = bytes.clone();
    let found = ENTRY_BYTES_MAX + 1;
    assert_eq!(
        append(&mut bytes, &vec![7; found]),
        Err(BundleError::TooLong { found })
    );
    assert_eq!(bytes, before);
}

#[test]
fn every_cut_is_named_and_leaves_the_sound_part() {
    let bytes = bundle(&[b"first", b"second", b""]);
    let (second, third) = (7, 15);
    for end in 0..bytes.len() {
        let mut entries = Entries::new(&bytes[..end]);
        let found: Vec<_> = entries.by_ref().collect();
        let (whole, torn) = match found.split_last() {
            Some((Err(torn), whole)) => (whole.len(), Some(*torn)),
            _ => (found.len(), None),
        };
        let starts = [0, second, third];
        assert_eq!(entries.offset(), starts[whole], "cut at {end}");
        let expected = match end - starts[whole] {
            0 => None,
            1 => Some(BundleError::TornLength {
                position: whole,
                offset: starts[whole],
            }),
            had => Some(BundleError::TornEntry {
                position: whole,
                offset: starts[whole],
                expected: [5, 6, 0][whole],
                found: had - 2,
            }),
        };
        assert_eq!(torn, expected, "cut at {end}");
        assert!(entries.next().is_none());
    }
}

#[test]
fn a_bundle_of_another_width_is_refused() {
    let bytes = bundle(&[b"a".as_slice(); 9]);
    assert_eq!(
        read(&bytes, 10),
        Err(BundleError::Count {
            expected: 10,
            found: 9
        })
    );
    assert_eq!(
        read(&bytes, 3),
        Err(BundleError::Count {
            expected: 3,
            found: 4
        })
    );
}

proptest! {
    #[test]
    fn what_is_appended_is_read(entries in proptest::collection::vec(any::<Vec<u8>>(), 0..20)) {
        let entries: Vec<&[u8]> = entries.iter().map(Vec::as_slice).collect();
        let bytes = bundle(&entries);
        prop_assert_eq!(read(&bytes, entries.len()).unwrap(), entries);
    }

    #[test]
    fn any_bytes_are_read_or_refused_up_to_an_exact_place(bytes in any::<Vec<u8>>()) {
        let mut entries = Entries::new(&bytes);
        let sound: Vec<&[u8]> = entries.by_ref().map_while(Result::ok).collect();
        prop_assert_eq!(&bundle(&sound)[..], &bytes[..entries.offset()]);
    }
}
