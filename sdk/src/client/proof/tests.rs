#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use policies::id::{ReleaseKey, Role};
use policies::state::Standing;
use proto::convert::{ContributionStatus, Push, Zoning};

use super::*;
use crate::client::expect;
use crate::client::testing::samples::{
    DIGEST, OTHER_DIGEST, accepted, admission, admitted, agreement, organisation, push, signer,
};
use crate::client::testing::{FakeLog, log_key, other_log_key};

/// A log whose last entry is `body`, and the receipt for it.
fn logged(body: Body) -> Receipt {
    let mut log = FakeLog::of_heartbeats(5);
    let index = log.append(body);
    log.append_bytes(b"more".to_vec());
    log.receipt(index)
}

/// What a body is refused for as the answer to a question; empty where it is taken.
fn verdict(body: Body, asked: impl FnOnce(&Body) -> Result<(), Differs>) -> &'static str {
    match Proof::of(logged(body.clone()), &log_key(), asked) {
        Ok(proof) => {
            assert_eq!(proof.entry().body, body);
            assert_eq!((proof.index(), proof.checkpoint().size()), (5, 7));
            ""
        }
        Err(ReceiptFault::Kind { expected, .. }) => expected,
        Err(ReceiptFault::Field { index: 5, field }) => field,
        Err(fault) => panic!("{fault}"),
    }
}

#[test]
fn a_receipt_counts_only_under_our_log_and_as_an_entry() {
    let mut log = FakeLog::of_heartbeats(3);
    let index = log.append(Body::ContributionAccepted(accepted(&push())));
    let says = |body: &_| expect::push(body, &push());
    let proof = Proof::of(log.receipt(index), &log_key(), says).unwrap();
    assert_eq!(
        format!("{proof:?}"),
        "Proof(entry 3, contribution.accepted)"
    );

    let foreign = Proof::of(log.receipt(index), &other_log_key(), says).unwrap_err();
    assert!(matches!(foreign, ReceiptFault::Receipt(_)), "{foreign}");
    // The proof of another tree, and that of another place.
    let good = log.receipt(index);
    let other_tree = FakeLog::forked(4, 2).receipt(3);
    let mixed = Receipt::new(
        3,
        good.entry().to_vec(),
        good.proof().to_vec(),
        other_tree.checkpoint().clone(),
    );
    let mixed = Proof::of(mixed.unwrap(), &log_key(), says).unwrap_err();
    assert!(matches!(mixed, ReceiptFault::Receipt(_)), "{mixed}");
    // A leaf of the tree that is no entry of Weir.
    let beat = Proof::of(log.receipt(1), &log_key(), says).unwrap_err();
    assert!(
        matches!(beat, ReceiptFault::Entry { index: 1, .. }),
        "{beat}"
    );
}

#[test]
fn a_push_is_answered_by_its_own_acceptance_only() {
    let asked = push();
    let of = |push: &Push| {
        let body = Body::ContributionAccepted(accepted(push));
        verdict(body, |body| expect::push(body, &asked))
    };
    let with = |change: fn(&mut Push)| {
        let mut other = push();
        change(&mut other);
        of(&other)
    };
    assert_eq!(of(&asked), "");
    let agreement = with(|p| p.agreement = OTHER_DIGEST.parse().unwrap());
    assert_eq!(agreement, "agreement");
    assert_eq!(with(|p| p.table = "other".parse().unwrap()), "table");
    let period = with(|p| p.period = "2023-10-06".parse().unwrap());
    assert_eq!(period, "period");
    assert_eq!(with(|p| p.batch = "b-3".parse().unwrap()), "batch id");
    assert_eq!(with(|p| p.supersedes = None), "superseded batch");

    let published = Body::ReleasePublished {
        key: DIGEST.parse().unwrap(),
        blob: DIGEST.parse().unwrap(),
    };
    let kind = verdict(published, |body| expect::push(body, &asked));
    assert_eq!(kind, "contribution.accepted");
}

#[test]
fn a_status_is_what_its_entry_says() {
    let c = accepted(&push());
    let told = ContributionStatus {
        agreement: c.agreement.clone(),
        table: c.table.clone(),
        period: c.period,
        batch: c.batch.clone(),
        supersedes: c.supersedes.clone(),
        late: c.late,
        standing: Standing::Live,
        entry: 5,
        releases: vec![],
    };
    let body = Body::ContributionAccepted(c);
    let of =
        |told: &ContributionStatus| verdict(body.clone(), |body| expect::contribution(body, told));
    assert_eq!(of(&told), "");
    let late = ContributionStatus { late: true, ..told };
    assert_eq!(of(&late), "lateness");
}

#[test]
fn an_organisation_is_in_the_log_with_the_key_it_proved_to_hold() {
    let (key, other) = (signer(), signer());
    let asked = organisation("bikes", Role::Provider, &key);
    let of = |body| verdict(body, |body| expect::organisation(body, &asked));
    let good = admission("bikes", Role::Provider, &key);
    assert_eq!(of(admitted(&good)), "");
    let renamed = admission("taxis", Role::Provider, &key);
    assert_eq!(of(admitted(&renamed)), "organisation");
    let promoted = admission("bikes", Role::Steward, &key);
    assert_eq!(of(admitted(&promoted)), "role");
    let exchanged = admission("bikes", Role::Provider, &other);
    assert_eq!(of(admitted(&exchanged)), "key");
    let mut unproved = good.clone();
    unproved.possession = exchanged.possession;
    assert_eq!(of(admitted(&unproved)), "proof of possession");
    let mut moved = good;
    moved.spiffe = "spiffe://other.test/org/bikes".to_owned();
    assert_eq!(of(admitted(&moved)), "SPIFFE id");
}

#[test]
fn a_zoning_is_in_the_log_by_its_content() {
    let asked = Zoning {
        id: "post".parse().unwrap(),
        sha256: DIGEST.parse().unwrap(),
        zones: 84,
        parents: None,
    };
    let body = |id: &str, sha256: &str, zones| Body::ZoningAdded {
        zoning: id.parse().unwrap(),
        sha256: sha256.parse().unwrap(),
        zones,
        parents: None,
        blob: DIGEST.parse().unwrap(),
        by: "city".parse().unwrap(),
    };
    let of = |body| verdict(body, |body| expect::zoning(body, &asked));
    assert_eq!(of(body("post", DIGEST, 84)), "");
    assert_eq!(of(body("grid", DIGEST, 84)), "zoning");
    assert_eq!(of(body("post", OTHER_DIGEST, 84)), "SHA-256");
    assert_eq!(of(body("post", DIGEST, 83)), "number of zones");
}

#[test]
fn an_agreement_is_offered_by_its_terms_and_signed_by_its_id() {
    let (bikes, city) = (signer(), signer());
    let terms = agreement(&bikes, &city);
    let id = terms.id().unwrap();
    let signature = admission("bikes", Role::Provider, &bikes).possession;
    let offered = Body::AgreementOffered {
        agreement: Box::new(terms.clone()),
        by: "bikes".parse().unwrap(),
        signature,
    };
    let mut other = terms;
    other.retention_days += 1;
    let other = other.id().unwrap();
    let agreed = |body: &Body, id| verdict(body.clone(), |body| expect::agreement(body, id));
    let signed = |body: &Body, id| verdict(body.clone(), |body| expect::signed(body, id));
    assert_eq!(agreed(&offered, &id), "");
    assert_eq!(agreed(&offered, &other), "agreement");
    assert_eq!(signed(&offered, &id), "agreement.activated");
    let active = Body::AgreementActivated {
        agreement: id.clone(),
        allotment: policies::loss::Loss::ZERO,
    };
    assert_eq!((agreed(&active, &id), signed(&active, &id)), ("", ""));
    assert_eq!(signed(&active, &other), "agreement");
}

#[test]
fn a_publication_names_key_and_blob() {
    let key: ReleaseKey = DIGEST.parse().unwrap();
    let body = Body::ReleasePublished {
        key: key.clone(),
        blob: OTHER_DIGEST.parse().unwrap(),
    };
    let (blob, other_blob) = (OTHER_DIGEST.parse().unwrap(), DIGEST.parse().unwrap());
    let of = |key: &_, blob| verdict(body.clone(), |body| expect::published(body, key, blob));
    assert_eq!(of(&key, None), "");
    assert_eq!(of(&key, Some(&blob)), "");
    assert_eq!(of(&key, Some(&other_blob)), "blob");
    assert_eq!(of(&OTHER_DIGEST.parse().unwrap(), None), "release key");
}
