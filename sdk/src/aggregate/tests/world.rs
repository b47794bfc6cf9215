//! A small made-up city: four square zones in two rows, agreements over it, and files of trips.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int32Type, Int64Type, UInt8Type, UInt64Type};
use policies::agreement::Agreement;

use crate::aggregate::{AggregateError, Aggregated, Mapping, Options, Report, Secret, Zoning, run};

/// Zone ids with leading zeros, of which the shorter looks like the longer as a number.
pub const ZONES: [&str; 4] = ["00100", "0100", "02100", "02150"];

/// West end and south end of each zone, one degree wide.
pub const CORNERS: [(f64, f64); 4] = [(24.0, 60.0), (25.0, 60.0), (24.0, 61.0), (25.0, 61.0)];

pub fn zoning() -> Zoning {
    Zoning::parse(zoning_json().as_bytes()).unwrap()
}

fn zoning_json() -> String {
    let feature =
        |(id, (west, south)): (&str, (f64, f64))| square(&format!("\"{id}\""), west, south);
    let features: Vec<String> = ZONES.into_iter().zip(CORNERS).map(feature).collect();
    collection(&features)
}

/// A zone of one degree; the id is a JSON value.
pub fn square(id: &str, west: f64, south: f64) -> String {
    let (east, north) = (west + 1.0, south + 1.0);
    format!(
        r#"{{"type": "Feature", "properties": {{"zone_id": {id}}},
        "geometry": {{"type": "Polygon", "coordinates": [[[{west}, {south}], [{east}, {south}],
        [{east}, {north}], [{west}, {north}], [{west}, {south}]]]}}}}"#
    )
}

/// The GeoJSON of a zoning.
pub fn collection(features: &[String]) -> String {
    let all = features.join(",");
    format!(r#"{{"type": "FeatureCollection", "features": [{all}]}}"#)
}

/// A table of trips between zones, in three bins a day.
pub fn od(name: &str, period: &str, cells_max: u32, per_cell_max: u32) -> String {
    format!(
        r#"{{"name": "{name}", "kind": "od_trips", "zoning": "grid", "period": "{period}",
        "bins": [0, 7, 16], "categories": [{{"dimension": "mode", "values": ["walk", "bike"]}}],
        "cells_max": {cells_max}, "per_cell_max": {per_cell_max},
        "clamps": [{{"measure": "duration_s", "min": 60, "max": 7200}},
                   {{"measure": "distance_m", "min": 0, "max": 20000}}]}}"#
    )
}

/// People present in a zone by hour, with the days of a week as category.
pub fn presence(name: &str, bins: &str, cells_max: u32, per_cell_max: u32) -> String {
    format!(
        r#"{{"name": "{name}", "kind": "presence", "zoning": "grid", "period": "month",
        "bins": {bins},
        "categories": [{{"dimension": "category", "values": ["workday", "sunday"]}}],
        "cells_max": {cells_max}, "per_cell_max": {per_cell_max}, "clamps": []}}"#
    )
}

/// An agreement of October 2023 in Helsinki's time.
pub fn agreement(unit: &str, tables: &[String]) -> Agreement {
    let name = |table: &String| {
        let table: serde_json::Value = serde_json::from_str(table).unwrap();
        table["name"].as_str().unwrap().to_owned()
    };
    let plan = |table: &String| {
        format!(
            r#"{{"table": "{}", "editions": 1, "due_hours": 1, "grace_hours": 1}}"#,
            name(table)
        )
    };
    let plan: Vec<String> = tables.iter().map(plan).collect();
    let key = "0".repeat(64);
    let json = format!(
        r#"{{"form": "weir/agreement/1", "title": "t", "public_summary": "s",
        "provider": {{"org": "bikes", "key": "{key}"}},
        "planner": {{"org": "city", "key": "{key}"}},
        "recipients": ["city"], "purposes": ["dpv:PublicPolicyMaking"],
        "valid": {{"from": "2023-01-01", "until": "2024-12-31"}},
        "covers": {{"from": "2023-10-01", "until": "2023-10-31"}}, "retention_days": 30,
        "population": {{"id": "riders", "description": "d", "unit": "{unit}"}},
        "time_zone": "Europe/Helsinki",
        "zonings": [{{"id": "grid", "sha256": "{}", "zones": 4}}], "k": 10,
        "tables": [{}], "plan": [{}]}}"#,
        zoning().sha256(),
        tables.join(","),
        plan.join(",")
    );
    Agreement::parse(json.as_bytes()).unwrap()
}

/// Reads columns of the same names as the fields; `unit` is left to the test.
pub const TRIPS: &str = r#"
[source]
format = "csv"
[time]
column = "start"
[dimensions.origin]
column = "from"
[dimensions.destination]
column = "to"
[dimensions.mode]
column = "mode"
values = { bicycle = "bike" }
[sums.duration_s]
column = "minutes"
scale = 60.0
missing = [-1]
[sums.distance_m]
column = "metres"
"#;

/// Adds a person's column to [`TRIPS`].
pub const RIDER: &str = "[unit]\ncolumn = \"rider\"\nmissing = [\"anonymous\"]\n";

pub const HEADER: &str = "rider,start,from,to,mode,minutes,metres";

pub struct World {
    pub folder: tempfile::TempDir,
    pub options: Options,
}

impl World {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            options: Options::new(Secret::from_bytes(&[7; 32])),
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    pub fn csv(&self, name: &str, header: &str, rows: &[String]) -> PathBuf {
        self.file(name, &format!("{header}\n{}\n", rows.join("\n")))
    }

    pub fn try_run(
        &self,
        agreement: &Agreement,
        mapping: &str,
        inputs: &[PathBuf],
    ) -> Result<(Vec<Aggregated>, Report), AggregateError> {
        let mapping = Mapping::parse(mapping, self.path())?;
        run(
            agreement,
            &mapping,
            inputs,
            &[zoning()],
            &self.options,
            &mut |_| {},
        )
    }

    pub fn run(
        &self,
        agreement: &Agreement,
        mapping: &str,
        inputs: &[PathBuf],
    ) -> (Vec<Aggregated>, Report) {
        let (aggregated, report) = self.try_run(agreement, mapping, inputs).unwrap();
        for table in &report.tables {
            assert_eq!(table.kept + table.rejected_total(), report.read, "{report}");
        }
        (aggregated, report)
    }

    /// Runs trips given as rows below [`HEADER`].
    pub fn trips(
        &self,
        agreement: &Agreement,
        mapping: &str,
        rows: &[String],
    ) -> (Vec<Aggregated>, Report) {
        let input = self.csv("trips.csv", HEADER, rows);
        self.run(agreement, mapping, &[input])
    }
}

/// The cells of all tables and periods as text: `table period origin … ` → numbers by column.
pub type Cells = BTreeMap<String, BTreeMap<String, i64>>;

/// Also checks that each batch is sorted by key and has each key once.
pub fn cells(aggregated: &[Aggregated]) -> Cells {
    let mut all = Cells::new();
    for part in aggregated {
        let mut before: Option<Vec<String>> = None;
        for row in 0..part.cells.num_rows() {
            let (mut key, mut numbers) = (Vec::new(), BTreeMap::new());
            let schema = part.cells.schema();
            for (field, column) in schema.fields().iter().zip(part.cells.columns()) {
                match field.data_type() {
                    DataType::Dictionary(..) => {
                        let texts = column.as_dictionary::<Int32Type>();
                        let code = usize::try_from(texts.keys().value(row)).unwrap();
                        key.push(texts.values().as_string::<i32>().value(code).to_owned());
                    }
                    DataType::UInt8 => {
                        let bin = column.as_primitive::<UInt8Type>().value(row);
                        key.push(format!("{bin:02}"));
                    }
                    DataType::UInt64 => {
                        let number = column.as_primitive::<UInt64Type>().value(row);
                        numbers.insert(field.name().clone(), i64::try_from(number).unwrap());
                    }
                    _ => {
                        let number = column.as_primitive::<Int64Type>().value(row);
                        numbers.insert(field.name().clone(), number);
                    }
                }
            }
            assert!(
                before.as_ref().is_none_or(|before| *before < key),
                "{key:?} is not sorted"
            );
            let name = format!("{} {} {}", part.table, part.period, key.join(" "));
            assert!(all.insert(name, numbers).is_none());
            before = Some(key);
        }
    }
    all
}
