//! Merges and rungs: charge, r and what is read are recomputed from the entry alone.

use policies::testing::{ad_hoc, merging_mechanism, rung};

use super::*;

/// An honest log that ends in one reservation: of a merge of two days, or of a table with a rung.
fn reserved(merge: bool) -> Vec<Entry> {
    let mut town = Town::new();
    town.terms.plan[0].editions = 1;
    if merge {
        town.terms.ad_hoc = vec![ad_hoc()];
    } else {
        town.terms.plan[0].rungs = vec![rung()];
    }
    for body in town.agreeing() {
        town.write(body);
    }
    let mut log = begun(&town);
    let days = ["2026-10-04", "2026-10-05"];
    for day in days {
        let body = town.contribution(day, day, None);
        town.write(body.clone());
        log.push(timed(body, PUSHED));
    }
    let request = match merge {
        true => town.merge("r1", &days),
        false => town.request("r1", days[1]),
    };
    let noise = match merge {
        true => vec![merging_mechanism()],
        false => vec![tight(), merging_mechanism()],
    };
    let Decision::Permit(permit) = decide(&town.state, &request, at(ASKED)).unwrap() else {
        panic!("not permitted")
    };
    let reservation = permit.reserve_ladder(noise).unwrap();
    log.push(timed(Body::ReleaseReserved(Box::new(reservation)), ASKED));
    log
}

fn measure(mechanism: &mut Mechanism) -> &mut Draw {
    let Mechanism::Thresholded { measures, .. } = mechanism else {
        panic!()
    };
    &mut measures[0].draw
}

type Lie = fn(&mut Reservation);

/// Each lie, told by an operator that signs its own log, is found at its entry.
#[track_caller]
fn found(merge: bool, lies: &[(&str, Lie)]) {
    let log = reserved(merge);
    replay(bytes(&log)).unwrap();
    for (says, lie) in lies {
        let mut log = log.clone();
        let last = log.len() - 1;
        lie(reservation(&mut log[last]));
        let finding = replay(bytes(&log)).map(|_| ()).unwrap_err();
        assert_eq!(finding.index, last as u64, "{says}");
        let why = &finding.why;
        assert!(why.contains(says), "`{why}` does not say `{says}`");
    }
}

#[test]
fn a_merge_is_recomputed_from_the_entry_alone() {
    found(
        true,
        &[
            // The naive σ, for r = 1: less noise for the same charge.
            ("made for other bounds", |r| {
                let draw = measure(&mut r.mechanism);
                (draw.merged, draw.scale) = (1, Scale::from_sixteenths(136).unwrap());
            }),
            ("over the plan's charge", |r| {
                measure(&mut r.mechanism).scale = Scale::from_sixteenths(191).unwrap();
            }),
            ("more than the charge", |r| {
                r.charge = policies::loss::Loss::ZERO
            }),
            ("`manifest` is", |r| drop(r.manifest.pop())),
            ("`key` is", |r| r.key = "e".repeat(64).parse().unwrap()),
            // Two days read, one charged: then it would be the plan's table.
            ("other bounds", |r| r.merge = None),
            ("every rung", |r| {
                let mechanism = r.mechanism.clone();
                let coarsening = rung().coarsening;
                r.rungs.push(policies::entry::RungNoise {
                    coarsening,
                    mechanism,
                });
            }),
        ],
    );
}

#[test]
fn a_ladder_is_recomputed_from_the_entry_alone() {
    found(
        false,
        &[
            ("every rung", |r| r.rungs.clear()),
            ("made for other bounds", |r| {
                let draw = measure(&mut r.rungs[0].mechanism);
                (draw.merged, draw.scale) = (1, Scale::from_sixteenths(136).unwrap());
            }),
            ("`rungs` is", |r| {
                r.rungs[0].coarsening.zones = policies::coarse::Zones::All;
            }),
            // Only the table's own charge: more than that is lost.
            ("costs", |r| {
                r.charge = serde_json::from_str(r#"{"rho":"0.5","delta":"0.0000001"}"#).unwrap();
            }),
        ],
    );
}
