//! What an agreement's life does to requests, releases and budgets.

use super::*;
use crate::decide::{Decision, decide};
use crate::entry::Reservation;
use crate::loss::Loss;
use crate::refusal::ReasonId;
use crate::testing::{Providers, mechanism};

fn reasons(town: &Town, time: Timestamp) -> Vec<ReasonId> {
    match decide(&town.state, &town.request("r9", "2026-10-05"), time).unwrap() {
        Decision::Refuse(refusal) => refusal.reasons().iter().map(|r| r.id).collect(),
        _ => vec![],
    }
}

/// With one day contributed.
fn contributed(mut town: Town) -> Town {
    let body = town.contribution("2026-10-05", "b1", None);
    town.write(body);
    town
}

#[test]
fn what_is_not_active_takes_no_cells_and_releases_nothing() {
    let mut town = contributed(standing(Status::Active));
    assert_eq!(reasons(&town, now()), []);
    for by in ["bikes", "mayor"] {
        let body = town.acting(Action::Suspend, by, None);
        town.write(body);
    }
    for by in ["bikes", "mayor"] {
        assert_eq!(reasons(&town, now()), [ReasonId::AgreementSuspended]);
        let text = town.refuses(town.contribution("2026-10-06", "b2", None));
        assert!(text.contains("only an active agreement"), "{text}");
        let body = town.acting(Action::Resume, by, None);
        town.write(body);
    }
    assert_eq!(reasons(&town, now()), []);
    let body = town.acting(Action::Terminate, "bikes", None);
    town.write(body);
    assert_eq!(reasons(&town, now()), [ReasonId::AgreementEnded]);
    let text = town.refuses(town.contribution("2026-10-06", "b2", None));
    assert!(text.contains("only an active agreement"), "{text}");
}

#[test]
fn a_notice_is_kept_and_ends_the_agreement_by_itself() {
    let mut town = Town::new();
    town.terms.on_end = Some(crate::agreement::OnEnd {
        notice_days: 30,
        ..Default::default()
    });
    for body in town.agreeing() {
        town.write(body);
    }
    let mut town = contributed(town);
    let (early, ends) = (at("2026-12-20T11:59:59Z"), at("2026-12-20T12:00:00Z"));
    for takes_effect in [None, Some(now()), Some(early)] {
        let text = town.refuses(town.acting(Action::Terminate, "city", takes_effect));
        assert!(text.contains("keeps the notice"), "{text}");
    }
    let later = Some(at("2027-01-01T00:00:00Z"));
    for takes_effect in [later, Some(ends)] {
        let body = town.acting(Action::Terminate, "city", takes_effect);
        town.write(body);
    }
    let text = town.refuses(town.acting(Action::Terminate, "bikes", later));
    assert!(text.contains("sooner than the first"), "{text}");
    assert_eq!(reasons(&town, early), []);
    assert_eq!(reasons(&town, ends), [ReasonId::AgreementEnded]);
    let text = town.refuses_at(town.contribution("2026-10-06", "b2", None), ends);
    assert!(text.contains("only an active agreement"), "{text}");
    let agreement = town.id();
    let expired = Body::AgreementExpired { agreement };
    assert!(
        town.refuses_at(expired.clone(), early)
            .contains("after its last day")
    );
    assert_eq!(town.state.run_out(early), []);
    assert_eq!(town.state.run_out(ends), std::slice::from_ref(&expired));
    town.write_at(expired, ends);
    assert_eq!(town.state.run_out(ends), []);
    let record = town.state.agreement(&town.id()).unwrap();
    assert_eq!(record.status, Status::Terminated);
    assert_eq!(allotted(&town), Loss::ZERO);
}

fn allotted(town: &Town) -> Loss {
    let account = crate::state::State::account_of(&town.terms);
    town.state.ledger().terms(&account).unwrap().allotted
}

fn reserve(town: &mut Town, id: &str) -> Reservation {
    let wish = town.request(id, "2026-10-05");
    let Decision::Permit(permit) = decide(&town.state, &wish, now()).unwrap() else {
        panic!("{id} is not permitted")
    };
    let reservation = permit.reserve(mechanism()).unwrap();
    town.write(Body::ReleaseReserved(Box::new(reservation.clone())));
    reservation
}

fn published(reservation: &Reservation) -> Body {
    Body::ReleasePublished {
        key: reservation.key.clone(),
        blob: "c".repeat(64).parse().unwrap(),
    }
}

/// A release that was charged waits for a suspension to end, and does not outlive the agreement.
#[test]
fn a_running_release_waits_or_is_aborted() {
    let mut town = contributed(standing(Status::Active));
    let running = reserve(&mut town, "r1");
    let body = town.acting(Action::Suspend, "bikes", None);
    town.write(body);
    let text = town.refuses(published(&running));
    assert!(text.contains("suspended or ended"), "{text}");
    let mut resumed = Town { ..town };
    let body = resumed.acting(Action::Resume, "bikes", None);
    resumed.write(body);
    let state = resumed.state.clone();
    resumed.write(published(&running));
    resumed.state = state;
    let body = resumed.acting(Action::Terminate, "city", None);
    let text = resumed.refuses(body.clone());
    assert!(text.contains("no release unfinished"), "{text}");
    let before: Vec<_> = resumed.state.ledger().balances().map(|b| b.2).collect();
    for abort in resumed.state.ending([&resumed.id()]) {
        resumed.write(abort);
    }
    resumed.write(body);
    assert!(!resumed.refuses(published(&running)).is_empty());
    let after: Vec<_> = resumed.state.ledger().balances().map(|b| b.2).collect();
    assert_eq!((before.len(), before), (1, after), "the charge stays");
}

/// What was asked for in time is finished; a suspension ends with the agreement, and so does what waited.
#[test]
fn the_last_day_finishes_what_runs_and_aborts_what_waits() {
    let after = at("2027-12-31T22:00:00Z");
    let mut town = contributed(standing(Status::Active));
    let running = reserve(&mut town, "r1");
    assert_eq!(town.state.run_out(at("2027-12-31T21:59:59Z")), []);
    let mut over = town.state.run_out(after);
    assert_eq!(over.len(), 1);
    let mut open = Town { ..town };
    open.write_at(over.pop().unwrap(), after);
    let state = open.state.clone();
    open.write_at(published(&running), after);
    open.state = state;
    assert_eq!(
        open.state.agreement(&open.id()).unwrap().status,
        Status::Expired
    );

    let mut town = contributed(standing(Status::Active));
    reserve(&mut town, "r1");
    let body = town.acting(Action::Suspend, "city", None);
    town.write(body);
    let kinds: Vec<_> = town.state.run_out(after).iter().map(Body::kind).collect();
    assert_eq!(kinds, ["release.aborted", "agreement.expired"]);
    for body in town.state.run_out(after) {
        town.write_at(body, after);
    }
}

/// Found by a reader: it was aborted once for each of them, a second end is no entry, and so nothing could be
/// signed, suspended or ended any more.
#[test]
fn a_joint_release_under_agreements_that_end_together_is_aborted_once() {
    let mut all = Providers::contributed("2026-10-05", |_, _| ());
    let wish = all.request("r1", "2026-10-05", &[0, 1, 2]);
    let Decision::Permit(permit) = decide(&all.town.state, &wish, now()).unwrap() else {
        panic!("not permitted")
    };
    let reservation = permit.reserve_joint(all.mechanisms(&[0, 1, 2])).unwrap();
    all.town.write(Body::ReleaseReserved(Box::new(reservation)));
    for terms in &all.terms {
        all.town.terms = terms.clone();
        let body = all.town.acting(Action::Suspend, "city", None);
        all.town.write(body);
    }
    let after = at("2027-12-31T22:00:00Z");
    let ends = all.town.state.run_out(after);
    let kinds: Vec<_> = ends.iter().map(Body::kind).collect();
    let expired = "agreement.expired";
    assert_eq!(kinds, ["release.aborted", expired, expired, expired]);
    for body in ends {
        all.town.write_at(body, after);
    }
    assert_eq!(all.town.state.run_out(after), []);
}

/// A new agreement does not reset what the old one spent: neither the loss nor the editions.
#[test]
fn an_amendment_carries_budget_and_editions() {
    let mut town = contributed(standing(Status::Active));
    reserve(&mut town, "r1");
    for abort in town.state.ending([&town.id()]) {
        town.write(abort);
    }
    let cap = allotted(&town);
    let account = crate::state::State::account_of(&town.terms);
    let day = "2026-10-05".parse().unwrap();
    let spent = town.state.ledger().spent(&account, day);
    assert_ne!(spent, Loss::ZERO);
    let (old, amended) = (town.id(), town.amendment(|t| t.title = "Amended".into()));
    let signer = std::mem::take(&mut town.bikes);
    town.agree(&amended, &signer);
    town.bikes = signer;
    assert_eq!(
        allotted(&town),
        cap,
        "the old allotment is free, the new one booked"
    );
    town.terms = amended;
    assert_eq!(town.state.ledger().spent(&account, day), spent);
    let record = town.state.agreement(&old).unwrap();
    assert_eq!(record.status, Status::Superseded);
    assert_eq!(record.life.superseded_by, Some(town.id()));
    let body = town.contribution("2026-10-05", "b2", None);
    town.write(body);
    let second = reserve(&mut town, "r2");
    assert_eq!(
        second.edition, 2,
        "the first was made under the old agreement"
    );
    let body = town.contribution("2026-10-05", "b3", Some("b2"));
    town.write(body);
    let exhausted = [ReasonId::EditionsExhausted, ReasonId::BudgetExceeded];
    assert_eq!(reasons(&town, now()), exhausted);
}

#[test]
fn an_amendment_is_between_the_same_parties_and_stays_suspended() {
    let mut town = standing(Status::Suspended);
    let foreign = offered_by(&town, "city", |terms| {
        terms.supersedes = Some(town.id());
        terms.population.id = "other-riders".parse().unwrap();
    });
    assert!(town.refuses(foreign).contains("the same population"));
    let trams = town.admit("ferries", Role::Provider);
    let foreign = offered_by(&town, "city", |terms| {
        terms.supersedes = Some(town.id());
        terms.provider.org = org("ferries");
        terms.provider.key = trams.public.fingerprint().clone();
    });
    assert!(!town.refuses(foreign).is_empty());
    let amended = town.amendment(|t| t.title = "Amended".into());
    let signer = std::mem::take(&mut town.bikes);
    town.agree(&amended, &signer);
    town.bikes = signer;
    town.terms = amended;
    let record = town.state.agreement(&town.id()).unwrap();
    assert_eq!(
        record.status,
        Status::Suspended,
        "the steward's suspension stays"
    );
    let body = town.acting(Action::Resume, "mayor", None);
    town.write(body);
    let body = town.acting(Action::Resume, "bikes", None);
    town.write(body);
    let record = town.state.agreement(&town.id()).unwrap();
    assert_eq!(record.status, Status::Active);
    // A second amendment of the first is too late.
    let late = offered_by(&town, "bikes", |terms| {
        terms.supersedes = record.terms.supersedes.clone();
    });
    assert!(town.refuses(late).contains("amended by its parties"));
}

/// Of two amendments of one agreement, one becomes active.
#[test]
fn an_agreement_is_superseded_once() {
    let mut town = standing(Status::Active);
    let (one, two) = (
        town.amendment(|t| t.title = "One".into()),
        town.amendment(|t| t.title = "Two".into()),
    );
    let signer = std::mem::take(&mut town.bikes);
    let [offered, signed, activated] = town.agreeing_to(&two, &signer);
    town.write(offered);
    town.agree(&one, &signer);
    let check = (town.state).check_signing(&two.id().unwrap(), &org("city"), now());
    let told = check.unwrap_err().to_string();
    assert!(told.contains("amended by its parties"), "{told}");
    town.write(signed);
    assert!(town.refuses(activated).contains("amended by its parties"));
}

#[test]
fn released_tables_are_served_as_the_newest_terms_say() {
    let closed = |terms: &mut Agreement| {
        terms.on_end = Some(crate::agreement::OnEnd {
            tables: crate::agreement::TablesOnEnd::Closed,
            ..Default::default()
        });
    };
    let mut town = standing(Status::Active);
    let first = town.id();
    let amended = town.amendment(closed);
    let signer = std::mem::take(&mut town.bikes);
    town.agree(&amended, &signer);
    town.bikes = signer;
    assert!(
        town.state.is_served(&first, now()),
        "an amendment is no end"
    );
    town.terms = amended;
    let over = at("2028-01-01T12:00:00Z");
    for id in [&first, &town.id()] {
        assert!(town.state.is_served(id, now()));
        assert!(!town.state.is_served(id, over), "its last day is over");
    }
    let body = town.acting(Action::Terminate, "bikes", None);
    town.write(body);
    for id in [&first, &town.id()] {
        assert!(!town.state.is_served(id, now()));
    }
    let kept = standing(Status::Terminated);
    assert!(kept.state.is_served(&kept.id(), now()));
}
