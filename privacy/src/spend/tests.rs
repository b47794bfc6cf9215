#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use audit::checkpoint::{LogKey, TreeHead};
use audit::note::Signer;
use audit::receipt::Receipt;
use audit::tree::{MemoryHashes, inclusion_proof, leaf_hash};
use policies::entry::EntrySalt;
use policies::loss::Loss;
use policies::mechanism::{MeasureDraw, Noise, Selection};

use super::*;
use crate::testing::{ample, draw, reservation, table, thresholded};

/// A log of one entry, and the evidence that it is in it.
fn logged(entry: &[u8]) -> Verified {
    let mut hashes = MemoryHashes::default();
    hashes.extend([leaf_hash(entry)]);
    let seed = zeroize::Zeroizing::new([7; 32]);
    let signer = Signer::from_seed("weir.example/log".parse().unwrap(), &seed).unwrap();
    let origin = signer.verifier_key().name().clone();
    let (size, root) = (hashes.frontier().size(), hashes.frontier().root());
    let head = TreeHead::new(origin, size, root)
        .unwrap()
        .sign(&signer)
        .unwrap();
    let proof = inclusion_proof(&hashes, 0, 1).unwrap();
    let key: LogKey = signer.verifier_key().to_string().parse().unwrap();
    Receipt::new(0, entry.to_vec(), proof, head)
        .unwrap()
        .verify(&key)
        .unwrap()
}

fn spend(reservation: Reservation) -> Result<Spend, SpendError> {
    entry(Body::ReleaseReserved(Box::new(reservation)))
}

fn entry(body: Body) -> Result<Spend, SpendError> {
    let entry = Entry {
        v: policies::entry::VERSION,
        time: "2026-11-24T12:00:00Z".parse().unwrap(),
        salt: EntrySalt::from_bytes([3; 16]),
        body,
    };
    Spend::from_durable(&logged(&entry.to_bytes().unwrap()))
}

fn selection(l0: u32) -> Selection {
    Selection {
        draw: draw(Noise::DiscreteGaussian, 160, l0, 1),
        k: 5,
        threshold: 60,
    }
}

fn with_trips(l0: u32, linf: u64) -> Mechanism {
    Mechanism::Thresholded {
        selection: selection(l0),
        measures: vec![MeasureDraw {
            measure: "trips".into(),
            draw: draw(Noise::DiscreteGaussian, 320, l0, linf),
        }],
    }
}

#[test]
fn a_logged_reservation_may_be_drawn_as_often_as_the_broker_restarts() {
    let mechanism = with_trips(4, 2);
    let charge = mechanism.cost().unwrap();
    let reserved = reservation(table(4, 2), Unit::PersonDay, mechanism, charge);
    for _ in 0..2 {
        assert_eq!(*spend(reserved.clone()).unwrap().reservation(), reserved);
    }
}

#[test]
fn no_other_entry_may_be_drawn() {
    let aborted = Body::ReleaseAborted {
        key: "0".repeat(64).parse().unwrap(),
        reason: "input.lost".into(),
    };
    assert_eq!(entry(aborted).unwrap_err(), SpendError::NotReserved);
    let garbage = Spend::from_durable(&logged(b"release.reserved"));
    assert_eq!(garbage.unwrap_err(), SpendError::NotReserved);
}

#[test]
fn noise_dearer_than_its_charge_may_not_be_drawn() {
    let mechanism = thresholded(selection(1));
    let Loss { rho, delta } = mechanism.cost().unwrap();
    let less_rho = Loss {
        rho: policies::loss::Rho::from_units(rho.units() - 1),
        delta,
    };
    let less_delta = Loss {
        rho,
        delta: policies::loss::Delta::from_units(delta.units() - 1),
    };
    for charge in [less_rho, less_delta, Loss::ZERO] {
        let reserved = reservation(table(1, 1), Unit::PersonDay, mechanism.clone(), charge);
        assert_eq!(spend(reserved).unwrap_err(), SpendError::Undercharged);
    }
}

/// The charge is computed from the pinned sensitivities: pinning less than the table allows would forge it.
#[test]
fn noise_for_less_than_the_table_allows_may_not_be_drawn() {
    for mechanism in [with_trips(3, 2), with_trips(4, 1)] {
        let charge = ample(&mechanism);
        let reserved = reservation(table(4, 2), Unit::PersonDay, mechanism, charge);
        assert!(matches!(
            spend(reserved),
            Err(SpendError::Sensitivity { .. })
        ));
    }
}

#[test]
fn a_unit_needs_noise_and_noise_a_unit() {
    let bare = reservation(table(1, 1), Unit::Trip, Mechanism::Unprotected, Loss::ZERO);
    let odd = reservation(
        table(1, 1),
        Unit::None,
        thresholded(selection(1)),
        ample(&thresholded(selection(1))),
    );
    let plain = reservation(table(1, 1), Unit::None, Mechanism::Unprotected, Loss::ZERO);
    assert_eq!(spend(bare).unwrap_err(), SpendError::Unit);
    assert_eq!(spend(odd).unwrap_err(), SpendError::Unit);
    assert!(spend(plain).is_ok());
}

/// k-only has no noise to check: what it must not have beside it is checked instead.
#[test]
fn a_k_only_table_stands_alone_and_costs_nothing() {
    let alone = || {
        let mechanism = Mechanism::KOnly { k: 5 };
        reservation(table(1, 1), Unit::Trip, mechanism, Loss::ZERO)
    };
    assert!(spend(alone()).is_ok());
    let merge =
        serde_json::from_str(r#"{"periods": ["2026-10-05"], "coarsening": {"zones": "all"}}"#)
            .unwrap();
    let rung = policies::entry::RungNoise {
        coarsening: serde_json::from_str(r#"{"zones": "all"}"#).unwrap(),
        mechanism: thresholded(selection(1)),
    };
    let joint = policies::joint::Joint {
        rule: policies::joint::JointRule::default(),
        parts: vec![],
    };
    let wrong: [&dyn Fn(&mut Reservation); 6] = [
        &|r| r.mechanism = Mechanism::KOnly { k: 0 },
        &|r| r.unit = Unit::None,
        &|r| r.charge.rho = "0.1".parse().unwrap(),
        &|r| r.merge = Some(policies::coarse::Merge::clone(&merge)),
        &|r| r.rungs = vec![rung.clone()],
        &|r| r.joint = Some(joint.clone()),
    ];
    for (n, break_it) in wrong.iter().enumerate() {
        let mut reserved = alone();
        break_it(&mut reserved);
        assert_eq!(spend(reserved).unwrap_err(), SpendError::KOnly, "{n}");
    }
    let rung_without_noise = {
        let mut reserved = reservation(
            table(1, 1),
            Unit::Trip,
            thresholded(selection(1)),
            ample(&thresholded(selection(1))),
        );
        reserved.rungs = vec![policies::entry::RungNoise {
            mechanism: Mechanism::KOnly { k: 5 },
            ..rung.clone()
        }];
        reserved
    };
    assert_eq!(spend(rung_without_noise).unwrap_err(), SpendError::Unit);
}
