//! The ledger under random interleavings: pushes, corrections, requests, ends with and without a table, of
//! two agreements about the same people, one by the day and one by the week with a coarser rung.

use std::collections::BTreeMap;

use policies::decide::{Decision, decide};
use policies::entry::Body;
use policies::loss::Loss;
use policies::period::{Grain, Period};
use policies::testing::{Town, entry, mechanism, merging_mechanism, now, org, rung};
use privacy::testing::maps;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SEED: u64 = 7;
const ROUNDS: usize = 60;
const STEPS: usize = 60;

/// Two agreements on the same riders, of which the second releases whole weeks; there is room for all.
fn two_agreements() -> (Town, [policies::agreement::Agreement; 2]) {
    let mut town = Town::new();
    let one = town.terms.allotment().unwrap();
    town.terms.population.cap = one.checked_mul(4);
    let by_day = town.terms.clone();
    for body in town.agreeing() {
        town.write(body);
    }
    town.terms.title = "by the week".into();
    town.terms.tables[0].period = Grain::Week;
    town.terms.plan[0].rungs = vec![rung()];
    let by_week = town.terms.clone();
    for body in town.agreeing() {
        town.write(body);
    }
    (town, [by_day, by_week])
}

/// Something that a provider, a planner or the broker does next; `None` where it has no say.
fn step(town: &Town, n: usize, rng: &mut ChaCha8Rng) -> Option<Body> {
    let grain = town.terms.tables[0].period;
    let first = format!("2026-10-{:02}", rng.random_range(5..26))
        .parse::<Period>()
        .unwrap();
    let period = Period::holding(first.first(), grain).ok()?.to_string();
    match rng.random_range(0..4) {
        0 => {
            let live = town.state.live(&town.request("r", &period).slot());
            let live = live.map(|live| live.contribution.batch.to_string());
            Some(town.contribution(&period, &format!("b{n}"), live.as_deref()))
        }
        1 | 2 => {
            let request = town.request(&format!("r{n}"), &period);
            let Ok(Decision::Permit(permit)) = decide(&town.state, &request, now()) else {
                return None;
            };
            let mut noise = vec![mechanism()];
            noise.extend(permit.rungs().iter().map(|_| merging_mechanism()));
            let reserved = permit.reserve_ladder(noise).ok()?;
            Some(Body::ReleaseReserved(Box::new(reserved)))
        }
        _ => {
            let all: Vec<_> = town.state.releases().map(|(key, _)| key.clone()).collect();
            let key = all.get(rng.random_range(0..all.len().max(1)))?.clone();
            Some(if rng.random() {
                let blob = "c".repeat(64).parse().unwrap();
                Body::ReleasePublished { key, blob }
            } else {
                let reason = "input.lost".into();
                Body::ReleaseAborted { key, reason }
            })
        }
    }
}

/// Every day of the riders has lost at least the sum of OpenDP's maps of all releases that read it, whatever
/// became of them, and never more than the cap that was signed.
#[test]
fn a_day_has_lost_the_sum_of_everything_that_read_it() {
    println!("seed {SEED}");
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let (mut reserved, mut laddered) = (0, 0);
    for _ in 0..ROUNDS {
        let (mut town, agreements) = two_agreements();
        for n in 0..STEPS {
            town.terms = agreements[rng.random_range(0..2)].clone();
            let Some(body) = step(&town, n, &mut rng) else {
                continue;
            };
            let mut next = town.state.clone();
            if next.apply(&entry(body)).is_ok() {
                town.state = next;
            }
        }
        let mut read: BTreeMap<Period, Loss> = BTreeMap::new();
        for (_, release) in town.state.releases() {
            reserved += 1;
            let cost = maps(&release.reservation);
            laddered += usize::from(!release.reservation.rungs.is_empty());
            for day in release.reservation.period.parts(Grain::Day).unwrap() {
                let sum = read.entry(day).or_default();
                *sum = sum.checked_add(cost).unwrap();
            }
        }
        let cap = town.terms.population.cap.unwrap();
        let lost = |day: Period| {
            let balances = town.state.ledger().balances();
            let riders = balances.filter(|(account, period, _)| {
                (&account.provider, account.population.as_str()) == (&org("bikes"), "riders")
                    && *period == day
            });
            riders.fold(Loss::ZERO, |sum, (_, _, loss)| {
                sum.checked_add(loss).unwrap()
            })
        };
        for (day, maps) in read {
            let booked = lost(day);
            assert!(
                maps.fits_in(booked),
                "{day}: the maps come to {maps}, booked are {booked}"
            );
            assert!(
                booked.fits_in(cap),
                "{day} lost {booked}, over the cap {cap}"
            );
        }
    }
    assert!(
        reserved > 5 * ROUNDS && laddered > ROUNDS,
        "only {reserved} releases, {laddered} ladders: nothing was tried"
    );
}
