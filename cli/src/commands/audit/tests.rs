#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::path::Path;

use audit::bundle::append;
use audit::checkpoint::{LogKey, TreeHead};
use audit::note::Signer as LogSigner;
use audit::tree::{Frontier, leaf_hash};
use jiff::Timestamp;
use policies::agreement::Agreement;
use policies::decide::release_key;
use policies::entry::{Body, Contribution, Entry, EntrySalt, Reservation, VERSION};
use policies::id::Role;
use policies::sign::Signs;
use privacy::calibrate::calibrate;
use sdk::sign::Signer;
use zeroize::Zeroizing;

use super::replay::offline;
use crate::commands::agreement::usual_floors;

mod compared;
mod filed;
mod kept;
mod quorum;
mod receipts;

const TERMS: &str = r#"{
  "form": "weir/agreement/1", "title": "Bikes", "public_summary": "Who rides where, by day.",
  "provider": {"org": "bikes", "key": "PROVIDER"}, "planner": {"org": "city", "key": "PLANNER"},
  "recipients": ["city"], "purposes": ["dpv:PublicPolicyMaking"],
  "valid": {"from": "2023-10-01", "until": "2024-09-30"},
  "covers": {"from": "2023-10-01", "until": "2023-10-31"}, "retention_days": 400,
  "population": {"id": "riders", "description": "riders", "unit": "trip",
    "cap": {"rho": "1", "delta": "0.00001"}},
  "time_zone": "Europe/Helsinki",
  "zonings": [{"id": "postal", "sha256": "ZONING", "zones": 84}], "k": 10,
  "tables": [{"name": "od", "kind": "od_trips", "zoning": "postal", "period": "day",
    "bins": [0], "categories": [{"dimension": "mode", "values": ["bike"]}],
    "cells_max": 1, "per_cell_max": 1, "clamps": []}],
  "plan": [{"table": "od", "editions": 2, "due_hours": 24, "grace_hours": 48,
    "charge": {"selection": "0.125", "delta": "0.0000001", "measures": []}}]
}"#;

/// Bodies of a log in which everything holds, from the start to a published release.
fn story(folder: &Path) -> Vec<Body> {
    let signer = |name: &str| {
        let path = folder.join(name);
        let key = certs::Es256Key::generate().unwrap();
        certs::write_secret(&path, key.to_pem().as_bytes(), false).unwrap();
        Signer::from_pem_file(&path).unwrap()
    };
    let (bikes, city, ombudsman) = (signer("bikes"), signer("city"), signer("ombudsman"));
    let admitted = |org: &str, role: Role, signer: &Signer| {
        let spiffe = format!("spiffe://weir.test/org/{org}");
        let a = signer.admission(org.parse().unwrap(), role, spiffe, at());
        let sdk::sign::Admission {
            org,
            role,
            spiffe,
            key,
            possession,
        } = a.unwrap();
        Body::OrgAdmitted {
            org,
            role,
            spiffe,
            key,
            by: (role != Role::Steward).then(|| "ombudsman".parse().unwrap()),
            possession,
        }
    };
    let key = |signer: &Signer| signer.public_key().fingerprint().to_string();
    let digest = "0a".repeat(32);
    let terms = TERMS
        .replace("PROVIDER", &key(&bikes))
        .replace("PLANNER", &key(&city));
    let terms = Agreement::parse(terms.replace("ZONING", &digest).as_bytes()).unwrap();
    let (id, document) = (terms.id().unwrap(), terms.canonical().unwrap());
    let sign = |signer: &Signer| signer.sign(Signs::Agreement, &document, at()).unwrap();
    let (table, item) = (terms.tables[0].clone(), terms.plan[0].clone());
    let charge = item.charge.clone().unwrap();
    let period = "2023-10-05".parse().unwrap();
    let blob = "0b".repeat(32).parse().unwrap();
    let contribution = Contribution {
        agreement: id.clone(),
        table: table.name.clone(),
        period,
        provider: "bikes".parse().unwrap(),
        batch: "b1".parse().unwrap(),
        blob,
        supersedes: None,
        late: false,
    };
    let manifest = vec![contribution.blob.clone()];
    let missing = ["2023-10-01", "2023-10-02", "2023-10-03", "2023-10-04"];
    let reservation = Reservation {
        key: release_key(&terms, &table, &item, period, &manifest).unwrap(),
        request: "r1".parse().unwrap(),
        by: "city".parse().unwrap(),
        agreement: id.clone(),
        purpose: "dpv:PublicPolicyMaking".into(),
        mechanism: calibrate(&table, terms.population.unit, terms.k, &charge).unwrap(),
        table,
        period,
        merge: None,
        rungs: vec![],
        unit: terms.population.unit,
        edition: 1,
        replaces: None,
        manifest,
        late: false,
        missing: missing.map(|day| day.parse().unwrap()).to_vec(),
        charge: charge.total().unwrap(),
        joint: None,
    };
    let published = Body::ReleasePublished {
        key: reservation.key.clone(),
        blob: "0d".repeat(32).parse().unwrap(),
    };
    vec![
        Body::BrokerStarted {
            binary: None,
            software: "weir".into(),
            floors: usual_floors().unwrap(),
        },
        admitted("ombudsman", Role::Steward, &ombudsman),
        admitted("bikes", Role::Provider, &bikes),
        admitted("city", Role::Planner, &city),
        Body::ZoningAdded {
            zoning: "postal".parse().unwrap(),
            sha256: digest.parse().unwrap(),
            zones: 84,
            parents: None,
            blob: "0e".repeat(32).parse().unwrap(),
            by: "city".parse().unwrap(),
        },
        Body::AgreementOffered {
            agreement: Box::new(terms.clone()),
            by: "bikes".parse().unwrap(),
            signature: sign(&bikes),
        },
        Body::AgreementSigned {
            agreement: id.clone(),
            by: "city".parse().unwrap(),
            signature: sign(&city),
        },
        Body::AgreementActivated {
            agreement: id,
            allotment: terms.allotment().unwrap(),
        },
        Body::ContributionAccepted(contribution),
        Body::ReleaseReserved(Box::new(reservation)),
        published,
    ]
}

fn at() -> Timestamp {
    "2023-10-07T08:00:00Z".parse().unwrap()
}

fn entry(body: &Body) -> Entry {
    Entry {
        v: VERSION,
        time: at(),
        salt: EntrySalt::from_bytes([7; 16]),
        body: body.clone(),
    }
}

fn bytes(bodies: &[Body]) -> Vec<Vec<u8>> {
    bodies
        .iter()
        .map(|body| entry(body).to_bytes().unwrap())
        .collect()
}

/// Writes the files of a log that signs these entries.
fn log(folder: &Path, entries: &[Vec<u8>]) -> LogKey {
    let seed = Zeroizing::new([9; 32]);
    let signer = LogSigner::from_seed("weir.test/log".parse().unwrap(), &seed).unwrap();
    let (mut frontier, mut h0) = (Frontier::default(), Vec::new());
    for entry in entries {
        h0.extend_from_slice(leaf_hash(entry).as_bytes());
        frontier.append(leaf_hash(entry), |_, _| {});
    }
    let origin = signer.verifier_key().name().clone();
    let head = TreeHead::new(origin, frontier.size(), frontier.root()).unwrap();
    let note = String::from(head.sign(&signer).unwrap());
    std::fs::create_dir_all(folder.join("log")).unwrap();
    std::fs::write(folder.join("log/checkpoint"), note).unwrap();
    std::fs::write(folder.join("log/h0"), h0).unwrap();
    write_entries(folder, entries);
    LogKey::new(signer.verifier_key().clone())
}

fn write_entries(folder: &Path, entries: &[Vec<u8>]) {
    let mut all = Vec::new();
    entries
        .iter()
        .for_each(|entry| append(&mut all, entry).unwrap());
    std::fs::write(folder.join("log/entries"), all).unwrap();
}

fn replaced(entry: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = std::str::from_utf8(entry).unwrap();
    assert!(text.contains(from), "`{from}` is not in {text}");
    text.replacen(from, to, 1).into_bytes()
}

fn broken(folder: &Path, key: &LogKey) -> String {
    let error = offline(folder, key, |_, _, _| Ok(()))
        .map(|_| ())
        .unwrap_err();
    assert_eq!(error.code(), 4, "{error}");
    error.to_string()
}

#[test]
fn a_log_that_holds_gives_its_balances() {
    let folder = tempfile::tempdir().unwrap();
    let key = log(folder.path(), &bytes(&story(folder.path())));
    let (replayer, checkpoint) = offline(folder.path(), &key, |_, _, _| Ok(())).unwrap();
    assert_eq!((replayer.size(), checkpoint.size()), (11, 11));
    let balances: Vec<_> = replayer.state().ledger().balances().collect();
    assert_eq!(balances.len(), 1);
    assert_eq!(balances[0].2.rho.to_string(), "0.125");
}

#[test]
fn a_changed_entry_is_named_with_what_it_breaks() {
    let folder = tempfile::tempdir().unwrap();
    let good = bytes(&story(folder.path()));
    let key = log(folder.path(), &good);
    let cases = [
        (
            9,
            "\"rho\":\"0.125\"",
            "\"rho\":\"0.025\"",
            "more than the charge",
        ),
        (
            9,
            "\"threshold\":",
            "\"threshold\":1",
            "it was changed after it was logged",
        ),
        (4, "0707", "0708", "it was changed after it was logged"),
        (7, "\"kind\"", "\"kynd\"", "not an entry"),
    ];
    for (index, from, to, says) in cases {
        let mut entries = good.clone();
        entries[index] = replaced(&entries[index], from, to);
        write_entries(folder.path(), &entries);
        let text = broken(folder.path(), &key);
        assert!(
            text.contains(&format!("entry {index}")) && text.contains(says),
            "{text}"
        );
    }
    write_entries(folder.path(), &good[..10]);
    assert!(broken(folder.path(), &key).contains("entry 10 is missing"));
}

/// What the operator itself logged and signed, so that only the rules can tell.
#[test]
fn a_dishonest_operator_is_caught_by_the_rules_alone() {
    let folder = tempfile::tempdir().unwrap();
    let story = story(folder.path());
    let caught = |change: &dyn Fn(&mut Vec<Body>)| {
        let mut bodies = story.clone();
        change(&mut bodies);
        let key = log(folder.path(), &bytes(&bodies));
        broken(folder.path(), &key)
    };
    let cheaper = caught(&|bodies| {
        let Body::ReleaseReserved(r) = &mut bodies[9] else {
            panic!("the story changed")
        };
        r.charge.rho = "0.025".parse().unwrap();
    });
    assert!(
        cheaper.starts_with("entry 9 does not hold: its noise costs"),
        "{cheaper}"
    );
    let weaker = caught(&|bodies| {
        let Body::ReleaseReserved(r) = &mut bodies[9] else {
            panic!("the story changed")
        };
        let json = serde_json::to_string(&r.mechanism).unwrap();
        r.mechanism = serde_json::from_str(&json.replace("\"k\":10", "\"k\":2")).unwrap();
    });
    assert!(
        weaker.contains("entry 9 ") && weaker.contains("asks for 10"),
        "{weaker}"
    );
    let forged = caught(&|bodies| {
        let Body::AgreementOffered { signature, .. } = bodies[5].clone() else {
            panic!("the story changed")
        };
        let Body::AgreementSigned {
            signature: by_city, ..
        } = &mut bodies[6]
        else {
            panic!("the story changed")
        };
        *by_city = signature;
    });
    assert!(
        forged.starts_with("entry 6 does not hold: signature of `city`"),
        "{forged}"
    );
    let twice = caught(&|bodies| bodies.push(bodies[10].clone()));
    assert!(
        twice.contains("entry 11 ") && twice.contains("ends once"),
        "{twice}"
    );
}

#[test]
fn a_checkpoint_of_another_key_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    log(folder.path(), &bytes(&story(folder.path())));
    let seed = Zeroizing::new([8; 32]);
    let other = LogSigner::from_seed("weir.test/log".parse().unwrap(), &seed).unwrap();
    let text = broken(folder.path(), &LogKey::new(other.verifier_key().clone()));
    assert!(text.contains("checkpoint"), "{text}");
}

/// Entries of a time to come hold by themselves, and not by the auditor's clock.
#[tokio::test]
async fn a_log_of_a_time_to_come_does_not_hold() {
    use super::replay::{Source, each};
    use crate::commands::Session;

    let folder = tempfile::tempdir().unwrap();
    // Before anything is due at any time.
    let mut entries = bytes(&story(folder.path())[..4]);
    let late = Entry {
        time: Timestamp::now() + jiff::SignedDuration::from_secs(900),
        ..entry(&Body::Heartbeat {})
    };
    let replayed = async |entries: &[Vec<u8>]| {
        let key = log(folder.path(), entries);
        let source = Source {
            directory: Some(folder.path().to_owned()),
            log_key: Some(key.to_string()),
            policy: None,
        };
        each(&source, &Session::silent(), |_, _, _| Ok(()))
            .await
            .map(drop)
    };
    replayed(&entries).await.unwrap();
    entries.push(late.to_bytes().unwrap());
    let error = replayed(&entries).await.unwrap_err();
    assert_eq!(error.code(), 4, "{error}");
    assert!(error.to_string().contains("after our clock"), "{error}");
}
