//! A release as files, read back by tools that nobody here wrote: GDAL and pandas.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use export::{Export, Listed, Source};
use policies::id::Role;
use sdk::client::{Answered, Table};
use tempfile::TempDir;

use crate::harness::*;
use crate::opening::*;

/// Zones whose names would end a quotation, a tag or a cell, or run in a spreadsheet.
const ZONES: [&str; 4] = ["=b", "a", "c\"'<&>", "d, e"];
/// Three that are published almost surely, and one of four people that never is.
const CELLS: [Cell; 4] = [
    ("=b", "a", 0, 500, 700),
    ("a", "=b", 0, 4, 4),
    ("a", "a", 1, 900, 1000),
    ("c\"'<&>", "d, e", 0, 300, 300),
];
/// Zones × zones × bins × modes.
const KEYS: u64 = 4 * 4 * 2;

fn hostile_names() -> Vec<u8> {
    let mut all: serde_json::Value = serde_json::from_slice(&squares()).unwrap();
    for (n, id) in ZONES.iter().enumerate() {
        all["features"][n]["properties"]["zone_id"] = (*id).into();
    }
    serde_json::to_vec(&all).unwrap()
}

async fn released() -> (Town, Table, Vec<u8>) {
    let town = Town::new().await;
    let bikes = town.join("bikes", Role::Provider).await;
    let city = town.join("city", Role::Planner).await;
    let geojson = hostile_names();
    let steward = town.member("steward").await;
    let zoning = "town-2026".parse().unwrap();
    let added = steward.client.add_zoning(zoning, geojson.clone().into());
    added.await.unwrap();
    let terms = agreement(&bikes, &city, &geojson);
    let id = activate(&bikes, &city, &terms).await;
    let pushed = push(&id, "2026-10-05");
    let cells = [cells(&terms, &CELLS)];
    bikes.client.push(&pushed, &cells, |_| {}).await.unwrap();
    let wish = wish(&id, "od", "2026-10-05");
    let Answered::Released(key) = city.client.request(&wish).await.unwrap() else {
        panic!("refused");
    };
    let table = city.client.fetch(&key.what).await.unwrap();
    (town, table, geojson)
}

/// All forms in a folder.
fn write(table: &Table, geojson: &[u8]) -> (TempDir, Export) {
    let folder = tempfile::tempdir().unwrap();
    let export = Export::new(Source {
        schema: table.schema(),
        batches: table.batches(),
        quality_sheet: table.quality_sheet(),
        zoning: geojson,
        receipt: &table.proof().receipt().to_string(),
        time_zone: Some("Europe/Helsinki"),
        licence: None,
    });
    let export = export.unwrap();
    let file = |name: &str| std::fs::File::create(folder.path().join(name)).unwrap();
    export.csv(Listed::Every, file("od.csv")).unwrap();
    export.parquet(Listed::Every, file("od.parquet")).unwrap();
    export.geojson(Listed::Every, file("od.geojson")).unwrap();
    export.mds(Listed::Every, file("od.json")).unwrap();
    let bytes = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    };
    bytes(
        "od.csv-metadata.json",
        &export.csv_metadata(Listed::Every, "od.csv").unwrap(),
    );
    bytes("od.gpkg", &export.geopackage(Listed::Every).unwrap());
    let released = export.geopackage(Listed::Released).unwrap();
    bytes("released.gpkg", &released);
    bytes("od.arrows", table.bytes());
    (folder, export)
}

/// A layer's rows by column, as GDAL reads them; geometry as text in `WKT`.
fn layer(file: &Path, layer: &str) -> Vec<BTreeMap<String, String>> {
    let mut command = Command::new("ogr2ogr");
    command.args(["-f", "CSV", "-lco", "GEOMETRY=AS_WKT", "/vsistdout/"]);
    let done = command.arg(file).arg(layer).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && said.is_empty(), "{said}");
    let mut reader = csv::Reader::from_reader(done.stdout.as_slice());
    reader.deserialize().map(Result::unwrap).collect()
}

/// What `ogrinfo` says of a layer, without its rows.
fn summary(file: &Path, layer: &str) -> String {
    let mut command = Command::new("ogrinfo");
    let done = command.args(["-ro", "-so"]).arg(file).arg(layer).output();
    let done = done.unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && said.is_empty(), "{said}");
    String::from_utf8(done.stdout).unwrap()
}

/// Every key once, the released ones with the very numbers, all others withheld and empty.
fn compare(rows: &[BTreeMap<String, String>], table: &Table) {
    assert_eq!(rows.len() as u64, KEYS);
    let bins = ["00:00-12:00", "12:00-24:00"];
    let released: BTreeMap<_, _> = crate::harness::rows(table)
        .into_iter()
        .map(|(o, d, bin, people, trips)| {
            ((o, d, bins[usize::from(bin)].to_owned()), (people, trips))
        })
        .collect();
    assert_eq!(released.len(), 3, "three are published almost surely");
    let mut withheld = 0;
    for row in rows {
        let key = (
            row["origin"].clone(),
            row["destination"].clone(),
            row["start"].clone(),
        );
        let given = (row["contributors"].parse().ok(), row["trips"].parse().ok());
        let is_withheld = ["true", "1"].contains(&row["withheld"].as_str());
        match released.get(&key) {
            Some((people, trips)) => {
                assert_eq!(given, (Some(*people), Some(*trips)), "{row:?}");
                let ends = ["contributors_low", "contributors_high"]
                    .map(|end| row[end].parse::<i64>().unwrap());
                assert!(
                    ends[0] <= *people && *people <= ends[1] && !is_withheld,
                    "{row:?}"
                );
            }
            None => {
                assert!(is_withheld && given == (None, None), "{row:?}");
                assert!(
                    row["contributors_low"].is_empty() && row["trips_high"].is_empty(),
                    "{row:?}"
                );
                withheld += 1;
            }
        }
    }
    assert_eq!(withheld, KEYS - 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn gdal_reads_every_row_of_geojson_and_geopackage_where_it_lies() {
    if Command::new("ogrinfo").arg("--version").output().is_err() {
        let what = "GDAL is not here, no file was read back (apt-get install gdal-bin)";
        return policies::testing::skipped(what);
    }
    let (_town, table, geojson) = released().await;
    let (folder, _) = write(&table, &geojson);
    let (json, gpkg) = (
        folder.path().join("od.geojson"),
        folder.path().join("od.gpkg"),
    );
    let rows = layer(&json, "od");
    compare(&rows, &table);
    let flow = rows
        .iter()
        .find(|row| row["origin"] == "c\"'<&>" && row["destination"] == "d, e");
    assert_eq!(
        flow.unwrap()["WKT"],
        "LINESTRING (24.925 60.005,24.935 60.005)"
    );
    let within = rows
        .iter()
        .find(|row| row["origin"] == "a" && row["destination"] == "a");
    assert_eq!(within.unwrap()["WKT"], "POINT (24.915 60.005)");
    let (between, within) = (layer(&gpkg, "od"), layer(&gpkg, "od_within"));
    assert_eq!(within.len(), 4 * 2);
    compare(&[between, within].concat(), &table);
    let released = folder.path().join("released.gpkg");
    assert_eq!(layer(&released, "od_within").len(), 1);
    let said = summary(&released, "od_domain");
    for column in ["withheld: Integer(Boolean)", "contributors: Integer"] {
        assert!(said.contains(column), "`{column}` is not in: {said}");
    }
    compare(&layer(&released, "od_domain"), &table);
    let zones = layer(&gpkg, "zones");
    let ids: Vec<&str> = zones.iter().map(|zone| zone["zone_id"].as_str()).collect();
    assert_eq!(ids, ZONES);
    let said = summary(&gpkg, "zones");
    let extent = "Extent: (24.900000, 60.000000) - (24.940000, 60.010000)";
    for expected in ["Feature Count: 4", extent, "WGS 84"] {
        assert!(said.contains(expected), "`{expected}` is not in: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pandas_reads_the_same_rows_from_csv_parquet_and_mds() {
    let Some(python) = python("python", "no file was read with pandas") else {
        return;
    };
    let (_town, table, geojson) = released().await;
    let (folder, export) = write(&table, &geojson);
    assert_eq!(export.grid().domain(Listed::Every).withheld, KEYS - 3);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/files.py");
    let done = Command::new(python).arg(script).arg(folder.path()).output();
    let done = done.unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    assert_eq!(
        String::from_utf8_lossy(&done.stdout).trim(),
        "the same 32 rows, 29 withheld"
    );
}

/// One clear refusal each; what is not taken is no zoning.
#[tokio::test(flavor = "multi_thread")]
async fn the_broker_takes_no_zoning_that_a_map_would_show_wrong() {
    let town = Town::new().await;
    let steward = town.member("steward").await;
    let with = |ring: serde_json::Value| {
        let mut all: serde_json::Value = serde_json::from_slice(&squares()).unwrap();
        all["features"][1]["geometry"]["coordinates"] = serde_json::json!([ring]);
        serde_json::to_vec(&all).unwrap()
    };
    let circle = |n: u32| {
        let angle = f64::from(n) / 600_000.0 * std::f64::consts::TAU;
        [
            (angle.cos() * 1e4).round() / 1e4,
            (angle.sin() * 1e4).round() / 1e4,
        ]
    };
    let circle: Vec<_> = (0..=600_000).map(circle).collect();
    let cases = [
        (
            serde_json::json!([[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]),
            "zone `b` crosses itself",
        ),
        (
            serde_json::json!([[52, 104], [53, 104], [53, 105], [52, 104]]),
            "longitude first",
        ),
        (
            serde_json::json!([[0, 0], [1, 1], [0, 0]]),
            "fewer than three corners",
        ),
        (serde_json::json!(circle), "600016 vertices"),
    ];
    for (n, (ring, said)) in cases.into_iter().enumerate() {
        let id = format!("hostile-{n}").parse().unwrap();
        let refused = steward.client.add_zoning(id, with(ring).into()).await;
        let text = refused.unwrap_err().to_string();
        assert!(text.contains(said), "`{said}` is not in: {text}");
    }
    assert_eq!(steward.client.zonings().await.unwrap().len(), 0);
}
