//! Tables that an amendment has changed, and those of many zones.

use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, RecordBatch};
use arrow::datatypes::Int32Type;
use policies::period::DayBins;
use sdk::question::{Argument, Arguments, Outcome};
use serde_json::json;

use super::asked::*;
use crate::harness::*;
use crate::opening::*;

/// Part 1 of the day was 12 to 24 and is 6 to 12: one label cannot stand for both.
#[tokio::test(flavor = "multi_thread")]
async fn parts_of_the_day_that_an_amendment_cut_another_way_are_another_table() {
    let (_town, bikes, city, geojson) = opened().await;
    let mut terms = agreement(&bikes, &city, &geojson);
    let first = activate(&bikes, &city, &terms).await;
    let release = async |id, terms: &_, day| {
        let cells = cells(terms, &ROWS);
        bikes
            .client
            .push(&push(id, day), &[cells], |_| {})
            .await
            .unwrap();
        city.client.request(&wish(id, "od", day)).await.unwrap();
    };
    release(&first, &terms, DAYS[0]).await;
    terms.supersedes = Some(first.clone());
    terms.tables[0].bins = DayBins::try_from(vec![0, 6, 12]).unwrap();
    let second = activate(&bikes, &city, &terms).await;
    release(&second, &terms, DAYS[1]).await;

    let tables = ["od", "od_2"].map(|table| in_full(&first, table));
    match ask(&city.client, "od-matrix", Arguments::default())
        .await
        .unwrap()
    {
        Outcome::Choose(several) => {
            let names: Vec<_> = several.iter().map(sdk::question::Found::name).collect();
            assert_eq!(names, tables);
        }
        other => panic!("{other:?}"),
    }
    for (table, (day, evening)) in tables
        .into_iter()
        .zip([(DAYS[0], "12-24"), (DAYS[1], "06-12")])
    {
        let only = given(&[(Argument::By, "zone")]).with_tables(vec![table]);
        let Outcome::Answered(answer) = ask(&city.client, "od-matrix", only).await.unwrap() else {
            panic!()
        };
        let hours = shown(&answer, &["origin", "hours"]);
        assert!(
            hours.contains(&vec!["b".to_owned(), evening.to_owned()]),
            "{day}: {hours:?}"
        );
        assert_eq!(answer.used[0].periods, 1);
    }
}

/// A day on which four people rode, k being five: it is released, and has no row.
#[tokio::test(flavor = "multi_thread")]
async fn a_period_in_which_all_is_withheld_is_read_all_the_same() {
    let (_town, bikes, city, terms, id) = agreed().await;
    for (day, rows) in [(DAYS[0], &ROWS[..]), (DAYS[1], &ROWS[1..2])] {
        let cells = cells(&terms, rows);
        let pushed = push(&id, day);
        bikes.client.push(&pushed, &[cells], |_| {}).await.unwrap();
        let wish = wish(&id, "od", day);
        city.client.request(&wish).await.unwrap();
    }
    let second = given(&[(Argument::From, DAYS[1])]);
    for (asked, periods) in [(Arguments::default(), 2), (second, 1)] {
        let asked = asked.with(Argument::By, Some("zone"));
        let answer = ask(&city.client, "od-matrix", asked).await.unwrap();
        let Outcome::Answered(answer) = answer else {
            panic!()
        };
        let used = &answer.used[0];
        // Four zones, and two parts of each day.
        assert_eq!(
            (used.periods, used.possible),
            (periods, periods * 4 * 4 * 2)
        );
        assert_eq!(used.rows == 0, periods == 1, "{used:?}");
    }
}

/// Districts that do not fit into a statement are refused where they were asked for, else left out with a word.
#[tokio::test(flavor = "multi_thread")]
async fn districts_of_too_many_zones_are_not_answered_by_zone_unasked() {
    const ZONES: usize = 120;
    let (town, bikes, city, _) = opened().await;
    let id = |n: usize| format!("zone-{n:03}-{}", "x".repeat(50));
    let features: Vec<_> = (0..ZONES)
        .map(|n| {
            let (west, east) = (24.0 + n as f64 * 0.01, 24.01 + n as f64 * 0.01);
            json!({
                "type": "Feature",
                "properties": { "zone_id": id(n), "parent": format!("district-{}", "y".repeat(50)) },
                "geometry": { "type": "Polygon", "coordinates": [[
                    [west, 60.0], [east, 60.0], [east, 60.01], [west, 60.01], [west, 60.0]]] },
            })
        })
        .collect();
    let geojson = json!({ "type": "FeatureCollection", "features": features }).to_string();
    let steward = town.member("steward").await;
    let wide = "wide".parse().unwrap();
    steward
        .client
        .add_zoning(wide, geojson.clone().into())
        .await
        .unwrap();
    let mut terms = agreement(&bikes, &city, geojson.as_bytes());
    terms.zonings[0].id = "wide".parse().unwrap();
    (terms.zonings[0].zones, terms.zonings[0].parents) = (120, Some(1));
    terms.tables[0].zoning = "wide".parse().unwrap();
    let agreed = activate(&bikes, &city, &terms).await;
    let cells = cells(&terms, &ROWS[..1]);
    let text = |id: String| -> ArrayRef {
        Arc::new(
            [id.as_str()]
                .into_iter()
                .collect::<DictionaryArray<Int32Type>>(),
        )
    };
    let mut columns = cells.columns().to_vec();
    (columns[0], columns[1]) = (text(id(0)), text(id(1)));
    let cells = RecordBatch::try_new(cells.schema(), columns).unwrap();
    bikes
        .client
        .push(&push(&agreed, DAYS[0]), &[cells], |_| {})
        .await
        .unwrap();
    city.client
        .request(&wish(&agreed, "od", DAYS[0]))
        .await
        .unwrap();

    let Outcome::Answered(answer) = ask(&city.client, "od-matrix", Arguments::default())
        .await
        .unwrap()
    else {
        panic!()
    };
    assert_eq!(shown(&answer, &["origin"]), [[id(0)]]);
    assert!(
        answer.remarks[0].starts_with("By zone: wide has more zones"),
        "{:?}",
        answer.remarks
    );
    let by = given(&[(Argument::By, "district")]);
    match ask(&city.client, "od-matrix", by).await.unwrap() {
        Outcome::Missing(missing) => assert!(missing.why.contains("--by zone"), "{missing:?}"),
        other => panic!("{other:?}"),
    }
}
