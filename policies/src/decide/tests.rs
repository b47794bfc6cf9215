#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::*;
use crate::entry::Body;
use crate::life::Action;
use crate::mechanism::Mechanism;
use crate::refusal::ReasonId;
use crate::testing::{Town, mechanism, now, org};

mod ad_hoc;
mod dense;
mod input;
mod joint;
mod k_only;
mod ladder;

fn reasons(town: &Town, request: &Request) -> Vec<ReasonId> {
    match decide(&town.state, request, now()).unwrap() {
        Decision::Refuse(refusal) => refusal.reasons().iter().map(|r| r.id).collect(),
        other => panic!("{other:?}"),
    }
}

fn permit(town: &Town, request: &Request) -> Permit {
    match decide(&town.state, request, now()).unwrap() {
        Decision::Permit(permit) => *permit,
        other => panic!("{other:?}"),
    }
}

fn contributed() -> Town {
    let mut town = Town::active();
    let body = town.contribution("2026-10-05", "b1", None);
    town.write(body);
    town
}

/// Writes the reservation of a request that is permitted.
fn reserve(town: &mut Town, request: &Request) -> ReleaseKey {
    let reservation = permit(town, request).reserve(mechanism()).unwrap();
    let key = reservation.key.clone();
    town.write(Body::ReleaseReserved(Box::new(reservation)));
    key
}

#[test]
fn each_rule_refuses_alone() {
    let town = contributed();
    let fine = || town.request("r1", "2026-10-05");
    permit(&town, &fine());
    let purpose = Request {
        purpose: "dpv:Marketing".into(),
        ..fine()
    };
    assert_eq!(reasons(&town, &purpose), [ReasonId::PurposeNotAgreed]);
    let table = Request {
        table: "secret".parse().unwrap(),
        ..fine()
    };
    assert_eq!(reasons(&town, &table), [ReasonId::TableNotPlanned]);
    let other_day = town.request("r1", "2026-10-06");
    assert_eq!(reasons(&town, &other_day), [ReasonId::PeriodNotContributed]);
    let before = "2026-10-06T20:59:59Z".parse().unwrap();
    let Decision::Refuse(refusal) = decide(&town.state, &fine(), before).unwrap() else {
        panic!()
    };
    // The day ends at 21:00 UTC in Helsinki, and is due 24 hours later.
    assert_eq!(refusal.reasons()[0].id, ReasonId::PeriodNotDue);
    assert!(
        refusal.to_string().contains("2026-10-06T21:00:00Z"),
        "{refusal}"
    );
    let due = "2026-10-06T21:00:00Z".parse().unwrap();
    let on_time = decide(&town.state, &fine(), due).unwrap();
    assert!(matches!(on_time, Decision::Permit(_)));
    let late = "2028-01-01T00:00:00Z".parse().unwrap();
    let Decision::Refuse(refusal) = decide(&town.state, &fine(), late).unwrap() else {
        panic!()
    };
    assert_eq!(refusal.reasons()[0].id, ReasonId::AgreementOutsideValidity);
}

#[test]
fn all_reasons_are_told_at_once() {
    let town = Town::active();
    let mut request = town.request("r1", "2026-11");
    request.purpose = "dpv:Marketing".into();
    let expected = [
        ReasonId::PurposeNotAgreed,
        ReasonId::PeriodGrain,
        ReasonId::PeriodOutsideCoverage,
        ReasonId::PeriodNotDue,
        ReasonId::PeriodNotContributed,
    ];
    assert_eq!(reasons(&town, &request), expected);
}

#[test]
fn an_agreement_that_is_only_offered_releases_nothing() {
    let mut town = Town::new();
    let [offered, ..] = town.agreeing();
    town.write(offered);
    let reasons = reasons(&town, &town.request("r1", "2026-10-05"));
    assert_eq!(reasons[0], ReasonId::AgreementNotActive);
}

#[test]
fn to_others_the_agreement_does_not_exist() {
    let town = contributed();
    let request = Request {
        by: org("stranger"),
        ..town.request("r1", "2026-10-05")
    };
    let error = decide(&town.state, &request, now()).unwrap_err();
    assert!(matches!(error, DecideError::NotFound { .. }));
    // The provider sees it, but is no recipient.
    let provider = Request {
        by: org("bikes"),
        ..town.request("r1", "2026-10-05")
    };
    assert_eq!(reasons(&town, &provider), [ReasonId::RecipientNotNamed]);
}

#[test]
fn the_same_input_is_drawn_once_and_the_same_id_means_the_same_wish() {
    let mut town = contributed();
    let first = town.request("r1", "2026-10-05");
    let key = reserve(&mut town, &first);
    for id in ["r1", "r2"] {
        let again = decide(&town.state, &town.request(id, "2026-10-05"), now()).unwrap();
        assert!(matches!(again, Decision::Exists(same) if same == key));
    }
    let reused = decide(&town.state, &town.request("r1", "2026-10-06"), now()).unwrap_err();
    assert!(matches!(reused, DecideError::RequestIdReused { .. }));
}

#[test]
fn corrections_make_editions_until_plan_and_cap_are_spent() {
    let mut town = contributed();
    let mut keys = Vec::new();
    for (n, (batch, before)) in [("b2", "b1"), ("b3", "b2")].into_iter().enumerate() {
        let request = town.request(&format!("r{n}"), "2026-10-05");
        keys.push(reserve(&mut town, &request));
        let body = town.contribution("2026-10-05", batch, Some(before));
        town.write(body);
    }
    assert_ne!(keys[0], keys[1], "another input is another draw");
    let refused = reasons(&town, &town.request("r9", "2026-10-05"));
    assert_eq!(
        refused,
        [ReasonId::EditionsExhausted, ReasonId::BudgetExceeded]
    );
    assert_eq!(
        town.state
            .editions(&town.request("r9", "2026-10-05").slot()),
        keys
    );
}

/// `mechanism/terms/tests.rs` tries every part of it.
#[test]
fn a_mechanism_that_is_not_the_plans_cannot_be_reserved() {
    let town = contributed();
    let request = town.request("r1", "2026-10-05");
    let Mechanism::Thresholded {
        mut selection,
        measures,
    } = mechanism()
    else {
        panic!()
    };
    selection.draw.scale = crate::mechanism::Scale::from_sixteenths(31).unwrap();
    let dear = Mechanism::Thresholded {
        selection,
        measures,
    };
    let error = permit(&town, &request).reserve(dear).unwrap_err();
    assert!(error.contains("over the plan's charge"), "{error}");
    let error = permit(&town, &request).reserve(Mechanism::Unprotected);
    assert!(error.unwrap_err().contains("only data without a unit"));
}

/// No unit-period that was spent elsewhere can be spent again; the refusal names it and what is
/// left.
#[test]
fn over_budget_names_the_unit_period_and_what_is_left() {
    let mut town = contributed();
    let request = town.request("r1", "2026-10-05");
    let account = State::account_of(&town.terms);
    let spent = serde_json::from_str(r#"{"rho": "0.9", "delta": "0"}"#).unwrap();
    town.state.ledger.set_spent(account, request.period, spent);
    let Decision::Refuse(refusal) = decide(&town.state, &request, now()).unwrap() else {
        panic!()
    };
    assert_eq!(
        refusal.to_string(),
        "budget.cap_exceeded: unit-period 2026-10-05 has (ρ 0.1, δ 0.0000002) left of its cap, \
         the charge is (ρ 0.5, δ 0.0000001)"
    );
}

/// Every reason that a refusal can have is one that a request can meet.
#[test]
fn each_reason_is_reachable() {
    let mut town = contributed();
    let fine = town.request("r1", "2026-10-05");
    let mut seen = std::collections::BTreeSet::new();
    let mut see = |state: &State, request: &Request, now: &str| match decide(
        state,
        request,
        now.parse().unwrap(),
    )
    .unwrap()
    {
        Decision::Refuse(refusal) => seen.extend(refusal.reasons().iter().map(|r| r.id)),
        other => panic!("{other:?}"),
    };
    let time = crate::testing::NOW;
    see(&town.state, &fine, "2028-01-01T00:00:00Z");
    let mut wrong = town.request("r1", "2026-12");
    (wrong.by, wrong.purpose) = (org("bikes"), "dpv:Marketing".into());
    see(&town.state, &wrong, time);
    wrong.table = "secret".parse().unwrap();
    see(&town.state, &wrong, time);
    let mut offered = Town::new();
    let [offer, ..] = offered.agreeing();
    offered.write(offer);
    see(&offered.state, &offered.request("r1", "2026-10-05"), time);
    for action in [Action::Suspend, Action::Terminate] {
        let mut stopped = contributed();
        let body = stopped.acting(action, "bikes", None);
        stopped.write(body);
        see(&stopped.state, &stopped.request("r1", "2026-10-05"), time);
    }
    let account = State::account_of(&town.terms);
    let cap = town.terms.population.cap.unwrap();
    town.state.ledger.set_spent(account, fine.period, cap);
    see(&town.state, &fine, time);
    let key = "e".repeat(64).parse().unwrap();
    town.state.editions.insert(fine.slot(), vec![key; 2]);
    see(&town.state, &fine, time);
    k_only::see_every_reason(&mut |state, request| see(state, request, time));
    joint::see_every_reason(&mut |state, request| see(state, request, time));
    let mut merging = Town::merging();
    let mut unfit = merging.merge("r1", &["2026-10-05"]);
    let parents = serde_json::from_str(r#"{"zones": "parent"}"#).unwrap();
    unfit.merge = Some(Merge::new(&[unfit.period], parents).unwrap());
    see(&merging.state, &unfit, time);
    let merge = merging.merge("r1", &["2026-10-05"]);
    let key = "e".repeat(64).parse().unwrap();
    merging.state.merges.insert(merge.slot(), vec![key; 2]);
    see(&merging.state, &merge, time);
    let unmerged = contributed();
    see(
        &unmerged.state,
        &unmerged.merge("r1", &["2026-10-05"]),
        time,
    );
    let mut deleted = contributed();
    let after: jiff::Timestamp = "2027-03-01T12:00:00Z".parse().unwrap();
    deleted.let_go(after);
    see(
        &deleted.state,
        &deleted.request("r1", "2026-10-05"),
        "2027-03-01T12:00:00Z",
    );
    let all: Vec<_> = seen.into_iter().collect();
    assert_eq!(all, ReasonId::ALL);
}

#[test]
fn a_refused_request_is_refused_for_ever_under_its_id() {
    let mut town = contributed();
    let refused = town.request("r1", "2026-10-06");
    assert_eq!(reasons(&town, &refused), [ReasonId::PeriodNotContributed]);
    town.write(Body::ReleaseRefused {
        request: refused.id.clone(),
        by: refused.by.clone(),
        agreement: refused.agreement.clone(),
        table: refused.table.clone(),
        period: refused.period,
        with: vec![],
        merge: None,
        reasons: vec![ReasonId::PeriodNotContributed],
    });
    let body = town.contribution("2026-10-06", "b6", None);
    town.write(body);
    assert_eq!(reasons(&town, &refused), [ReasonId::PeriodNotContributed]);
    let fresh = Request {
        id: "r2".parse().unwrap(),
        ..refused.clone()
    };
    permit(&town, &fresh);
    let other = Request {
        period: "2026-10-05".parse().unwrap(),
        ..refused.clone()
    };
    let error = decide(&town.state, &other, now()).unwrap_err();
    assert!(matches!(error, DecideError::RequestIdReused { .. }));
    // Ids belong to the organisation that made them.
    let provider = Request {
        by: org("bikes"),
        ..refused
    };
    assert_eq!(reasons(&town, &provider), [ReasonId::RecipientNotNamed]);
}

/// A draw that was lost is never made again from the same input: a correction makes a new one.
#[test]
fn an_aborted_release_stays_the_answer_for_its_input() {
    let mut town = contributed();
    let request = town.request("r1", "2026-10-05");
    let key = reserve(&mut town, &request);
    town.write(Body::ReleaseAborted {
        key: key.clone(),
        reason: "input.lost".into(),
    });
    let again = decide(&town.state, &town.request("r2", "2026-10-05"), now()).unwrap();
    assert!(matches!(again, Decision::Exists(same) if same == key));
    let body = town.contribution("2026-10-05", "b2", Some("b1"));
    town.write(body);
    let next = permit(&town, &town.request("r2", "2026-10-05"));
    assert_ne!(*next.key(), key);
}
