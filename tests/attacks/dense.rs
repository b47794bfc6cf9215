//! A dense table shows every key: whether anybody is in one is seen only as far as its noise lets it.

use policies::mechanism::Draw;
use privacy::testing::{chi_square_z, pmf};

use crate::city::{BINS, City, ZONES};
use crate::membership::{Experiment, assert_claim};

/// Cells that somebody is in; all others are empty.
const CELLS: usize = 20_000;
const TRUE: (u64, u64) = (2, 2);
/// Wilson and Hilferty's z is above it once in a million runs.
const Z_MAX: f64 = 4.9;
const FAR: i32 = 200;

fn z(values: impl Iterator<Item = i64>, draw: &Draw) -> f64 {
    let mut seen = vec![0.0; 2 * FAR as usize + 1];
    let mut count = 0.0;
    for value in values {
        seen[usize::try_from(value + i64::from(FAR)).unwrap()] += 1.0;
        count += 1.0;
    }
    let expected: Vec<f64> = pmf(draw, FAR).iter().map(|p| p * count).collect();
    chi_square_z(&seen, &expected)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_nobody_is_in_looks_like_every_other() {
    let city = City::new().await;
    let mut terms = city.terms();
    terms.plan[0].dense = true;
    let charge = terms.plan[0].charge.as_mut().unwrap();
    charge.delta = "0".parse().unwrap();
    charge.selection = "0.125".parse().unwrap();
    charge.measures[0].rho = "0.03125".parse().unwrap();
    terms.population.cap = terms.allotment();
    let shown = city.publish(&terms, &[TRUE; CELLS]).await;
    let all = ZONES * ZONES * BINS;
    assert_eq!(shown.sheet.published_keys, all as u64, "a key is missing");
    let (contributors, measures) = shown.sheet.mechanism.draws().unwrap();
    let cells: Vec<_> = shown.cells.iter().map(|cell| cell.unwrap()).collect();
    let (present, absent) = cells.split_at(CELLS);
    for (what, cells, true_) in [("present", present, TRUE), ("absent", absent, (0, 0))] {
        for (column, draw) in [(0, contributors), (1, &measures[0].draw)] {
            let noise = cells.iter().map(|cell| match column {
                0 => cell.0 - true_.0 as i64,
                _ => cell.1 - true_.1 as i64,
            });
            let z = z(noise, draw);
            println!("{what}, column {column}: z = {z:.2}");
            assert!(z < Z_MAX, "{what} keys have another noise: {z} sigma");
        }
    }
}

/// Four keys that nobody else is in, and a person at both bounds of each, or not: no k and no threshold is in the way,
/// and the noise alone hides who is there.
#[tokio::test(flavor = "multi_thread")]
async fn the_best_guess_about_who_is_alone_in_a_dense_table_is_no_better_than_epsilon_says() {
    let experiment = Experiment {
        cells: 4,
        training: 8_000,
        testing: 30_000,
        without: (0, 0),
        adds: (1, 3),
    };
    let city = City::new().await;
    let mut terms = city.terms();
    (terms.tables[0].cells_max, terms.tables[0].per_cell_max) = (4, 3);
    terms.plan[0].dense = true;
    let charge = terms.plan[0].charge.as_mut().unwrap();
    charge.delta = "0".parse().unwrap();
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
