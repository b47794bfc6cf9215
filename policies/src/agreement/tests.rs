#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::*;
use crate::testing::{Signer, agreement};

fn terms() -> Agreement {
    agreement(&Signer::new(), &Signer::new())
}

#[test]
fn equal_terms_have_equal_bytes_and_one_id() {
    let terms = terms();
    let bytes = terms.canonical().unwrap();
    let pretty = serde_json::to_vec_pretty(&terms).unwrap();
    assert_ne!(pretty, bytes);
    let read = Agreement::parse(&pretty).unwrap();
    assert_eq!((&read, read.canonical().unwrap()), (&terms, bytes.clone()));
    assert_eq!(
        Agreement::parse_canonical(&bytes).unwrap().id().unwrap(),
        terms.id().unwrap()
    );
    assert_eq!(terms.id().unwrap().as_str(), sha256_hex(&bytes));
    let mut other = terms.clone();
    other.k += 1;
    assert_ne!(other.id().unwrap(), terms.id().unwrap());
}

/// Only the canonical spelling is ever signed: keys sorted, no space, numbers and texts in one
/// form.
#[test]
fn other_spellings_are_not_canonical() {
    let text = String::from_utf8(terms().canonical().unwrap()).unwrap();
    for (from, to) in [
        (",", ", "),
        ("Rides in town", "Rides in tow\\u006e"),
        ("\"k\":5", "\"k\":5 "),
        ("2026-01-01", "20260101"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        let read = Agreement::parse(changed.as_bytes()).unwrap();
        assert_eq!(read, Agreement::parse(text.as_bytes()).unwrap());
        let error = Agreement::parse_canonical(changed.as_bytes()).unwrap_err();
        assert!(
            matches!(error, AgreementError::NotCanonical),
            "{to}: {error}"
        );
    }
}

#[test]
fn too_many_bytes_are_refused_before_they_are_read() {
    let mut long = terms().canonical().unwrap();
    long.resize(AGREEMENT_BYTES_MAX, b' ');
    Agreement::parse(&long).unwrap();
    long.push(b' ');
    assert!(matches!(
        Agreement::parse(&long),
        Err(AgreementError::TooLarge)
    ));
}

/// Shapes that never become an agreement.
#[test]
fn unknown_doubled_and_misspelt_fields_are_refused() {
    let canonical = terms().canonical().unwrap();
    let text = String::from_utf8(canonical.clone()).unwrap();
    Agreement::parse_canonical(&canonical).unwrap();
    let changed = [
        (
            "unknown",
            text.replacen("{\"covers\"", "{\"back_door\":1,\"covers\"", 1),
        ),
        ("doubled", text.replacen("\"k\":5", "\"k\":50,\"k\":5", 1)),
        (
            "a number beyond 2^53",
            text.replacen("\"k\":5", "\"k\":9007199254740993", 1),
        ),
        (
            "a float",
            text.replacen("\"rho\":\"0.25\"", "\"rho\":0.25", 1),
        ),
        (
            "a look-alike id",
            text.replacen("\"org\":\"bikes\"", "\"org\":\"b\u{456}kes\"", 1),
        ),
        (
            "an unknown zone of time",
            text.replacen("Europe/Helsinki", "Europe/Atlantis", 1),
        ),
        (
            "an unknown unit",
            text.replacen("person-day", "person-hour", 1),
        ),
        (
            "bins that do not rise",
            text.replacen("[0,12]", "[0,12,12]", 1),
        ),
    ];
    for (what, json) in changed {
        assert_ne!(json, text, "{what} changed nothing");
        assert!(
            Agreement::parse(json.as_bytes()).is_err(),
            "{what} was taken"
        );
    }
    let spaced = text.replacen(",", ", ", 1);
    assert!(Agreement::parse(spaced.as_bytes()).is_ok());
    assert!(Agreement::parse_canonical(spaced.as_bytes()).is_err());
}

#[test]
fn days_hold_whole_periods_only() {
    let days = Days {
        from: "2026-10-05".parse().unwrap(),
        until: "2026-10-31".parse().unwrap(),
    };
    for (period, held) in [
        ("2026-10-04", false),
        ("2026-10-05", true),
        ("2026-10-31", true),
        ("2026-11-01", false),
        ("2026-W40", false),
        ("2026-W41", true),
        ("2026-W43", true),
        ("2026-W44", false),
        ("2026-10", false),
    ] {
        assert_eq!(days.hold(period.parse().unwrap()), held, "{period}");
    }
}
