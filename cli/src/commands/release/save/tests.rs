#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int64Array, UInt8Array};
use arrow::datatypes::Int32Type;
use serde_json::json;

use super::*;

/// One row of one zone, merged over these days.
fn merged(days: [&str; 2]) -> Export {
    let digest = "ab".repeat(32);
    let draw = json!({ "noise": "discrete_laplace", "scale": 32, "l0": 1, "linf": 1 });
    let sheet = json!({
        "release": digest, "agreement": digest, "provider": "bikes", "population": "riders",
        "unit": "person-day",
        "table": { "name": "parked", "kind": "parking", "zoning": "town", "period": "day", "bins": [0],
            "categories": [], "cells_max": 1, "per_cell_max": 1, "clamps": [] },
        "period": days[0], "merge": { "periods": days }, "edition": 1,
        "mechanism": { "kind": "dense", "contributors": draw, "measures": [] },
        "charge": { "rho": "0.02", "delta": "0" }, "losses": [], "domain_keys": 1, "claim": "None.",
    });
    let zone: DictionaryArray<Int32Type> = ["a"].into_iter().collect();
    let batch = RecordBatch::try_from_iter([
        ("zone", Arc::new(zone) as ArrayRef),
        ("time", Arc::new(UInt8Array::from(vec![0]))),
        ("contributors_at_least", Arc::new(Int64Array::from(vec![7]))),
    ]);
    let batch = batch.unwrap();
    let zoning = json!({ "type": "FeatureCollection", "features": [
        { "type": "Feature", "properties": { "zone_id": "a" }, "geometry": null },
    ] });
    let source = Source {
        schema: &batch.schema(),
        batches: std::slice::from_ref(&batch),
        quality_sheet: &serde_json::to_vec(&sheet).unwrap(),
        zoning: &serde_json::to_vec(&zoning).unwrap(),
        receipt: "",
        time_zone: None,
        licence: None,
    };
    Export::new(source).unwrap()
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// MDS knows no interval with gaps, which is said while the file is written.
#[test]
fn an_export_that_is_refused_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("parked.json");
    let gaps = merged(["2026-10-05", "2026-10-07"]);
    let error = write(&gaps, Format::Mds, Listed::Every, &out).unwrap_err();
    assert!(error.text().contains("gaps"), "{}", error.text());
    assert!(names(folder.path()).is_empty(), "nothing is left");
    std::fs::write(&out, "old").unwrap();
    write(&gaps, Format::Mds, Listed::Every, &out).unwrap_err();
    assert_eq!(std::fs::read_to_string(&out).unwrap(), "old");
    assert_eq!(names(folder.path()), ["parked.json"]);
    write(
        &merged(["2026-10-05", "2026-10-06"]),
        Format::Mds,
        Listed::Every,
        &out,
    )
    .unwrap();
    assert!(std::fs::read_to_string(&out).unwrap().contains("P2D"));
}

#[test]
fn every_form_takes_the_place_of_an_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let export = merged(["2026-10-05", "2026-10-06"]);
    let forms = [
        Format::Csv,
        Format::Parquet,
        Format::GeoJson,
        Format::GeoPackage,
        Format::Mds,
    ];
    let out = folder.path().join("parked");
    for format in forms {
        std::fs::write(&out, "old".repeat(100_000)).unwrap();
        write(&export, format, Listed::Every, &out).unwrap();
        let bytes = std::fs::read(&out).unwrap();
        assert!(
            !bytes.is_empty() && !bytes.starts_with(b"old"),
            "{format:?}"
        );
        assert!(!bytes.ends_with(b"old"), "{format:?}");
    }
    let all = names(folder.path());
    assert_eq!(all, ["parked", "parked-metadata.json"]);
}

/// A file that only its owner may read stays so; a new one is like any other.
#[cfg(unix)]
#[test]
fn who_may_read_a_file_stays_as_it_was() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    let other = folder.path().join("other");
    std::fs::write(&old, "").unwrap();
    std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&other, "").unwrap();
    let export = merged(["2026-10-05", "2026-10-06"]);
    for out in [&old, &new] {
        write(&export, Format::Csv, Listed::Every, out).unwrap();
    }
    assert_eq!(mode(&old), 0o600);
    assert_eq!(mode(&new), mode(&other));
}
