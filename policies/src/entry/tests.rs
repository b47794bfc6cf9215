#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::*;
use crate::testing::{Town, entry};

/// Entries as they were first written: they MUST decode for ever, to the same bytes. One of each
/// kind, and each form of a mechanism.
const GOLDEN: [(&str, &str); 56] = [
    (
        "broker.started",
        include_str!("../../golden/broker.started.json"),
    ),
    (
        "org.admitted",
        include_str!("../../golden/org.admitted.json"),
    ),
    (
        "org.key_rotated",
        include_str!("../../golden/org.key_rotated.json"),
    ),
    (
        "zoning.added",
        include_str!("../../golden/zoning.added.json"),
    ),
    (
        "agreement.offered",
        include_str!("../../golden/agreement.offered.json"),
    ),
    (
        "agreement.signed",
        include_str!("../../golden/agreement.signed.json"),
    ),
    (
        "agreement.activated",
        include_str!("../../golden/agreement.activated.json"),
    ),
    (
        "contribution.accepted",
        include_str!("../../golden/contribution.accepted.json"),
    ),
    (
        "release.reserved",
        include_str!("../../golden/release.reserved.json"),
    ),
    (
        "release.reserved",
        include_str!("../../golden/release.reserved.unprotected.json"),
    ),
    (
        "release.reserved",
        include_str!("../../golden/release.reserved.measures.json"),
    ),
    (
        "call.published",
        include_str!("../../golden/call.published.json"),
    ),
    ("call.closed", include_str!("../../golden/call.closed.json")),
    (
        "contribution.missing",
        include_str!("../../golden/contribution.missing.json"),
    ),
    (
        "release.reserved",
        include_str!("../../golden/release.reserved.replaces.json"),
    ),
    (
        "contribution.withdrawn",
        include_str!("../../golden/contribution.withdrawn.json"),
    ),
    (
        "retention.deleted",
        include_str!("../../golden/retention.deleted.json"),
    ),
    (
        "release.published",
        include_str!("../../golden/release.published.json"),
    ),
    (
        "release.aborted",
        include_str!("../../golden/release.aborted.json"),
    ),
    (
        "release.refused",
        include_str!("../../golden/release.refused.json"),
    ),
    (
        "agreement.offered",
        include_str!("../../golden/agreement.offered.publication.json"),
    ),
    (
        "release.proposed",
        include_str!("../../golden/release.proposed.json"),
    ),
    (
        "release.opened",
        include_str!("../../golden/release.opened.json"),
    ),
    (
        "release.withdrawn",
        include_str!("../../golden/release.withdrawn.json"),
    ),
    (
        "agreement.offered",
        include_str!("../../golden/agreement.offered.joint.json"),
    ),
    (
        "release.reserved",
        include_str!("../../golden/release.reserved.joint.json"),
    ),
    (
        "release.refused",
        include_str!("../../golden/release.refused.joint.json"),
    ),
    (
        "zoning.added",
        include_str!("../../golden/zoning.added.parents.json"),
    ),
    (
        "agreement.offered",
        include_str!("../../golden/agreement.offered.ad_hoc.json"),
    ),
    (
        "agreement.offered",
        include_str!("../../golden/agreement.offered.noise.json"),
    ),
    (
        "release.reserved",
        include_str!("../../golden/release.reserved.merge.json"),
    ),
    (
        "release.refused",
        include_str!("../../golden/release.refused.merge.json"),
    ),
    (
        "agreement.offered",
        include_str!("../../golden/agreement.offered.rungs.json"),
    ),
    (
        "release.reserved",
        include_str!("../../golden/release.reserved.rungs.json"),
    ),
    (
        "agreement.offered",
        include_str!("../../golden/agreement.offered.counters.json"),
    ),
    (
        "agreement.withdrawn",
        include_str!("../../golden/agreement.withdrawn.json"),
    ),
    (
        "agreement.suspended",
        include_str!("../../golden/agreement.suspended.json"),
    ),
    (
        "agreement.resumed",
        include_str!("../../golden/agreement.resumed.json"),
    ),
    (
        "agreement.offered",
        include_str!("../../golden/agreement.offered.supersedes.json"),
    ),
    (
        "agreement.terminated",
        include_str!("../../golden/agreement.terminated.json"),
    ),
    (
        "agreement.expired",
        include_str!("../../golden/agreement.expired.json"),
    ),
    (
        "broker.started",
        include_str!("../../golden/broker.started.k_only.json"),
    ),
    (
        "agreement.offered",
        include_str!("../../golden/agreement.offered.k_only.json"),
    ),
    (
        "release.reserved",
        include_str!("../../golden/release.reserved.k_only.json"),
    ),
    (
        "agreement.offered",
        include_str!("../../golden/agreement.offered.dense.json"),
    ),
    (
        "release.reserved",
        include_str!("../../golden/release.reserved.dense.json"),
    ),
    (
        "agreement.offered",
        include_str!("../../golden/agreement.offered.canvas.json"),
    ),
    (
        "policy.changed",
        include_str!("../../golden/policy.changed.json"),
    ),
    (
        "policy.changed",
        include_str!("../../golden/policy.changed.own.json"),
    ),
    (
        "broker.started",
        include_str!("../../golden/broker.started.binary.json"),
    ),
    (
        "config.changed",
        include_str!("../../golden/config.changed.json"),
    ),
    (
        "config.changed",
        include_str!("../../golden/config.changed.witnesses.json"),
    ),
    (
        "log.heartbeat",
        include_str!("../../golden/log.heartbeat.json"),
    ),
    (
        "state.snapshot",
        include_str!("../../golden/state.snapshot.json"),
    ),
    (
        "auditor.read",
        include_str!("../../golden/auditor.read.json"),
    ),
    (
        "refusals.folded",
        include_str!("../../golden/refusals.folded.json"),
    ),
];

#[test]
fn golden_entries_decode_for_ever() {
    for (kind, json) in GOLDEN {
        let bytes = json.trim_end().as_bytes();
        let entry = Entry::from_bytes(bytes).unwrap_or_else(|e| panic!("{kind}: {e}"));
        assert_eq!(entry.body.kind(), kind);
        assert_eq!(entry.to_bytes().unwrap(), bytes, "{kind}");
        // The word that code uses is the word that stands in the entry.
        assert!(json.contains(&format!(r#""kind":"{kind}""#)));
    }
}

/// No entry has a field that could be left out, or one more, and still be read.
#[test]
fn every_field_of_every_kind_is_needed_and_known() {
    for (kind, json) in GOLDEN {
        let value: serde_json::Value = serde_json::from_str(json).unwrap();
        let body = value["body"].as_object().unwrap();
        let optional = [
            ("org.admitted", "by"),
            ("zoning.added", "parents"),
            ("policy.changed", "serial"),
            ("broker.started", "binary"),
            ("config.changed", "witnesses"),
            ("contribution.accepted", "supersedes"),
            ("agreement.terminated", "takes_effect"),
            ("release.reserved", "joint"),
            ("release.reserved", "replaces"),
            ("release.reserved", "merge"),
            ("release.reserved", "rungs"),
            ("release.refused", "with"),
            ("release.refused", "merge"),
        ];
        for field in body.keys() {
            let needed = !optional.contains(&(kind, field.as_str()));
            let mut without = value.clone();
            without["body"].as_object_mut().unwrap().remove(field);
            let bytes = serde_json_canonicalizer::to_vec(&without).unwrap();
            assert_eq!(
                Entry::from_bytes(&bytes).is_err(),
                needed,
                "{kind} without {field}"
            );
        }
        for place in [
            "/body",
            "",
            "/body/mechanism",
            "/body/charge",
            "/body/agreement",
            "/body/joint",
            "/body/joint/rule",
            "/body/joint/parts/0",
            "/body/with/0",
        ] {
            let mut more = value.clone();
            let Some(object) = more.pointer_mut(place).and_then(|v| v.as_object_mut()) else {
                continue;
            };
            object.insert("back_door".into(), true.into());
            let bytes = serde_json_canonicalizer::to_vec(&more).unwrap();
            assert!(
                Entry::from_bytes(&bytes).is_err(),
                "{kind}: a field more in `{place}`"
            );
        }
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
