//! An operator that shows every key where the plan selects, or selects where the plan shows every key: each log is
//! signed by the operator itself.

use policies::testing::{dense, dense_mechanism};

use super::*;

const DAY: &str = "2026-10-05";

/// A log up to a reservation, which `change` may alter.
fn log(every_key: bool, change: impl FnOnce(&mut Reservation)) -> Vec<Entry> {
    let mut town = Town::new();
    let mut log = begun(&town);
    let mut mechanism = tight();
    if every_key {
        town.terms = dense(&town.terms);
        mechanism = dense_mechanism();
    }
    for body in town.agreeing() {
        town.write(body.clone());
        log.push(timed(body, SETUP));
    }
    let body = town.contribution(DAY, "b1", None);
    town.write(body.clone());
    log.push(timed(body, PUSHED));
    let request = town.request("r1", DAY);
    let Decision::Permit(permit) = decide(&town.state, &request, at(ASKED)).unwrap() else {
        panic!("not permitted")
    };
    let mut reservation = permit.reserve(mechanism).unwrap();
    change(&mut reservation);
    log.push(timed(Body::ReleaseReserved(Box::new(reservation)), ASKED));
    log
}

#[track_caller]
fn finds(log: &[Entry], says: &str) {
    let finding = replay(bytes(log)).map(|_| ()).unwrap_err();
    assert_eq!(finding.index, log.len() as u64 - 1, "{}", finding.why);
    assert!(
        finding.why.contains(says),
        "`{}` does not say `{says}`",
        finding.why
    );
}

#[test]
fn an_honest_dense_release_replays() {
    replay(bytes(&log(true, |_| {}))).unwrap();
}

#[test]
fn what_the_plan_says_is_what_is_drawn() {
    finds(
        &log(false, |r| r.mechanism = dense_mechanism()),
        "dense in the plan",
    );
    finds(&log(true, |r| r.mechanism = tight()), "dense in the plan");
}

#[test]
fn its_charge_is_computed_from_the_entry_alone() {
    finds(
        &log(true, |r| r.charge.rho = "0.4".parse().unwrap()),
        "charge",
    );
    finds(
        &log(true, |r| r.charge.delta = "0.0000001".parse().unwrap()),
        "charge",
    );
    let half = |r: &mut Reservation| {
        let Mechanism::Dense { contributors, .. } = &mut r.mechanism else {
            panic!()
        };
        contributors.scale = Scale::from_sixteenths(contributors.scale.sixteenths() / 2).unwrap();
    };
    finds(&log(true, half), "contributors");
}
