//! A whole log as it was first written: what it says MUST never change.

use std::collections::BTreeSet;

use super::*;
use crate::decide::release_key;
use crate::id::BlobId;
use crate::sign::{Signs, possession_payload, verify};

const LOG: &str = include_str!("../../../golden/log.jsonl");

fn log() -> Vec<Entry> {
    LOG.lines()
        .map(|line| Entry::from_bytes(line.as_bytes()).unwrap())
        .collect()
}

fn replayed(log: &[Entry]) -> State {
    let mut state = State::new();
    for entry in log {
        state.apply(entry).unwrap();
    }
    state
}

#[test]
fn an_old_log_means_what_it_meant() {
    let log = log();
    for (line, entry) in LOG.lines().zip(&log) {
        assert_eq!(entry.to_bytes().unwrap(), line.as_bytes());
    }
    let state = replayed(&log);
    assert_eq!(state.size(), 15);
    assert_eq!(state.time().unwrap().to_string(), "2026-10-08T08:00:14.5Z");
    let orgs: Vec<String> = state
        .orgs()
        .map(|(id, o)| format!("{id} {}", o.role))
        .collect();
    assert_eq!(orgs, ["bikes provider", "city planner", "mayor steward"]);
    let balances: Vec<String> = state
        .ledger()
        .balances()
        .map(|(account, period, loss)| format!("{} {period} {loss}", account.population))
        .collect();
    // Two draws, the second of them aborted: its charge stays.
    assert_eq!(balances, ["riders 2026-10-05 ρ 1, δ 0.0000002"]);
    let slot = state.live.keys().next().unwrap();
    assert_eq!(state.live(slot).unwrap().contribution.batch.as_str(), "b2");
    let stages: Vec<&Stage> = state
        .editions(slot)
        .iter()
        .map(|key| &state.release(key).unwrap().stage)
        .collect();
    assert!(matches!(
        stages[..],
        [Stage::Published { .. }, Stage::Aborted { .. }]
    ));
    let refused = state.outcome(&org("city"), &"r3".parse().unwrap());
    assert!(matches!(refused, Some(Outcome::Refused { .. })));
}

/// Ids, fingerprints and release keys are recomputed: their preimages MUST never change.
#[test]
fn old_digests_and_signatures_hold() {
    let log = log();
    let state = replayed(&log);
    let (mut signatures, mut keys) = (0, 0);
    for entry in &log {
        match &entry.body {
            Body::OrgAdmitted {
                org,
                role,
                spiffe,
                key,
                possession,
                ..
            } => {
                let claim = possession_payload(org, *role, spiffe, key.fingerprint());
                verify(Signs::KeyPossession, key, &claim, possession).unwrap();
                signatures += 1;
            }
            Body::ReleaseReserved(r) => {
                let terms = &state.agreement(&r.agreement).unwrap().terms;
                let item = terms.plan_item(&r.table.name).unwrap();
                let key = release_key(terms, &r.table, item, r.period, &r.manifest).unwrap();
                assert_eq!(key, r.key);
                keys += 1;
            }
            _ => {}
        }
    }
    let (id, record) = state.agreements().next().unwrap();
    let document = record.terms.canonical().unwrap();
    assert_eq!(record.terms.id().unwrap(), *id);
    for (party, signature) in &record.signatures {
        let key = &state.org(party).unwrap().key;
        verify(Signs::Agreement, key, &document, signature).unwrap();
        signatures += 1;
    }
    assert_eq!((signatures, keys), (5, 2));
}

/// An index that is loaded after any entry is the state after that entry.
#[test]
fn the_index_follows_the_log_at_every_step() {
    let (mut state, mut index) = (State::new(), Index::default());
    for entry in log() {
        index.follow(&mut state, &entry);
        assert_eq!(index.loaded(), state, "after {}", entry.body.kind());
        // The digest is over exactly what the index holds: no field of the state is left out of it.
        let root = digest(&index.0);
        assert_eq!(
            state.root().unwrap().as_str(),
            root,
            "after {}",
            entry.body.kind()
        );
    }
}

/// As the page of the log describes it.
fn digest(records: &BTreeMap<(&'static str, Vec<u8>), Vec<u8>>) -> String {
    let mut bytes = b"weir/state/1\0".to_vec();
    for ((tree, key), value) in records {
        for part in [tree.as_bytes(), key, value] {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part);
        }
    }
    crate::id::sha256_hex(&bytes)
}

/// Snapshots of old logs are recomputed by auditors of later times. Where this root has to change,
/// `SNAPSHOT_FORM` has to be raised.
#[test]
fn the_root_of_an_old_log_is_what_it_was() {
    let state = replayed(&log());
    assert_eq!(
        (state.root().unwrap().as_str(), crate::entry::SNAPSHOT_FORM),
        (
            "2f646c0ea1b60111516fdd464ce834957335c49fb453ad0842addefbc77f4d2f",
            3
        )
    );
}

/// The log is one story: no entry can be left out of it or told twice, but for a second start.
#[test]
fn no_entry_can_be_left_out_or_repeated() {
    let log = log();
    for gone in 0..log.len() {
        let kind = log[gone].body.kind();
        let mut state = State::new();
        let rest = log.iter().enumerate().filter(|(n, _)| *n != gone);
        let broken = rest
            .into_iter()
            .any(|(_, entry)| state.apply(entry).is_err());
        // Nothing that follows rests on floors, a refusal or the end of a release.
        let free = [
            "broker.started",
            "release.refused",
            "release.published",
            "release.aborted",
        ];
        assert_eq!(broken, !free.contains(&kind), "without {kind}");
        let mut state = replayed(&log[..=gone]);
        assert_eq!(
            state.apply(&log[gone]).is_err(),
            kind != "broker.started",
            "{kind} twice"
        );
    }
}

/// A start erases what `State::blobs` leaves out: a new kind that names a payload has to be in it.
#[test]
fn every_payload_that_an_entry_names_is_kept_until_one_deletes_it() {
    let kinds = ["contribution.accepted", "release.published", "zoning.added"];
    for log in [LOG, include_str!("../../../golden/life.jsonl")] {
        let (mut state, mut named) = (State::new(), BTreeSet::new());
        for line in log.lines() {
            let entry: serde_json::Value = serde_json::from_str(line).unwrap();
            let kind = entry["body"]["kind"].as_str().unwrap();
            if let Some(blob) = entry["body"]["blob"].as_str() {
                let blob: BlobId = blob.parse().unwrap();
                match kind {
                    "retention.deleted" => assert!(named.remove(&blob)),
                    _ => assert!(kinds.contains(&kind) && named.insert(blob), "{kind}"),
                }
            }
            let entry = Entry::from_bytes(line.as_bytes()).unwrap();
            state.apply(&entry).unwrap();
            assert!(state.blobs().into_iter().eq(&named), "{line}");
        }
        assert!(named.len() > 1);
    }
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/golden");
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        let names = std::fs::read_to_string(file).unwrap().contains("\"blob\":");
        let known = kinds.iter().any(|kind| name.starts_with(kind));
        let other = name.starts_with("retention.deleted") || name.ends_with(".jsonl");
        assert!(!names || known || other, "{name} names a payload");
    }
}
