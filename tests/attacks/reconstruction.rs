//! Reconstruction: from everything that was published of a month of Helsinki's city bikes, guess the counts
//! that were withheld. Tables by day and pair of zones, by day and origin, and by month and pair are of the
//! same trips, so that withheld cells stand in sums that were published (Dinur and Nissim 2003).

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;

use microlp::{ComparisonOp, OptimizationDirection, Problem, Variable};
use policies::agreement::Unit;
use policies::mechanism::Mechanism;
use policies::testing::skipped;
use privacy::calibrate::calibrate;
use privacy::testing::{charge, reservation, table};

use crate::gate;

const K: u32 = 5;
const NO_DATA: &str = "no helsinki-citybikes in WEIR_DATA, nothing was reconstructed";
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

/// The same without noise: exact sums of k trips or more, and none beside the small ones hidden.
fn publish_exact(truth: &[u64], sums: Vec<Vec<usize>>) -> Vec<Sum> {
    let sum = |cells: Vec<usize>| {
        let count: u64 = cells.iter().map(|cell| truth[*cell]).sum();
        (count >= u64::from(K)).then_some(Sum {
            cells,
            value: count as f64,
            half_width: 0.5,
        })
    };
    sums.into_iter().filter_map(sum).collect()
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
        return skipped(NO_DATA);
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
    let by_month = months(pairs.len());
    let tables = [
        (0..truth.len()).map(|cell| vec![cell]).collect(),
        by_month,
        by_origin.into_values().collect(),
    ];
    let published: Vec<Sum> = tables
        .into_iter()
        .flat_map(|sums| publish(&truth, sums))
        .collect();
    let alone = published.iter().filter(|sum| sum.cells.len() == 1);
    let shown: std::collections::BTreeSet<usize> = alone.map(|sum| sum.cells[0]).collect();

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

/// A whole month of each pair of zones.
fn months(pairs: usize) -> Vec<Vec<usize>> {
    let month = |pair| (pair * DAYS..(pair + 1) * DAYS).collect();
    (0..pairs).map(month).collect()
}

/// Windows that differ by a day: each pair of zones by day, by month, and by month without each of its days. The linear
/// program finds the withheld counts of such tables where there is no noise and nothing but what is below k is hidden; so it
/// is no blunt knife where there is noise, and finds no more than who has no release.
#[test]
fn windows_that_differ_by_a_day_are_reconstructed_without_noise_and_not_with_it() {
    let Some(by_pair) = data() else {
        return skipped(NO_DATA);
    };
    let truth: Vec<u64> = by_pair.values().flatten().copied().collect();
    let months = months(by_pair.len());
    let less_a_day = months.iter().flat_map(|month| {
        month.iter().map(|day| {
            let others = month.iter().filter(|other| *other != day);
            others.copied().collect()
        })
    });
    let tables: [Vec<Vec<usize>>; 3] = [
        (0..truth.len()).map(|cell| vec![cell]).collect(),
        months.clone(),
        less_a_day.collect(),
    ];
    let few = |cell: &usize| (1..u64::from(K)).contains(&truth[*cell]);
    let withheld: Vec<usize> = (0..truth.len()).filter(few).collect();
    let found = |publish: fn(&[u64], Vec<Vec<usize>>) -> Vec<Sum>| {
        let tables = tables.iter().cloned();
        let published: Vec<Sum> = tables.flat_map(|sums| publish(&truth, sums)).collect();
        let guess = program(truth.len(), &published, |cell| cell / DAYS);
        accuracy(&withheld, &truth, |cell| guess[cell])
    };
    let baseline = accuracy(&withheld, &truth, |_| 1.0).0;
    let (exact, noisy) = (found(publish_exact).0, found(publish).0);
    println!("exact: no release {baseline:.3}, k and noise {noisy:.3}, k alone {exact:.3}");
    assert!(
        exact >= 0.8,
        "the attack is blind: {exact} of what nothing protects"
    );
    assert!(
        noisy <= baseline + 0.01,
        "{noisy} of the withheld counts are found through noise"
    );
}
