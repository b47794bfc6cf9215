//! A period in which nobody was is contributed like any other: 0 rows are accepted, and released as nothing, or as noise
//! alone where every key is shown. What comes of it MUST NOT be an error that tells.

use privacy::quality::QualitySheet;
use sdk::client::{Answered, Table};

use crate::harness::*;
use crate::opening::*;

const DAY: &str = "2026-10-05";

async fn released(city: &Member, wish: &proto::convert::Wish) -> Table {
    match city.client.request(wish).await.unwrap() {
        Answered::Released(released) => city.client.fetch(&released.what).await.unwrap(),
        Answered::Refused(refusal) => panic!("{refusal}"),
    }
}

fn sheet(table: &Table) -> QualitySheet {
    serde_json::from_slice(table.quality_sheet()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_period_of_nobody_is_contributed_once_and_released_as_nothing() {
    let (_town, bikes, city, terms, id) = agreed().await;
    let nobody = cells(&terms, &[]);
    let given = push(&id, DAY);
    let first = bikes
        .client
        .push(&given, std::slice::from_ref(&nobody), |_| {});
    let first = first.await.unwrap();
    let again = bikes.client.push(&given, &[nobody], |_| {}).await.unwrap();
    assert_eq!(again.proof.index(), first.proof.index(), "the same push");

    let table = released(&city, &wish(&id, "od", DAY)).await;
    assert_eq!(rows(&table), []);
    let sheet = sheet(&table);
    assert_eq!((sheet.published_keys, sheet.withheld_keys), (0, 32));
    assert_eq!(
        Some(sheet.charge),
        terms.allotment(),
        "nothing costs as much as something"
    );
    // Somebody was there after all.
    let mut correction = push(&id, DAY);
    correction.supersedes = Some(given.batch);
    let batch = cells(&terms, &ROWS);
    bikes
        .client
        .push(&correction, &[batch], |_| {})
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_key_of_a_dense_table_of_nobody_is_noise() {
    let (_town, bikes, city, geojson) = opened().await;
    let mut terms = agreement(&bikes, &city, &geojson);
    terms.plan[0].dense = true;
    terms.plan[0].charge.as_mut().unwrap().delta = "0".parse().unwrap();
    terms.population.cap = terms.allotment();
    let id = activate(&bikes, &city, &terms).await;
    let batch = cells(&terms, &[]);
    bikes
        .client
        .push(&push(&id, DAY), &[batch], |_| {})
        .await
        .unwrap();
    let table = released(&city, &wish(&id, "od", DAY)).await;
    let shown = rows(&table);
    assert_eq!(shown.len(), 32);
    assert!(shown.iter().all(|row| row.3.abs() < 60), "{shown:?}");
    assert!(shown.iter().any(|row| row.3 != 0));
}
