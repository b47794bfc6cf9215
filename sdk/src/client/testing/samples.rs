//! Things that a client and a broker speak about.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray,
    UInt8Array, UInt64Array,
};
use arrow::datatypes::Schema;
use arrow::ipc::writer::StreamWriter;
use audit::commitment::{Commitment, Salt};
use policies::agreement::{Agreement, Unit};
use policies::entry::{Body, Contribution};
use policies::id::{BlobId, ReleaseKey, Role};
use policies::table::Table;
use proto::convert::{Organisation, Push, Rate};

use crate::sign::{Admission, Signer};

pub(crate) const DIGEST: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
pub(crate) const OTHER_DIGEST: &str =
    "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752";

/// A fresh key.
pub(crate) fn signer() -> Signer {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("signing.key");
    let key = certs::Es256Key::generate().unwrap();
    certs::write_secret(&path, key.to_pem().as_bytes(), false).unwrap();
    Signer::from_pem_file(&path).unwrap()
}

pub(crate) fn admission(org: &str, role: Role, signer: &Signer) -> Admission {
    let spiffe = format!("spiffe://weir.test/org/{org}");
    let at = "2026-11-24T08:00:00Z".parse().unwrap();
    signer
        .admission(org.parse().unwrap(), role, spiffe, at)
        .unwrap()
}

pub(crate) fn organisation(org: &str, role: Role, signer: &Signer) -> Organisation {
    proto::convert::Admission::from(admission(org, role, signer)).organisation
}

pub(crate) fn admitted(admission: &Admission) -> Body {
    Body::OrgAdmitted {
        org: admission.org.clone(),
        role: admission.role,
        spiffe: admission.spiffe.clone(),
        key: admission.key.clone(),
        possession: admission.possession.clone(),
        by: None,
    }
}

pub(crate) fn agreement(provider: &Signer, planner: &Signer) -> Agreement {
    let json = format!(
        r#"{{"form": "weir/agreement/1", "title": "t", "public_summary": "s",
        "provider": {{"org": "bikes", "key": "{}"}}, "planner": {{"org": "city", "key": "{}"}},
        "recipients": ["city"], "purposes": ["dpv:PublicPolicyMaking"],
        "valid": {{"from": "2023-10-01", "until": "2024-10-01"}},
        "covers": {{"from": "2023-10-01", "until": "2023-12-31"}}, "retention_days": 30,
        "population": {{"id": "riders", "description": "d", "unit": "none"}},
        "time_zone": "Europe/Helsinki", "zonings": [], "k": 0, "tables": [], "plan": []}}"#,
        provider.public_key().fingerprint(),
        planner.public_key().fingerprint()
    );
    Agreement::parse(json.as_bytes()).unwrap()
}

pub(crate) fn table() -> Table {
    serde_json::from_str(
        r#"{"name": "od", "kind": "od_trips", "zoning": "post", "period": "day", "bins": [0, 12],
        "categories": [{"dimension": "mode", "values": ["bike"]}], "cells_max": 4,
        "per_cell_max": 2, "clamps": []}"#,
    )
    .unwrap()
}

pub(crate) const UNIT: Unit = Unit::Trip;

pub(crate) fn push() -> Push {
    Push {
        agreement: DIGEST.parse().unwrap(),
        table: "od".parse().unwrap(),
        period: "2023-10-05".parse().unwrap(),
        batch: "b-2".parse().unwrap(),
        supersedes: Some("b-1".parse().unwrap()),
        rates: vec![Rate {
            name: "truncated".parse().unwrap(),
            ppm: 12_000,
        }],
        active_units: Some(987_654),
    }
}

/// What the broker would log of a push.
pub(crate) fn accepted(push: &Push) -> Contribution {
    Contribution {
        agreement: push.agreement.clone(),
        table: push.table.clone(),
        period: push.period,
        provider: "bikes".parse().unwrap(),
        batch: push.batch.clone(),
        blob: DIGEST.parse().unwrap(),
        supersedes: push.supersedes.clone(),
        late: false,
    }
}

fn dictionary(rows: usize, values: &[&str], at: impl Fn(usize) -> usize) -> ArrayRef {
    let keys = Int32Array::from_iter_values((0..rows).map(|row| i32::try_from(at(row)).unwrap()));
    let values = Arc::new(StringArray::from(values.to_vec()));
    Arc::new(DictionaryArray::new(keys, values))
}

/// Cells of [`table`], `rows` of them, each numbered by its `trips` from `first` on.
pub(crate) fn cells(first: usize, rows: usize) -> RecordBatch {
    let zones = ["00100", "00120", "00130"];
    let numbers = |from: usize| {
        let values = (0..rows).map(|row| (from + row) as u64);
        Arc::new(UInt64Array::from_iter_values(values)) as ArrayRef
    };
    let columns: Vec<ArrayRef> = vec![
        dictionary(rows, &zones, |row| row % 3),
        dictionary(rows, &zones, |row| (row + 1) % 3),
        Arc::new(UInt8Array::from(vec![1; rows])),
        dictionary(rows, &["bike"], |_| 0),
        numbers(1),
        numbers(first),
    ];
    let schema = proto::columns::cells_schema(&table(), UNIT);
    RecordBatch::try_new(schema, columns).unwrap()
}

/// A release of [`table`] under [`DIGEST`] for 2023-10-05: its blob, quality sheet, salt and bytes.
pub(crate) fn published(key: &ReleaseKey, rows: usize) -> (BlobId, Vec<u8>, Salt, Vec<u8>) {
    let sheet = serde_json::json!({
        "release": key,
        "agreement": DIGEST,
        "table": table(),
        "period": "2023-10-05",
        "edition": 1,
        "unit": UNIT,
        "mechanism": {
            "kind": "thresholded",
            "selection": {
                "draw": {"noise": "discrete_gaussian", "scale": 160, "l0": 4, "linf": 1},
                "k": 5,
                "threshold": 40,
            },
            "measures": [],
        },
        "charge": {"rho": "0.02", "delta": "0.00000001"},
        "published_keys": rows,
        "claim": "what is not read here is kept",
    });
    let sheet = sheet.to_string();
    let facts = [("weir.quality".to_owned(), sheet.clone())].into();
    let released = proto::columns::released_schema(&table(), UNIT, &[]);
    let schema = Arc::new(Schema::new_with_metadata(released.fields().clone(), facts));
    let number = || Arc::new(Int64Array::from(vec![50; rows])) as ArrayRef;
    let keys = cells(0, rows).columns().iter().take(4).cloned().collect();
    let near: ArrayRef = Arc::new(BooleanArray::from(vec![false; rows]));
    let columns: Vec<ArrayRef> = [keys, vec![number(), number(), number(), near]].concat();
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
    let mut stream = StreamWriter::try_new(Vec::new(), &schema).unwrap();
    stream.write(&batch).unwrap();
    let bytes = stream.into_inner().unwrap();
    let salt = Salt::new([3; 16]);
    let blob = Commitment::new(&salt, &bytes).to_string().parse().unwrap();
    (blob, sheet.into_bytes(), salt, bytes)
}
