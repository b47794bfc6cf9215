#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::*;
use crate::decide::{Decision, decide};
use crate::entry::Body;
use crate::testing::{Providers, now, org};

const DAY: &str = "2026-10-05";

fn rule(min_providers: Option<u32>, dominance_percent: Option<u32>) -> JointRule {
    JointRule {
        min_providers,
        dominance_percent,
    }
}

fn reserved(all: &Providers) -> Reservation {
    let request = all.request("r1", DAY, &[0, 1, 2]);
    let Decision::Permit(permit) = decide(&all.town.state, &request, now()).unwrap() else {
        panic!("not permitted")
    };
    permit.reserve_joint(all.mechanisms(&[0, 1, 2])).unwrap()
}

#[test]
fn the_strictest_rule_is_the_one_that_keeps_both() {
    let both = rule(Some(3), None)
        .and(rule(Some(4), Some(80)))
        .and(rule(None, Some(60)));
    assert_eq!(both, rule(Some(4), Some(60)));
    assert_eq!(JointRule::default().and(both), both);
    for (rule, fewest) in [
        (JointRule::default(), 1),
        (rule(Some(3), None), 3),
        (rule(None, Some(99)), 2),
        (rule(None, Some(50)), 2),
        (rule(None, Some(49)), 3),
        (rule(None, Some(13)), 8),
        (rule(Some(3), Some(99)), 3),
    ] {
        assert_eq!(rule.fewest(), fewest, "{rule:?}");
    }
}

/// A part taken out of its reservation is what a reservation of that agreement alone would be.
#[test]
fn every_part_stands_alone() {
    let all = Providers::contributed(DAY, |_, _| {});
    let joint = reserved(&all);
    let parts = joint.parts();
    assert_eq!(parts.len(), 3);
    for (n, part) in parts.iter().enumerate() {
        let request = all.request("r1", DAY, &[n]);
        let Decision::Permit(permit) = decide(&all.town.state, &request, now()).unwrap() else {
            panic!()
        };
        let alone = permit.reserve(all.mechanisms(&[n]).remove(0)).unwrap();
        assert_ne!(part.key, alone.key, "the key is that of all parts");
        let alone = Reservation {
            key: part.key.clone(),
            ..alone
        };
        assert_eq!(*part, alone);
    }
}

/// Each way an operator could reserve a joint table outside the agreements.
#[test]
fn a_joint_reservation_keeps_every_rule() {
    let all = Providers::contributed(DAY, |n, terms| {
        terms.plan[0].joint = Some(rule(Some(3), None)).filter(|_| n == 1);
    });
    let fine = reserved(&all);
    type Change<'a> = &'a dyn Fn(&mut Joint);
    let broken: [(&str, Change); 11] = [
        ("strictest", &|j| j.rule = JointRule::default()),
        ("as many providers", &|j| drop(j.parts.remove(1))),
        ("has further parts", &|j| j.parts.clear()),
        ("different providers", &|j| j.parts[1] = j.parts[0].clone()),
        ("a part is its provider's", &|j| {
            j.parts[0].provider = org("taxis")
        }),
        ("unknown agreement", &|j| {
            j.parts[0].agreement = "e".repeat(64).parse().unwrap();
        }),
        ("the table is as agreed", &|j| {
            j.parts[1].table.cells_max = 7
        }),
        ("the charge is the plan's", &|j| {
            j.parts[1].charge = Loss::ZERO
        }),
        ("numbered from 1", &|j| j.parts[0].edition = 2),
        ("pinned input", &|j| j.parts[0].manifest.clear()),
        ("one draw", &|j| {
            let Mechanism::Thresholded { measures, .. } = &mut j.parts[0].mechanism else {
                panic!()
            };
            measures.clear();
        }),
    ];
    for (expected, change) in broken {
        let mut changed = fine.clone();
        change(changed.joint.as_mut().unwrap());
        let text = all.town.refuses(Body::ReleaseReserved(Box::new(changed)));
        assert!(
            text.contains(expected),
            "`{text}` does not say `{expected}`"
        );
    }
    let mut lone = fine.clone();
    lone.joint = None;
    all.town
        .refuses(Body::ReleaseReserved(Box::new(fine.parts()[1].clone())));
    let mut town = all.town;
    town.write(Body::ReleaseReserved(Box::new(fine.clone())));
    // Every party of every agreement reads what concerns it, and the index gives back all editions.
    let entry = town.log.last().unwrap().clone();
    let readers = town.state.concerned(&entry);
    for name in ["bikes", "scooters", "taxis", "city"] {
        assert!(readers.contains(&org(name)), "{name}");
    }
    assert_eq!(town.reloaded(), town.state);
}
