//! The whole path: a company's raw trips → `sdk::aggregate` → Flight → a release over gRPC → a guess.

use std::fmt::Write;

use policies::agreement::Agreement;
use policies::id::AgreementId;
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

/// Aggregates on the company's machine and pushes what comes out.
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
    push.active_units = table.declared.active_units;
    let cells = std::slice::from_ref(&table.cells);
    city.bikes.client.push(&push, cells, |_| {}).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn from_raw_trips_to_a_table_one_person_is_as_hidden_as_epsilon_says() {
    let experiment = Experiment {
        cells: 1,
        training: 3_000,
        testing: 20_000,
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
