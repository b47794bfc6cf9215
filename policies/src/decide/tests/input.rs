//! What a release is pinned to: its key, and what it says is missing.

use super::*;
use crate::agreement::Agreement;

#[test]
fn missing_periods_are_those_of_the_coverage_before_this_one() {
    let mut town = Town::active();
    for period in ["2026-10-01", "2026-10-04"] {
        let body = town.contribution(period, period, None);
        town.write(body);
    }
    let reservation = permit(&town, &town.request("r1", "2026-10-04")).reserve(mechanism());
    let missing: Vec<String> = reservation
        .unwrap()
        .missing
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(missing, ["2026-10-02", "2026-10-03"]);
}

/// Cells that were kept as long as agreed are no gap in the data; those that their provider took back are.
#[test]
fn what_is_kept_no_longer_is_not_missing_and_what_was_taken_back_is() {
    let mut town = Town::active();
    for period in ["2026-10-01", "2026-10-02"] {
        let body = town.contribution(period, period, None);
        town.write(body);
    }
    let record = town
        .state
        .batch(&org("bikes"), &"2026-10-02".parse().unwrap());
    let record = record.unwrap().clone();
    let withdrawn = town.withdrawal("2026-10-02", "2026-10-02");
    for body in town.state.withdrawing(&record, withdrawn) {
        town.write(body);
    }
    let later = now() + jiff::SignedDuration::from_hours(24 * 91);
    town.let_go(later);
    let body = town.contribution("2026-10-04", "b4", None);
    town.write_at(body, later);
    let decision = decide(&town.state, &town.request("r1", "2026-10-04"), later).unwrap();
    let Decision::Permit(permit) = decision else {
        panic!("{decision:?}")
    };
    let missing = permit.reserve(mechanism()).unwrap().missing;
    let missing: Vec<String> = missing.iter().map(ToString::to_string).collect();
    assert_eq!(missing, ["2026-10-02", "2026-10-03"]);
}

#[test]
fn the_key_is_of_the_request_and_its_input() {
    let mut town = contributed();
    let request = town.request("r1", "2026-10-05");
    let key = permit(&town, &request).key().clone();
    let (terms, blob) = (town.terms.clone(), "f".repeat(64).parse().unwrap());
    let (table, item) = (&terms.tables[0], &terms.plan[0]);
    let of = |terms: &Agreement, period, manifest: &[_]| {
        release_key(terms, table, item, period, manifest).unwrap()
    };
    let manifest = permit(&town, &request)
        .reserve(mechanism())
        .unwrap()
        .manifest;
    assert_eq!(of(&terms, request.period, &manifest), key);
    let mut others = vec![
        of(&terms, request.period, &[blob]),
        of(&terms, "2026-10-06".parse().unwrap(), &manifest),
    ];
    let changes: [fn(&mut Agreement); 4] = [
        |t| t.k += 1,
        |t| t.provider.org = org("other"),
        |t| t.population.id = "others".parse().unwrap(),
        |t| t.zonings[0].sha256 = "f".repeat(64).parse().unwrap(),
    ];
    for change in changes {
        let mut changed = terms.clone();
        change(&mut changed);
        others.push(of(&changed, request.period, &manifest));
    }
    others.sort();
    others.dedup();
    assert_eq!(others.len(), 6, "each change has a key of its own");
    assert!(!others.contains(&key));
    // Who signed for the city, for which purpose and under which title is no part of the draw.
    let mut same = terms.clone();
    (same.title, same.purposes) = ("x".into(), vec![]);
    assert_eq!(of(&same, request.period, &manifest), key);
    town.write(Body::ReleaseReserved(Box::new(
        permit(&town, &request).reserve(mechanism()).unwrap(),
    )));
}

/// A coverage of many years costs no more than one: work before a decision is bounded.
#[test]
fn looking_back_ends_after_a_year() {
    let mut town = Town::new();
    town.terms.covers.from = "1900-01-01".parse().unwrap();
    for body in town.agreeing() {
        town.write(body);
    }
    let body = town.contribution("2026-10-05", "b1", None);
    town.write(body);
    let request = town.request("r1", "2026-10-05");
    let missing = permit(&town, &request)
        .reserve(mechanism())
        .unwrap()
        .missing;
    assert_eq!(missing.len(), 60, "the newest, oldest first");
    assert_eq!(missing[0].to_string(), "2026-08-06");
    assert_eq!(missing[59].to_string(), "2026-10-04");
    let mut day: Period = "2026-10-04".parse().unwrap();
    for _ in 0..366 {
        let slot = crate::state::Slot {
            period: day,
            ..request.slot()
        };
        let record = town.state.live.values().next().unwrap().clone();
        town.state.live.insert(slot, record);
        day = day.previous().unwrap();
    }
    let missing = permit(&town, &request)
        .reserve(mechanism())
        .unwrap()
        .missing;
    assert_eq!(missing, [], "a day 367 days ago is not looked at");
}
