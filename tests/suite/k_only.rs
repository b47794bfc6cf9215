//! A k-only table from the signature to the label, and everything that must not stand beside it.

use std::collections::BTreeSet;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type, UInt8Type};
use policies::agreement::{Agreement, Protection};
use policies::id::Role;
use policies::mechanism::Mechanism;
use policies::refusal::ReasonId;
use privacy::quality::QualitySheet;
use proto::columns::K_ONLY;
use proto::convert::{Push, Wish};
use sdk::client::{Answered, Table};

use crate::harness::*;
use crate::opening::*;

const FLOORS: &str = r#"{"k_min":5,"cap_max":{"rho":"4","delta":"0.00001"},"retention_days_max":400,"k_only_k_min":5}"#;
const DAY: &str = "2026-10-05";

/// A full town of mornings, in which three people alone go from `a` to `c`; nobody stays in `d`.
fn crowd() -> Vec<Cell> {
    let zones = ["a", "b", "c", "d"];
    let pairs = zones
        .iter()
        .flat_map(|from| zones.iter().map(move |to| (*from, *to)));
    pairs
        .filter(|pair| *pair != ("d", "d"))
        .enumerate()
        .map(|(n, (from, to))| match (from, to) {
            ("a", "c") => (from, to, 0, 3, 4),
            _ => (from, to, 0, 30 + n as u64, 50),
        })
        .collect()
}

/// The suite's agreement without noise: people by pairs of zones and of districts.
fn k_only(provider: &Member, planner: &Member) -> Agreement {
    let mut terms = agreement(provider, planner, &districts());
    terms.zonings[0].parents = Some(2);
    terms.population.protection = Protection::KOnly;
    terms.plan[0].charge = None;
    terms
}

struct Place {
    town: Town,
    bikes: Member,
    city: Member,
}

async fn place() -> Place {
    let town = Town::with_floors(FLOORS).await;
    let bikes = town.join("bikes", Role::Provider).await;
    let city = town.join("city", Role::Planner).await;
    let steward = town.member("steward").await;
    let zoning = "town-2026".parse().unwrap();
    let added = steward.client.add_zoning(zoning, districts().into()).await;
    added.unwrap();
    Place { town, bikes, city }
}

impl Place {
    async fn push(&self, terms: &Agreement, push: Push, rows: &[Cell]) -> Push {
        assert_eq!(self.pushed(terms, &push, rows).await, None);
        push
    }

    /// What the provider is told of a contribution that will never be released.
    async fn pushed(&self, terms: &Agreement, push: &Push, rows: &[Cell]) -> Option<ReasonId> {
        let batch = cells(terms, rows);
        let pushed = self.bikes.client.push(push, &[batch], |_| {}).await;
        pushed.unwrap().never_released
    }

    async fn released(&self, wish: &Wish) -> Table {
        match self.city.client.request(wish).await.unwrap() {
            Answered::Released(released) => self.city.client.fetch(&released.what).await.unwrap(),
            Answered::Refused(refusal) => panic!("{refusal}"),
        }
    }

    async fn refused(&self, wish: &Wish) -> Vec<ReasonId> {
        match self.city.client.request(wish).await.unwrap() {
            Answered::Refused(refusal) => refusal.reasons().iter().map(|r| r.id).collect(),
            Answered::Released(released) => panic!("released {}", released.what),
        }
    }
}

fn texts(batch: &RecordBatch, name: &str) -> Vec<String> {
    let column = batch.column_by_name(name).unwrap();
    let column = column.as_dictionary::<Int32Type>();
    let texts = column.values().as_string::<i32>();
    let at = |row| texts.value(column.key(row).unwrap()).to_owned();
    (0..column.len()).map(at).collect()
}

/// Origin, destination, bin, margin, people.
type Row = (String, String, u8, String, i64);

fn rows(table: &Table) -> Vec<Row> {
    let mut rows = Vec::new();
    for batch in table.batches() {
        let (from, to) = (texts(batch, "origin"), texts(batch, "destination"));
        let margin = texts(batch, "margin");
        let bins = batch.column_by_name("start").unwrap();
        let bins = bins.as_primitive::<UInt8Type>().values().to_vec();
        let people = batch.column_by_name("contributors").unwrap();
        let people = people.as_primitive::<Int64Type>().values().to_vec();
        assert!(texts(batch, "protection").iter().all(|text| text == K_ONLY));
        for row in 0..batch.num_rows() {
            rows.push((
                from[row].clone(),
                to[row].clone(),
                bins[row],
                margin[row].clone(),
                people[row],
            ));
        }
    }
    rows
}

/// Nothing is hidden by suppression, since nothing is there: no row, and no error that tells.
#[tokio::test(flavor = "multi_thread")]
async fn a_k_only_table_of_nobody_is_released_as_nothing() {
    let place = place().await;
    let terms = k_only(&place.bikes, &place.city);
    let id = activate(&place.bikes, &place.city, &terms).await;
    place.push(&terms, push(&id, DAY), &[]).await;
    let table = place.released(&wish(&id, "od", DAY)).await;
    assert_eq!(rows(&table), []);
}

/// The whole story: preview, release, label, the same bytes again, no second edition, no noise beside it.
#[tokio::test(flavor = "multi_thread")]
async fn a_k_only_table_is_exact_labelled_and_alone() {
    let mut place = place().await;
    let terms = k_only(&place.bikes, &place.city);
    let mut noisy = agreement(&place.bikes, &place.city, &districts());
    noisy.zonings[0].parents = Some(2);
    let id = activate(&place.bikes, &place.city, &terms).await;
    let noisy_id = activate(&place.bikes, &place.city, &noisy).await;
    let first = place.push(&terms, push(&id, DAY), &crowd()).await;
    let beside_it = place.push(&noisy, push(&noisy_id, DAY), &crowd()).await;

    let name = "od".parse().unwrap();
    let days = [DAY.parse().unwrap()];
    let told = place.city.client.preview(&id, &name, &days);
    let told = told.await.unwrap();
    assert_eq!(told.protection, None);
    let says = "no charge: k-only, not differentially private";
    assert!(told.rule.starts_with(says), "{}", told.rule);
    assert!(told.periods[0].refused.is_none());

    let table = place.released(&wish(&id, "od", DAY)).await;
    let shown = rows(&table);
    let people = |from: &str, to: &str, margin: &str| {
        let found = shown
            .iter()
            .find(|row| (row.0.as_str(), row.1.as_str(), row.3.as_str()) == (from, to, margin));
        found.map(|row| row.4)
    };
    // What is shown is exact, and the margins are its sums.
    let truth: i64 = crowd().iter().map(|cell| cell.3 as i64).sum();
    let all = people("all", "all", "origin=all;destination=all;start=all");
    assert!(all.is_none_or(|all| all == truth));
    let mut own = 0;
    for (from, to, bin, count, _) in crowd() {
        let cell = shown.iter().find(|row| {
            (row.0.as_str(), row.1.as_str(), row.2, row.3.as_str()) == (from, to, bin, "")
        });
        assert!(cell.is_none_or(|row| row.4 == count as i64));
        own += usize::from(cell.is_some());
    }
    assert!(own > 8, "{own} of 15 cells are shown");
    assert!(shown.iter().any(|row| row.3.contains("origin=parent")));
    assert!(shown.iter().all(|row| row.4 >= 5));
    // The three people are not there, nor is anything beside them that would give them away; and that
    // nobody stays in `d` looks the same.
    assert_eq!(people("a", "c", ""), None);
    assert_eq!(people("d", "d", ""), None);
    assert_hidden(&shown);

    let sheet: QualitySheet = serde_json::from_slice(table.quality_sheet()).unwrap();
    assert_eq!(sheet.mechanism, Mechanism::KOnly { k: 5 });
    assert!(sheet.claim.contains("NOT differentially private"));
    assert!(sheet.losses.is_empty() && sheet.half_widths.is_empty());
    assert_eq!(sheet.domain_keys - sheet.withheld_keys, own as u64);
    let label = table.schema().metadata().get("weir.protection");
    assert_eq!(label.map(String::as_str), Some(K_ONLY));
    let broker = place.town.broker();
    let state = broker.sequencer().state().clone();
    assert_eq!(state.ledger().balances().count(), 0, "nothing was charged");

    let again = place.released(&wish(&id, "od", DAY)).await;
    assert_eq!(again.bytes(), table.bytes());
    let beside = place.refused(&wish(&noisy_id, "od", DAY)).await;
    assert_eq!(beside, [ReasonId::ProtectionChosen]);
    let mut correction = push(&id, DAY);
    correction.supersedes = Some(first.batch);
    let told = place.pushed(&terms, &correction, &crowd()[1..]).await;
    assert_eq!(told, Some(ReasonId::KOnlyBeside), "a correction too late");
    let (other, rest) = (push(&noisy_id, "2026-10-06"), &crowd()[1..]);
    assert_eq!(place.pushed(&noisy, &other, rest).await, None);
    let mut other = push(&noisy_id, DAY);
    other.supersedes = Some(beside_it.batch);
    let told = place.pushed(&noisy, &other, rest).await;
    assert_eq!(told, Some(ReasonId::ProtectionChosen));
    let second = place.refused(&wish(&id, "od", DAY)).await;
    assert_eq!(second, [ReasonId::EditionsExhausted, ReasonId::KOnlyBeside]);

    // An auditor finds the same, and a broker that starts again remembers.
    drop((state, broker));
    place.town.stop().await;
    let entries = std::fs::read(place.town.config.state.join("log/entries")).unwrap();
    let entries = audit::bundle::Entries::new(&entries).map(Result::unwrap);
    audit::replay::replay(entries).unwrap();
    place.town.start().await;
    let city = place.town.member("city").await;
    let Answered::Refused(refusal) = city
        .client
        .request(&wish(&noisy_id, "od", DAY))
        .await
        .unwrap()
    else {
        panic!("the choice was forgotten")
    };
    assert_eq!(refusal.reasons()[0].id, ReasonId::ProtectionChosen);
    place.town.stop().await;
}

/// No sum of shown zones is off by exactly the three people: every line over the four destinations of `a`, or
/// the four origins of `c`, lacks its sum or at least two of its parts.
fn assert_hidden(shown: &[Row]) {
    let has = |from: &str, to: &str, margin: &str| {
        let mut rows = shown.iter();
        rows.any(|row| (row.0.as_str(), row.1.as_str(), row.3.as_str()) == (from, to, margin))
    };
    for start in ["", "start=all"] {
        let joined = |margin: &str| match (margin, start) {
            (margin, "") => margin.to_owned(),
            ("", start) => start.to_owned(),
            (margin, start) => format!("{margin};{start}"),
        };
        let over = |zones: [&str; 2], parent: &str| {
            let parts = zones.iter().filter(|to| !has("a", to, &joined("")));
            let sum = has("a", parent, &joined("destination=parent"));
            assert!(!sum || parts.count() != 1, "a → {parent} {start}");
        };
        over(["a", "b"], "west");
        over(["c", "d"], "east");
    }
}

/// What is hidden because it is small and what is not there at all are the same bytes.
#[tokio::test(flavor = "multi_thread")]
async fn suppressed_looks_the_same_as_absent() {
    let place = place().await;
    let mut tables = Vec::new();
    for (day, people) in [("2026-10-05", 2), ("2026-10-06", 0)] {
        let mut terms = k_only(&place.bikes, &place.city);
        terms.covers.from = day.parse().unwrap();
        let id = activate(&place.bikes, &place.city, &terms).await;
        // Only `a` → `b` has a crowd, and at most two people go from `c` to `d`: no margin is of both.
        let mut counted: Vec<Cell> = vec![("a", "b", 0, 40, 40)];
        if people > 0 {
            counted.push(("c", "d", 0, people, people));
        }
        place.push(&terms, push(&id, day), &counted).await;
        tables.push(rows(&place.released(&wish(&id, "od", day)).await));
    }
    let own = |rows: &[Row]| -> BTreeSet<Row> {
        rows.iter()
            .filter(|row| row.3.is_empty())
            .cloned()
            .collect()
    };
    assert_eq!(own(&tables[0]), own(&tables[1]));
    assert!(tables[0].iter().all(|row| row.4 != 2 && row.4 != 42));
}

/// Fail closed: a steward who does not name a k for it has no k-only tables.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_stewards_leave_there_is_no_k_only_agreement() {
    let mut town = Town::new().await;
    let bikes = town.join("bikes", Role::Provider).await;
    let city = town.join("city", Role::Planner).await;
    let steward = town.member("steward").await;
    let zoning = "town-2026".parse().unwrap();
    let added = steward.client.add_zoning(zoning, districts().into()).await;
    added.unwrap();
    let terms = k_only(&bikes, &city);
    let refused = bikes.client.offer(&terms, &bikes.signer).await.unwrap_err();
    assert!(refused.to_string().contains("k_only_k_min"), "{refused}");
    town.stop().await;
}
