//! Organisations, zonings and agreements: each rule broken once.

use super::*;
use crate::sign::{Signs, possession_payload};
use crate::testing::Signer;

#[test]
fn a_name_a_key_and_a_zoning_exist_once() {
    let town = Town::new();
    assert!(
        town.refuses(town.admission("bikes", Role::Provider))
            .contains("one organisation")
    );
    // The city's key under another name.
    assert!(
        town.refuses(town.admission("other", Role::Planner))
            .contains("one organisation")
    );
    let zoning = town.log.last().unwrap().body.clone();
    assert!(town.refuses(zoning).contains("exists already"));
}

#[test]
fn an_agreement_is_offered_signed_and_activated_in_that_order_by_its_parties() {
    let mut town = Town::new();
    let [offered, signed, activated] = town.agreeing();
    for early in [signed.clone(), activated.clone()] {
        assert!(town.refuses(early).contains("unknown agreement"));
    }
    let Body::AgreementOffered {
        agreement,
        by,
        signature,
    } = offered.clone()
    else {
        panic!()
    };
    let mut foreign = agreement.clone();
    foreign.zonings[0].sha256 = "f".repeat(64).parse().unwrap();
    let foreign = Body::AgreementOffered {
        agreement: foreign,
        by,
        signature: signature.clone(),
    };
    assert!(town.refuses(foreign).contains("zonings are known"));
    let stranger = Body::AgreementOffered {
        agreement,
        by: org("stranger"),
        signature,
    };
    assert!(town.refuses(stranger).contains("only a party"));
    town.write(offered.clone());
    assert!(town.refuses(offered).contains("exists already"));
    assert!(town.refuses(activated.clone()).contains("signed by both"));
    let Body::AgreementSigned {
        agreement,
        signature,
        ..
    } = signed.clone()
    else {
        panic!()
    };
    let twice = Body::AgreementSigned {
        agreement: agreement.clone(),
        by: org("bikes"),
        signature,
    };
    assert!(town.refuses(twice).contains("signed by the other party"));
    town.write(signed);
    let generous = Body::AgreementActivated {
        agreement,
        allotment: Loss::ZERO,
    };
    assert!(town.refuses(generous).contains("allotment"));
    town.write(activated);
}

#[test]
fn allotments_of_all_agreements_share_one_cap() {
    let mut town = Town::active();
    town.terms.title = "The same riders for another project".into();
    let [offered, signed, activated] = town.agreeing();
    town.write(offered);
    town.write(signed);
    assert!(town.refuses(activated).contains("over the cap"));
    town.terms.title = "The same riders with a larger cap".into();
    town.terms.population.cap.as_mut().unwrap().rho = "2".parse().unwrap();
    let [offered, signed, activated] = town.agreeing();
    town.write(offered);
    town.write(signed);
    assert!(town.refuses(activated).contains("agree on the same"));
}

#[test]
fn only_a_steward_admits() {
    let mut town = Town::new();
    let admission = |name: &str, role, who: Option<&str>| {
        let (key, spiffe) = (
            Signer::new().public,
            format!("spiffe://weir.test/org/{name}"),
        );
        let claim = possession_payload(&org(name), role, &spiffe, key.fingerprint());
        Body::OrgAdmitted {
            org: org(name),
            role,
            spiffe,
            possession: Signer::new().sign(Signs::KeyPossession, &claim),
            key,
            by: who.map(org),
        }
    };
    for who in ["bikes", "city", "nobody"] {
        let body = admission("late", Role::Auditor, Some(who));
        assert!(town.refuses(body).contains("only a steward admits"));
    }
    town.write(admission("mayor", Role::Steward, None));
    town.write(admission("late", Role::Auditor, Some("mayor")));
}

/// Each side is signed for by an organisation of that role, with the key it was admitted with.
#[test]
fn parties_have_the_roles_and_keys_they_were_admitted_with() {
    let town = Town::new();
    let offer = |change: fn(&mut Agreement)| {
        let [mut offered, ..] = town.agreeing();
        let Body::AgreementOffered { agreement, .. } = &mut offered else {
            panic!()
        };
        change(agreement);
        town.refuses(offered)
    };
    let text = offer(|a| std::mem::swap(&mut a.provider.key, &mut a.planner.key));
    assert!(text.contains("a party's key"), "{text}");
    let text = offer(|a| std::mem::swap(&mut a.provider, &mut a.planner));
    assert!(text.contains("a provider provides"), "{text}");
    let text = offer(|a| a.zonings[0].zones = 5);
    assert!(text.contains("zonings are known"), "{text}");
}
