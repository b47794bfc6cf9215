//! A table of three providers: every part is recomputed from the entry, and every lie about one is found.

use policies::joint::JointRule;
use policies::state::State;
use policies::testing::Providers;

use super::*;

const DAY: &str = "2026-10-05";

/// The honest log of one joint release and one refused joint request, and the place of the reservation.
fn joint() -> (Vec<Entry>, usize) {
    let mut all = Providers::contributed(DAY, |n, terms| {
        terms.plan[0].joint = Some(JointRule {
            min_providers: Some(3),
            dominance_percent: Some(80),
        })
        .filter(|_| n == 1);
    });
    let early = ["broker.started", "org.admitted", "zoning.added"];
    let mut log: Vec<Entry> = (all.town.log.iter())
        .map(|e| {
            let pushed = e.body.kind() == "contribution.accepted";
            timed(e.body.clone(), if pushed { PUSHED } else { SETUP })
        })
        .collect();
    // The steward admits everybody.
    for entry in &mut log {
        if let Body::OrgAdmitted { by, .. } = &mut entry.body {
            *by = Some(org("mayor"));
        }
    }
    log.insert(1, timed(steward().1, SETUP));
    // Admissions first, as they came, then what they agreed; contributions last.
    log.sort_by_key(|e| (e.time, !early.contains(&e.body.kind())));
    let mut state = State::new();
    for entry in &log {
        state.apply(entry).unwrap();
    }
    all.town.state = state;
    let ask = |all: &Providers, id: &str, parts: &[usize]| {
        let request = all.request(id, DAY, parts);
        match decide(&all.town.state, &request, at(ASKED)).unwrap() {
            Decision::Permit(permit) => {
                let reserved = permit.reserve_joint(all.mechanisms(parts)).unwrap();
                Body::ReleaseReserved(Box::new(reserved))
            }
            Decision::Refuse(refusal) => Body::ReleaseRefused {
                request: request.id,
                by: request.by,
                agreement: request.agreement,
                table: request.table,
                period: request.period,
                with: request.with,
                merge: request.merge,
                reasons: refusal.reasons().iter().map(|r| r.id).collect(),
            },
            Decision::Exists(key) => panic!("{key} exists"),
        }
    };
    let refused = ask(&all, "r0", &[0, 1]);
    assert_eq!(refused.kind(), "release.refused");
    log.push(timed(refused, ASKED));
    let reserved = log.len();
    log.push(timed(ask(&all, "r1", &[0, 1, 2]), ASKED));
    (log, reserved)
}

#[test]
fn three_accounts_are_charged_by_one_entry() {
    let (log, _) = joint();
    let replayer = replay(bytes(&log)).unwrap();
    let lost: Vec<_> = replayer
        .balances()
        .map(|b| format!("{} {}", b.provider, b.lost.rho))
        .collect();
    assert_eq!(lost, ["bikes 0.5", "scooters 0.5", "taxis 0.5"]);
}

/// Each lie about one part, told by an operator that signs its own log.
#[test]
fn every_part_is_recomputed_from_the_entry_alone() {
    type Change = fn(&mut Reservation);
    fn part(r: &mut Reservation, n: usize) -> &mut policies::joint::Part {
        &mut r.joint.as_mut().unwrap().parts[n]
    }
    fn noise(part: &mut policies::joint::Part) -> (&mut Selection, &mut Draw) {
        let Mechanism::Thresholded {
            selection,
            measures,
        } = &mut part.mechanism
        else {
            panic!()
        };
        (selection, &mut measures[0].draw)
    }
    let lies: [(&str, Change); 10] = [
        ("`joint` is", |r| part(r, 0).late = true),
        ("`joint` is", |r| part(r, 1).missing.clear()),
        ("`joint` is", |r| part(r, 1).edition = 2),
        ("`joint` is", |r| part(r, 0).provider = org("city")),
        ("`joint` is", |r| {
            r.joint.as_mut().unwrap().rule = JointRule::default()
        }),
        ("loses more than|charge", |r| {
            part(r, 1).charge = policies::loss::Loss::ZERO;
        }),
        ("for other bounds", |r| noise(part(r, 1)).0.draw.l0 = 2),
        ("with k 4", |r| noise(part(r, 0)).0.k = 4),
        ("has one draw", |r| {
            noise(part(r, 0)).1.scale = Scale::from_sixteenths(98).unwrap();
        }),
        ("provider", |r| drop(r.joint.as_mut().unwrap().parts.pop())),
    ];
    let (log, reserved) = joint();
    for (says, lie) in lies {
        let mut log = log.clone();
        lie(reservation(&mut log[reserved]));
        let finding = replay(bytes(&log)).map(|_| ()).unwrap_err();
        let why = &finding.why;
        assert_eq!(finding.index, reserved as u64, "{why}");
        let said = says.split('|').any(|says| why.contains(says));
        assert!(said, "`{why}` does not say `{says}`");
    }
}

/// A refused joint request says whom it named, and nothing else explains its reasons.
#[test]
fn a_joint_refusal_is_recomputed_with_all_its_agreements() {
    let (log, reserved) = joint();
    let mut lied = log.clone();
    let Body::ReleaseRefused { with, .. } = &mut lied[reserved - 1].body else {
        panic!()
    };
    let Body::ReleaseReserved(r) = &log[reserved].body else {
        panic!()
    };
    // With all three it would have been permitted.
    *with = r
        .asked()
        .into_iter()
        .filter(|w| w.agreement != r.agreement)
        .collect();
    let finding = replay(bytes(&lied)).map(|_| ()).unwrap_err();
    assert_eq!(finding.index, reserved as u64 - 1, "{}", finding.why);
    assert!(
        finding.why.contains("refused for [parts.too_few]"),
        "{}",
        finding.why
    );
}
