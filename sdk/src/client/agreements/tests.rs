#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use policies::id::Role;

use super::*;
use crate::client::testing::samples::{agreement, organisation, signer};

struct World {
    bikes: Signer,
    city: Signer,
    signed: SignedAgreement,
    known: Vec<Organisation>,
}

impl World {
    fn new() -> Self {
        let (bikes, city) = (signer(), signer());
        let terms = agreement(&bikes, &city);
        let document = terms.canonical().unwrap();
        let sign = |signer: &Signer| {
            let at = "2026-11-24T08:00:00Z".parse().unwrap();
            signer.sign(Signs::Agreement, &document, at).unwrap()
        };
        let signatures = vec![
            ("bikes".parse().unwrap(), sign(&bikes)),
            ("city".parse().unwrap(), sign(&city)),
        ];
        let known = vec![
            organisation("bikes", Role::Provider, &bikes),
            organisation("city", Role::Planner, &city),
        ];
        let signed = SignedAgreement {
            id: terms.id().unwrap(),
            terms,
            document,
            status: Status::Active,
            signatures,
            population_allotted: None,
            life: proto::convert::Lived::default(),
        };
        Self {
            bikes,
            city,
            signed,
            known,
        }
    }

    fn check(&self) -> Result<(), SignatureFault> {
        check_signatures(&self.signed, &self.known)
    }
}

#[test]
fn both_signatures_hold_with_the_keys_that_the_agreement_names() {
    let mut world = World::new();
    assert_eq!(world.check(), Ok(()));
    world.signed.status = Status::Offered;
    world.signed.signatures.truncate(1);
    assert_eq!(world.check(), Ok(()));
}

#[test]
fn the_directory_cannot_exchange_a_key() {
    let mut world = World::new();
    let stranger = signer();
    world.known[0] = organisation("bikes", Role::Provider, &stranger);
    // Even one under which a signature would hold.
    let at = "2026-11-24T08:00:00Z".parse().unwrap();
    let forged = stranger.sign(Signs::Agreement, &world.signed.document, at);
    world.signed.signatures[0].1 = forged.unwrap();
    assert!(matches!(world.check(), Err(SignatureFault::Key { .. })));
}

#[test]
fn a_missing_doubled_foreign_or_false_signature_is_named() {
    let fault = |change: fn(&mut SignedAgreement)| {
        let mut world = World::new();
        change(&mut world.signed);
        world.check().unwrap_err()
    };
    let org = |name: &str| name.parse::<OrgId>().unwrap();
    let missing = fault(|signed| drop(signed.signatures.pop()));
    assert_eq!(missing, SignatureFault::Missing { org: org("city") });
    let twice = fault(|signed| signed.signatures[1] = signed.signatures[0].clone());
    assert_eq!(twice, SignatureFault::Twice { org: org("bikes") });
    let foreign = fault(|signed| signed.signatures[1].0 = "taxis".parse().unwrap());
    assert_eq!(foreign, SignatureFault::NoParty { org: org("taxis") });
    let false_one = fault(|signed| signed.document.push(b' '));
    assert!(matches!(false_one, SignatureFault::Signature { .. }));
}

#[test]
fn only_a_party_s_key_signs() {
    let world = World::new();
    let terms = &world.signed.terms;
    assert_eq!(
        party("sign", terms, &world.bikes).unwrap().org.as_str(),
        "bikes"
    );
    assert_eq!(
        party("sign", terms, &world.city).unwrap().org.as_str(),
        "city"
    );
    let stranger = party("sign", terms, &signer()).unwrap_err();
    assert!(matches!(stranger, ClientError::Own { .. }), "{stranger}");
}
