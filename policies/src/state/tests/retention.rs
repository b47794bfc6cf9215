//! Cells go on time, once, and nothing reads them any more.

use jiff::ToSpan;

use super::*;
use crate::agreement::{CellsOnEnd, OnEnd};
use crate::entry::{Deletion, Reservation};
use crate::life::Action;

/// Ninety days after everything in these tests was accepted.
fn over() -> Timestamp {
    now().checked_add((90 * 24).hours()).unwrap()
}

fn before(time: Timestamp) -> Timestamp {
    time.checked_sub(1.second()).unwrap()
}

/// One day contributed under terms that were changed before.
fn contributed(change: impl FnOnce(&mut Agreement)) -> Town {
    let mut town = Town::new();
    change(&mut town.terms);
    for body in town.agreeing() {
        town.write(body);
    }
    let body = town.contribution("2026-10-05", "b1", None);
    town.write(body);
    town
}

fn reserve(town: &mut Town, id: &str) -> ReleaseKey {
    let request = town.request(id, "2026-10-05");
    let Ok(Decision::Permit(permit)) = decide(&town.state, &request, now()) else {
        panic!()
    };
    let reservation: Reservation = permit.reserve(mechanism()).unwrap();
    let key = reservation.key.clone();
    town.write(Body::ReleaseReserved(Box::new(reservation)));
    key
}

fn kinds(bodies: &[Body]) -> Vec<&'static str> {
    bodies.iter().map(Body::kind).collect()
}

fn batches(bodies: &[Body]) -> Vec<(String, Why)> {
    let deleted = bodies.iter().filter_map(|body| match body {
        Body::RetentionDeleted(d) => Some((d.batch.to_string(), d.why)),
        _ => None,
    });
    deleted.collect()
}

fn reasons(town: &Town, id: &str) -> Vec<ReasonId> {
    match decide(&town.state, &town.request(id, "2026-10-05"), now()).unwrap() {
        Decision::Refuse(refusal) => refusal.reasons().iter().map(|r| r.id).collect(),
        _ => vec![],
    }
}

/// An index loaded after any entry is the state after that entry.
fn indexed(town: &Town) {
    let (mut state, mut index) = (State::new(), Index::default());
    for entry in &town.log {
        index.follow(&mut state, entry);
        assert_eq!(index.loaded(), state, "after {}", entry.body.kind());
    }
}

#[test]
fn cells_go_when_their_retention_is_over_and_not_before() {
    let mut town = contributed(|_| {});
    let later = before(over());
    let correction = town.contribution("2026-10-05", "b2", Some("b1"));
    town.write_at(correction, now().checked_add(1.hour()).unwrap());
    assert_eq!(town.state.overdue(later), []);
    let due = town.state.overdue(over());
    assert_eq!(
        batches(&due),
        [("b1".into(), Why::Retention)],
        "each by its own day"
    );
    let early = town.refuses_at(due[0].clone(), later);
    assert!(early.contains("their retention is over"), "{early}");
    town.let_go(over());
    assert_eq!(reasons(&town, "r1"), [], "the correction is there");
    let twice = town.refuses_at(due[0].clone(), over());
    assert!(twice.contains("deleted once"), "{twice}");
    let both = over().checked_add(1.hour()).unwrap();
    assert_eq!(
        batches(&town.state.overdue(both)),
        [("b2".into(), Why::Retention)]
    );
    town.let_go(both);
    assert_eq!(reasons(&town, "r1"), [ReasonId::PeriodDeleted]);
    assert_eq!(town.state.overdue(both), [], "once");
    assert_eq!(town.state.deleted_since(0).count(), 2);
    let next = town.state.deleted_since(0).next().unwrap().0 + 1;
    assert_eq!(town.state.deleted_since(next).count(), 1);
    // Nothing but the right words: another blob, another reason.
    let mut forged = contributed(|_| {});
    let Body::RetentionDeleted(deletion) = forged.state.overdue(over()).remove(0) else {
        panic!()
    };
    for why in [Why::Withdrawn, Why::End] {
        let other = Body::RetentionDeleted(Deletion {
            why,
            ..deletion.clone()
        });
        forged.refuses_at(other, over());
    }
    let blob = "d".repeat(64).parse().unwrap();
    let other = Body::RetentionDeleted(Deletion { blob, ..deletion });
    forged.refuses_at(other, over());
    forged.let_go(over());
    indexed(&town);
}

/// What was kept as long as agreed is not missing, what was taken back is; both can be contributed again.
#[test]
fn a_period_that_is_gone_can_be_contributed_again() {
    let mut town = contributed(|_| {});
    let second = town.contribution("2026-10-06", "b2", None);
    town.write(second);
    let withdrawn = town.withdrawal("2026-10-06", "b2");
    let record = town
        .state
        .batch(&org("bikes"), &"b2".parse().unwrap())
        .cloned();
    for body in town.state.withdrawing(&record.unwrap(), withdrawn) {
        town.write(body);
    }
    town.let_go(over());
    let third = town.contribution("2026-10-07", "b3", None);
    town.write_at(third, over());
    let request = town.request("r1", "2026-10-07");
    let Ok(Decision::Permit(permit)) = decide(&town.state, &request, over()) else {
        panic!()
    };
    let missing = permit.reserve(mechanism()).unwrap().missing;
    let missing: Vec<_> = missing.iter().map(ToString::to_string).collect();
    let october = [
        "2026-10-01",
        "2026-10-02",
        "2026-10-03",
        "2026-10-04",
        "2026-10-06",
    ];
    assert_eq!(missing, october);
    let again = town.contribution("2026-10-05", "b4", None);
    town.write_at(again, over());
    assert_eq!(reasons(&town, "r2"), []);
    indexed(&town);
}

#[test]
fn a_release_that_waits_for_deleted_cells_ends_once_and_its_charge_stays() {
    let mut town = contributed(|_| {});
    let key = reserve(&mut town, "r1");
    let lost: Vec<_> = town.state.ledger().balances().map(|b| b.2).collect();
    let due = town.state.overdue(over());
    assert_eq!(kinds(&due), ["release.aborted", "retention.deleted"]);
    let torn = town.refuses_at(due[1].clone(), over());
    assert!(torn.contains("no unfinished release"), "{torn}");
    town.let_go(over());
    let stage = &town.state.release(&key).unwrap().stage;
    assert_eq!(
        *stage,
        Stage::Aborted {
            reason: "input.deleted".into()
        }
    );
    let kept: Vec<_> = town.state.ledger().balances().map(|b| b.2).collect();
    assert_eq!(lost, kept);
    indexed(&town);
}

#[test]
fn cells_go_with_their_agreement_where_it_says_so() {
    for cells in [CellsOnEnd::Kept, CellsOnEnd::Deleted] {
        let mut town = contributed(|terms| {
            terms.on_end = Some(OnEnd {
                cells,
                ..OnEnd::default()
            });
        });
        assert_eq!(town.state.overdue(before(over())), []);
        let body = town.acting(Action::Terminate, "bikes", None);
        town.write(body);
        let gone = batches(&town.state.overdue(now()));
        match cells {
            CellsOnEnd::Kept => assert_eq!(gone, []),
            CellsOnEnd::Deleted => assert_eq!(gone, [("b1".into(), Why::End)]),
        }
        town.let_go(now());
        town.let_go(over());
        assert_eq!(town.state.deleted_since(0).count(), 1);
        indexed(&town);
    }
}

/// What was contributed under a document that was amended goes when the line ends: its newest amendment says what that means.
#[test]
fn cells_go_with_the_end_of_the_line_that_they_were_contributed_under() {
    for cells in [CellsOnEnd::Kept, CellsOnEnd::Deleted] {
        let mut town = contributed(|_| {});
        let amended = town.amendment(|terms| {
            terms.on_end = Some(OnEnd {
                cells,
                ..OnEnd::default()
            });
        });
        for body in town.agreeing_to(&amended, &town.bikes) {
            town.write(body);
        }
        assert_eq!(town.state.overdue(before(over())), [], "amended, not ended");
        town.terms = amended;
        let body = town.contribution("2026-10-06", "b2", None);
        town.write(body);
        let body = town.acting(Action::Terminate, "bikes", None);
        town.write(body);
        let gone = batches(&town.state.overdue(now()));
        match cells {
            CellsOnEnd::Kept => assert_eq!(gone, []),
            CellsOnEnd::Deleted => {
                let end = |batch: &str| (batch.to_owned(), Why::End);
                assert_eq!(gone, [end("b1"), end("b2")]);
            }
        }
        town.let_go(now());
        town.let_go(over());
        assert_eq!(town.state.deleted_since(0).count(), 2);
        indexed(&town);
    }
}

/// What was asked for in time is finished after the last day; its cells wait for it, but not past their retention.
#[test]
fn cells_that_go_with_the_end_wait_for_a_release_that_was_charged() {
    let day = 24.hours();
    let mut town = contributed(|terms| {
        terms.on_end = Some(OnEnd {
            cells: CellsOnEnd::Deleted,
            ..OnEnd::default()
        });
        terms.valid.until = "2026-11-20".parse().unwrap();
    });
    let key = reserve(&mut town, "r1");
    let tomorrow = now().checked_add(day).unwrap();
    let agreement = town.id();
    town.write_at(Body::AgreementExpired { agreement }, tomorrow);
    assert_eq!(town.state.overdue(tomorrow), []);
    let kinds_late = kinds(&town.state.overdue(over()));
    assert_eq!(kinds_late, ["release.aborted", "retention.deleted"]);
    let blob = "c".repeat(64).parse().unwrap();
    town.write_at(Body::ReleasePublished { key, blob }, tomorrow);
    assert_eq!(
        batches(&town.state.overdue(tomorrow)),
        [("b1".into(), Why::End)]
    );
    town.let_go(tomorrow);
    indexed(&town);
}

#[test]
fn a_provider_takes_back_what_is_its_own_once() {
    let mut town = contributed(|_| {});
    let published = reserve(&mut town, "r1");
    let blob = "c".repeat(64).parse().unwrap();
    let key = published.clone();
    town.write(Body::ReleasePublished { key, blob });
    let correction = town.contribution("2026-10-05", "b2", Some("b1"));
    town.write(correction);
    let open = reserve(&mut town, "r2");
    let record = |town: &Town, batch: &str| {
        let record = town.state.batch(&org("bikes"), &batch.parse().unwrap());
        record.unwrap().clone()
    };
    let second = record(&town, "b2");
    assert_eq!(
        town.state.standing(&record(&town, "b1")),
        Standing::Superseded
    );
    assert_eq!(town.state.standing(&second), Standing::Live);
    let released: Vec<_> = town
        .state
        .released_from(&record(&town, "b1").contribution)
        .collect();
    assert_eq!((released.len(), released[0].0), (1, &published));
    assert_eq!(town.state.released_from(&second.contribution).count(), 0);
    let withdrawn = town.withdrawal("2026-10-05", "b2");
    let text = town.refuses(withdrawn.clone());
    assert!(text.contains("no unfinished release"), "{text}");
    let text = town.refuses(town.withdrawal("2026-10-06", "b2"));
    assert!(text.contains("batch"), "another period: {text}");
    let bodies = town.state.withdrawing(&second, withdrawn.clone());
    let all = [
        "release.aborted",
        "contribution.withdrawn",
        "retention.deleted",
    ];
    assert_eq!(kinds(&bodies), all);
    for body in bodies {
        town.write(body);
    }
    assert_eq!(
        town.state.standing(&record(&town, "b2")),
        Standing::Withdrawn
    );
    assert!(matches!(
        town.state.release(&open).unwrap().stage,
        Stage::Aborted { .. }
    ));
    assert_eq!(reasons(&town, "r3"), [ReasonId::PeriodDeleted]);
    town.refuses(withdrawn);
    // After the end of the agreement, too.
    let body = town.acting(Action::Terminate, "city", None);
    town.write(body);
    let first = record(&town, "b1");
    for body in town
        .state
        .withdrawing(&first, town.withdrawal("2026-10-05", "b1"))
    {
        town.write(body);
    }
    assert_eq!(town.state.deleted_since(0).count(), 2);
    indexed(&town);
}

/// Parties learn that a period is gone; nobody else does.
#[test]
fn a_withdrawal_concerns_the_parties() {
    let town = contributed(|_| {});
    let concerned = town
        .state
        .concerned(&entry(town.withdrawal("2026-10-05", "b1")));
    assert_eq!(concerned, [org("bikes"), org("city"), org("city")]);
    let due = town.state.overdue(over()).remove(0);
    assert_eq!(town.state.concerned(&entry(due)), concerned);
}
