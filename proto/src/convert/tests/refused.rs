//! What is malformed is refused, with the field.

use policies::id::AgreementId;
use policies::refusal::Refusal;

use super::super::*;
use super::{DIGEST, push, refused, wire};
use crate::limits;
use crate::v1;

#[test]
fn malformed_ids_are_refused_with_their_field() {
    type Break = fn(&mut v1::ContributionHeader);
    let cases: [(&str, Break); 9] = [
        ("agreement_id", |h| h.agreement_id = DIGEST.to_uppercase()),
        ("table", |h| h.table = "../od".into()),
        ("period", |h| h.period = "2023-W54".into()),
        ("batch_id", |h| h.batch_id.clear()),
        ("supersedes_batch_id", |h| {
            h.supersedes_batch_id = "b 1".into();
        }),
        ("supersedes_batch_id", |h| {
            h.supersedes_batch_id = h.batch_id.clone();
        }),
        ("rates.name", |h| {
            h.rates = vec![h.rates[0].clone(), h.rates[0].clone()];
        }),
        ("rates", |h| {
            h.rates = vec![h.rates[0].clone(); limits::RATES_MAX + 1];
        }),
        ("active_units", |h| h.active_units = Some(0)),
    ];
    for (field, break_it) in cases {
        let mut header = v1::ContributionHeader::from(push());
        break_it(&mut header);
        assert_eq!(refused::<Push, _>(header), field);
    }
}

#[test]
fn a_number_of_people_is_in_no_error() {
    let mut header = v1::ContributionHeader::from(push());
    header.active_units = Some(limits::UNITS_MAX + 1);
    let error = Push::try_from(header).unwrap_err();
    assert!(!error.to_string().contains("1099511627777"), "{error}");
}

#[test]
fn a_rate_has_one_spelling() {
    for text in ["0", "1", "0.5", "0.000001", "0.999999"] {
        let rate = v1::Rate {
            name: "r".into(),
            value: text.into(),
        };
        let parsed = common::rates(vec![rate.clone()]).unwrap().remove(0);
        assert_eq!(v1::Rate::from(parsed), rate);
    }
    let wrong = [
        "",
        ".5",
        "1.",
        "01",
        "1.5",
        "1.000001",
        "0.50",
        "-0",
        "+0",
        "1e0",
        "0.0000001",
        "NaN",
        "0.٣",
    ];
    for text in wrong {
        let rate = v1::Rate {
            name: "r".into(),
            value: text.into(),
        };
        assert!(common::rates(vec![rate]).is_err(), "`{text}` was taken");
    }
}

#[test]
fn what_is_not_there_is_said_so() {
    assert_eq!(
        refused::<Logged<Organisation>, _>(v1::AdmitOrganisationResponse::default()),
        "organisation"
    );
    assert_eq!(
        refused::<Answer, _>(v1::RequestReleaseResponse::default()),
        "answer"
    );
    assert_eq!(
        refused::<Chunk, _>(v1::GetReleaseResponse::default()),
        "part"
    );
    assert_eq!(refused::<Refusal, _>(v1::Refusal::default()), "reasons");
    let status = v1::Contribution {
        state: 0,
        ..v1::Contribution::default()
    };
    assert_eq!(refused::<ContributionStatus, _>(status), "state");
    assert_eq!(
        refused::<AgreementId, _>(v1::GetAgreementRequest::default()),
        "agreement_id"
    );
}

#[test]
fn an_organisation_has_the_fingerprint_of_its_key_and_its_own_spiffe_id() {
    let spki = [
        &[
            0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
            0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
        ][..],
        &[5; 64],
    ]
    .concat();
    let organisation = Organisation {
        org: "bikes".parse().unwrap(),
        role: policies::id::Role::Provider,
        spiffe: "spiffe://weir.example/org/bikes".into(),
        key: policies::sign::PublicKey::from_spki(&spki).unwrap(),
        former: vec![policies::sign::PublicKey::from_spki(&spki).unwrap()],
    };
    let good = v1::Organisation::from(organisation.clone());
    assert_eq!(Organisation::try_from(good.clone()).unwrap(), organisation);
    type Break = fn(&mut v1::Organisation);
    let cases: [(&str, Break); 9] = [
        ("former_keys_spki", |o| o.former_keys_spki[0].truncate(90)),
        ("former_keys_spki", |o| {
            o.former_keys_spki = vec![o.signing_key_spki.clone(); 65]
        }),
        ("org_id", |o| o.org_id = "Bikes".into()),
        ("role", |o| o.role = 0),
        ("role", |o| o.role = 9),
        ("spiffe_id", |o| {
            o.spiffe_id = "spiffe://weir.example/org/taxis".into();
        }),
        ("spiffe_id", |o| {
            o.spiffe_id = "spiffe://a/b/org/bikes".into();
        }),
        ("signing_key_spki", |o| {
            o.signing_key_spki.pop();
        }),
        ("key_fingerprint", |o| o.key_fingerprint = DIGEST.into()),
    ];
    for (field, break_it) in cases {
        let mut message = good.clone();
        break_it(&mut message);
        assert_eq!(refused::<Organisation, _>(message), field);
    }
}

#[test]
fn a_zoning_with_other_bytes_is_refused() {
    let zoning = Zoning {
        id: "z-1".parse().unwrap(),
        sha256: policies::id::sha256_hex(b"{}").parse().unwrap(),
        zones: 1,
        parents: None,
    };
    let bytes = prost::bytes::Bytes::from_static(b"{}");
    let good = v1::GetZoningResponse::from((zoning.clone(), bytes.clone()));
    let back = <(Zoning, prost::bytes::Bytes)>::try_from(good.clone()).unwrap();
    assert_eq!(back, (zoning, bytes));
    let changed = v1::GetZoningResponse {
        geojson: "[]".into(),
        ..good
    };
    assert_eq!(
        refused::<(Zoning, prost::bytes::Bytes), _>(changed),
        "geojson"
    );
}

#[test]
fn a_bundle_that_does_not_get_on_is_refused() {
    let bundle = Bundle {
        entries: vec![(2, b"{}".to_vec()), (5, b"{}".to_vec())],
        next_start: 6,
    };
    assert_eq!(
        wire::<_, v1::GetEntriesResponse>(bundle.clone()),
        bundle.clone()
    );
    let mut twice = v1::GetEntriesResponse::from(bundle.clone());
    twice.entries[1].index = 2;
    assert_eq!(refused::<Bundle, _>(twice), "entries.index");
    let mut beyond = v1::GetEntriesResponse::from(bundle);
    beyond.next_start = 5;
    assert_eq!(refused::<Bundle, _>(beyond), "entries.index");
}

#[test]
fn an_error_becomes_one_status() {
    let status = tonic::Status::from(wrong("period", "is late"));
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    assert_eq!(status.message(), "field `period`: is late");
}

/// Nobody writes what steers how it is shown any more; what an older log holds of it can still be read.
#[test]
fn texts_that_steer_are_not_taken_and_still_told() {
    let terms = |question: &str| v1::CallTerms {
        title: "Harbour".into(),
        question: question.into(),
        project: "Tram".into(),
        purpose: "dpv:PublicPolicyMaking".into(),
        kind: "od_trips".into(),
        grain: "day".into(),
        zoning_id: "town-2026".into(),
    };
    let publish = |question| {
        let terms = Some(terms(question));
        policies::call::Call::try_from(v1::PublishCallRequest { terms })
    };
    publish("Who?\nWhen?").unwrap();
    for steers in ["\u{202e}ohW", "Who\u{2066}?", "\u{200f}Who?"] {
        let told = publish(steers).unwrap_err();
        assert!(
            told.field == "terms" && told.to_string().contains("steers"),
            "{told}"
        );
        policies::call::Call::try_from(terms(steers)).unwrap();
        let change = v1::AgreementChange {
            state: v1::AgreementState::Active.into(),
            time: "2026-11-20T12:00:00Z".into(),
            org_id: "bikes".into(),
            reason: steers.into(),
            index: 7,
        };
        let change = policies::life::Change::try_from(change).unwrap();
        assert_eq!(change.reason.unwrap().as_str(), steers);
        let act = v1::AgreementAct {
            agreement_id: DIGEST.into(),
            after: 7,
            takes_effect: String::new(),
            reason: steers.into(),
            signature: None,
        };
        assert_eq!(refused::<Acting, _>(act), "act.reason");
    }
}
