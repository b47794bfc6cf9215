//! What an operator might let others do, or say in their name, signed by itself. Attacks on
//! releases stand in `replay/tests/attacks.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use policies::entry::{EntrySalt, VERSION};
use policies::id::Role;
use policies::testing::{Signer, org};

use super::*;
use crate::replay::tests::honest;

/// The first admission by the steward, the zoning and the offer in [`honest`].
const ADMITTED: usize = 2;
const ZONING: usize = 4;
const OFFERED: usize = 5;

/// The honest entry at a place, and the state before it.
fn at(index: usize) -> (State, Entry) {
    let (_, log) = honest();
    let mut state = State::new();
    for entry in &log[..index] {
        state.apply(entry).unwrap();
    }
    check(&state, &log[index]).unwrap();
    (state, log[index].clone())
}

fn changed(index: usize, change: impl FnOnce(&mut Body)) -> Breach {
    let (state, mut entry) = at(index);
    change(&mut entry.body);
    check(&state, &entry).unwrap_err()
}

/// An admission with a proof that holds.
fn admission(name: &str, role: Role, spiffe: &str, by: Option<&str>) -> Body {
    let signer = Signer::new();
    let (name, key) = (org(name), signer.public.clone());
    let claim = policies::sign::possession_payload(&name, role, spiffe, key.fingerprint());
    Body::OrgAdmitted {
        possession: signer.sign(policies::sign::Signs::KeyPossession, &claim),
        spiffe: spiffe.to_owned(),
        by: by.map(org),
        org: name,
        role,
        key,
    }
}

#[test]
fn a_log_begins_with_floors() {
    let (_, log) = honest();
    let found = check(&State::new(), &log[1]);
    assert_eq!(found, Err(Breach::NoFloors));
}

#[test]
fn only_the_first_steward_is_admitted_by_nobody() {
    let (second, planner) = (
        "spiffe://weir.test/org/second",
        "spiffe://weir.test/org/rogue",
    );
    for body in [
        admission("second", Role::Steward, second, None),
        admission("rogue", Role::Planner, planner, None),
    ] {
        let found = changed(ADMITTED, |there| *there = body);
        assert!(matches!(found, Breach::AdmittedByNobody { .. }), "{found}");
    }
}

#[test]
fn only_a_steward_admits() {
    for by in ["city", "nobody"] {
        let spiffe = "spiffe://weir.test/org/rogue";
        let body = admission("rogue", Role::Planner, spiffe, Some(by));
        let found = changed(OFFERED, |there| *there = body);
        let Breach::Caller { org: caller, .. } = &found else {
            panic!("{found}")
        };
        assert_eq!(*caller, org(by));
    }
}

#[test]
fn an_organisation_has_its_own_spiffe_id() {
    for spiffe in ["spiffe://weir.test/org/city", "https://weir.test/org/rogue"] {
        let body = admission("rogue", Role::Planner, spiffe, Some("mayor"));
        let found = changed(OFFERED, |there| *there = body);
        assert!(matches!(found, Breach::Spiffe { .. }), "{found}");
    }
}

#[test]
fn a_zoning_is_added_by_who_may() {
    let spiffe = "spiffe://weir.test/org/auditor";
    let (mut state, mut entry) = at(ZONING);
    let admitted = Entry {
        body: admission("auditor", Role::Auditor, spiffe, Some("mayor")),
        ..entry.clone()
    };
    check(&state, &admitted).unwrap();
    state.apply(&admitted).unwrap();
    let Body::ZoningAdded { by, .. } = &mut entry.body else {
        panic!()
    };
    *by = org("auditor");
    let found = check(&state, &entry).unwrap_err();
    assert!(found.to_string().contains("admitted as auditor"), "{found}");
}

#[test]
fn an_agreement_has_no_fault_under_the_floors_and_its_parties_their_roles() {
    let terms = |change: &dyn Fn(&mut policies::agreement::Agreement)| {
        changed(OFFERED, |body| {
            let Body::AgreementOffered { agreement, .. } = body else {
                panic!()
            };
            change(agreement);
        })
    };
    let found = terms(&|a| a.k = 4).to_string();
    assert!(found.contains("k: has to be at least 5"), "{found}");
    let found = terms(&|a| a.retention_days = 4000).to_string();
    assert!(found.contains("retention_days"), "{found}");
    let found = terms(&|a| {
        std::mem::swap(&mut a.provider, &mut a.planner);
        a.recipients = vec![org("bikes")];
    });
    assert!(
        matches!(
            found,
            Breach::Party {
                wanted: Role::Provider,
                ..
            }
        ),
        "{found}"
    );
    // Nothing else is wrong with these terms: they are not what was signed.
    let found = terms(&|a| a.title = "Rides in the country".into());
    assert!(matches!(found, Breach::Signature { .. }), "{found}");
}

#[test]
fn the_reason_of_an_abort_is_a_word() {
    let (state, entry) = at(OFFERED);
    let aborted = |reason: &str| Entry {
        v: VERSION,
        time: entry.time,
        salt: EntrySalt::from_bytes([0; 16]),
        body: Body::ReleaseAborted {
            key: "d".repeat(64).parse().unwrap(),
            reason: reason.to_owned(),
        },
    };
    assert_eq!(check(&state, &aborted("input.lost")), Ok(()));
    for reason in ["", "42 people in zone 7", "Ünfug", &"x".repeat(65)] {
        let found = check(&state, &aborted(reason));
        assert_eq!(found, Err(Breach::Word { field: "reason" }), "{reason}");
    }
}

/// The refusal does not carry the purpose, and is recomputed for exactly the reasons it names.
#[test]
fn a_refusal_for_a_purpose_is_believed_in_that_alone() {
    let (_, log) = honest();
    let refused = log.iter().position(|e| e.body.kind() == "release.refused");
    let (state, mut entry) = at(refused.unwrap());
    let with = |entry: &mut Entry, words: &[&str]| {
        let Body::ReleaseRefused { reasons, .. } = &mut entry.body else {
            panic!()
        };
        let parse = |word: &&str| serde_json::from_value(serde_json::json!(word)).unwrap();
        *reasons = words.iter().map(parse).collect();
    };
    let (due, given) = ("period.not_due", "period.not_contributed");
    with(&mut entry, &["purpose.not_agreed", due, given]);
    assert_eq!(check(&state, &entry), Ok(()));
    for reasons in [&[given][..], &["purpose.not_agreed"], &[given, due], &[]] {
        with(&mut entry, reasons);
        let found = check(&state, &entry).unwrap_err();
        assert!(matches!(found, Breach::Unjustified { .. }), "{found}");
    }
}
