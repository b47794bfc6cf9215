//! Open data: what an operator might make public in the name of others, or alone.

use super::*;
use policies::agreement::{OpenOnEnd, Publication};
use policies::entry::Step;
use policies::id::ReleaseKey;
use policies::testing::publication;

/// One release under an agreement that says this about open data, and its key.
fn released(publication: Option<Publication>) -> (Town, Vec<Entry>, ReleaseKey) {
    let mut town = Town::new();
    town.terms.publication = publication;
    for body in town.agreeing() {
        town.write(body);
    }
    let mut log = begun(&town);
    let mut write = |town: &mut Town, body: Body, time| {
        town.write(body.clone());
        log.push(timed(body, time));
    };
    let body = town.contribution("2026-10-05", "b1", None);
    write(&mut town, body, PUSHED);
    let body = answer(&town, "r1", "2026-10-05");
    let Body::ReleaseReserved(reservation) = &body else {
        panic!()
    };
    let key = reservation.key.clone();
    write(&mut town, body, ASKED);
    let blob = "c".repeat(64).parse().unwrap();
    let published = Body::ReleasePublished {
        key: key.clone(),
        blob,
    };
    write(&mut town, published, ASKED);
    (town, log, key)
}

/// What the auditor says to further entries; nothing where they hold.
fn found(log: &[Entry], more: &[Body]) -> String {
    let more = more.iter().map(|body| timed(body.clone(), ASKED));
    let log: Vec<_> = log.iter().cloned().chain(more).collect();
    replay(bytes(&log)).map_or_else(|finding| finding.why, |_| String::new())
}

#[test]
fn open_data_by_two_persons_holds_and_by_one_is_found() {
    let (town, log, key) = released(publication(OpenOnEnd::Withdrawn));
    let proposed = town.proposed(&key, "city", 1);
    let (by_other, by_same) = (town.opened(&key, "city", 2), town.opened(&key, "city", 1));
    let recalled = town.recalled(&key, "bikes");
    assert_eq!(
        found(&log, &[proposed.clone(), by_other.clone(), recalled]),
        ""
    );
    let why = found(&log, &[proposed, by_same]);
    assert!(why.contains("another person"), "{why}");
    let why = found(&log, &[by_other]);
    assert!(why.contains("was proposed"), "{why}");
}

#[test]
fn open_data_that_no_agreement_allows_is_found() {
    let (town, log, key) = released(None);
    let why = found(&log, &[town.proposed(&key, "city", 1)]);
    assert!(why.contains("allowed by every agreement"), "{why}");
}

/// A broker has no party's key: it cannot open, nor turn one step's signature into another's.
#[test]
fn open_data_in_anothers_name_is_found() {
    let (town, log, key) = released(publication(OpenOnEnd::Kept));
    let proposed = town.proposed(&key, "city", 1);
    let forged = Body::ReleaseOpened(town.opening(Step::Propose, &key, "city", 2));
    let mut stolen = town.opening(Step::Approve, &key, "city", 2);
    stolen.by = org("bikes");
    let Body::ReleaseWithdrawn(mut other) = town.recalled(&key, "bikes") else {
        panic!()
    };
    other.reason = "because".parse().unwrap();
    for body in [
        forged,
        Body::ReleaseOpened(stolen),
        Body::ReleaseWithdrawn(other),
    ] {
        let why = found(&log, &[proposed.clone(), body]);
        assert!(why.contains("signature"), "{why}");
    }
}
