#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::*;
use crate::decide::{Decision, decide};
use crate::entry::{Body, Entry};
use crate::life::Action;
use crate::loss::Loss;
use crate::testing::{Index, Town, entry, mechanism, now, org};

mod accounts;
mod ad_hoc;
mod calls;
mod editions;
mod golden;
mod opening;
mod parties;
mod random;
mod refused;
mod retention;
mod rotation;

/// A town with one published release and one refusal.
fn lived_in() -> Town {
    let mut town = Town::active();
    let body = town.contribution("2026-10-05", "b1", None);
    town.write(body);
    let Decision::Permit(permit) =
        decide(&town.state, &town.request("r1", "2026-10-05"), now()).unwrap()
    else {
        panic!()
    };
    let reservation = permit.reserve(mechanism()).unwrap();
    let key = reservation.key.clone();
    town.write(Body::ReleaseReserved(Box::new(reservation)));
    town.write(Body::ReleasePublished {
        key,
        blob: "c".repeat(64).parse().unwrap(),
    });
    let refused = town.request("r2", "2026-10-06");
    town.write(Body::ReleaseRefused {
        request: refused.id,
        by: refused.by,
        agreement: refused.agreement,
        table: refused.table,
        period: refused.period,
        with: vec![],
        merge: None,
        reasons: vec![ReasonId::PeriodNotContributed],
    });
    town
}

fn reservation(town: &Town) -> Reservation {
    town.state.releases().next().unwrap().1.reservation.clone()
}

#[test]
fn what_the_index_gives_back_is_the_state() {
    let town = lived_in();
    let (mut replayed, mut index) = (State::new(), Index::default());
    for entry in &town.log {
        index.follow(&mut replayed, entry);
    }
    assert_eq!(replayed, town.state);
    assert!(index.0.keys().all(|(tree, _)| State::TREES.contains(tree)));
    let mut loaded = index.loaded();
    assert_eq!(loaded, town.state);
    assert!(loaded.load("orgs", b"\"x\"", b"{}").is_err());
    assert!(loaded.load("nonsense", b"1", b"1").is_err());
}

#[test]
fn the_unit_period_is_charged_and_nothing_else() {
    let town = lived_in();
    let balances: Vec<_> = town.state.ledger().balances().collect();
    assert_eq!(balances.len(), 1);
    assert_eq!(balances[0].1.to_string(), "2026-10-05");
    assert_eq!(balances[0].2.to_string(), "ρ 0.5, δ 0.0000001");
}

#[test]
fn a_contribution_replaces_the_live_one_by_name_only() {
    let town = lived_in();
    let refused = [
        town.contribution("2026-10-05", "b2", None),
        town.contribution("2026-10-05", "b2", Some("b9")),
        town.contribution("2026-10-07", "b2", Some("b1")),
    ];
    for body in refused {
        assert!(town.refuses(body).contains("replaces the live one"));
    }
    let twice = town.contribution("2026-10-05", "b1", Some("b1"));
    assert!(town.refuses(twice).contains("batch `b1` exists already"));
    let Body::ContributionAccepted(mut foreign) = town.contribution("2026-10-08", "b2", None)
    else {
        panic!()
    };
    foreign.provider = org("city");
    assert!(
        town.refuses(Body::ContributionAccepted(foreign))
            .contains("only the provider")
    );
}

/// Each way an operator could reserve outside the agreement.
#[test]
fn a_reservation_keeps_every_term_of_its_agreement() {
    let mut town = lived_in();
    let body = town.contribution("2026-10-09", "b9", None);
    town.write(body);
    let fine = Reservation {
        key: "d".repeat(64).parse().unwrap(),
        request: "r9".parse().unwrap(),
        period: "2026-10-09".parse().unwrap(),
        manifest: vec![crate::id::sha256_hex(b"b9").parse().unwrap()],
        ..reservation(&town)
    };
    let reserve = |change: &dyn Fn(&mut Reservation)| {
        let mut changed = fine.clone();
        change(&mut changed);
        town.refuses(Body::ReleaseReserved(Box::new(changed)))
    };
    type Change<'a> = &'a dyn Fn(&mut Reservation);
    let broken: [(&str, Change); 12] = [
        ("unknown agreement", &|r| {
            r.agreement = "e".repeat(64).parse().unwrap()
        }),
        ("only a recipient", &|r| r.by = org("bikes")),
        ("the purpose is as agreed", &|r| {
            r.purpose = "dpv:Marketing".into()
        }),
        ("the table is as agreed", &|r| r.table.cells_max = 1),
        ("the unit is as agreed", &|r| {
            r.unit = crate::agreement::Unit::Trip
        }),
        ("the period is covered", &|r| {
            r.period = "2026-11-09".parse().unwrap()
        }),
        ("the charge is the plan's", &|r| r.charge = Loss::ZERO),
        ("numbered from 1", &|r| r.edition = 2),
        ("pinned input", &|r| r.manifest = vec![]),
        ("pinned input", &|r| {
            r.manifest = vec!["f".repeat(64).parse().unwrap()]
        }),
        ("request `r1` exists already", &|r| {
            r.request = "r1".parse().unwrap()
        }),
        ("release", &|r| {
            r.key = town.state.releases().next().unwrap().0.clone()
        }),
    ];
    for (expected, change) in broken {
        let text = reserve(change);
        assert!(
            text.contains(expected),
            "`{text}` does not say `{expected}`"
        );
    }
    let mut taken = town.state.clone();
    taken
        .apply(&entry(Body::ReleaseReserved(Box::new(fine))))
        .unwrap();
}

#[test]
fn a_release_ends_once_and_time_never_goes_back() {
    let town = lived_in();
    let key = reservation(&town).key;
    let again = Body::ReleaseAborted {
        key,
        reason: "input.lost".into(),
    };
    assert!(town.refuses(again).contains("ends once"));
    let mut early = entry(town.contribution("2026-10-12", "b12", None));
    early.time = "2026-11-20T11:59:59Z".parse().unwrap();
    assert_eq!(town.state.clone().apply(&early), Err(ApplyError::Time));
    assert_eq!(town.state.decision_time(early.time), now());
}

#[test]
fn entries_are_read_by_those_they_concern() {
    let town = lived_in();
    let readers = |n: usize| {
        let orgs = town.state.concerned(&town.log[n]);
        orgs.iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let kinds: Vec<&str> = town.log.iter().map(|entry| entry.body.kind()).collect();
    let at = |kind| kinds.iter().position(|k| *k == kind).unwrap();
    assert_eq!(readers(at("contribution.accepted")), "bikes");
    assert_eq!(readers(at("agreement.offered")), "bikes city city");
    assert_eq!(readers(at("release.published")), "bikes city city");
    assert_eq!(readers(at("release.refused")), "city bikes");
}

/// Terms that a steward has halted can be ended and signed anew by their parties: it is told of both, and may halt those.
#[test]
fn a_steward_is_told_when_halted_terms_are_signed_anew() {
    let mut town = Town::active();
    let reeve = town.admit("reeve", crate::id::Role::Steward);
    let halt = town.act(Action::Suspend, "reeve", &reeve, None);
    town.write(Body::AgreementSuspended(halt));
    let ended = town.acting(Action::Terminate, "bikes", None);
    town.write(ended);
    town.terms.title = "The same again".into();
    for body in town.agreeing() {
        town.write(body);
    }
    let told = town.log.iter().filter(|entry| {
        let about = entry.body.kind().starts_with("agreement.");
        about && town.state.concerned(entry).contains(&org("reeve"))
    });
    let kinds: Vec<_> = told.map(|entry| entry.body.kind()).collect();
    let expected = [
        "agreement.activated",
        "agreement.suspended",
        "agreement.terminated",
        "agreement.activated",
    ];
    assert_eq!(kinds, expected);
    let record = town.state.agreement(&town.id()).unwrap();
    assert_eq!(record.status, Status::Active);
    let halt = town.act(Action::Suspend, "reeve", &reeve, None);
    town.write(Body::AgreementSuspended(halt));
}

/// A contribution is about one whole covered period of a table of its agreement.
#[test]
fn a_contribution_keeps_the_terms_of_its_agreement() {
    let town = lived_in();
    for (period, expected) in [
        ("2026-W42", "one period of its table"),
        ("2026-10", "one period of its table"),
        ("2026-09-30", "the period is covered"),
        ("2026-11-01", "the period is covered"),
    ] {
        let text = town.refuses(town.contribution(period, "b9", None));
        assert!(text.contains(expected), "{period}: {text}");
    }
    type Change = fn(&mut Contribution);
    let changes: [(&str, Change); 2] = [
        ("the agreement has the table", |c| {
            c.table = "secret".parse().unwrap()
        }),
        ("unknown agreement", |c| {
            c.agreement = "e".repeat(64).parse().unwrap()
        }),
    ];
    for (expected, change) in changes {
        let Body::ContributionAccepted(mut changed) = town.contribution("2026-10-09", "b9", None)
        else {
            panic!()
        };
        change(&mut changed);
        let text = town.refuses(Body::ContributionAccepted(changed));
        assert!(text.contains(expected), "{text}");
    }
    let mut offered = Town::new();
    let [offer, ..] = offered.agreeing();
    offered.write(offer);
    let early = offered.contribution("2026-10-09", "b9", None);
    assert!(offered.refuses(early).contains("only an active agreement"));
}

#[test]
fn a_refusal_has_a_reason_an_agreement_and_an_admitted_asker() {
    let town = lived_in();
    let refusal = |change: fn(&mut Body)| {
        let mut body = town.log.last().unwrap().body.clone();
        change(&mut body);
        town.refuses(body)
    };
    let again = refusal(|_| {});
    assert!(again.contains("request `r2` exists already"), "{again}");
    let text = refusal(|body| {
        if let Body::ReleaseRefused { reasons, .. } = body {
            reasons.clear();
        }
    });
    assert!(text.contains("a refusal has a reason"), "{text}");
    let text = refusal(|body| {
        if let Body::ReleaseRefused { agreement, .. } = body {
            *agreement = "e".repeat(64).parse().unwrap();
        }
    });
    assert!(text.contains("unknown agreement"), "{text}");
    let text = refusal(|body| {
        if let Body::ReleaseRefused { by, .. } = body {
            *by = org("stranger");
        }
    });
    assert!(text.contains("an admitted organisation asks"), "{text}");
}

#[test]
fn an_edition_that_the_plan_does_not_allow_is_not_reserved() {
    let mut town = Town::new();
    town.terms.plan[0].editions = 1;
    for body in town.agreeing() {
        town.write(body);
    }
    let body = town.contribution("2026-10-05", "b1", None);
    town.write(body);
    let Decision::Permit(permit) =
        decide(&town.state, &town.request("r1", "2026-10-05"), now()).unwrap()
    else {
        panic!()
    };
    let first = permit.reserve(mechanism()).unwrap();
    town.write(Body::ReleaseReserved(Box::new(first.clone())));
    let second = Reservation {
        key: "d".repeat(64).parse().unwrap(),
        request: "r2".parse().unwrap(),
        edition: 2,
        ..first
    };
    let text = town.refuses(Body::ReleaseReserved(Box::new(second)));
    assert!(text.contains("the plan allows the edition"), "{text}");
}
