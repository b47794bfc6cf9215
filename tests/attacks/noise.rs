//! Noise: the distribution that is charged, and every draw of it once.

use std::collections::BTreeSet;

use policies::mechanism::{Draw, Mechanism};
use privacy::testing::{chi_square_z, pmf};

use crate::city::{City, DAY, Shown};

const CELLS: usize = 20_000;
const TRUE: (u64, u64) = (1_000, 1_000);
/// Wilson and Hilferty's z is above it once in a million runs.
const Z_MAX: f64 = 4.9;

/// Noise of contributors and of trips, cell by cell.
fn noise(shown: &Shown) -> [Vec<i64>; 2] {
    let cells = || {
        shown
            .cells
            .iter()
            .take(CELLS)
            .map(|cell| cell.expect("far above the threshold"))
    };
    [
        cells().map(|cell| cell.0 - TRUE.0 as i64).collect(),
        cells().map(|cell| cell.1 - TRUE.1 as i64).collect(),
    ]
}

fn draws(shown: &Shown) -> [Draw; 2] {
    let Mechanism::Thresholded {
        selection,
        measures,
    } = &shown.sheet.mechanism
    else {
        panic!()
    };
    [selection.draw, measures[0].draw]
}

/// Several scales, below 1 and above, as a reader of the table sees them.
#[tokio::test(flavor = "multi_thread")]
async fn released_noise_has_the_distribution_on_the_sheet() {
    let city = City::new().await;
    for (n, (selection, trips)) in [("2", "0.02"), ("0.5", "0.1")].into_iter().enumerate() {
        let mut terms = city.terms();
        terms.population.id = format!("riders{n}").parse().unwrap();
        let charge = terms.plan[0].charge.as_mut().unwrap();
        charge.selection = selection.parse().unwrap();
        charge.measures[0].rho = trips.parse().unwrap();
        terms.population.cap = terms.allotment();
        let shown = city.publish(&terms, &[TRUE; CELLS]).await;
        for (noise, draw) in std::iter::zip(noise(&shown), draws(&shown)) {
            let far = 1000;
            let mut seen = vec![0.0; 2 * far as usize + 1];
            for z in noise {
                seen[usize::try_from(z + i64::from(far)).unwrap()] += 1.0;
            }
            let expected: Vec<f64> = pmf(&draw, far).iter().map(|p| p * CELLS as f64).collect();
            let z = chi_square_z(&seen, &expected);
            println!("{draw:?}: z = {z:.2}");
            assert!(z < Z_MAX, "{draw:?} has another distribution: {z} sigma");
        }
    }
}

/// Runs of 30 draws: of noise with σ ≥ 1 the chance that any two in a hundred thousand are equal is below
/// 10¹⁰ · 0.3³⁰ < 10⁻⁵, and here σ is 2 or more, which makes it 10⁻¹⁵.
const RUN: usize = 30;

fn runs(columns: &[Vec<i64>]) -> (usize, BTreeSet<&[i64]>) {
    let all = columns.iter().flat_map(|column| column.windows(RUN));
    (all.clone().count(), all.collect())
}

/// Contributors and trips, a correction, another agreement over the same cells: no run of noise appears
/// twice, neither in one column nor across releases, and columns do not move together.
#[tokio::test(flavor = "multi_thread")]
async fn no_draw_is_used_twice() {
    let city = City::new().await;
    let mut terms = city.terms();
    terms.plan[0].editions = 2;
    let charge = terms.plan[0].charge.as_mut().unwrap();
    charge.selection = "0.125".parse().unwrap();
    charge.measures[0].rho = "0.03125".parse().unwrap();
    terms.population.cap = terms.allotment().and_then(|one| one.checked_add(one));
    let id = city.activate(&terms).await;
    let counts = [TRUE; CELLS];
    let first = city.push(&terms, DAY, None, &counts).await;
    let wish = city.wish(&id, "od", DAY);
    let released = city.release(&city.planner, &wish).await;
    // One person more in one cell: another input, and all noise is new.
    let mut corrected = counts;
    corrected[CELLS - 1] = (1_001, 1_001);
    city.push(&terms, DAY, Some(&first), &corrected).await;
    let revised = city
        .release(&city.planner, &city.wish(&id, "od", DAY))
        .await;
    assert_ne!(released.key, revised.key);

    let columns: Vec<Vec<i64>> = [noise(&released), noise(&revised)]
        .into_iter()
        .flatten()
        .collect();
    for (a, b) in [(0, 1), (0, 2), (1, 3), (2, 3)] {
        let z = correlation_z(&columns[a], &columns[b]);
        assert!(
            z.abs() < Z_MAX,
            "columns {a} and {b} move together: {z} sigma"
        );
    }
    for column in &columns {
        let z = correlation_z(&column[1..], &column[..CELLS - 1]);
        assert!(z.abs() < Z_MAX, "neighbours move together: {z} sigma");
    }
    let (all, different) = runs(&columns);
    assert_eq!(different.len(), all, "runs of noise are used again");
}

/// Pearson's r of columns of mean 0, times √n: standard normal where they are independent.
fn correlation_z(a: &[i64], b: &[i64]) -> f64 {
    let dot = |a: &[i64], b: &[i64]| -> f64 {
        std::iter::zip(a, b)
            .map(|(x, y)| *x as f64 * *y as f64)
            .sum()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt() * (a.len() as f64).sqrt()
}
