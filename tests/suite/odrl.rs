//! Agreements as ODRL policies, against the W3C's SHACL shapes and the Dataspace Protocol's JSON schemas.

use std::path::{Path, PathBuf};
use std::process::Command;

use policies::agreement::Agreement;
use policies::odrl::{Class, Policy};
use policies::template::TEMPLATES;
use policies::testing::{Signer, ad_hoc, agreement, dense, k_only, rung};

use crate::opening::python;

/// Public schemas: in `schemas` beside the data, and not in the repository.
pub fn schemas() -> PathBuf {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let data = std::env::var_os("WEIR_DATA").map_or(shared, PathBuf::from);
    data.with_file_name("schemas")
}

#[test]
fn policies_hold_by_the_shapes_of_w3c_and_the_schemas_of_the_dataspace_protocol() {
    let schemas = schemas();
    let Some(python) = python("odrl", "no policy was validated") else {
        return;
    };
    let shapes = schemas.join("odrl/shapesv2.ttl");
    if !shapes.exists() {
        let path = shapes.display();
        let what = format_args!("`{path}` is not here, no policy was validated");
        return policies::testing::skipped(what);
    }
    let plain = agreement(&Signer::new(), &Signer::new());
    let mut full = plain.clone();
    full.ad_hoc = vec![ad_hoc()];
    full.plan[0].rungs = vec![rung()];
    full.plan[0].joint = serde_json::from_str(r#"{"min_providers": 3}"#).unwrap();
    full.on_end = serde_json::from_str(r#"{"tables": "closed", "notice_days": 30}"#).unwrap();
    full.publication =
        serde_json::from_str(r#"{"licence": "CC-BY-4.0", "on_end": "withdrawn"}"#).unwrap();
    let mut terms: Vec<_> = TEMPLATES
        .iter()
        .map(|t| Agreement::parse(t.json.as_bytes()).unwrap())
        .collect();
    terms.extend([dense(&plain), k_only(&plain), full]);

    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("odrl/check.py");
    let mut check = Command::new(python);
    check.arg("-W").arg("ignore").arg(script).arg(schemas);
    for (n, terms) in terms.iter().enumerate() {
        for class in [Class::Offer, Class::Agreement] {
            let policy = Policy::of(terms, class).unwrap();
            let file = folder.path().join(format!("{n}-{class:?}.jsonld"));
            std::fs::write(&file, serde_json::to_vec_pretty(&policy).unwrap()).unwrap();
            check.arg(file);
        }
    }
    let done = check.output().unwrap();
    let told = String::from_utf8_lossy(&done.stdout).into_owned();
    let faults = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{told}{faults}");
    assert!(told.contains("16 policies"), "{told}");
}
