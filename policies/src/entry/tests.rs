#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::*;
use crate::testing::{Town, entry};

/// Entries as they were first written: they MUST decode for ever, to the same bytes.
const GOLDEN: [&str; 4] = [
    include_str!("../../golden/broker.started.json"),
    include_str!("../../golden/contribution.accepted.json"),
    include_str!("../../golden/release.published.json"),
    include_str!("../../golden/release.refused.json"),
];

#[test]
fn golden_entries_decode_for_ever() {
    for json in GOLDEN {
        let bytes = json.trim_end().as_bytes();
        assert_eq!(Entry::from_bytes(bytes).unwrap().to_bytes().unwrap(), bytes);
    }
}

#[test]
fn an_entry_has_one_spelling() {
    let town = Town::active();
    for entry in &town.log {
        let bytes = entry.to_bytes().unwrap();
        assert_eq!(Entry::from_bytes(&bytes).unwrap(), *entry);
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(
            Entry::from_bytes(text.replacen(',', ", ", 1).as_bytes()),
            Err(EntryError::NotCanonical)
        );
    }
}

#[test]
fn what_this_build_does_not_know_stops_it() {
    let body = Body::ReleaseAborted {
        key: "a".repeat(64).parse().unwrap(),
        reason: "x".into(),
    };
    let text = String::from_utf8(entry(body).to_bytes().unwrap()).unwrap();
    Entry::from_bytes(text.as_bytes()).unwrap();
    let unknown = [
        text.replace("release.aborted", "release.evaporated"),
        text.replace("\"reason\":\"x\"", "\"reason\":\"x\",\"refund\":true"),
        text.replace("\"reason\":\"x\"", "\"reason\":\"x\",\"reason\":\"y\""),
        text.replace("\"salt\":\"07", "\"salt\":\"0"),
    ];
    for text in unknown {
        assert!(
            matches!(
                Entry::from_bytes(text.as_bytes()),
                Err(EntryError::Form { .. })
            ),
            "{text}"
        );
    }
    let newer = text.replace("\"v\":1", "\"v\":2");
    let error = Entry::from_bytes(newer.as_bytes()).unwrap_err();
    assert_eq!(error, EntryError::Version { version: 2 });
}

#[test]
fn the_largest_agreement_fits_into_an_entry() {
    let town = Town::new();
    let [offered, ..] = town.agreeing();
    let Body::AgreementOffered {
        mut agreement,
        by,
        signature,
    } = offered
    else {
        panic!()
    };
    agreement.public_summary = "\u{1}".repeat(6000);
    let size = agreement.canonical().unwrap().len();
    assert!(size < crate::agreement::AGREEMENT_BYTES_MAX && size > 36_000);
    entry(Body::AgreementOffered {
        agreement,
        by,
        signature,
    })
    .to_bytes()
    .unwrap();
}
