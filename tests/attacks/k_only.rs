//! A k-only table attacked by what is published of it: bounds by linear programming over every key of the public
//! domain, from the rows of a release and nothing else.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::{Int32Type, Int64Type, UInt8Type};
use policies::agreement::{Agreement, Protection};
use policies::id::{AgreementId, Role};
use privacy::konly::{Domain, Key, Place, Row};
use proto::convert::Wish;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sdk::client::{Answered, new_request_id};

use crate::harness::{self, Cell, Member, PURPOSE, Town};

#[path = "../../privacy/tests/konly/attack.rs"]
#[allow(dead_code, reason = "the tests of privacy use more of it")]
mod attack;
#[path = "../../privacy/tests/konly/world.rs"]
#[allow(dead_code, reason = "the tests of privacy use more of it")]
mod world;

mod bounds;

use attack::Attack;
use world::World;

const FLOORS: &str = r#"{"k_min":5,"cap_max":{"rho":"4","delta":"0.00001"},"retention_days_max":400,"k_only_k_min":5}"#;
const K: u32 = 5;
const ZONES: [&str; 4] = ["a", "b", "c", "d"];
const PARENTS: [&str; 4] = ["west", "west", "east", "east"];

struct Place4 {
    _town: Town,
    bikes: Member,
    city: Member,
    terms: Agreement,
    id: AgreementId,
}

async fn town() -> Place4 {
    let town = Town::with_floors(FLOORS).await;
    let bikes = town.join("bikes", Role::Provider).await;
    let city = town.join("city", Role::Planner).await;
    let steward = town.member("steward").await;
    let geojson = harness::districts();
    let zoning = "town-2026".parse().unwrap();
    let added = steward.client.add_zoning(zoning, geojson.clone().into());
    added.await.unwrap();
    let mut terms = harness::agreement(&bikes, &city, &geojson);
    terms.zonings[0].parents = Some(2);
    terms.population.protection = Protection::KOnly;
    terms.plan[0].charge = None;
    terms.tables[0].cells_max = 1;
    let id = harness::activate(&bikes, &city, &terms).await;
    Place4 {
        _town: town,
        bikes,
        city,
        terms,
        id,
    }
}

/// The public domain, as anybody has it from the agreement and the zoning's file.
fn domain(terms: &Agreement) -> Domain {
    let zones = ZONES.map(String::from);
    let parents = PARENTS.map(String::from);
    let parents = std::iter::zip(zones.clone(), parents).collect();
    Domain::new(&terms.tables[0], &zones, Some(&parents)).unwrap()
}

fn key(domain: &Domain, from: &str, to: &str, bin: u8) -> Key {
    let zone = |n, zone: &str| domain.text(n, zone).unwrap();
    domain.key(&[zone(0, from), zone(1, to), domain.bin(2, bin).unwrap(), 0])
}

/// Pairs of zones by half days: a few crowds, many of a few people, some of nobody.
fn counted(seed: u64) -> Vec<Cell> {
    let mut random = ChaCha20Rng::seed_from_u64(seed);
    let mut cells = Vec::new();
    for from in ZONES {
        for to in ZONES {
            for bin in 0..2 {
                let people = match random.random_range(0..10) {
                    0..2 => 0,
                    2..5 => random.random_range(1..u64::from(K)),
                    _ => random.random_range(u64::from(K)..60),
                };
                cells.push((from, to, bin, people, people));
            }
        }
    }
    cells.retain(|cell| cell.3 > 0);
    cells
}

impl Place4 {
    async fn answer(&self, id: &AgreementId, day: &str) -> Answered {
        let wish = Wish {
            request: new_request_id().unwrap(),
            agreement: id.clone(),
            table: "od".parse().unwrap(),
            period: day.parse().unwrap(),
            merge: None,
            purpose: PURPOSE.into(),
            with: vec![],
        };
        self.city.client.request(&wish).await.unwrap()
    }

    /// Pushes a day and reads what is published of it.
    async fn published(&self, day: &str, cells: &[Cell]) -> BTreeMap<Key, i64> {
        let push = harness::push(&self.id, day);
        let batch = harness::cells(&self.terms, cells);
        let pushed = self.bikes.client.push(&push, &[batch], |_| {}).await;
        pushed.unwrap();
        let Answered::Released(released) = self.answer(&self.id, day).await else {
            panic!("refused")
        };
        let table = self.city.client.fetch(&released.what).await.unwrap();
        let domain = domain(&self.terms);
        let every = every_key(&domain);
        let batches = table.batches().iter();
        batches.flat_map(|batch| keyed(batch, &every)).collect()
    }
}

/// Every key of the public domain, margins too, by what stands in a row.
fn every_key(domain: &Domain) -> BTreeMap<[String; 4], Key> {
    let nodes = domain.dims().iter().map(|dim| {
        let nodes = u16::try_from(dim.nodes()).unwrap();
        0..nodes
    });
    let named = world::product(nodes).into_iter().map(|nodes| {
        let key = Key::of(&nodes);
        let mut margin = Vec::new();
        let mut texts = Vec::new();
        for (name, place) in domain.places(key) {
            texts.push(match place {
                Place::Text(text) => text.to_owned(),
                Place::Bin(bin) => bin.to_string(),
                Place::Parent(parent) => {
                    margin.push(format!("{name}=parent"));
                    parent.to_owned()
                }
                Place::All => {
                    margin.push(format!("{name}=all"));
                    if name == "start" { "0" } else { "all" }.to_owned()
                }
            });
        }
        let [from, to, bin] = [0, 1, 2].map(|n| texts[n].clone());
        ([from, to, bin, margin.join(";")], key)
    });
    named.collect()
}

fn keyed(batch: &arrow::array::RecordBatch, every: &BTreeMap<[String; 4], Key>) -> Vec<(Key, i64)> {
    let text = |name: &str, row: usize| {
        let column = batch
            .column_by_name(name)
            .unwrap()
            .as_dictionary::<Int32Type>();
        let texts = column.values().as_string::<i32>();
        texts.value(column.key(row).unwrap()).to_owned()
    };
    let bins = batch
        .column_by_name("start")
        .unwrap()
        .as_primitive::<UInt8Type>();
    let people = batch.column_by_name("contributors").unwrap();
    let people = people.as_primitive::<Int64Type>();
    let row = |row: usize| {
        let bin = bins.value(row).to_string();
        let names = [
            text("origin", row),
            text("destination", row),
            bin,
            text("margin", row),
        ];
        (every[&names], people.value(row))
    };
    (0..batch.num_rows()).map(row).collect()
}

/// The truth, which only the test knows.
fn truth(domain: &Domain, cells: &[Cell], seed: u64) -> World {
    let row = |cell: &Cell| Row {
        key: key(domain, cell.0, cell.1, cell.2),
        count: cell.3,
        contributors: cell.3,
    };
    let rows = cells.iter().map(row).collect();
    World::of(format!("seed {seed}"), domain.dims().to_vec(), rows, K)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_small_number_of_a_k_only_table_is_bounded_by_its_rows() {
    let town = town().await;
    let (mut attacked, mut shown) = (0, 0);
    for seed in 1..=8 {
        let cells = counted(seed);
        let published = town.published(&format!("2026-10-{seed:02}"), &cells).await;
        let world = truth(&domain(&town.terms), &cells, seed);
        let all = world.pattern.cells();
        let hidden = all.iter().filter(|(key, ..)| !published.contains_key(key));
        let hidden: Vec<_> = hidden.map(|(key, count, _)| (*key, *count)).collect();
        for (key, count) in &published {
            assert!(
                *count >= i64::from(K),
                "seed {seed}: {count} people are shown at {key:?}"
            );
            let held = all.iter().find(|(cell, ..)| cell == key);
            assert_eq!(
                held.map(|cell| cell.1),
                Some(*count),
                "seed {seed}: what is shown is true"
            );
        }
        let keys: Vec<_> = hidden.iter().map(|(key, _)| *key).collect();
        let attack = Attack::new(&world, &published, &keys);
        for (key, count) in &hidden {
            let (low, high) = bounds::interval(&attack, *key);
            let (n, k) = (*count as f64, f64::from(K));
            assert!(low < n + 1e-6 && high > n - 1e-6, "the attack is wrong");
            assert!(
                high - low > 1.0 - 1e-6,
                "seed {seed}: {key:?} is known to be {count}"
            );
            if n < k {
                let bounded = low > 1e-6 || high < k.max(n + 1.0) - 1e-6;
                assert!(
                    !bounded,
                    "seed {seed}: a number below k is bounded to {low} to {high}"
                );
            }
        }
        attacked += hidden.len();
        shown += published.len();
    }
    println!("{attacked} hidden numbers bounded by linear programming from {shown} shown");
    assert!(attacked > 100 && shown > 100);
}

/// Exact counts of a day take the noise from every other table of it: whichever is released first is alone.
#[tokio::test(flavor = "multi_thread")]
async fn no_noisy_table_is_released_beside_exact_counts() {
    let town = town().await;
    let mut noisy = harness::agreement(&town.bikes, &town.city, &harness::districts());
    noisy.zonings[0].parents = Some(2);
    let noisy_id = harness::activate(&town.bikes, &town.city, &noisy).await;
    let cells = counted(1);
    let days = ["2026-10-01", "2026-10-02"];
    for day in days {
        let push = harness::push(&noisy_id, day);
        let batch = harness::cells(&noisy, &cells);
        town.bikes
            .client
            .push(&push, &[batch], |_| {})
            .await
            .unwrap();
    }
    town.published(days[0], &cells).await;
    let beside = town.answer(&noisy_id, days[0]).await;
    assert!(
        matches!(beside, Answered::Refused(_)),
        "a noisy table was released beside exact counts"
    );

    let first = town.answer(&noisy_id, days[1]).await;
    assert!(matches!(first, Answered::Released(_)), "{first:?}");
    let push = harness::push(&town.id, days[1]);
    let batch = harness::cells(&town.terms, &cells);
    town.bikes
        .client
        .push(&push, &[batch], |_| {})
        .await
        .unwrap();
    let then = town.answer(&town.id, days[1]).await;
    assert!(
        matches!(then, Answered::Refused(_)),
        "exact counts were released beside a noisy table"
    );
}
