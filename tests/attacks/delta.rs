//! δ: how often is a cell shown that nobody would have seen without one more person in it?

use policies::agreement::Unit;
use policies::mechanism::{Noise, Selection};
use privacy::testing::{ample, at_least, at_most, draw, reservation, table, thresholded};

use crate::gate;

/// A unit in two cells of nobody else's, one of k − 1 others, again and again. Without the unit nothing is
/// shown; with it, one of the two cells is with the δ that was charged: no more (certified), and no less
/// than half of it, so that the audit could have seen more.
#[test]
fn one_more_person_shows_a_cell_as_rarely_as_delta_says() {
    const EACH: usize = 40_000;
    let (k, l0) = (3, 2);
    for noise in [Noise::DiscreteGaussian, Noise::DiscreteLaplace] {
        let draw = draw(noise, 32, l0, 1);
        let threshold = if noise == Noise::DiscreteGaussian {
            6
        } else {
            10
        };
        let selection = Selection { draw, k, threshold };
        let mechanism = thresholded(selection);
        let charge = ample(&mechanism);
        let cells = |units: u32| vec![u64::from(units); EACH * l0 as usize];
        let counts = [cells(k - 1), cells(k)].concat();
        let reservation = reservation(table(l0, 1), Unit::PersonDay, mechanism, charge);
        let shown = gate::noisy(reservation, counts);
        let (without, with) = shown.split_at(EACH * l0 as usize);
        let below = without.iter().flatten().count();
        let hits = with
            .chunks(l0 as usize)
            .filter(|cells| cells.iter().any(Option::is_some))
            .count();

        let charged = selection.delta().unwrap().units() as f64 / 1e12;
        println!("{noise:?}: δ charged {charged}; {hits} of {EACH} seen, {below} without them");
        assert_eq!(below, 0, "cells of k − 1 units are shown");
        let (low, high) = (at_least(hits, EACH), at_most(hits, EACH));
        assert!(
            low <= charged,
            "one person is seen with {low} at least, δ is {charged}"
        );
        assert!(
            low >= 0.5 * charged,
            "no power: only {low} of {charged} is certain"
        );
        // The union bound charges for both cells being shown twice.
        assert!(
            high >= 0.9 * charged,
            "{charged} is charged, {high} at most can happen"
        );
    }
}

/// The whole path, from counts to a published table, at the most δ that an agreement may sign: cells of k − 1 people who
/// all collude, and cells with one more. No sample that is affordable finds half of so small a δ for certain; that takes
/// the audit above. Without the shift by k − 1 all of these cells would be shown.
#[tokio::test(flavor = "multi_thread")]
async fn k_minus_1_people_who_collude_see_one_more_as_rarely_as_the_agreement_says() {
    use crate::city::{City, DAY, ZONES};
    const EACH: usize = ZONES * ZONES * 6;
    let city = City::new().await;
    let mut terms = city.terms();
    terms.k = 100;
    let charge = terms.plan[0].charge.as_mut().unwrap();
    charge.selection = "0.125".parse().unwrap();
    charge.delta = policies::validate::DELTA_MAX;
    terms.population.cap = terms.allotment();
    let cells = |people: u32| vec![(u64::from(people), u64::from(people)); EACH];
    let counts = [cells(terms.k - 1), cells(terms.k)].concat();
    let shown = city.publish(&terms, &counts).await;
    let (without, with) = shown.cells[..2 * EACH].split_at(EACH);
    let (below, hits) = (
        without.iter().flatten().count(),
        with.iter().flatten().count(),
    );
    let charged = shown.sheet.charge.delta.units() as f64 / 1e12;
    println!("{DAY}: δ charged {charged}; {hits} of {EACH} seen, {below} without them");
    assert_eq!(below, 0, "cells of k − 1 units are shown");
    let low = at_least(hits, EACH);
    assert!(
        low <= charged,
        "one person is seen with {low} at least, δ is {charged}"
    );
}

/// A cell that nobody is in has no business in a contribution: {x: 0} and {} are the same people.
#[tokio::test(flavor = "multi_thread")]
async fn a_cell_that_nobody_is_in_is_refused() {
    use crate::harness::*;
    let town = Town::new().await;
    let bikes = town.join("bikes", policies::id::Role::Provider).await;
    let planner = town.join("city", policies::id::Role::Planner).await;
    let (_, geojson) = town.zoning().await;
    let terms = agreement(&bikes, &planner, &geojson);
    let id = activate(&bikes, &planner, &terms).await;
    let zero = cells(&terms, &[("a", "b", 0, 9, 9), ("a", "c", 0, 0, 0)]);
    let pushed = bikes
        .client
        .push(&push(&id, "2026-10-05"), &[zero], |_| {})
        .await;
    assert!(pushed.is_err(), "a cell of nobody was taken");
}
