use serde_json::json;

use super::*;
use crate::testing::*;

fn row(export: &crate::Export, row: usize) -> Vec<Value<'_>> {
    let grid = export.grid();
    (0..grid.columns().len())
        .map(|c| grid.value(c, row))
        .collect()
}

#[test]
fn every_key_of_the_public_domain_has_one_row() {
    let export = export();
    let grid = export.grid();
    let domain = Domain {
        keys: 18,
        withheld: 15,
        listed: true,
    };
    assert_eq!((grid.count(), grid.domain()), (18, domain));
    let withheld = grid.place("withheld").unwrap();
    assert_eq!(withheld + 1, grid.columns().len(), "the last column");
    let mut keys = std::collections::BTreeSet::new();
    for n in 0..grid.count() {
        let row = row(&export, n);
        keys.insert(format!("{:?}", &row[..4]));
        let empty = row[4..8].iter().all(|value| *value == Value::Missing);
        assert_eq!(row[withheld], Value::Flag(empty), "{row:?}");
    }
    assert_eq!(keys.len(), 18);
    let first = row(&export, 1);
    assert_eq!(first[0], Value::Text("00100".into()));
    assert_eq!(first[2], Value::Text("12:00-24:00".into()));
    assert_eq!(first[5], Value::Number(40));
}

/// A withheld key looks the same whether it was suppressed or never had a trip: nothing but its key is there.
#[test]
fn suppressed_and_absent_look_the_same() {
    let export = export();
    let withheld = (0..18).filter(|n| row(&export, *n)[8] == Value::Flag(true));
    let beside: std::collections::BTreeSet<String> = withheld
        .map(|n| format!("{:?}", &row(&export, n)[4..]))
        .collect();
    assert_eq!(beside.len(), 1, "{beside:?}");
}

#[test]
fn another_zoning_or_a_foreign_key_is_refused() {
    let mut zoning: serde_json::Value = serde_json::from_slice(&zoning()).unwrap();
    zoning["features"].as_array_mut().unwrap().pop();
    let zoning = serde_json::to_vec(&zoning).unwrap();
    let error = try_export(&released(), &sheet(), &zoning).unwrap_err();
    assert!(
        error.to_string().contains("8 keys") && error.to_string().contains("states 18"),
        "{error}"
    );
    let mut columns = released().columns().to_vec();
    columns[0] = texts(&["00100", "00100", "00100"]);
    columns[1] = texts(&["00100", "00100", "00100"]);
    columns[2] = bins(&[1, 1, 0]);
    let twice = RecordBatch::try_new(released().schema(), columns).unwrap();
    assert!(matches!(
        try_export(&twice, &sheet(), &crate::testing::zoning()),
        Err(ExportError::Key)
    ));
}

#[test]
fn above_the_limit_only_released_rows_are_written_and_the_papers_say_so() {
    let mut sheet = sheet();
    let many: Vec<String> = (0..120_000).map(|n| format!("m{n}")).collect();
    let many: Vec<_> = ["bike".to_owned()].into_iter().chain(many).collect();
    sheet["table"]["categories"][0]["values"] = json!(many);
    sheet["domain_keys"] = (18_u64 * 120_001).into();
    let export = export_of(&released(), &sheet);
    let domain = export.grid().domain();
    assert_eq!((export.grid().count(), domain.listed), (3, false));
    assert_eq!(domain.withheld, 18 * 120_001 - 3);
    let note = export.domain_note();
    assert!(
        note.contains("2,160,018 keys") && note.contains("only released rows"),
        "{note}"
    );
}

/// Rows of a coarser rung stand behind the table's own keys, and withhold none of them.
#[test]
fn a_ladders_coarser_rows_come_after_the_domain() {
    let mut sheet = sheet();
    sheet["rungs"] =
        json!([{ "coarsening": { "zones": "parent", "bins": [0] }, "published_keys": 1 }]);
    sheet["table"]["bins"] = json!([0, 12]);
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("origin", texts(&["00100", "west"])),
        ("destination", texts(&["00100", "east"])),
        ("start", bins(&[1, 0])),
        ("mode", texts(&["bike", "bike"])),
        ("contributors", numbers(&[50, 70])),
    ];
    columns.push(("rung", bins(&[0, 1])));
    let export = export_of(&batch(columns), &sheet);
    assert_eq!(
        (export.grid().count(), export.grid().domain().withheld),
        (19, 17)
    );
    let last = row(&export, 18);
    assert_eq!(last[0], Value::Text("west".into()));
    assert_eq!(last[5..], [Value::Number(1), Value::Flag(false)]);
    assert_eq!(
        row(&export, 0)[5],
        Value::Number(0),
        "a withheld key is the table's own"
    );
}

#[test]
fn margins_of_a_k_only_table_keep_their_label_and_so_do_withheld_keys() {
    let mut sheet = sheet();
    sheet["mechanism"] = json!({ "kind": "k_only", "k": 5 });
    let export = export_of(
        &batch(vec![
            ("origin", texts(&["00100", "00100"])),
            ("destination", texts(&["00100", "00100"])),
            ("start", bins(&[1, 0])),
            ("mode", texts(&["bike", "bike"])),
            ("contributors", numbers(&[50, 70])),
            ("margin", texts(&["", "start=all"])),
            ("protection", texts(&[LABEL, LABEL])),
        ]),
        &sheet,
    );
    assert_eq!(export.grid().domain().withheld, 17);
    assert_eq!(row(&export, 18)[2], Value::Text("all".into()));
    for n in 0..19 {
        assert_eq!(row(&export, n)[6], Value::Text(LABEL.into()));
    }
    let privacy = export.sheet().privacy();
    assert!(privacy.starts_with(LABEL), "{privacy}");
}
