#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use policies::decide::{Decision, decide};
use policies::entry::{Contribution, Reservation};
use policies::id::Role;
use policies::mechanism::{Draw, Mechanism, Scale, Selection};
use policies::sign::{PartySignature, PublicKey, Signs, possession_payload};
use policies::testing::{Signer, Town, entry, floors, mechanism, org};

use super::*;

mod attacks;
mod coarse;
mod dense;
mod joint;
mod k_only;
mod life;
mod opening;
mod operation;
mod retention;
mod rotation;

/// Places of the entries in [`honest`].
const ADMITTED: usize = 2;
const OFFERED: usize = 5;
const SIGNED: usize = 6;
const ACTIVATED: usize = 7;
const CONTRIBUTED: usize = 8;
const REFUSED: usize = 9;
const RESERVED: usize = 10;
const PUBLISHED: usize = 11;
const SECOND: usize = 13;
const REFUSED_LAST: usize = 16;

const SETUP: &str = "2026-10-01T08:00:00Z";
/// After the end of 2026-10-05 in Helsinki, before its due time (2026-10-06T21:00Z).
const PUSHED: &str = "2026-10-06T08:00:00Z";
const ASKED: &str = "2026-10-07T08:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn timed(body: Body, time: &str) -> Entry {
    Entry {
        time: at(time),
        ..entry(body)
    }
}

/// The least noisy mechanism that the plan's δ pays for: one step less is too little.
fn tight() -> Mechanism {
    let Mechanism::Thresholded {
        mut selection,
        measures,
    } = mechanism()
    else {
        panic!()
    };
    let paid = "0.0000001".parse().unwrap();
    selection.threshold = (2..)
        .find(|threshold| {
            let threshold = *threshold;
            let tried = Selection {
                threshold,
                ..selection
            };
            tried.delta().unwrap() <= paid
        })
        .unwrap();
    Mechanism::Thresholded {
        selection,
        measures,
    }
}

/// Decided as the broker does, at [`ASKED`].
fn answer(town: &Town, id: &str, period: &str) -> Body {
    let request = town.request(id, period);
    match decide(&town.state, &request, at(ASKED)).unwrap() {
        Decision::Permit(permit) => {
            Body::ReleaseReserved(Box::new(permit.reserve(tight()).unwrap()))
        }
        Decision::Refuse(refusal) => Body::ReleaseRefused {
            request: request.id,
            by: request.by,
            agreement: request.agreement,
            table: request.table,
            period: request.period,
            with: request.with,
            merge: request.merge.clone(),
            reasons: refusal.reasons().iter().map(|reason| reason.id).collect(),
        },
        Decision::Exists(key) => panic!("{key} exists"),
    }
}

fn steward() -> (Signer, Body) {
    let steward = Signer::new();
    let (name, spiffe) = (org("mayor"), "spiffe://weir.test/org/mayor".to_owned());
    let key = steward.public.clone();
    let claim = possession_payload(&name, Role::Steward, &spiffe, key.fingerprint());
    let possession = steward.sign(Signs::KeyPossession, &claim);
    let body = Body::OrgAdmitted {
        org: name,
        role: Role::Steward,
        spiffe,
        key,
        possession,
        by: None,
    };
    (steward, body)
}

/// The town's log so far, in which a steward has admitted both parties.
fn begun(town: &Town) -> Vec<Entry> {
    let mut log: Vec<Entry> = town
        .log
        .iter()
        .map(|e| timed(e.body.clone(), SETUP))
        .collect();
    for admitted in &mut log[1..3] {
        let Body::OrgAdmitted { by, .. } = &mut admitted.body else {
            panic!()
        };
        *by = Some(org("mayor"));
    }
    log.insert(1, timed(steward().1, SETUP));
    log
}

/// A log in which everything holds: an agreement, two editions of one day, two refusals.
pub(crate) fn honest() -> (Town, Vec<Entry>) {
    let mut town = Town::active();
    let mut log = begun(&town);
    let mut write = |town: &mut Town, body: Body, time| {
        town.write(body.clone());
        log.push(timed(body, time));
    };
    let body = town.contribution("2026-10-05", "b1", None);
    write(&mut town, body, PUSHED);
    let body = answer(&town, "r0", "2026-10-06");
    write(&mut town, body, ASKED);
    for (request, batch, next) in [("r1", "b1", "b2"), ("r2", "b2", "b3")] {
        let body = answer(&town, request, "2026-10-05");
        let Body::ReleaseReserved(reservation) = &body else {
            panic!()
        };
        let key = reservation.key.clone();
        write(&mut town, body, ASKED);
        let blob = "c".repeat(64).parse().unwrap();
        write(&mut town, Body::ReleasePublished { key, blob }, ASKED);
        let body = town.contribution("2026-10-05", next, Some(batch));
        write(&mut town, body, ASKED);
    }
    let body = answer(&town, "r3", "2026-10-05");
    write(&mut town, body, ASKED);
    (town, log)
}

pub(crate) fn bytes(log: &[Entry]) -> Vec<Vec<u8>> {
    log.iter().map(|entry| entry.to_bytes().unwrap()).collect()
}

fn reservation(entry: &mut Entry) -> &mut Reservation {
    match &mut entry.body {
        Body::ReleaseReserved(reservation) => reservation,
        other => panic!("{other:?}"),
    }
}

fn thresholded(entry: &mut Entry) -> (&mut Selection, &mut Draw) {
    match &mut reservation(entry).mechanism {
        Mechanism::Thresholded {
            selection,
            measures,
        } => (selection, &mut measures[0].draw),
        _ => panic!(),
    }
}

#[test]
fn an_honest_log_holds() {
    let (_, log) = honest();
    let kinds: Vec<_> = log.iter().map(|entry| entry.body.kind()).collect();
    for (index, kind) in [
        (ADMITTED, "org.admitted"),
        (OFFERED, "agreement.offered"),
        (SIGNED, "agreement.signed"),
        (ACTIVATED, "agreement.activated"),
        (CONTRIBUTED, "contribution.accepted"),
        (REFUSED, "release.refused"),
        (RESERVED, "release.reserved"),
        (PUBLISHED, "release.published"),
        (SECOND, "release.reserved"),
        (REFUSED_LAST, "release.refused"),
    ] {
        assert_eq!(kinds[index], kind);
    }
    let replayer = replay(bytes(&log)).unwrap();
    assert_eq!(replayer.size(), log.len() as u64);
    assert_eq!(replayer.open().count(), 0);
    let balances: Vec<_> = replayer.balances().collect();
    assert_eq!(balances.len(), 1);
    assert_eq!(balances[0].lost.rho.to_string(), "1");
}

#[test]
fn a_reservation_that_has_not_ended_is_listed() {
    let (_, mut log) = honest();
    let key = reservation(&mut log[RESERVED]).key.clone();
    let replayer = replay(bytes(&log[..PUBLISHED])).unwrap();
    let open: Vec<_> = replayer.open().collect();
    assert_eq!(open.len(), 1);
    assert_eq!((&open[0].key, open[0].entry), (&key, RESERVED as u64));
    assert_eq!(open[0].since, at(ASKED));
}

/// The log that `policies` froze: an old log MUST replay as long as there are logs. Its last entry, a
/// refusal made up for its form, is left out.
#[test]
fn the_golden_log_holds() {
    let log = include_str!("../../../policies/golden/log.jsonl");
    let replayer = replay(log.lines().take(14)).unwrap();
    let summary = replayer.summary();
    assert_eq!((summary.entries, summary.open), (14, 0));
    assert_eq!(summary.kinds["release.aborted"], 1);
    let lost: Vec<_> = replayer
        .balances()
        .map(|b| {
            format!(
                "{} {} {}: {} of {}",
                b.provider, b.population, b.period, b.lost, b.cap
            )
        })
        .collect();
    let riders = "bikes riders 2026-10-05: ρ 1, δ 0.0000002 of ρ 1, δ 0.0000002";
    assert_eq!(lost, [riders]);
}
