//! What an organisation takes home of the log.

use audit::receipt::Receipt;
use futures::TryStreamExt;
use policies::entry::Entry;
use policies::id::Role;
use sdk::client::{Answered, Proof};

use crate::harness::*;
use crate::opening::*;

async fn exported(town: &Town, who: &Member) -> Vec<Proof> {
    let size = town.broker().sequencer().state().size();
    who.client.proofs(0, size).try_collect().await.unwrap()
}

fn kinds(proofs: &[Proof]) -> Vec<&'static str> {
    proofs
        .iter()
        .map(|proof| proof.entry().body.kind())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_takes_its_entries_home_and_checks_them_offline() {
    let (town, bikes, city, terms, id) = agreed().await;
    let trams = town.join("trams", Role::Provider).await;
    let auditor = town.join("ombudsman", Role::Auditor).await;
    let push = push(&id, "2026-10-05");
    bikes
        .client
        .push(&push, &[cells(&terms, &ROWS)], |_| {})
        .await
        .unwrap();
    let released = city
        .client
        .request(&wish(&id, "od", "2026-10-05"))
        .await
        .unwrap();
    assert!(matches!(released, Answered::Released(_)));

    let own = exported(&town, &bikes).await;
    let own_kinds = kinds(&own);
    for kind in [
        "agreement.offered",
        "agreement.signed",
        "agreement.activated",
        "contribution.accepted",
        "release.reserved",
        "release.published",
    ] {
        assert_eq!(
            own_kinds.iter().filter(|k| **k == kind).count(),
            1,
            "{kind}"
        );
    }
    // Whole: everything in the log that concerns it, found without asking the broker.
    let broker = town.broker();
    let bytes = {
        let log = broker.sequencer().log();
        log.entries(0..log.size()).unwrap()
    };
    let concerned: Vec<u64> = {
        let state = broker.sequencer().state();
        let entries = bytes.iter().map(|bytes| Entry::from_bytes(bytes).unwrap());
        let concerned = entries.map(|entry| state.concerned(&entry).contains(&bikes.org));
        (0..)
            .zip(concerned)
            .filter(|(_, own)| *own)
            .map(|(index, _)| index)
            .collect()
    };
    let indices: Vec<_> = own.iter().map(Proof::index).collect();
    assert_eq!(indices, concerned);
    // As text, on another machine, with nothing but the log's key; and no bit of it may change.
    for proof in &own {
        let text = proof.receipt().to_string();
        let receipt: Receipt = text.parse().unwrap();
        let verified = receipt.verify(&town.log_key).unwrap();
        assert_eq!(
            verified.entry(),
            bytes[usize::try_from(proof.index()).unwrap()]
        );
    }

    // Nobody takes home what is between others.
    let foreign = exported(&town, &trams).await;
    let shared = [
        "broker.started",
        "config.changed",
        "policy.changed",
        "org.admitted",
        "zoning.added",
    ];
    assert!(!foreign.is_empty());
    assert!(
        kinds(&foreign).iter().all(|kind| shared.contains(kind)),
        "{foreign:?}"
    );
    let city_kinds = kinds(&exported(&town, &city).await);
    // It came after its grace, which concerns all parties.
    assert!(
        city_kinds.contains(&"contribution.accepted"),
        "{city_kinds:?}"
    );
    assert!(city_kinds.contains(&"release.published"));
    for proof in own
        .iter()
        .filter(|proof| !shared.contains(&proof.entry().body.kind()))
    {
        assert!(
            trams.client.receipt(proof.index()).await.is_err(),
            "{proof:?}"
        );
    }
    // Who may read everything exports everything; that it read stands in the log too.
    assert!(exported(&town, &auditor).await.len() >= bytes.len());
}
