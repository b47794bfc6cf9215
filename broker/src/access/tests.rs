#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::string_slice,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;
use std::path::Path;

use cedar_policy::{PolicySet, Schema};
use policies::agreement::Agreement;
use policies::id::{AgreementId, Fingerprint, OrgId, Role, sha256_hex};
use policies::testing::Town;

use super::ask::{Object, Policies, Who};
use super::documents::{Documents, DocumentsError, MANIFEST, NEVER, SCHEMA};
use super::load::LoadError;
use super::matrix::{Relation, Sample, matrix};
use super::memory::Question;
use super::{in_force::InForce, method};
use crate::limits::ANSWERS_REMEMBERED_MAX;

mod directory;

fn org(name: &str) -> OrgId {
    name.parse().unwrap()
}

fn own() -> Policies {
    Policies::load(&Documents::own()).unwrap()
}

fn terms() -> (AgreementId, Agreement) {
    let town = Town::active();
    let (id, record) = town.state.agreements().next().unwrap();
    (id.clone(), record.terms.clone())
}

fn sample() -> Sample {
    let (id, terms) = terms();
    Sample::new(id, &terms, &org("caller"), &org("other"))
}

/// A set that passed no check of `Policies::load`.
fn unchecked(text: &str) -> Policies {
    let schema = Schema::from_cedarschema_str(SCHEMA).unwrap().0;
    let set: PolicySet = text.parse().unwrap();
    let sha256 = Fingerprint::new(sha256_hex(b"")).unwrap();
    Policies::new(schema, set, sha256, None).unwrap()
}

/// The matrix in the docs is what the policies answer. To write it: `WEIR_WRITE=1 cargo test -p broker access_md`.
#[test]
fn access_md_is_what_the_policies_answer() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/ACCESS.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once("access_md` -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- /matrix -->").unwrap();
    let table = matrix(&own(), &sample());
    let fresh = format!("{before}access_md` -->\n\n{table}\n<!-- /matrix -->{after}");
    if std::env::var_os("WEIR_WRITE").is_some() {
        std::fs::write(&path, fresh).unwrap();
    } else {
        assert!(
            page == fresh,
            "docs/ACCESS.md is stale: run `WEIR_WRITE=1 cargo test -p broker access_md`, read the difference, commit it"
        );
    }
}

/// What callers ask about inside a method is named as in the schema.
#[test]
fn every_method_that_is_asked_by_name_is_in_the_schema() {
    let policies = own();
    for name in [
        method::OFFER_AGREEMENT,
        method::SIGN_AGREEMENT,
        method::WITHDRAW_AGREEMENT,
        method::SUSPEND_AGREEMENT,
        method::RESUME_AGREEMENT,
        method::TERMINATE_AGREEMENT,
        method::GET_AGREEMENT,
        method::LIST_AGREEMENTS,
        method::WATCH_AGREEMENTS,
        method::DO_PUT,
        method::GET_CONTRIBUTION,
        method::LIST_CONTRIBUTIONS,
        method::PREVIEW,
        method::REQUEST_RELEASE,
        method::LIST_RELEASES,
        method::GET_RELEASE,
        method::DO_GET,
        method::GET_RECEIPT,
        method::GET_ENTRIES,
    ] {
        assert!(policies.knows(name), "{name}");
        assert_eq!(method::of_path(&method::path(name)), Some(name));
    }
    for method in policies.methods() {
        let groups = [policies.members("read"), policies.members("write")];
        let inside = groups.iter().filter(|group| group.contains(&method));
        assert_eq!(inside.count(), 1, "{method} reads or writes");
    }
}

/// Every method × role × agreement and entry of others, whatever the policies besides `never.cedar` say.
#[test]
fn nobody_crosses_tenants_even_under_a_policy_that_permits_everything() {
    let (id, mut terms) = terms();
    (terms.provider.org, terms.planner.org) = (org("bikes"), org("city"));
    terms.recipients = vec![org("city"), org("region")];
    let purpose = terms.purposes[0].clone();
    let caller = org("rival");
    let widest = unchecked(&format!("permit (principal, action, resource);\n{NEVER}"));
    for policies in [own(), widest] {
        for method in policies.methods() {
            for role in Role::ALL {
                let who = Who { org: &caller, role };
                let purpose = policies.takes_purpose(method).then_some(&*purpose);
                let agreement = Object::Agreement(&id, &terms);
                let reads = policies.members("read").contains(&method)
                    && !policies.members("data").contains(&method);
                if policies.allows(who, method, &agreement, purpose) {
                    let halts = policies.members("halt").contains(&method);
                    let steward = role == Role::Steward && (reads || halts);
                    let auditor = role == Role::Auditor && reads;
                    assert!(steward || auditor, "{role} {method}");
                }
                let concerned = [org("bikes"), org("city")];
                if policies.allows(who, method, &Object::Entry(7, &concerned), None) {
                    assert!(role == Role::Auditor && reads, "{role} {method}");
                }
                let door = policies.allows(who, method, &Object::Door, None);
                let data = policies.members("data").contains(&method);
                let write = policies.members("write").contains(&method);
                assert!(
                    !(door && role == Role::Auditor && (data || write)),
                    "{method}"
                );
                assert!(!(door && role == Role::Steward && data), "{method}");
            }
        }
    }
}

#[test]
fn a_release_is_for_recipients_and_a_purpose_that_was_signed() {
    let policies = own();
    let (id, terms) = terms();
    let asked = |name: &str, purpose| {
        let org = org(name);
        let who = Who {
            org: &org,
            role: Role::Planner,
        };
        let on = Object::Agreement(&id, &terms);
        policies.allows(who, method::REQUEST_RELEASE, &on, purpose)
    };
    let planner = terms.planner.org.to_string();
    assert!(asked(&planner, Some(&terms.purposes[0])));
    assert!(!asked(&planner, Some("dpv:Marketing")));
    assert!(!asked(&planner, None));
    assert!(!asked(
        terms.provider.org.as_str(),
        Some(&terms.purposes[0])
    ));
    assert!(!asked("rival", Some(&terms.purposes[0])));
}

/// Asked again, in whatever order, every question has the answer that it has when it is asked for the first time.
#[test]
fn what_is_remembered_is_what_the_policies_say() {
    let (id, terms) = terms();
    let callers = [&terms.provider.org, &terms.planner.org, &org("rival")].map(Clone::clone);
    let (asked, afresh) = (own(), own());
    let objects = [
        Object::Door,
        Object::Agreement(&id, &terms),
        Object::Entry(7, &callers),
    ];
    let purposes = [None, Some(&*terms.purposes[0]), Some("dpv:Marketing")];
    let mut allowed = 0;
    for _ in 0..2 {
        for method in asked.methods().into_iter().chain(["No/Method"]) {
            for (org, role) in callers.iter().flat_map(|org| Role::ALL.map(|r| (org, r))) {
                for (on, purpose) in objects.iter().flat_map(|on| purposes.map(|p| (on, p))) {
                    let who = Who { org, role };
                    let known = asked.allows_known(who, method, on, purpose);
                    assert_eq!(known, afresh.allows(who, method, on, purpose));
                    allowed += usize::from(known);
                }
            }
        }
    }
    assert!(allowed > 100);
}

#[test]
fn what_a_caller_can_invent_is_not_remembered() {
    let policies = own();
    let (id, terms) = terms();
    let on = Object::Agreement(&id, &terms);
    let role = Role::Planner;
    let who = Who {
        org: &terms.planner.org,
        role,
    };
    let signed = Some(&*terms.purposes[0]);
    assert!(policies.allows_known(who, method::REQUEST_RELEASE, &on, signed));
    assert_eq!(policies.memory.len(), 1);
    for invented in 0..100 {
        let purpose = format!("dpv:Invented{invented}");
        let asked = policies.allows_known(who, method::REQUEST_RELEASE, &on, Some(&purpose));
        assert!(!asked && !policies.allows_known(who, &purpose, &on, None));
    }
    assert_eq!(policies.memory.len(), 1);
    for n in 0..ANSWERS_REMEMBERED_MAX * 2 {
        let org = org(&format!("org-{n}"));
        let question = Question::new(Who { org: &org, role }, 0, &Object::Door, None);
        policies.memory.keep(question.unwrap(), true);
    }
    assert!(policies.memory.len() <= ANSWERS_REMEMBERED_MAX);
}

/// Cedar skips a policy that fails: without more care, these would all let through.
#[test]
fn a_policy_that_fails_denies() {
    let org = org("anyone");
    let who = Who {
        org: &org,
        role: Role::Planner,
    };
    for failing in [
        "9223372036854775807 + 1 == 0",
        "principal.clearance > 3",
        "context.purpose == \"x\"",
    ] {
        let text = format!(
            "permit (principal, action, resource); forbid (principal, action, resource) when {{ {failing} }};"
        );
        let policies = unchecked(&text);
        assert!(
            !policies.allows(who, method::REQUEST_RELEASE, &Object::Door, None),
            "{failing}"
        );
        assert!(!policies.allows_known(who, method::REQUEST_RELEASE, &Object::Door, None));
        assert_eq!(policies.memory.len(), 0, "a failure is no answer");
    }
    let policies = unchecked("permit (principal, action, resource);");
    assert!(policies.allows(who, method::REQUEST_RELEASE, &Object::Door, None));
    // A question that does not fit the schema, and a method that is not in it.
    assert!(!policies.allows(who, method::PREVIEW, &Object::Door, Some("x")));
    assert!(!policies.allows(who, method::PREVIEW, &Object::Entry(0, &[]), None));
    assert!(!policies.allows(who, "ReleaseService/NewMethod", &Object::Door, None));
}

#[test]
fn the_matrix_tells_all_relations_apart() {
    let page = matrix(&own(), &sample());
    let row = |name: &str| page.lines().find(|line| line.contains(name)).unwrap();
    assert!(row("/GetAgreement`").contains("| yes |"));
    assert!(row("/GetRelease`").contains("| provider, planner, recipient |"));
    assert_eq!(Relation::ALL.len(), 4);
}
