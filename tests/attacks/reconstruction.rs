//! Reconstruction: from everything that was published of a month of Helsinki's city bikes, guess the counts
//! that were withheld. Tables by day and pair of zones, by day and origin, and by month and pair are of the
//! same trips, so that withheld cells stand in sums that were published (Dinur and Nissim 2003).

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use microlp::{ComparisonOp, OptimizationDirection, Problem, Variable};
use policies::agreement::Unit;
use policies::mechanism::Mechanism;
use privacy::calibrate::calibrate;
use privacy::testing::{charge, reservation, table};

use crate::gate;

const K: u32 = 5;
const DAYS: usize = 31;
const ROUNDS: usize = 60;

/// Trips by pair of zones and day of October 2023, the true counts.
type Truth = BTreeMap<(String, String), [u64; DAYS]>;

fn data() -> Option<Truth> {
    let root =
        std::env::var_os("WEIR_DATA").map_or_else(|| "../../shared/data".into(), PathBuf::from);
    let folder = root.join("helsinki-citybikes");
    let zones = std::fs::read_to_string(folder.join("station_zone.csv")).ok()?;
    let zones: HashMap<&str, &str> = zones
        .lines()
        .skip(1)
        .map(|line| {
            (
                line.split(',').next().unwrap(),
                line.rsplit(',').next().unwrap(),
            )
        })
        .collect();
    let file = std::fs::File::open(folder.join("2023-10.csv.gz")).ok()?;
    let mut rows = csv::Reader::from_reader(flate2::read::MultiGzDecoder::new(file));
    let mut truth = Truth::new();
    for row in rows.records() {
        let row = row.unwrap();
        let zone = |column: usize| zones.get(&row[column]).map(|zone| (*zone).to_owned());
        let (Some(from), Some(to)) = (zone(2), zone(4)) else {
            continue;
        };
        let day: usize = row[0].get(8..10).unwrap().parse().unwrap();
        truth.entry((from, to)).or_insert([0; DAYS])[day - 1] += 1;
    }
    Some(truth)
}

/// A published number: the sum of these cells, with noise of this half width.
struct Sum {
    cells: Vec<usize>,
    value: f64,
    half_width: f64,
}

/// Releases sums of cells, and gives back what is published of them.
fn publish(truth: &[u64], sums: Vec<Vec<usize>>) -> Vec<Sum> {
    let plan = charge("0.125", "0.00000001", None);
    let mechanism = calibrate(&table(1, 1), Unit::Trip, K, &plan).unwrap();
    let Mechanism::Thresholded { selection, .. } = &mechanism else {
        panic!()
    };
    let half_width = 2.0 * selection.draw.scale.sixteenths() as f64 / 16.0;
    let counts = sums
        .iter()
        .map(|cells| cells.iter().map(|cell| truth[*cell]).sum())
        .collect();
    let reserved = reservation(table(1, 1), Unit::Trip, mechanism, plan.total().unwrap());
    std::iter::zip(sums, gate::noisy(reserved, counts))
        .filter_map(|(cells, value)| {
            Some(Sum {
                cells,
                value: value? as f64,
                half_width,
            })
        })
        .collect()
}

/// The linear program of Dwork, McSherry and Talwar (2007): counts ≥ 0 whose distances from what is published, in half
/// widths, add up to the least. No sum is over two origins, so that each origin has a program of its own.
fn program(cells: usize, published: &[Sum], origin: impl Fn(usize) -> usize) -> Vec<f64> {
    let mut by_origin: BTreeMap<usize, Vec<&Sum>> = BTreeMap::new();
    for sum in published {
        by_origin.entry(origin(sum.cells[0])).or_default().push(sum);
    }
    let mut guess = vec![0.0; cells];
    for sums in by_origin.values() {
        let mut problem = Problem::new(OptimizationDirection::Minimize);
        let mut counts: BTreeMap<usize, Variable> = BTreeMap::new();
        for sum in sums {
            let mut terms = Vec::with_capacity(sum.cells.len() + 2);
            for cell in &sum.cells {
                let count = counts.entry(*cell);
                let count = count.or_insert_with(|| problem.add_var(0.0, (0.0, f64::INFINITY)));
                terms.push((*count, 1.0));
            }
            for sign in [1.0, -1.0] {
                let off = problem.add_var(1.0 / sum.half_width, (0.0, f64::INFINITY));
                terms.push((off, sign));
            }
            problem.add_constraint(terms, ComparisonOp::Eq, sum.value);
        }
        let solution = problem.solve().unwrap().into_solution().unwrap();
        counts
            .iter()
            .for_each(|(cell, count)| guess[*cell] = solution[*count]);
    }
    guess
}

/// Counts ≥ 0 that fit what is published. With no slack, least squares by simultaneous iteration (SIRT);
/// with one, a point of the polytope in which every sum is within that many half widths, by projections.
fn reconstruct(cells: usize, published: &[Sum], slack: f64) -> Vec<f64> {
    let mut times = vec![0.0_f64; cells];
    published
        .iter()
        .flat_map(|sum| &sum.cells)
        .for_each(|cell| times[*cell] += 1.0);
    let mut guess = vec![0.0_f64; cells];
    for _ in 0..ROUNDS {
        let mut step = vec![0.0; cells];
        for sum in published {
            let now: f64 = sum.cells.iter().map(|cell| guess[*cell]).sum();
            let off = sum.value - now;
            let off = off.signum() * (off.abs() - slack * sum.half_width).max(0.0);
            sum.cells
                .iter()
                .for_each(|cell| step[*cell] += off / sum.cells.len() as f64);
        }
        for cell in 0..cells {
            guess[cell] = (guess[cell] + step[cell] / times[cell].max(1.0)).max(0.0);
        }
    }
    guess
}

/// Shares of cells guessed exactly, and to within one.
fn accuracy(cells: &[usize], truth: &[u64], guess: impl Fn(usize) -> f64) -> (f64, f64) {
    let within = |most: u64| {
        let hits = cells
            .iter()
            .filter(|c| truth[**c].abs_diff(guess(**c).round() as u64) <= most);
        hits.count() as f64 / cells.len() as f64
    };
    (within(0), within(1))
}

/// Withheld counts of one to k − 1 trips: whoever has all tables guesses them no better than whoever has none
/// and says "one" each time, which is what most of them are.
#[test]
fn withheld_counts_of_a_month_of_bikes_are_not_reconstructed() {
    let Some(by_pair) = data() else {
        return eprintln!("SKIPPED: no helsinki-citybikes in WEIR_DATA, nothing was reconstructed");
    };
    let pairs: Vec<_> = by_pair.keys().collect();
    let truth: Vec<u64> = by_pair.values().flatten().copied().collect();
    let mut by_origin: BTreeMap<(&str, usize), Vec<usize>> = BTreeMap::new();
    for cell in 0..truth.len() {
        by_origin
            .entry((&pairs[cell / DAYS].0, cell % DAYS))
            .or_default()
            .push(cell);
    }
    let by_month = (0..pairs.len()).map(|pair| (pair * DAYS..(pair + 1) * DAYS).collect());
    let mut published = publish(&truth, (0..truth.len()).map(|cell| vec![cell]).collect());
    let shown: std::collections::BTreeSet<usize> =
        published.iter().map(|sum| sum.cells[0]).collect();
    published.extend(publish(&truth, by_month.collect()));
    published.extend(publish(&truth, by_origin.into_values().collect()));

    let few = |cell: &usize| (1..u64::from(K)).contains(&truth[*cell]);
    let withheld: Vec<usize> = (0..truth.len()).filter(few).collect();
    assert!(
        withheld.iter().all(|cell| !shown.contains(cell)),
        "a row below k is shown"
    );
    let mut origins: BTreeMap<&str, usize> = BTreeMap::new();
    for pair in &pairs {
        let next = origins.len();
        origins.entry(&pair.0).or_insert(next);
    }
    let origin = |cell: usize| origins[pairs[cell / DAYS].0.as_str()];
    let guesses = [
        ("least squares", reconstruct(truth.len(), &published, 0.0)),
        ("all intervals", reconstruct(truth.len(), &published, 1.0)),
        ("linear program", program(truth.len(), &published, origin)),
    ];
    let baseline = accuracy(&withheld, &truth, |_| 1.0);
    println!(
        "{} published numbers about {} withheld counts",
        published.len(),
        withheld.len()
    );
    println!(
        "no release: exact {:.3}, within one {:.3}",
        baseline.0, baseline.1
    );
    for (attack, guess) in guesses {
        let (exact, near) = accuracy(&withheld, &truth, |cell| guess[cell]);
        println!("{attack}: exact {exact:.3}, within one {near:.3}");
        assert!(
            exact <= baseline.0 + 0.01,
            "{attack} is right in {exact} of the withheld counts"
        );
    }
}
