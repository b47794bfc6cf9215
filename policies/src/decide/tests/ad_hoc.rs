//! Ad-hoc merges: what may be asked, what it reads, what it costs.

use super::*;
use crate::agreement::{AdHoc, Allowed};
use crate::coarse::Coarsening;
use crate::testing::{ad_hoc, merging_mechanism};

const DAYS: [&str; 3] = ["2026-10-05", "2026-10-06", "2026-10-07"];

fn town(line: Option<AdHoc>) -> Town {
    let mut town = Town::new();
    town.terms.ad_hoc = line.into_iter().collect();
    town.terms.plan[0].editions = 1;
    for body in town.agreeing() {
        town.write(body);
    }
    let body = town.contribution("2026-10-05", "b5", None);
    town.write(body);
    town
}

fn reserve_merge(town: &mut Town, request: &Request) -> ReleaseKey {
    let reservation = permit(town, request).reserve(merging_mechanism()).unwrap();
    let key = reservation.key.clone();
    town.write(Body::ReleaseReserved(Box::new(reservation)));
    key
}

#[test]
fn a_merge_reads_every_period_and_costs_each_the_whole_charge() {
    let mut town = Town::merging();
    let request = town.merge("r1", &DAYS);
    let permit = permit(&town, &request);
    assert_eq!(permit.merged(), 2, "both cells of a unit fall into one row");
    let reservation = permit.reserve(merging_mechanism()).unwrap();
    assert_eq!((reservation.manifest.len(), reservation.edition), (3, 1));
    let charge = ad_hoc().charge.total().unwrap();
    assert_eq!(reservation.charge, charge);
    town.write(Body::ReleaseReserved(Box::new(reservation)));
    let balances: Vec<_> = town.state.ledger().balances().collect();
    let days: Vec<String> = balances.iter().map(|b| b.1.to_string()).collect();
    assert_eq!(days, DAYS);
    assert!(balances.iter().all(|b| b.2 == charge));
    // It is no edition of the plan, which stays as free to release the day as before.
    assert_eq!(town.state.editions(&request.slot()), &[]);
    super::permit(&town, &town.request("r2", "2026-10-05"));
}

/// σ = √L0·L∞/√(2ρ), made for r = 1, is what OpenDP and everybody else would calibrate.
#[test]
fn noise_without_the_merging_cannot_be_reserved() {
    let town = Town::merging();
    let request = town.merge("r1", &DAYS);
    let Mechanism::Thresholded {
        selection,
        mut measures,
    } = merging_mechanism()
    else {
        panic!()
    };
    measures[0].draw.merged = 1;
    let naive = Mechanism::Thresholded {
        selection,
        measures,
    };
    let error = permit(&town, &request).reserve(naive).unwrap_err();
    assert!(error.contains("made for other bounds"), "{error}");
}

#[test]
fn only_what_the_agreement_names_is_merged() {
    let ask = |line| {
        let town = town(line);
        reasons(&town, &town.merge("r1", &["2026-10-05"]))
    };
    let only = |json| {
        let these = vec![serde_json::from_str::<Coarsening>(json).unwrap()];
        let coarsenings = Allowed::Only(these);
        Some(AdHoc {
            coarsenings,
            ..ad_hoc()
        })
    };
    assert_eq!(ask(None), [ReasonId::MergeNotAgreed]);
    assert_eq!(ask(only(r#"{"zones": "all"}"#)), [ReasonId::MergeNotAgreed]);
    let town = town(only(r#"{"bins": [0]}"#));
    permit(&town, &town.merge("r1", &["2026-10-05"]));
}

#[test]
fn every_period_has_to_be_contributed_due_and_covered() {
    let town = Town::merging();
    let days = ["2026-10-04", "2026-10-05", "2026-10-08"];
    let Decision::Refuse(refusal) = decide(&town.state, &town.merge("r1", &days), now()).unwrap()
    else {
        panic!()
    };
    assert_eq!(
        refusal.to_string(),
        "period.not_contributed: `bikes` has not contributed 2026-10-04, 2026-10-08"
    );
    let uncovered = town.merge("r1", &["2026-10-05", "2026-11-30"]);
    let expected = [
        ReasonId::PeriodOutsideCoverage,
        ReasonId::PeriodNotDue,
        ReasonId::PeriodNotContributed,
    ];
    assert_eq!(reasons(&town, &uncovered), expected);
    let mut other = town.merge("r1", &DAYS);
    other.period = "2026-10-06".parse().unwrap();
    assert_eq!(
        decide(&town.state, &other, now()).unwrap_err(),
        DecideError::Form
    );
}

/// Merges that overlap in one day share its allowance, whatever else they read.
#[test]
fn a_period_is_merged_as_often_as_agreed_and_the_same_merge_is_free() {
    let mut town = Town::merging();
    let first = town.merge("r1", &DAYS[..2]);
    let key = reserve_merge(&mut town, &first);
    let again = decide(&town.state, &town.merge("r2", &DAYS[..2]), now()).unwrap();
    assert!(matches!(again, Decision::Exists(same) if same == key));
    let second = town.merge("r3", &DAYS[1..]);
    assert_ne!(reserve_merge(&mut town, &second), key);
    for days in [&DAYS[1..2], &DAYS[..]] {
        let refused = reasons(&town, &town.merge("r4", days));
        assert_eq!(refused, [ReasonId::MergesExhausted]);
    }
    let left = town.merge("r4", &DAYS[2..]);
    reserve_merge(&mut town, &left);
    let reused = decide(&town.state, &town.merge("r1", &DAYS), now()).unwrap_err();
    assert!(matches!(reused, DecideError::RequestIdReused { .. }));
}

/// The request id of a refusal names the whole wish.
#[test]
fn a_refused_merge_is_remembered_as_a_merge() {
    let mut town = town(None);
    let asked = town.merge("r1", &["2026-10-05"]);
    town.write(Body::ReleaseRefused {
        request: asked.id.clone(),
        by: asked.by.clone(),
        agreement: asked.agreement.clone(),
        table: asked.table.clone(),
        period: asked.period,
        with: vec![],
        merge: asked.merge.clone(),
        reasons: vec![ReasonId::MergeNotAgreed],
    });
    assert_eq!(reasons(&town, &asked), [ReasonId::MergeNotAgreed]);
    let plain = town.request("r1", "2026-10-05");
    let reused = decide(&town.state, &plain, now()).unwrap_err();
    assert!(matches!(reused, DecideError::RequestIdReused { .. }));
}

/// Two merges of the same input that differ in one period or in their rows are two draws.
#[test]
fn the_key_is_of_all_periods_and_of_the_coarsening() {
    let town = Town::merging();
    let mut keys = Vec::new();
    for days in [&DAYS[..], &DAYS[..2], &DAYS[1..], &DAYS[..1]] {
        keys.push(permit(&town, &town.merge("r1", days)).key().clone());
    }
    let mut all_zones = town.merge("r1", &DAYS);
    let coarsening = serde_json::from_str(r#"{"zones": "all"}"#).unwrap();
    let days: Vec<_> = all_zones.periods().collect();
    all_zones.merge = Some(Merge::new(&days, coarsening).unwrap());
    keys.push(permit(&town, &all_zones).key().clone());
    let plan = permit(&town, &town.request("r1", "2026-10-05"));
    keys.push(plan.key().clone());
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 6);
}
