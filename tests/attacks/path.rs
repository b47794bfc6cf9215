//! The whole path: a company's raw trips → `sdk::aggregate` → Flight → a release over gRPC → a guess.

use std::fmt::Write;

use policies::agreement::Agreement;
use policies::id::AgreementId;
use policies::mechanism::Noise;
use privacy::testing::at_least;
use sdk::aggregate::{Mapping, Options, Secret, Zoning, run};

use crate::city::{City, DAY, MAPPING, place};
use crate::harness;
use crate::membership::{Experiment, assert_claim};

/// Of every replicate twelve riders with one trip each, and in every second one the person we look for, who
/// makes four times as many trips as may count.
fn trips(experiment: &Experiment) -> String {
    let mut csv = "rider,start,from,to,mode\n".to_owned();
    for replicate in 0..experiment.replicates() {
        let (from, to, bin) = place(replicate);
        let mut trip = |rider: &str| {
            writeln!(csv, "{rider},{DAY}T{bin:02}:30:00,{from},{to},bike").unwrap();
        };
        for rider in 0..experiment.without.0 {
            trip(&format!("r{replicate}-{rider}"));
        }
        if Experiment::present(replicate) {
            let person = format!("p{replicate}");
            (0..4 * experiment.adds.1).for_each(|_| trip(&person));
        }
    }
    csv
}

/// Aggregates on the company's machine and pushes what comes out. Units are declared only where δ is below 1 over
/// them, as the broker asks.
async fn aggregate_and_push(city: &City, terms: &Agreement, id: &AgreementId, csv: String) {
    let folder = city.town.folder.path();
    let file = folder.join("trips.csv");
    std::fs::write(&file, csv).unwrap();
    let mapping = Mapping::parse(MAPPING, folder).unwrap();
    let zoning = Zoning::parse(&city.geojson).unwrap();
    let options = Options::new(Secret::from_bytes(&[7; 32]));
    let (aggregated, report) =
        run(terms, &mapping, &[file], &[zoning], &options, &mut |_| {}).unwrap();
    let [table] = &aggregated[..] else {
        panic!("{report}")
    };
    let mut push = harness::push(id, &table.period.to_string());
    let allowed = terms.units_allowed(&table.table, table.period);
    let declared = table.declared.active_units;
    push.active_units = declared.filter(|units| allowed.is_none_or(|most| *units <= most));
    let cells = std::slice::from_ref(&table.cells);
    city.bikes.client.push(&push, cells, |_| {}).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn from_raw_trips_to_a_table_one_person_is_as_hidden_as_epsilon_says() {
    let experiment = Experiment {
        cells: 1,
        training: 8_000,
        testing: 30_000,
        without: (12, 12),
        adds: (1, 3),
    };
    let city = City::new().await;
    let mut terms = city.terms();
    terms.k = 2;
    terms.tables[0].per_cell_max = 3;
    let charge = terms.plan[0].charge.as_mut().unwrap();
    charge.selection = "0.5".parse().unwrap();
    charge.delta = "0.00001".parse().unwrap();
    charge.measures[0].rho = "0.5".parse().unwrap();
    terms.population.cap = terms.allotment();
    let id = city.activate(&terms).await;
    aggregate_and_push(&city, &terms, &id, trips(&experiment)).await;
    let shown = city
        .release(&city.planner, &city.wish(&id, "od", DAY))
        .await;
    assert_claim(
        &experiment,
        &experiment.scores(&shown),
        shown.sheet.charge,
        0.5,
    );
}

/// δ over the whole path: from the raw trips of k − 1 riders, who may all collude, or of one more, to a table, again and
/// again. The δ is one that can be seen in thousands of cells, which nobody may sign outside tests.
#[tokio::test(flavor = "multi_thread")]
async fn from_raw_trips_to_a_table_one_more_person_is_seen_as_rarely_as_delta_says() {
    const EACH: usize = 40_000;
    policies::mutants::allow_any_delta();
    let city = City::new().await;
    let mut terms = city.terms();
    terms.k = 2;
    let charge = terms.plan[0].charge.as_mut().unwrap();
    charge.selection = "0.125".parse().unwrap();
    // Laplace, whose threshold costs just what it is charged: e^(-8/2) / (1 + e^(-1/2)) = 0.0114.
    charge.noise = Some(Noise::DiscreteLaplace);
    charge.delta = "0.0115".parse().unwrap();
    terms.population.cap = terms.allotment();
    let mut csv = "rider,start,from,to,mode\n".to_owned();
    for replicate in 0..2 * EACH {
        let (from, to, bin) = place(replicate);
        let riders = terms.k as usize - usize::from(replicate < EACH);
        for rider in 0..riders {
            let person = format!("r{replicate}-{rider}");
            writeln!(csv, "{person},{DAY}T{bin:02}:30:00,{from},{to},bike").unwrap();
        }
    }
    let id = city.activate(&terms).await;
    aggregate_and_push(&city, &terms, &id, csv).await;
    let shown = city
        .release(&city.planner, &city.wish(&id, "od", DAY))
        .await;
    let (without, with) = shown.cells[..2 * EACH].split_at(EACH);
    let (below, hits) = (
        without.iter().flatten().count(),
        with.iter().flatten().count(),
    );
    let charged = shown.sheet.charge.delta.units() as f64 / 1e12;
    let low = at_least(hits, EACH);
    println!("δ charged {charged}; {hits} of {EACH} seen, {low} at least; {below} without them");
    assert_eq!(below, 0, "cells of k − 1 units are shown");
    assert!(
        low <= charged,
        "one person is seen with {low} at least, δ is {charged}"
    );
    assert!(
        low >= 0.5 * charged,
        "no power: only {low} of {charged} is certain"
    );
}
