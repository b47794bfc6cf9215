//! The time of a release, seen from outside: two samples of a planner's own stopwatch, and what they tell.

use std::time::{Duration, Instant};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sdk::client::Answered;

use policies::id::BatchId;

use crate::city::City;

const SEED: u64 = 13;
const DAYS: usize = 31;
/// Rows that are published.
const SHOWN: usize = 1_000;
/// P[D > d] ≤ 2·e^(−d²·n) for two samples of n (Smirnov 1948): over this once in a million.
fn by_chance(calls: usize) -> f64 {
    (2e6_f64.ln() / calls as f64).sqrt()
}

/// The greatest difference of both samples' shares below some time: what the best threshold is better than a coin by.
fn advantage(mut a: Vec<f64>, mut b: Vec<f64>) -> f64 {
    a.sort_by(f64::total_cmp);
    b.sort_by(f64::total_cmp);
    let below =
        |sample: &[f64], t: f64| sample.partition_point(|x| *x <= t) as f64 / sample.len() as f64;
    let times = a.iter().chain(&b);
    let gaps = times.map(|t| (below(&a, *t) - below(&b, *t)).abs());
    gaps.fold(0.0, f64::max)
}

/// A broker whose public tick hides next to nothing, and a table that may be corrected often.
struct Stopwatch {
    city: City,
    terms: policies::agreement::Agreement,
    id: policies::id::AgreementId,
    live: Vec<Option<BatchId>>,
    calls: usize,
}

impl Stopwatch {
    async fn new() -> Self {
        let mut city = City::new().await;
        city.town.stop().await;
        city.town.config.publish_tick = Duration::from_millis(1);
        city.town.start().await;
        city.bikes = city.town.member("bikes").await;
        city.planner = city.town.member("city").await;
        let mut terms = city.terms();
        terms.plan[0].editions = 64;
        let charge = terms.plan[0].charge.as_mut().unwrap();
        charge.selection = "0.125".parse().unwrap();
        charge.measures[0].rho = "0.125".parse().unwrap();
        terms.population.cap = terms.allotment();
        let id = city.activate(&terms).await;
        Self {
            city,
            terms,
            id,
            live: vec![None; DAYS],
            calls: 0,
        }
    }

    /// Seconds from a request to its answer, of a table beside whose rows `suppressed` cells of four people lie.
    async fn call(&mut self, suppressed: usize) -> f64 {
        let day = self.calls % DAYS;
        self.calls += 1;
        let period = format!("2026-10-{:02}", day + 1);
        let mut cells = vec![(1_000, 1_000); SHOWN];
        cells.resize(SHOWN + suppressed, (4, 4));
        let pushed = self
            .city
            .push(&self.terms, &period, self.live[day].as_ref(), &cells);
        self.live[day] = Some(pushed.await);
        let wish = self.city.wish(&self.id, "od", &period);
        let begun = Instant::now();
        let answer = self.city.planner.client.request(&wish).await.unwrap();
        let seconds = begun.elapsed().as_secs_f64();
        assert!(matches!(answer, Answered::Released(_)));
        seconds
    }

    /// `calls` each, in random order: what else the machine does meets both alike.
    async fn samples(&mut self, calls: usize, suppressed: usize) -> f64 {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        let [mut with, mut without] = [Vec::new(), Vec::new()];
        for _ in 0..calls {
            let first = rng.random::<bool>();
            for there in [first, !first] {
                let seconds = self.call(if there { suppressed } else { 0 }).await;
                if there { &mut with } else { &mut without }.push(seconds);
            }
        }
        let median = |sample: &[f64]| {
            let mut sorted = sample.to_vec();
            sorted.sort_by(f64::total_cmp);
            sorted[sorted.len() / 2] * 1e3
        };
        let (there, absent) = (median(&with), median(&without));
        let found = advantage(with, without);
        println!(
            "seed {SEED}: {suppressed} suppressed cells beside {SHOWN} rows: {there:.1} ms, none: {absent:.1} ms; \
             D = {found:.3} in {calls} calls each, by chance over {:.3} once in a million",
            by_chance(calls)
        );
        found
    }
}

/// One suppressed cell beside a thousand rows, or none: what a stopwatch finds is within chance, and so nothing beyond the
/// charged (ε, δ) is certain. That much more work takes more time is printed: the public tick, which this broker has
/// almost none of, hides it up to its own length.
#[tokio::test(flavor = "multi_thread")]
async fn a_suppressed_cell_is_not_in_the_time_of_a_release() {
    const CALLS: usize = 100;
    let mut stopwatch = Stopwatch::new().await;
    // Warm.
    for _ in 0..10 {
        stopwatch.call(0).await;
    }
    let found = stopwatch.samples(CALLS, 1).await;
    assert!(
        found <= by_chance(CALLS),
        "a stopwatch tells a suppressed cell from an absent one: D = {found}"
    );
    stopwatch.samples(15, 20_000).await;
}
