//! Merges in the log: what an operator may not reserve, and what the index gives back.

use super::*;
use crate::coarse::{Coarsening, Merge};
use crate::testing::merging_mechanism;

fn merged() -> (Town, Reservation) {
    let town = Town::merging();
    let request = town.merge("r1", &["2026-10-05", "2026-10-06"]);
    let Decision::Permit(permit) = decide(&town.state, &request, now()).unwrap() else {
        panic!()
    };
    let reservation = permit.reserve(merging_mechanism()).unwrap();
    (town, reservation)
}

/// Each way an operator could merge outside the agreement.
#[test]
fn a_merge_keeps_every_term_of_its_agreement() {
    let (mut town, fine) = merged();
    let merge = |periods: &[&str]| {
        let periods: Vec<_> = periods.iter().map(|p| p.parse().unwrap()).collect();
        let coarsening = fine.merge.as_ref().unwrap().coarsening().clone();
        Some(Merge::new(&periods, coarsening).unwrap())
    };
    type Change<'a> = &'a dyn Fn(&mut Reservation);
    let broken: [(&str, Change); 7] = [
        ("begins at its period", &|r| {
            r.period = "2026-10-06".parse().unwrap()
        }),
        ("the period is covered", &|r| {
            r.merge = merge(&["2026-10-05", "2026-11-06"])
        }),
        ("the charge is the ad-hoc one", &|r| r.charge = Loss::ZERO),
        ("numbered from 1", &|r| r.edition = 2),
        ("pinned input", &|r| drop(r.manifest.pop())),
        ("pinned input", &|r| r.manifest.reverse()),
        // The charge of a merge is not that of the plan.
        ("the charge is the plan's", &|r| r.merge = None),
    ];
    for (expected, change) in broken {
        let mut changed = fine.clone();
        change(&mut changed);
        let found = town.refuses(Body::ReleaseReserved(Box::new(changed)));
        assert!(found.contains(expected), "{found}, not {expected}");
    }
    town.write(Body::ReleaseReserved(Box::new(fine)));
}

#[test]
fn an_agreement_without_the_line_or_the_coarsening_merges_nothing() {
    let (_, fine) = merged();
    let only = vec![serde_json::from_str::<Coarsening>(r#"{"zones": "all"}"#).unwrap()];
    let line = crate::agreement::AdHoc {
        coarsenings: crate::agreement::Allowed::Only(only),
        ..crate::testing::ad_hoc()
    };
    for (lines, says) in [
        (vec![], "allows ad-hoc merges"),
        (vec![line], "the merge is one"),
    ] {
        let mut town = Town::new();
        town.terms.plan[0].editions = 1;
        town.terms.ad_hoc = lines;
        for body in town.agreeing() {
            town.write(body);
        }
        let moved = Reservation {
            agreement: town.terms.id().unwrap(),
            ..fine.clone()
        };
        let found = town.refuses(Body::ReleaseReserved(Box::new(moved)));
        assert!(found.contains(says), "{found}");
    }
}

#[test]
fn the_index_gives_back_how_often_a_period_was_merged() {
    let (mut town, fine) = merged();
    town.write(Body::ReleaseReserved(Box::new(fine)));
    let loaded = town.reloaded();
    assert_eq!(loaded, town.state);
    let slot = town.request("r", "2026-10-06").slot();
    assert_eq!(loaded.merges(&slot).len(), 1);
}
