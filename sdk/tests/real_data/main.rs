//! Real data, where it is there: `WEIR_DATA`, or `../shared/data` beside the repository. Its traps
//! are facts of `shared/reference/data.md` and the folders' SOURCE.md. Without it every test says
//! so aloud.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod bikes;
mod others;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use arrow::datatypes::{Int64Type, UInt64Type};
use policies::agreement::Agreement;
use sdk::aggregate::{AggregateError, Aggregated, Mapping, Options, Report, Secret, Zoning, run};

fn data(folder: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let root = std::env::var_os("WEIR_DATA").map_or(beside, PathBuf::from);
    let path = root.join(folder);
    if path.is_dir() {
        return Some(path);
    }
    policies::testing::skipped(format_args!(
        "no real data at `{}`; set WEIR_DATA to test with it",
        path.display()
    ));
    None
}

fn zoning(path: &Path) -> Zoning {
    Zoning::parse(&fs::read(path).unwrap()).unwrap()
}

struct Terms<'a> {
    unit: &'a str,
    zone: &'a str,
    covers: (&'a str, &'a str),
    tables: &'a [String],
}

fn agreement(terms: &Terms<'_>, zoning: &Zoning) -> Agreement {
    let Terms {
        unit,
        zone,
        covers: (from, until),
        tables,
    } = terms;
    let name = |table: &String| {
        let table: serde_json::Value = serde_json::from_str(table).unwrap();
        let name = table["name"].as_str().unwrap().to_owned();
        format!(r#"{{"table": "{name}", "editions": 1, "due_hours": 1, "grace_hours": 1}}"#)
    };
    let plan: Vec<String> = tables.iter().map(name).collect();
    let key = "0".repeat(64);
    let json = format!(
        r#"{{"form": "weir/agreement/1", "title": "t", "public_summary": "s",
        "provider": {{"org": "bikes", "key": "{key}"}},
        "planner": {{"org": "city", "key": "{key}"}},
        "recipients": ["city"], "purposes": ["dpv:PublicPolicyMaking"],
        "valid": {{"from": "{from}", "until": "{until}"}},
        "covers": {{"from": "{from}", "until": "{until}"}}, "retention_days": 30,
        "population": {{"id": "riders", "description": "d", "unit": "{unit}"}},
        "time_zone": "{zone}",
        "zonings": [{{"id": "zones", "sha256": "{}", "zones": {}}}], "k": 10,
        "tables": [{}], "plan": [{}]}}"#,
        zoning.sha256(),
        zoning.ids().len(),
        tables.join(","),
        plan.join(",")
    );
    Agreement::parse(json.as_bytes()).unwrap()
}

fn od(name: &str, period: &str, bins: &str, clamps: &str) -> String {
    format!(
        r#"{{"name": "{name}", "kind": "od_trips", "zoning": "zones", "period": "{period}",
        "bins": {bins},
        "categories": [{{"dimension": "mode", "values": ["bike", "taxi"]}}],
        "cells_max": 2, "per_cell_max": 1, "clamps": [{clamps}]}}"#
    )
}

fn aggregate(
    agreement: &Agreement,
    mapping: &Mapping,
    inputs: &[PathBuf],
    zoning: Zoning,
) -> Result<(Vec<Aggregated>, Report), AggregateError> {
    let options = Options::new(Secret::from_bytes(&[1; 32]));
    let found = run(agreement, mapping, inputs, &[zoning], &options, &mut |_| {})?;
    for table in &found.1.tables {
        assert_eq!(
            table.kept + table.rejected_total(),
            found.1.read,
            "{}",
            found.1
        );
    }
    Ok(found)
}

fn rejected(report: &Report, table: usize) -> BTreeMap<&'static str, u64> {
    let rejected = report.tables[table].rejected.iter();
    rejected
        .map(|(reason, rows)| (reason.as_str(), *rows))
        .collect()
}

fn total(found: &[Aggregated], table: &str, column: &str) -> i64 {
    let parts = found.iter().filter(|part| part.table.as_str() == table);
    parts
        .map(|part| {
            let column = part.cells.column_by_name(column).unwrap();
            match column.as_primitive_opt::<UInt64Type>() {
                Some(counts) => counts
                    .values()
                    .iter()
                    .map(|n| i64::try_from(*n).unwrap())
                    .sum(),
                None => column
                    .as_primitive::<Int64Type>()
                    .values()
                    .iter()
                    .sum::<i64>(),
            }
        })
        .sum()
}
