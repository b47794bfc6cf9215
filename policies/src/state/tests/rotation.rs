//! A changed key: what it signed before counts, what it signs after does not.

use super::*;
use crate::sign::{Signs, rotation_payload, verify};
use crate::state::ROTATIONS_MAX;
use crate::testing::Signer;

fn rotation(name: &str, old: &Signer, new: &Signer) -> Body {
    let (from, to) = (old.public.fingerprint(), new.public.fingerprint());
    let claim = rotation_payload(&org(name), from, to);
    Body::OrgKeyRotated {
        org: org(name),
        from: from.clone(),
        key: new.public.clone(),
        by_old: old.sign(Signs::KeyRotation, &claim),
        by_new: new.sign(Signs::KeyRotation, &claim),
    }
}

#[test]
fn a_key_changes_and_never_comes_back_to_anybody() {
    let mut town = Town::active();
    let next = Signer::new();
    let body = rotation("bikes", &town.bikes, &next);
    let before = town.state.agreement(&town.terms.id().unwrap()).cloned();
    town.write(body.clone());
    let bikes = town.state.org(&org("bikes")).unwrap();
    assert_eq!(bikes.key, next.public);
    assert_eq!(bikes.former, [town.bikes.public.clone()]);
    assert_eq!(bikes.entry, town.state.size() - 1);
    let after = town.state.agreement(&town.terms.id().unwrap()).cloned();
    assert_eq!(after, before, "what was signed stays signed");

    assert!(town.refuses(body).contains("and once"));
    let back = rotation("bikes", &next, &town.bikes);
    assert!(town.refuses(back).contains("and once"));
    let others = rotation("bikes", &next, &town.city);
    assert!(town.refuses(others).contains("and once"));
    let stale = rotation("bikes", &town.bikes, &Signer::new());
    assert!(town.refuses(stale).contains("the key in force"));
    let nobody = rotation("nobody", &next, &Signer::new());
    assert!(town.refuses(nobody).contains("unknown organisation"));
    let Body::OrgAdmitted {
        org: _,
        role,
        spiffe: _,
        key,
        possession,
        by,
    } = town.admission("bikes", Role::Provider)
    else {
        panic!()
    };
    let spiffe = "spiffe://weir.test/org/other".into();
    let other = Body::OrgAdmitted {
        org: org("other"),
        role,
        spiffe,
        key,
        possession,
        by,
    };
    assert!(town.refuses(other).contains("one organisation"));
}

#[test]
fn an_offer_lapses_with_either_key_it_names() {
    for name in ["bikes", "city"] {
        let mut town = Town::new();
        let [offered, signed, _] = town.agreeing();
        town.write(offered.clone());
        let old = if name == "bikes" {
            &town.bikes
        } else {
            &town.city
        };
        let body = rotation(name, old, &Signer::new());
        town.write(body);
        assert!(town.refuses(signed).contains("the one in force"));
        assert!(town.refuses(offered).contains("the one in force"));
    }
}

#[test]
fn an_organisation_changes_its_key_a_bounded_number_of_times() {
    let mut town = Town::new();
    let mut old = Signer::new();
    let first = rotation("bikes", &town.bikes, &old);
    town.write(first);
    for _ in 1..ROTATIONS_MAX {
        let next = Signer::new();
        town.write(rotation("bikes", &old, &next));
        old = next;
    }
    let one_more = rotation("bikes", &old, &Signer::new());
    assert!(town.refuses(one_more).contains("64 times"));
}

#[test]
fn both_signatures_of_the_golden_rotation_hold() {
    let json = include_str!("../../../golden/org.key_rotated.json");
    let entry = Entry::from_bytes(json.trim_end().as_bytes()).unwrap();
    let Body::OrgKeyRotated {
        org,
        from,
        key,
        by_new,
        ..
    } = entry.body
    else {
        panic!()
    };
    let claim = rotation_payload(&org, &from, key.fingerprint());
    assert_eq!(
        String::from_utf8(claim.clone()).unwrap(),
        format!(
            "weir key rotation\norg bikes\nfrom {from}\nto {}\n",
            key.fingerprint()
        )
    );
    verify(Signs::KeyRotation, &key, &claim, &by_new).unwrap();
    verify(Signs::KeyPossession, &key, &claim, &by_new).unwrap_err();
}
