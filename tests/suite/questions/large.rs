//! A town of many zones, each in a district: what is asked of it fits into a statement, and into its memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, UInt8Array, UInt64Array};
use policies::agreement::Agreement;
use policies::id::{AgreementId, Role, sha256_hex};
use sdk::client::Table;
use sdk::question::{Answer, Argument, Outcome};
use serde_json::json;

use super::asked::*;
use crate::harness::*;

const ZONES: usize = 172;
const PER_DISTRICT: usize = 10;
const HOURS: u8 = 24;

fn zone(n: usize) -> String {
    format!("zone-{n:03}")
}

/// With a long name: the list of them is about as long as it may be.
fn its_district(zone: &str) -> String {
    let n: usize = zone.trim_start_matches("zone-").parse().unwrap();
    format!("district-{:02}-{}", n / PER_DISTRICT, "y".repeat(32))
}

fn zoning() -> Vec<u8> {
    let feature = |n: usize| {
        let (west, east) = (24.0 + n as f64 * 0.01, 24.01 + n as f64 * 0.01);
        json!({
            "type": "Feature",
            "properties": { "zone_id": zone(n), "parent": its_district(&zone(n)) },
            "geometry": { "type": "Polygon", "coordinates": [[
                [west, 60.0], [east, 60.0], [east, 60.01], [west, 60.01], [west, 60.0]]] },
        })
    };
    let features: Vec<_> = (0..ZONES).map(feature).collect();
    let all = json!({ "type": "FeatureCollection", "features": features });
    all.to_string().into_bytes()
}

/// The same agreement, on this town's zones.
fn here(mut terms: Agreement) -> Agreement {
    let zoning_of = &mut terms.zonings[0];
    zoning_of.id = "large".parse().unwrap();
    zoning_of.sha256 = sha256_hex(&zoning()).parse().unwrap();
    (zoning_of.zones, zoning_of.parents) =
        (ZONES as u32, Some(ZONES.div_ceil(PER_DISTRICT) as u32));
    terms.tables[0].zoning = zoning_of.id.clone();
    terms.population.cap = terms.allotment();
    terms
}

/// From each zone to the one ten further on, in the next district.
fn flows() -> Vec<ArrayRef> {
    let zones: Vec<String> = (0..ZONES).map(zone).collect();
    let next = (0..ZONES).map(|n| zones[(n + PER_DISTRICT) % ZONES].as_str());
    let number = |of| -> ArrayRef { Arc::new(UInt64Array::from_value(of, ZONES)) };
    vec![
        text(zones.iter().map(String::as_str)),
        text(next),
        Arc::new(UInt8Array::from_value(0, ZONES)),
        text(zones.iter().map(|_| "bike")),
        number(900),
        number(1_000),
    ]
}

/// Somebody in each zone at each hour.
fn people() -> Vec<ArrayRef> {
    let zones: Vec<String> = (0..ZONES).map(zone).collect();
    let keys = || (0..ZONES).flat_map(|n| (0..HOURS).map(move |hour| (n, hour)));
    let there = keys().map(|(n, hour)| 1_000 + 10 * n as u64 + u64::from(hour));
    vec![
        text(keys().map(|(n, _)| zones[n].as_str())),
        Arc::new(keys().map(|(_, hour)| hour).collect::<UInt8Array>()),
        text(keys().map(|_| "all")),
        Arc::new(there.collect::<UInt64Array>()),
    ]
}

struct Large {
    _town: Town,
    city: Member,
    flows: (AgreementId, Vec<Table>),
    people: Vec<Table>,
}

impl Large {
    async fn new() -> Self {
        let town = Town::new().await;
        let steward = town.member("steward").await;
        let name = "large".parse().unwrap();
        let added = steward.client.add_zoning(name, zoning().into());
        added.await.unwrap();
        let city = town.join("city", Role::Planner).await;
        let bikes = town.join("bikes", Role::Provider).await;
        let phones = town.join("phones", Role::Provider).await;
        let terms = here(agreement(&bikes, &city, &zoning()));
        let flows = released(&bikes, &city, &terms, vec![flows(), flows()]).await;
        let mut terms = presence(&phones, &city);
        let hours: Vec<u8> = (0..HOURS).collect();
        terms.tables[0].bins = hours.try_into().unwrap();
        let people = released(&phones, &city, &here(terms), vec![people(), people()]).await;
        Self {
            _town: town,
            city,
            flows,
            people: people.1,
        }
    }

    async fn answer(&self, name: &str, values: &[(Argument, &str)]) -> Answer {
        match ask(&self.city.client, name, given(values)).await.unwrap() {
            Outcome::Answered(answer) => *answer,
            other => panic!("{name}: {other:?}"),
        }
    }
}

/// Found by a review: their list is one text of a statement, and all of over 256 bytes were refused. Nobody has to ask
/// by district: it is what is answered.
#[tokio::test(flavor = "multi_thread")]
async fn districts_of_many_zones_are_answered_unasked() {
    let large = Large::new().await;
    let od = rows_of(&large.flows.1, &["origin"], ["trips"]);
    assert_eq!(od.len(), 2 * ZONES);
    let mut wanted: BTreeMap<String, Vec<Number>> = BTreeMap::new();
    for (_, key, [trips]) in &od {
        wanted
            .entry(its_district(&key[0]))
            .or_default()
            .push(*trips);
    }
    // The last ten zones lead to the first district, from two.
    let wanted = |from: &str| total(wanted[from].iter().copied());
    for (question, columns) in [
        ("od-matrix", ["origin", "trips", "trips_low", "trips_high"]),
        (
            "top-corridors",
            ["origin", "trips", "trips_low", "trips_high"],
        ),
        (
            "trips-and-presence",
            ["zone", "trips", "trips_low", "trips_high"],
        ),
    ] {
        let answer = large.answer(question, &[]).await;
        let by_zone = answer
            .remarks
            .iter()
            .any(|said| said.starts_with("By zone"));
        assert!(!by_zone, "{question}: {:?}", answer.remarks);
        let found = shown(&answer, &columns);
        assert!(found.len() >= 10, "{question}: {found:?}");
        let whole = |row: &&Vec<String>| {
            let rows = found.iter().filter(|other| other[0] == row[0]);
            rows.count() == 1
        };
        for row in found.iter().filter(whole) {
            assert_eq!(row[1..], written(wanted(&row[0])), "{question}: {row:?}");
        }
    }
}

/// Found by a review: of each row of what is there a distinct value was kept in 45 KB, and an ordinary table took more
/// memory than a statement has.
#[tokio::test(flavor = "multi_thread")]
async fn presence_in_many_zones_and_hours_fits_into_a_statement() {
    let large = Large::new().await;
    let rows = rows_of(&large.people, &["zone"], ["contributors"]);
    assert_eq!(rows.len(), 2 * ZONES * usize::from(HOURS));
    let answer = large
        .answer("trips-and-presence", &[(Argument::By, "zone")])
        .await;
    let found = shown(&answer, &["zone", "present"]);
    assert_eq!(found.len(), ZONES);
    for row in found {
        let there = rows.iter().filter(|r| r.1[0] == row[0]).map(|r| r.2[0]);
        let (sum, times) = (total(there).0, 2.0 * f64::from(HOURS));
        near(&row[1], (sum / times).round());
    }
}
