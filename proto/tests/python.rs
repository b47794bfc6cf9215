//! What the Python package carries of the contract and of the kinds of table is what stands here.
//! `WEIR_WRITE=1 cargo test --workspace --test python` writes both anew.
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::path::{Path, PathBuf};

use policies::agreement::Unit;
use policies::table::Table;
use prost::Message;
use prost_types::FileDescriptorSet;
use serde_json::{Value, json};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn check(name: &str, wanted: &[u8]) {
    let path = root().join("sdk/python").join(name);
    if std::env::var_os("WEIR_WRITE").is_some() {
        std::fs::write(&path, wanted).unwrap();
    }
    let found = std::fs::read(&path).unwrap_or_default();
    assert!(
        found == wanted,
        "{}: the contract has changed; WEIR_WRITE=1 cargo test --workspace --test python",
        path.display()
    );
}

/// Comments are left out: they are most of it.
#[test]
fn the_descriptors_in_the_package_are_the_contract() {
    let mut set = FileDescriptorSet::decode(proto::DESCRIPTORS).unwrap();
    for file in &mut set.file {
        file.source_code_info = None;
    }
    check("src/weir/weir_v1.binpb", &set.encode_to_vec());
}

#[test]
fn the_kinds_in_the_package_are_those_of_the_policies() {
    let folder = std::fs::read_dir(root().join("policies/kinds")).unwrap();
    let mut files: Vec<_> = folder.map(|file| file.unwrap().path()).collect();
    files.sort();
    let kinds = files.iter().map(|file| std::fs::read(file).unwrap());
    let kinds: Vec<Value> = kinds
        .map(|kind| serde_json::from_slice(&kind).unwrap())
        .collect();
    let text = serde_json::to_string_pretty(&kinds).unwrap();
    check("src/weir/kinds.json", format!("{text}\n").as_bytes());
}

/// What the package's own tests hold its columns against.
#[test]
fn the_columns_in_the_packages_tests_are_those_of_cells() {
    let mode = json!([{ "dimension": "mode", "values": ["bike"] }]);
    let tables = [
        ("od_trips", mode.clone(), json!([]), json!([])),
        (
            "od_trips",
            mode,
            json!([{ "measure": "duration_s", "min": 10, "max": 600 }]),
            json!([{ "measure": "duration_s", "edges": [60, 300] }]),
        ),
        (
            "presence",
            json!([{ "dimension": "category", "values": ["all"] }]),
            json!([]),
            json!([]),
        ),
        ("parking", json!([]), json!([]), json!([])),
    ];
    let cases = tables.iter().flat_map(|(kind, categories, clamps, bins)| {
        let table = json!({
            "name": "od", "kind": kind, "zoning": "town-2026", "period": "day", "bins": [0, 12],
            "categories": categories, "cells_max": 2, "per_cell_max": 3, "clamps": clamps,
            "histograms": bins,
        });
        let terms: Table = serde_json::from_value(table.clone()).unwrap();
        [Unit::PersonDay, Unit::None].map(|unit| {
            let schema = proto::columns::cells_schema(&terms, unit);
            let columns = schema.fields().iter();
            let columns = columns.map(|f| json!([f.name(), f.data_type().to_string()]));
            json!({ "table": table, "unit": unit, "columns": columns.collect::<Vec<_>>() })
        })
    });
    let lines: Vec<_> = cases.map(|case| case.to_string()).collect();
    let text = format!("[\n{}\n]\n", lines.join(",\n"));
    check("tests/columns.json", text.as_bytes());
}
