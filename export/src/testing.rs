//! A small town for tests: three zones with hostile names, released trips between them.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, DictionaryArray, Int64Array, RecordBatch, UInt8Array};
use arrow::datatypes::{Field, Int32Type, Schema, SchemaRef};
use serde_json::{Value, json};

use crate::grid::Listed;
use crate::source::{Export, Source};

pub const RECEIPT: &str = "c2sp.org/tlog-proof@v1\nindex 7\n";
pub const QUOTES: &str = "b\"'<&>";
pub const FORMULA: &str = "=1+1";
pub const LABEL: &str = policies::column::K_ONLY;

pub fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(
        values
            .iter()
            .copied()
            .collect::<DictionaryArray<Int32Type>>(),
    )
}

pub fn numbers(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

pub fn bins(values: &[u8]) -> ArrayRef {
    Arc::new(UInt8Array::from(values.to_vec()))
}

pub fn flags(values: &[bool]) -> ArrayRef {
    Arc::new(BooleanArray::from(values.to_vec()))
}

pub fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let fields = columns
        .iter()
        .map(|(name, c)| Field::new(*name, c.data_type().clone(), false));
    let schema: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    RecordBatch::try_new(schema, columns.into_iter().map(|(_, c)| c).collect()).unwrap()
}

/// Three squares of 0.01°; the first two are in the parent `west`. The outer rings run with the clock.
pub fn zoning() -> Vec<u8> {
    let feature = |n: i32, id: &str, parent: &str| {
        let (west, east) = (f64::from(2490 + n) / 100.0, f64::from(2491 + n) / 100.0);
        json!({
            "type": "Feature", "properties": { "zone_id": id, "parent": parent, "name": format!("Zone {id}") },
            "geometry": { "type": "Polygon", "coordinates": [[
                [west, 60.0], [west, 60.01], [east, 60.01], [east, 60.0], [west, 60.0]]] },
        })
    };
    let features = [
        feature(0, "00100", "west"),
        feature(1, FORMULA, "west"),
        feature(2, QUOTES, "east"),
    ];
    serde_json::to_vec(&json!({
        "type": "FeatureCollection", "attribution": "City of Helsinki", "licence": "CC BY 4.0",
        "features": features,
    }))
    .unwrap()
}

/// A sheet of `od`: 3 × 3 zones × 2 bins × 1 mode.
pub fn sheet() -> Value {
    let digest = "ab".repeat(32);
    let draw = json!({ "noise": "discrete_laplace", "scale": 32, "l0": 4, "linf": 1 });
    json!({
        "release": digest, "agreement": digest, "provider": "bikes", "population": "riders",
        "unit": "person-day",
        "table": { "name": "od", "kind": "od_trips", "zoning": "town", "period": "day", "bins": [0, 12],
            "categories": [{ "dimension": "mode", "values": ["bike"] }], "cells_max": 4, "per_cell_max": 2,
            "clamps": [{ "measure": "duration_s", "min": 0, "max": 9 }] },
        "period": "2026-10-05", "edition": 1, "late": false, "missing_periods": [],
        "mechanism": { "kind": "thresholded", "selection": { "draw": draw, "k": 5, "threshold": 40 },
            "measures": [] },
        "charge": { "rho": "0.02", "delta": "0.00000001" }, "cost": { "rho": "0.02", "delta": "0.00000001" },
        "losses": [{ "over": "unit_period", "unit_periods": 1, "epsilon": "1.25", "epsilon_delta": "0.000001",
            "loss": { "rho": "0.02", "delta": "0.00000001" } }],
        "half_widths": [], "domain_keys": 18, "published_keys": 3, "withheld_keys": 15, "declared": [],
        "claim": "Given the provider's bounds.",
    })
}

/// Three released rows: inside a zone, and between zones.
pub fn released() -> RecordBatch {
    batch(vec![
        ("origin", texts(&["00100", "00100", FORMULA])),
        ("destination", texts(&["00100", QUOTES, "00100"])),
        ("start", bins(&[1, 0, 1])),
        ("mode", texts(&["bike", "bike", "bike"])),
        ("contributors", numbers(&[50, 1234, 60])),
        ("contributors_low", numbers(&[40, 1224, 50])),
        ("contributors_high", numbers(&[60, 1244, 70])),
        ("near_threshold", flags(&[true, false, false])),
    ])
}

pub fn export_of(rows: &RecordBatch, sheet: &Value) -> Export {
    try_export(rows, sheet, &zoning()).unwrap()
}

pub fn try_export(
    rows: &RecordBatch,
    sheet: &Value,
    zoning: &[u8],
) -> Result<Export, crate::ExportError> {
    Export::new(Source {
        schema: &rows.schema(),
        batches: std::slice::from_ref(rows),
        quality_sheet: &serde_json::to_vec(sheet).unwrap(),
        zoning,
        receipt: RECEIPT,
        time_zone: Some("Europe/Helsinki"),
        licence: None,
    })
}

/// All rows of a file that lists every key.
pub fn all(export: &Export) -> RecordBatch {
    let pages: Result<Vec<_>, _> = export.grid().pages(Listed::Every).collect();
    arrow::compute::concat_batches(&export.grid().batch().schema(), &pages.unwrap()).unwrap()
}

pub fn export() -> Export {
    export_of(&released(), &sheet())
}

/// Rows of a presence table: 3 zones × 1 bin × 1 category.
pub fn presence() -> Export {
    let mut sheet = sheet();
    sheet["table"]["kind"] = "presence".into();
    sheet["table"]["name"] = "people".into();
    sheet["table"]["bins"] = json!([0]);
    sheet["table"]["clamps"] = json!([]);
    sheet["table"]["categories"] = json!([{ "dimension": "category", "values": ["resident"] }]);
    sheet["domain_keys"] = 3.into();
    let rows = batch(vec![
        ("zone", texts(&["00100", QUOTES])),
        ("time", bins(&[0, 0])),
        ("category", texts(&["resident", "resident"])),
        ("contributors", numbers(&[120, 80])),
        ("contributors_low", numbers(&[110, 70])),
        ("contributors_high", numbers(&[130, 90])),
        ("near_threshold", flags(&[false, false])),
    ]);
    export_of(&rows, &sheet)
}
