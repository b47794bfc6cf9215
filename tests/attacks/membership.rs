//! ε: who sees a release and knows everything about a cell but one person guesses whether that person is
//! in it. The score is the likelihood ratio of all that was published of the person's cells (Neyman and
//! Pearson), its threshold is chosen on one half of the replicates, and what it finds is certified on others.

use policies::loss::{Delta, Loss};
use policies::mechanism::{Draw, Mechanism, Noise};
use privacy::testing::{at_least, at_most};

use crate::city::{City, Row, Shown};

/// The (ε, δ) that are compared: at a small δ no sample comes near ε.
pub const DELTA: f64 = 0.05;

/// Replicates of "the person is there" and as many of "is not"; cells of one replicate lie together.
#[derive(Clone, Copy)]
pub struct Experiment {
    pub cells: usize,
    pub training: usize,
    pub testing: usize,
    /// Contributors and trips without the person.
    pub without: (u64, u64),
    /// What the person adds to each cell.
    pub adds: (u64, u64),
}

impl Experiment {
    pub fn replicates(&self) -> usize {
        2 * (self.training + self.testing)
    }

    /// The person is in every second replicate.
    pub fn present(replicate: usize) -> bool {
        replicate % 2 == 1
    }

    pub fn counts(&self) -> Vec<(u64, u64)> {
        let cell = |replicate| {
            let more = u64::from(Self::present(replicate));
            (
                self.without.0 + more * self.adds.0,
                self.without.1 + more * self.adds.1,
            )
        };
        (0..self.replicates())
            .flat_map(|r| vec![cell(r); self.cells])
            .collect()
    }

    /// The ε that is certainly lost, at [`DELTA`], to who guesses by these scores.
    pub fn certified_epsilon(&self, scores: &[f64]) -> f64 {
        let (training, testing) = scores.split_at(2 * self.training);
        let mut thresholds: Vec<f64> = training.to_vec();
        thresholds.sort_by(f64::total_cmp);
        // The threshold by which the training alone certifies most: a bolder one is bold by chance.
        let promise = |threshold: &f64| epsilon(training, *threshold);
        let best = thresholds.iter().step_by(16);
        let best = best.max_by(|a, b| promise(a).total_cmp(&promise(b)));
        epsilon(testing, *best.unwrap())
    }

    /// ln(P[published | the person is there] / P[published | is not]), replicate by replicate.
    pub fn scores(&self, shown: &Shown) -> Vec<f64> {
        let likelihood = Likelihood::new(&shown.sheet.mechanism, self.without, self.adds);
        let cells: Vec<f64> = shown.cells.iter().map(|cell| likelihood.of(cell)).collect();
        let replicates = cells.chunks(self.cells).take(self.replicates());
        replicates.map(|cells| cells.iter().sum()).collect()
    }
}

/// How much likelier one row of contributors and trips is with the person than without, for who knows all else.
pub struct Likelihood {
    draws: [Draw; 2],
    without: [i64; 2],
    adds: [i64; 2],
    withheld: f64,
}

impl Likelihood {
    pub fn new(mechanism: &Mechanism, without: (u64, u64), adds: (u64, u64)) -> Self {
        let (contributors, measures) = mechanism.draws().unwrap();
        let whole = |(n, c): (u64, u64)| [n as i64, c as i64];
        let (without, adds) = (whole(without), whole(adds));
        let withheld = match mechanism {
            Mechanism::Thresholded { selection, .. } => {
                let from = selection.published_from() as i64;
                let withheld = |n: i64| below(&selection.draw, from - n);
                (withheld(without[0] + adds[0]) / withheld(without[0])).ln()
            }
            // A dense table withholds nothing.
            _ => f64::NAN,
        };
        Self {
            draws: [*contributors, measures[0].draw],
            withheld,
            without,
            adds,
        }
    }

    /// Its logarithm.
    pub fn of(&self, row: &Row) -> f64 {
        let all = row.map(|_| self.people(row) + self.trips(row));
        all.unwrap_or(self.withheld)
    }

    /// The same of contributors alone, where a row is published.
    pub fn people(&self, row: &Row) -> f64 {
        row.map_or(0.0, |(people, _)| self.column(0, people))
    }

    /// The same of trips alone.
    pub fn trips(&self, row: &Row) -> f64 {
        row.map_or(0.0, |(_, trips)| self.column(1, trips))
    }

    fn column(&self, n: usize, value: i64) -> f64 {
        ratio(&self.draws[n], value - self.without[n], self.adds[n])
    }
}

/// What is certain about ln((P[guessed | there] − δ) / P[guessed | not there]) from these scores, half of which are of
/// each.
fn epsilon(scores: &[f64], threshold: f64) -> f64 {
    let trials = scores.len() / 2;
    let guessed = |present: bool| {
        let scores = scores.iter().enumerate();
        let guessed =
            scores.filter(|(r, s)| Experiment::present(*r) == present && **s >= threshold);
        guessed.count()
    };
    let hits = at_least(guessed(true), trials);
    let alarms = at_most(guessed(false), trials);
    ((hits - DELTA).max(f64::MIN_POSITIVE) / alarms).ln()
}

/// ln(P[Z = z − change] / P[Z = z]).
fn ratio(draw: &Draw, z: i64, change: i64) -> f64 {
    let scale = draw.scale.sixteenths() as f64 / 16.0;
    let (z, moved) = (z as f64, (z - change) as f64);
    match draw.noise {
        Noise::DiscreteLaplace => (z.abs() - moved.abs()) / scale,
        Noise::DiscreteGaussian => (z * z - moved * moved) / (2.0 * scale * scale),
    }
}

/// P[Z < z].
fn below(draw: &Draw, z: i64) -> f64 {
    let far = 2000;
    let pmf = privacy::testing::pmf(draw, far);
    pmf.iter()
        .take(usize::try_from(z + i64::from(far)).unwrap())
        .sum()
}

/// What this loss allows, at [`DELTA`].
pub fn claimed_epsilon(loss: Loss) -> f64 {
    let delta = Delta::from_units((DELTA * 1e12) as u64);
    let claim = privacy::convert::epsilon_at(loss, delta).unwrap();
    claim.unwrap().parse().unwrap()
}

/// The guess stays within what was charged, and the audit is no blunt knife: it certifies this share of the
/// claim (lower than what it is expected to by six standard deviations or more).
pub fn assert_claim(experiment: &Experiment, scores: &[f64], charged: Loss, power: f64) {
    let (found, claim) = (
        experiment.certified_epsilon(scores),
        claimed_epsilon(charged),
    );
    println!("ε claimed {claim:.2} at δ {DELTA}, certainly lost {found:.2}");
    assert!(
        found <= claim,
        "ε {found} is lost for certain, {claim} is claimed"
    );
    assert!(
        found >= power * claim,
        "no power: ε {found} of the {claim} claimed"
    );
}

/// From cells to tables, with the person at both bounds: four cells, three trips in each.
#[tokio::test(flavor = "multi_thread")]
async fn the_best_guess_about_one_person_is_no_better_than_epsilon_says() {
    let experiment = Experiment {
        cells: 4,
        training: 8_000,
        testing: 30_000,
        without: (60, 80),
        adds: (1, 3),
    };
    let city = City::new().await;
    let mut terms = city.terms();
    (terms.tables[0].cells_max, terms.tables[0].per_cell_max) = (4, 3);
    let charge = terms.plan[0].charge.as_mut().unwrap();
    charge.selection = "0.5".parse().unwrap();
    charge.measures[0].rho = "0.5".parse().unwrap();
    terms.population.cap = terms.allotment();
    let shown = city.publish(&terms, &experiment.counts()).await;
    assert_claim(
        &experiment,
        &experiment.scores(&shown),
        shown.sheet.charge,
        0.5,
    );
}
