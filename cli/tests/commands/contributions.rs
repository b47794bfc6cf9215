//! contribution list, show, withdraw.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, RecordBatch, UInt8Array, UInt64Array};
use arrow::datatypes::Int32Type;
use jiff::civil::Date;
use policies::agreement::Agreement;
use proto::convert::Push;
use sdk::client::{Client, Profile, new_batch_id};

use crate::office::{Office, PURPOSE, first_day};

/// One cell of 500 people on the first day, pushed by the SDK.
pub fn pushed(office: &Office, id: &str) -> String {
    pushed_cells(office, id, &[("a", "b", 0, 500, 700)])
}

/// Cells of that day (origin, destination, bin, people, trips), rising by key, pushed by the SDK.
pub fn pushed_cells(office: &Office, id: &str, cells: &[(&str, &str, u8, u64, u64)]) -> String {
    pushed_on(office, id, first_day(), cells)
}

/// Of any day.
pub fn pushed_on(
    office: &Office,
    id: &str,
    day: Date,
    cells: &[(&str, &str, u8, u64, u64)],
) -> String {
    let bytes = std::fs::read(office.file("agreement.json")).unwrap();
    let terms = Agreement::parse(&bytes).unwrap();
    let text = |values: Vec<&str>| -> ArrayRef {
        Arc::new(values.into_iter().collect::<DictionaryArray<Int32Type>>())
    };
    let columns: Vec<ArrayRef> = vec![
        text(cells.iter().map(|cell| cell.0).collect()),
        text(cells.iter().map(|cell| cell.1).collect()),
        Arc::new(cells.iter().map(|cell| cell.2).collect::<UInt8Array>()),
        text(cells.iter().map(|_| "bike").collect()),
        Arc::new(cells.iter().map(|cell| cell.3).collect::<UInt64Array>()),
        Arc::new(cells.iter().map(|cell| cell.4).collect::<UInt64Array>()),
    ];
    let schema = proto::columns::cells_schema(&terms.tables[0], terms.population.unit);
    let cells = RecordBatch::try_new(schema, columns).unwrap();
    let push = Push {
        agreement: id.parse().unwrap(),
        table: "od".parse().unwrap(),
        period: day.to_string().parse().unwrap(),
        batch: new_batch_id().unwrap(),
        supersedes: None,
        rates: vec![],
        active_units: None,
    };
    let profile = office.file("certs/bikes/weir.toml");
    let profile = Profile::read(Path::new(&profile)).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = Client::connect(&profile).await.unwrap();
        client.push(&push, &[cells], |_| {}).await.unwrap();
    });
    push.batch.to_string()
}

#[test]
fn a_contribution_is_listed_taken_back_and_what_was_released_is_told() {
    let office = Office::open();
    let id = office.agreed();
    let batch = pushed(&office, &id);
    let listed = office.weir("city", &["contribution", "list", &id]).json();
    assert_eq!(listed["contributions"][0]["batch"], batch.as_str());
    let day = first_day().to_string();
    let request = ["release", "request", &id, "od", &day, "--purpose", PURPOSE];
    let released = office.weir("city", &request).json();
    let key = released["release"].as_str().unwrap();
    let shown = office
        .weir("bikes", &["contribution", "show", &id, &batch])
        .json();
    assert_eq!(
        (&shown["state"], &shown["releases"][0]["key"]),
        (&"live".into(), &key.into())
    );
    let withdraw = [
        "contribution",
        "withdraw",
        &id,
        &batch,
        "--reason",
        "counted twice",
    ];
    let planner = office.weir("city", &withdraw);
    planner.failed();
    let taken = office.weir("bikes", &withdraw).json();
    assert_eq!(taken["state"], "withdrawn");
    assert_eq!(taken["releases"][0]["key"], key);
    let again = office.weir("bikes", &withdraw).json();
    assert_eq!(again["proven_entry"], taken["proven_entry"], "once");
    let listed = office.weir("bikes", &["contribution", "list", &id]).json();
    assert_eq!(listed["contributions"].as_array().unwrap().len(), 0);
    let refused = office.weir("city", &request);
    assert_eq!(refused.code, 3, "{}", refused.err);
    // What was released stays, and the planner was told.
    office.weir("city", &["release", "get", key]).json();
    let told = office.watched("city", &[]);
    assert!(
        told.contains(&"contribution.withdrawn".to_owned()),
        "{told:?}"
    );
    assert!(told.contains(&"retention.deleted".to_owned()), "{told:?}");
}
