//! Durations the whole way: counted in bins by a company, charged, drawn, and read by a planner as mean and percentiles.

use std::sync::Arc;

use arrow::array::{AsArray, Int64Array, RecordBatch, UInt64Array};
use arrow::datatypes::Int64Type;
use policies::agreement::Agreement;
use policies::coarse::Merge;
use privacy::quality::{Bias, QualitySheet};
use proto::convert::{Rate, Wish};
use sdk::client::{Answered, Table, new_request_id};

use crate::harness::*;
use crate::opening::*;

/// Trips of 60 to 1,860 s; the ends of the bins are the five- and the ten-minute mark.
fn timed(mut terms: Agreement) -> Agreement {
    let table = &mut terms.tables[0];
    table.clamps = serde_json::from_value(serde_json::json!(
        [{ "measure": "duration_s", "min": 60, "max": 1860 }]
    ))
    .unwrap();
    table.histograms = serde_json::from_value(serde_json::json!(
        [{ "measure": "duration_s", "edges": [300, 600] }]
    ))
    .unwrap();
    let charge = terms.plan[0].charge.as_mut().unwrap();
    charge.measures = serde_json::from_value(serde_json::json!([
        { "measure": "trips", "rho": "0.25" },
        { "measure": "duration_s", "rho": "0.25" },
        { "measure": "duration_s_histogram", "rho": "0.25" },
    ]))
    .unwrap();
    terms.population.cap = terms.allotment();
    terms
}

/// Each of [`ROWS`] with trips of 400 s; a quarter of them are shorter than five minutes, none longer than ten.
fn durations(terms: &Agreement) -> RecordBatch {
    let mut columns = cells_without_bins(terms);
    let short: Vec<u64> = ROWS.iter().map(|row| row.4 / 4).collect();
    let middle = ROWS.iter().zip(&short).map(|(row, short)| row.4 - short);
    columns.push(Arc::new(
        ROWS.iter()
            .map(|row| 400 * row.4 as i64)
            .collect::<Int64Array>(),
    ));
    columns.push(Arc::new(UInt64Array::from(short.clone())));
    columns.push(Arc::new(middle.collect::<UInt64Array>()));
    columns.push(Arc::new(UInt64Array::from(vec![0; ROWS.len()])));
    let schema = proto::columns::cells_schema(&terms.tables[0], terms.population.unit);
    RecordBatch::try_new(schema, columns).unwrap()
}

fn cells_without_bins(terms: &Agreement) -> Vec<arrow::array::ArrayRef> {
    let mut bare = terms.clone();
    (bare.tables[0].clamps, bare.tables[0].histograms) = (vec![], vec![]);
    cells(&bare, &ROWS).columns().to_vec()
}

fn column(table: &Table, name: &str) -> Vec<i64> {
    let batches = table.batches().iter();
    let column = |batch: &RecordBatch| {
        let column = batch
            .column_by_name(name)
            .unwrap_or_else(|| panic!("no `{name}`"));
        column.as_primitive::<Int64Type>().values().to_vec()
    };
    batches.flat_map(column).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn durations_become_means_and_percentiles_with_intervals() {
    let (mut town, bikes, city, geojson) = opened().await;
    let mut terms = timed(agreement(&bikes, &city, &geojson));
    terms.rates_shown = true;
    let id = activate(&bikes, &city, &terms).await;
    let given = durations(&terms);

    // Bins that hold other trips than the cell are refused by row and column, without a number.
    let mut columns = given.columns().to_vec();
    columns[8] = columns[7].slice(0, columns[7].len());
    let wrong = RecordBatch::try_new(given.schema(), columns).unwrap();
    let refused = bikes
        .client
        .push(&push(&id, "2026-10-05"), &[wrong], |_| {})
        .await;
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("row 0, column `duration_s_bin_00`"),
        "{refused}"
    );

    let mut whole = push(&id, "2026-10-05");
    let rate = |name: &str, ppm| Rate {
        name: name.parse().unwrap(),
        ppm,
    };
    whole.rates = vec![rate("truncated", 5000), rate("clamped_duration_s", 12_000)];
    bikes.client.push(&whole, &[given], |_| {}).await.unwrap();
    let wish = wish(&id, "od", "2026-10-05");
    let Answered::Released(released) = city.client.request(&wish).await.unwrap() else {
        panic!()
    };
    let table = city.client.fetch(&released.what).await.unwrap();
    assert_eq!(rows(&table).len(), 3);
    near_the_truth(&table);
    // What the company declared about clamping stands beside the columns that it biases.
    let sheet: QualitySheet = serde_json::from_slice(table.quality_sheet()).unwrap();
    let declared = sheet
        .declared
        .iter()
        .map(|rate| (rate.name.as_str(), rate.ppm));
    assert!(declared.eq([("truncated", 5000), ("clamped_duration_s", 12_000)]));
    let mean = sheet
        .columns
        .iter()
        .find(|note| note.column == "duration_s_mean");
    assert!(mean.is_some_and(|note| note.biases.contains(&Bias::Clamping)));
    let state = town.broker().sequencer().state().clone();
    let spent = state.ledger().balances().next().map(|balance| balance.2);
    assert_eq!(spent, terms.population.cap, "four charges, one each");

    // The auditor recomputes every sensitivity and charge from the entries alone.
    town.stop().await;
    let entries = std::fs::read(town.config.state.join("log/entries")).unwrap();
    let entries = audit::bundle::Entries::new(&entries).map(Result::unwrap);
    assert_eq!(*audit::replay::replay(entries).unwrap().state(), state);
}

/// What the bounds dropped is an exact number about the raw data: without the agreement's word no sheet shows it.
#[tokio::test(flavor = "multi_thread")]
async fn declared_rates_are_shown_where_the_agreement_says_so_and_nowhere_else() {
    let (_town, bikes, city, geojson) = opened().await;
    let terms = agreement(&bikes, &city, &geojson);
    let id = activate(&bikes, &city, &terms).await;
    let mut whole = push(&id, "2026-10-05");
    whole.rates = vec![Rate {
        name: "truncated".parse().unwrap(),
        ppm: 123_457,
    }];
    let cells = cells(&terms, &ROWS);
    bikes.client.push(&whole, &[cells], |_| {}).await.unwrap();
    let wish = wish(&id, "od", "2026-10-05");
    let Answered::Released(released) = city.client.request(&wish).await.unwrap() else {
        panic!()
    };
    let table = city.client.fetch(&released.what).await.unwrap();
    let sheet: QualitySheet = serde_json::from_slice(table.quality_sheet()).unwrap();
    assert_eq!(sheet.declared, []);
    let text = String::from_utf8(table.quality_sheet().to_vec()).unwrap();
    assert!(
        !text.contains("123457") && !text.contains("0.123457"),
        "{text}"
    );
}

/// Rows have 300 trips or more: half widths are below 40 s, and six of them are no accident.
fn near_the_truth(table: &Table) {
    let percentiles = [("duration_s_p50", 400), ("duration_s_p85", 540)];
    for (name, truth) in percentiles.into_iter().chain([("duration_s_mean", 400)]) {
        let end = |end: &str| column(table, &format!("{name}_{end}"));
        let ends = end("low").into_iter().zip(end("high"));
        for (value, (low, high)) in column(table, name).into_iter().zip(ends) {
            assert!(
                60 <= low && low <= value && value <= high && high <= 1860,
                "{name}"
            );
            assert!(value.abs_diff(truth) < 240, "{name}: {value}");
        }
    }
}

/// Two days of all places in one row: sums and bins add up as trips do, under noise for r cells of one person.
#[tokio::test(flavor = "multi_thread")]
async fn durations_of_a_merge_are_those_of_its_cells() {
    let (_town, bikes, city, geojson) = opened().await;
    let mut terms = timed(agreement(&bikes, &city, &geojson));
    let line = serde_json::json!({
        "table": "od", "coarsenings": "any", "requests": 1, "charge": terms.plan[0].charge,
    });
    terms.ad_hoc = vec![serde_json::from_value(line).unwrap()];
    terms.population.cap = terms.allotment();
    let id = activate(&bikes, &city, &terms).await;
    let days = ["2026-10-05", "2026-10-06"];
    for day in days {
        let cells = durations(&terms);
        bikes
            .client
            .push(&push(&id, day), &[cells], |_| {})
            .await
            .unwrap();
    }
    let days = days.map(|day| day.parse().unwrap());
    let coarsening = serde_json::from_str(r#"{"bins": [0], "zones": "all"}"#).unwrap();
    let merge = Merge::new(&days, coarsening).unwrap();
    let wish = Wish {
        request: new_request_id().unwrap(),
        agreement: id,
        table: "od".parse().unwrap(),
        period: merge.first(),
        merge: Some(merge),
        purpose: PURPOSE.into(),
        with: vec![],
    };
    let Answered::Released(released) = city.client.request(&wish).await.unwrap() else {
        panic!()
    };
    let table = city.client.fetch(&released.what).await.unwrap();
    let trips = column(&table, "trips");
    assert!(
        trips.len() == 1 && trips[0].abs_diff(4008) < 150,
        "{trips:?}"
    );
    near_the_truth(&table);
    let sheet: QualitySheet = serde_json::from_slice(table.quality_sheet()).unwrap();
    assert_eq!(sheet.columns[0].column, "contributors_at_least");
}
