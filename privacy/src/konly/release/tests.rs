#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use policies::agreement::Unit;
use policies::loss::Loss;

use super::*;
use crate::protect::protect;
use crate::testing::{reservation, table};

fn spend(mechanism: Mechanism) -> Spend {
    Spend::for_test(reservation(
        table(1, 1),
        Unit::PersonDay,
        mechanism,
        Loss::ZERO,
    ))
}

/// Trips between three zones: one cell of two people in a full square.
fn square() -> (Domain, Vec<Key>, Vec<u64>) {
    let zones = ["a", "b", "c"].map(String::from);
    let domain = Domain::new(&table(1, 1), &zones, None).unwrap();
    let cell = |from: &&str, to: &&str| {
        let nodes = [
            domain.text(0, from).unwrap(),
            domain.text(1, to).unwrap(),
            0,
            0,
        ];
        domain.key(&nodes)
    };
    let all = ["a", "b", "c"];
    let keys = all
        .iter()
        .flat_map(|from| all.iter().map(move |to| cell(from, to)));
    let keys: Vec<_> = keys.collect();
    let counts = (0..9).map(|n| if n == 4 { 2 } else { 30 + n }).collect();
    (domain, keys, counts)
}

fn exact(counts: Vec<u64>) -> Exact {
    Exact {
        contributors: Some(counts),
        measures: vec![],
    }
}

#[test]
fn cells_come_before_their_margins_in_the_order_of_public_keys() {
    let (domain, keys, counts) = square();
    let released = |keys: &[Key], counts: Vec<u64>| {
        let spend = spend(Mechanism::KOnly { k: 5 });
        let release = protect_k_only(spend, exact(counts), &domain, keys).unwrap();
        let Protected::KOnly { cells, finest } = release.protected().clone() else {
            panic!()
        };
        (cells, finest)
    };
    let (cells, finest) = released(&keys, counts.clone());
    // With the small cell its two sums and the total are hidden, which is as cheap as a rectangle.
    assert_eq!((cells.len(), finest), (8 + 4, 8));
    let order: Vec<_> = cells.iter().map(|(key, _)| domain.order(*key)).collect();
    assert!(order.is_sorted(), "{order:?}");
    let of_a = cells.iter().find(|(key, _)| domain.order(*key) == [0, 3]);
    assert_eq!(of_a.unwrap().1, 30 + 31 + 32, "a sum is exact");
    // The order in which cells are read says nothing.
    let (mut turned_keys, mut turned) = (keys.clone(), counts);
    turned_keys.reverse();
    turned.reverse();
    assert!(released(&turned_keys, turned) == (cells, finest));
}

#[test]
fn a_k_only_right_draws_nothing_and_a_right_to_draw_shows_nothing_exactly() {
    let (domain, keys, counts) = square();
    let noisy = crate::testing::thresholded(policies::mechanism::Selection {
        draw: crate::testing::draw(policies::mechanism::Noise::DiscreteLaplace, 160, 1, 1),
        k: 5,
        threshold: 9,
    });
    let charge = crate::testing::ample(&noisy);
    let spend_noise = Spend::for_test(reservation(table(1, 1), Unit::PersonDay, noisy, charge));
    assert!(protect_k_only(spend_noise, exact(counts.clone()), &domain, &keys).is_err());
    assert!(protect(spend(Mechanism::KOnly { k: 5 }), exact(counts.clone())).is_err());
    // Trips beside people would bound hidden people.
    let with_trips = Exact {
        measures: vec![("trips".into(), counts.clone())],
        ..exact(counts.clone())
    };
    for wrong in [
        with_trips,
        exact(vec![7]),
        Exact {
            contributors: None,
            ..exact(vec![])
        },
    ] {
        let spend = spend(Mechanism::KOnly { k: 5 });
        assert!(protect_k_only(spend, wrong, &domain, &keys).is_err());
    }
}
