use serde_json::json;

use super::*;
use crate::testing::*;

/// Every row of a file that lists every key.
fn rows(batch: &RecordBatch) -> Vec<Vec<Value<'_>>> {
    let row = |row| {
        (0..batch.num_columns())
            .map(|column| cell(batch, column, row))
            .collect()
    };
    (0..batch.num_rows()).map(row).collect()
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
    assert_eq!(grid.domain(Listed::Every), domain);
    let withheld = grid.place("withheld").unwrap();
    assert_eq!(withheld + 1, grid.columns().len(), "the last column");
    let mut keys = std::collections::BTreeSet::new();
    let batch = all(&export);
    let all = rows(&batch);
    for row in &all {
        keys.insert(format!("{:?}", &row[..4]));
        let empty = row[4..8].iter().all(|value| *value == Value::Missing);
        assert_eq!(row[withheld], Value::Flag(empty), "{row:?}");
    }
    assert_eq!((all.len(), keys.len()), (18, 18));
    assert_eq!(all[1][0], Value::Text("00100".into()));
    assert_eq!(all[1][2], Value::Text("12:00-24:00".into()));
    assert_eq!(all[1][5], Value::Number(40));
}

/// A withheld key looks the same whether it was suppressed or never had a trip: nothing but its key is there.
#[test]
fn suppressed_and_absent_look_the_same() {
    let batch = all(&export());
    let withheld = rows(&batch).into_iter();
    let withheld = withheld.filter(|row| row[8] == Value::Flag(true));
    let beside: std::collections::BTreeSet<String> =
        withheld.map(|row| format!("{:?}", &row[4..])).collect();
    assert_eq!(beside.len(), 1, "{beside:?}");
}

/// 360,000 keys are six pages; no key is lost or told twice where one ends, and released rows keep their places.
#[test]
fn a_domain_of_many_pages_is_listed_whole_and_in_order() {
    let mut sheet = sheet();
    let modes: Vec<String> = (0..20_000).map(|n| format!("m{n}")).collect();
    sheet["table"]["categories"][0]["values"] = json!(modes);
    sheet["domain_keys"] = 360_000.into();
    let mut columns = released().columns().to_vec();
    // The last key of the first page, the first of the second, and the last of all.
    columns[0] = texts(&["00100", "00100", QUOTES]);
    columns[1] = texts(&[FORMULA, FORMULA, QUOTES]);
    columns[2] = bins(&[1, 1, 1]);
    columns[3] = texts(&["m5535", "m5536", "m19999"]);
    let released = RecordBatch::try_new(released().schema(), columns).unwrap();
    let export = export_of(&released, &sheet);
    let pages: Vec<_> = export.grid().pages(Listed::Every).collect();
    assert!(pages.len() > 5, "{} pages", pages.len());
    let mut places = Vec::new();
    let batch = all(&export);
    for (n, row) in rows(&batch).iter().enumerate() {
        let number = export.grid().keys().number(&row[..4]);
        assert_eq!(number, Some(n as u64), "{row:?}");
        if row[8] == Value::Flag(false) {
            places.push((n, row[4].clone()));
        }
    }
    assert_eq!(batch.num_rows(), 360_000);
    let expected = [(65_535, 50), (65_536, 1234), (359_999, 60)];
    assert_eq!(places, expected.map(|(n, value)| (n, Value::Number(value))));
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
fn released_rows_alone_are_written_where_asked_for_or_above_a_limit_and_the_papers_say_so() {
    let export = export();
    assert_eq!(export.listed(18), Listed::Every);
    assert_eq!(export.listed(17), Listed::Released);
    let pages: Result<Vec<_>, _> = export.grid().pages(Listed::Released).collect();
    let pages = pages.unwrap();
    assert_eq!(pages.iter().map(RecordBatch::num_rows).sum::<usize>(), 3);
    let domain = export.grid().domain(Listed::Released);
    assert_eq!((domain.withheld, domain.listed), (15, false));
    let note = export.domain_note(Listed::Released);
    assert!(
        note.contains("15 of the 18 keys") && note.contains("Released rows only"),
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
    let batch = all(&export);
    let rows = rows(&batch);
    assert_eq!(
        (rows.len(), export.grid().domain(Listed::Every).withheld),
        (19, 17)
    );
    assert_eq!(rows[18][0], Value::Text("west".into()));
    assert_eq!(rows[18][5..], [Value::Number(1), Value::Flag(false)]);
    assert_eq!(
        rows[0][5],
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
    assert_eq!(export.grid().domain(Listed::Every).withheld, 17);
    let batch = all(&export);
    let rows = rows(&batch);
    assert_eq!(rows[18][2], Value::Text("all".into()));
    assert_eq!(rows.len(), 19);
    for row in &rows {
        assert_eq!(row[6], Value::Text(LABEL.into()));
    }
    let privacy = export.sheet().privacy();
    assert!(privacy.starts_with(LABEL), "{privacy}");
}
