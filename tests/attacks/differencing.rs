//! Two tables instead of one: what is certain about a person from both stays within what both were charged.

use policies::agreement::Agreement;
use policies::id::Role;
use policies::period::{Grain, Period};
use policies::refusal::ReasonId;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sdk::client::Answered;

use crate::city::{City, DAY, Row, Shown};
use crate::membership::{Experiment, assert_claim};

const EXPERIMENT: Experiment = Experiment {
    cells: 1,
    training: 8_000,
    testing: 24_000,
    without: (60, 80),
    adds: (1, 3),
};

/// An agreement in which the person's whole contribution is one cell.
fn terms(city: &City) -> Agreement {
    let mut terms = city.terms();
    terms.tables[0].per_cell_max = 3;
    let charge = terms.plan[0].charge.as_mut().unwrap();
    charge.selection = "0.25".parse().unwrap();
    charge.measures[0].rho = "0.25".parse().unwrap();
    let one = terms.allotment().unwrap();
    terms.population.cap = one.checked_mul(8);
    terms
}

/// Two planners, each with an agreement of its own about the same riders, one by the day and one by the week
/// around it, put their tables together.
#[tokio::test(flavor = "multi_thread")]
async fn two_planners_who_collude_over_overlapping_windows_have_what_both_were_charged() {
    let city = City::new().await;
    let other = city.town.join("harbour", Role::Planner).await;
    let mut scores = vec![0.0; EXPERIMENT.replicates()];
    for (planner, grain) in [(&city.planner, Grain::Day), (&other, Grain::Week)] {
        let mut terms = terms(&city);
        terms.planner.org = planner.org.clone();
        terms.planner.key = planner.signer.public_key().fingerprint().clone();
        terms.recipients = vec![planner.org.clone()];
        terms.tables[0].period = grain;
        let id = crate::harness::activate(&city.bikes, planner, &terms).await;
        let day: Period = DAY.parse().unwrap();
        let period = Period::holding(day.first(), grain).unwrap().to_string();
        city.push(&terms, &period, None, &EXPERIMENT.counts()).await;
        let shown = city.release(planner, &city.wish(&id, "od", &period)).await;
        let found = EXPERIMENT.scores(&shown);
        std::iter::zip(&mut scores, found).for_each(|(sum, score)| *sum += score);
    }
    assert_claim(&EXPERIMENT, &scores, city.lost(), 0.4);
}

/// What the difference of two tables says of the person, replicate by replicate.
fn difference(less: &Shown, more: &Shown) -> Vec<f64> {
    let change = std::iter::zip(&less.cells, &more.cells).take(EXPERIMENT.replicates());
    let score = |(less, more): (&Row, &Row)| {
        let ((n, c), (m, d)) = (less.unwrap(), more.unwrap());
        // Noise of three times the scale on trips: both say the same of the person.
        (m - n) as f64 + (d - c) as f64 / 3.0
    };
    change.map(score).collect()
}

/// A correction that adds one person: the difference of both editions is as noisy as their noises.
#[tokio::test(flavor = "multi_thread")]
async fn a_revision_minus_what_it_replaces_hides_who_was_added() {
    let city = City::new().await;
    let mut terms = terms(&city);
    terms.plan[0].editions = 2;
    let id = city.activate(&terms).await;
    let before = vec![EXPERIMENT.without; EXPERIMENT.replicates()];
    let first = city.push(&terms, DAY, None, &before).await;
    let old = city
        .release(&city.planner, &city.wish(&id, "od", DAY))
        .await;
    city.push(&terms, DAY, Some(&first), &EXPERIMENT.counts())
        .await;
    let new = city
        .release(&city.planner, &city.wish(&id, "od", DAY))
        .await;
    // Both editions' noises hide what one's would show.
    assert_claim(&EXPERIMENT, &difference(&old, &new), city.lost(), 0.08);
}

/// Zones A and A′, which is A without the house of one person: who knows nothing else of A subtracts.
#[tokio::test(flavor = "multi_thread")]
async fn a_zone_minus_itself_without_one_house_hides_who_lives_there() {
    const SEED: u64 = 5;
    println!("seed {SEED}");
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let city = City::new().await;
    let whole = EXPERIMENT.counts().into_iter().map(|(n, c)| {
        let others = rng.random_range(0..1_000);
        (n + others, c + others)
    });
    let whole: Vec<(u64, u64)> = whole.collect();
    let without = |(r, (n, c)): (usize, &(u64, u64))| match Experiment::present(r) {
        true => (n - EXPERIMENT.adds.0, c - EXPERIMENT.adds.1),
        false => (*n, *c),
    };
    let less: Vec<(u64, u64)> = whole.iter().enumerate().map(without).collect();
    let mut shown = Vec::new();
    for (zoning, counts) in [("grid-2026", whole), ("grid-less", less)] {
        let mut terms = terms(&city);
        terms.title = zoning.into();
        city.zoned(&mut terms, zoning).await;
        shown.push(city.publish(&terms, &counts).await);
    }
    assert_claim(
        &EXPERIMENT,
        &difference(&shown[1], &shown[0]),
        city.lost(),
        0.08,
    );
}

/// Asking again, with new ids and from all sides, gives the same bytes: there is nothing to average.
#[tokio::test(flavor = "multi_thread")]
async fn asking_again_gives_nothing_to_average() {
    let city = City::new().await;
    let mut terms = terms(&city);
    terms.plan[0].editions = 8;
    let id = city.activate(&terms).await;
    city.push(&terms, DAY, None, &[(60, 80); 100]).await;
    let first = city
        .release(&city.planner, &city.wish(&id, "od", DAY))
        .await;
    for _ in 0..7 {
        let again = city
            .release(&city.planner, &city.wish(&id, "od", DAY))
            .await;
        assert_eq!(again.cells, first.cells, "asked again, the noise is new");
    }
    assert_eq!(city.lost(), first.sheet.charge, "one draw, one charge");
}

/// An amendment is the same plan to whoever averages: the editions of a period that were made count on.
#[tokio::test(flavor = "multi_thread")]
async fn amending_an_agreement_gives_nothing_to_average() {
    let city = City::new().await;
    let mut terms = terms(&city);
    terms.population.cap = terms.allotment().and_then(|one| one.checked_mul(8));
    let mut id = city.activate(&terms).await;
    city.push(&terms, DAY, None, &[(60, 80); 100]).await;
    let first = city
        .release(&city.planner, &city.wish(&id, "od", DAY))
        .await;
    for days in [30, 31] {
        terms.supersedes = Some(id);
        terms.retention_days = days;
        id = city.activate(&terms).await;
        // Other cells: another input, whose release would be a new draw.
        city.push(&terms, DAY, None, &[(60, 80 + u64::from(days)); 100])
            .await;
        let wish = city.wish(&id, "od", DAY);
        let answer = city.planner.client.request(&wish).await.unwrap();
        let Answered::Refused(refusal) = answer else {
            panic!("an amendment gave a further draw")
        };
        let reasons: Vec<_> = refusal.reasons().iter().map(|r| r.id).collect();
        assert_eq!(reasons, [ReasonId::EditionsExhausted]);
    }
    assert_eq!(city.lost(), first.sheet.charge, "one draw, one charge");
}
