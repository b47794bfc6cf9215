//! `weir sql` in each of its forms, read back by somebody else's reader.

use std::fs::File;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sdk::client::{Client, Profile};
use serde_json::Value;

use crate::contributions::pushed_cells;
use crate::office::{Done, Office, PURPOSE, first_day};

/// Two zones and two bins, three of eight keys filled.
const CELLS: [(&str, &str, u8, u64, u64); 3] = [
    ("a", "a", 0, 900, 1000),
    ("a", "b", 0, 500, 700),
    ("b", "a", 1, 300, 300),
];

/// A text for each sign that a spreadsheet or a reader of CSV may stumble over. Those of the first five run.
const TEXTS: [&str; 10] = [
    "=1+1",
    "+1",
    "-1",
    "@x",
    "\tx",
    "a,b",
    "say \"hi\"",
    "two\nlines",
    "it's",
    "plain=1",
];

/// An office with one released table, and its key.
fn released() -> (Office, String) {
    let office = Office::open();
    let id = office.agreed();
    pushed_cells(&office, &id, &CELLS);
    let day = first_day().to_string();
    let request = ["release", "request", &id, "od", &day, "--purpose", PURPOSE];
    let released = office.weir("city", &request).json();
    let key = released["release"].as_str().unwrap().to_owned();
    (office, key)
}

/// Names and rows, all as text; what is empty is null.
type Rows = (Vec<String>, Vec<Vec<String>>);

fn of_batches(batches: &[RecordBatch]) -> Rows {
    let schema = batches[0].schema();
    let names = schema.fields().iter().map(|field| field.name().clone());
    let options = FormatOptions::default();
    let mut rows = Vec::new();
    for batch in batches {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
            .collect();
        let row = |n| columns.iter().map(|c| c.value(n).to_string()).collect();
        rows.extend((0..batch.num_rows()).map(row));
    }
    (names.collect(), rows)
}

fn of_csv(text: &str) -> Rows {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let of = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect();
    let names = of(reader.headers().unwrap());
    let rows = reader.records().map(|record| of(&record.unwrap()));
    (names, rows.collect())
}

fn of_json(rows: &Value) -> Rows {
    let rows = rows.as_array().unwrap();
    let names = rows[0].as_object().unwrap().keys().cloned().collect();
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let row = |row: &Value| row.as_object().unwrap().values().map(text).collect();
    (names, rows.iter().map(row).collect())
}

fn of_parquet(path: &str) -> Vec<RecordBatch> {
    let file = File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let reader = reader.build().unwrap();
    reader.map(Result::unwrap).collect()
}

/// What the SDK fetches and verifies: the released rows.
fn fetched(office: &Office, key: &str) -> Rows {
    let profile = Profile::read(Path::new(&office.file("certs/city/weir.toml"))).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let table = runtime.block_on(async {
        let client = Client::connect(&profile).await.unwrap();
        client.fetch(&key.parse().unwrap()).await.unwrap()
    });
    of_batches(table.batches())
}

/// The same columns with the same values, in whatever order.
#[track_caller]
fn same(found: Rows, wanted: &Rows, form: &str) {
    let wanted = sorted(&wanted.0, wanted);
    assert_eq!(sorted(&wanted.0, &found), wanted, "{form}");
}

/// These columns, by name, and the rows sorted.
fn sorted(names: &[String], (have, rows): &Rows) -> Rows {
    let mut names = names.to_vec();
    names.sort();
    let places: Vec<usize> = names
        .iter()
        .map(|name| have.iter().position(|has| has == name).unwrap())
        .collect();
    let pick = |row: &Vec<String>| places.iter().map(|place| row[*place].clone()).collect();
    let mut rows: Vec<Vec<String>> = rows.iter().map(pick).collect();
    rows.sort();
    (names, rows)
}

#[test]
fn every_form_has_the_released_rows_with_their_intervals() {
    let (office, key) = released();
    let wanted = fetched(&office, &key);
    let column = |name: &str| wanted.0.iter().position(|has| has == name).unwrap();
    assert_eq!(wanted.1.len(), CELLS.len(), "all three are far over k");
    for row in &wanted.1 {
        let number = |name| row[column(name)].parse::<i64>().unwrap();
        assert!(number("trips_low") <= number("trips") && number("trips") <= number("trips_high"));
    }
    let all = ["sql", "SELECT * FROM od"];

    let shown = office.weir("city", &all).json();
    assert_eq!(shown["count"], 3);
    same(of_json(&shown["rows"]), &wanted, "--json");
    let csv = office.weir("city", &[&all[..], &["--csv"]].concat());
    same(of_csv(&csv.out), &wanted, "--csv");
    let json = office.file("od.json");
    office.weir("city", &[&all[..], &["--out", &json]].concat());
    let json: Value = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    same(of_json(&json), &wanted, "--json --out");
    let path = office.file("od.csv");
    let saved = office.typed("city", &[&all[..], &["--out", &path]].concat());
    assert_eq!((saved.code, saved.out), (0, format!("3 rows in {path}.\n")));
    assert_eq!(std::fs::read_to_string(path).unwrap(), csv.out);
    let path = office.file("od.parquet");
    let parquet = [&all[..], &["--parquet", "--out", &path]].concat();
    assert_eq!(office.weir("city", &parquet).json()["count"], 3);
    same(of_batches(&of_parquet(&path)), &wanted, "--parquet");

    let plain = office.typed("city", &all);
    assert_eq!(plain.code, 0, "{}", plain.err);
    assert!(plain.out.ends_with("\n3 rows.\n"), "{}", plain.out);
    let head = plain.out.lines().next().unwrap();
    for name in &wanted.0 {
        assert!(head.split_whitespace().any(|word| word == name), "{head}");
    }
    let trips = wanted.1.iter().map(|row| &row[column("trips")]);
    for trips in trips {
        let digits: i64 = trips.parse().unwrap();
        let people_read = export::label::thousands(digits);
        assert!(plain.out.contains(&people_read), "{}", plain.out);
    }
}

/// A text is defused where a spreadsheet opens it, and nowhere else; a number never is.
#[test]
fn a_formula_is_defused_in_csv_and_a_negative_number_stays_one() {
    let (office, _) = released();
    let values = (1_i64..).zip(TEXTS).map(|(n, text)| {
        let text = text.replace('\'', "''");
        format!("({n}, '{text}')")
    });
    let values = values.collect::<Vec<_>>().join(", ");
    let statement = format!(
        "SELECT n, \"=text\", n - 100 AS below, CAST(n - 11 AS DECIMAL(5, 2)) / 2 AS half,
            18446744073709551615 AS most, NULL AS none
         FROM (VALUES {values}) AS t(n, \"=text\") ORDER BY n"
    );
    let csv = office.weir("city", &["sql", &statement, "--csv"]);
    assert_eq!(csv.code, 0, "{}", csv.err);
    let (names, rows) = of_csv(&csv.out);
    assert_eq!(names, ["n", "'=text", "below", "half", "most", "none"]);
    assert_eq!(rows.len(), TEXTS.len());
    for (n, (row, text)) in (1_i64..).zip(rows.iter().zip(TEXTS)) {
        let runs = n <= 5;
        assert_eq!(
            row[1],
            if runs {
                format!("'{text}")
            } else {
                text.into()
            }
        );
        assert_eq!(row[2], (n - 100).to_string());
        let twice = row[3].parse::<f64>().unwrap() * 2.0;
        assert_eq!(twice.to_string(), (n - 11).to_string());
        assert_eq!((&*row[4], &*row[5]), ("18446744073709551615", ""));
    }
    let told = office.weir("city", &["sql", &statement]).json();
    let path = office.file("texts.parquet");
    let parquet = ["sql", &statement, "--parquet", "--out", &path];
    office.weir("city", &parquet).json();
    let (_, saved) = of_batches(&of_parquet(&path));
    for (n, text) in TEXTS.iter().enumerate() {
        assert_eq!(told["rows"][n]["=text"], *text);
        assert_eq!(told["rows"][n]["most"], u64::MAX);
        assert_eq!(saved[n][1], *text);
    }
}

/// Found by a reread: decimals went through doubles, and what is no number was an empty field, as what is absent.
#[test]
fn numbers_keep_all_digits_and_what_is_no_number_is_not_absent() {
    let (office, _) = released();
    let long = "-1234567890123456789012345678.0123456789";
    let longer = format!("{}.25", "9".repeat(60));
    let statement = format!(
        "SELECT CAST('{long}' AS DECIMAL(38, 10)) AS long, CAST('{longer}' AS DECIMAL(76, 2)) AS longer,
            CAST(9007199254740993 AS BIGINT) AS odd, 18446744073709551615 AS most, CAST(0.1 AS DOUBLE) AS tenth,
            CAST('NaN' AS DOUBLE) AS none, CAST('inf' AS DOUBLE) AS over, CAST('-inf' AS DOUBLE) AS under,
            CAST(NULL AS DOUBLE) AS absent, NULL AS nothing, CAST(NULL AS DECIMAL(5, 2)) AS unknown"
    );
    let wanted = [
        long,
        &longer,
        "9007199254740993",
        "18446744073709551615",
        "0.1",
        "NaN",
        "inf",
        "-inf",
        "",
        "",
        "",
    ];
    let csv = office.weir("city", &["sql", &statement, "--csv"]);
    assert_eq!(csv.code, 0, "{}", csv.err);
    assert_eq!(of_csv(&csv.out).1, [wanted]);
    let row = office.weir("city", &["sql", &statement]).json()["rows"][0].clone();
    let told = serde_json::json!({
        "long": long, "longer": longer, "odd": 9_007_199_254_740_993_i64, "most": u64::MAX, "tenth": 0.1,
        "none": "NaN", "over": "inf", "under": "-inf", "absent": null, "nothing": null, "unknown": null,
    });
    assert_eq!(row, told);
    let plain = office.typed("city", &["sql", &statement]).out;
    for shown in [long, &longer, "9,007,199,254,740,993", "NaN", "-inf"] {
        assert!(plain.contains(shown), "{shown}: {plain}");
    }
}

#[test]
fn an_empty_answer_is_one_in_every_form() {
    let (office, _) = released();
    let none = ["sql", "SELECT origin, trips FROM od WHERE trips < -1000000"];
    let plain = office.typed("city", &none);
    let said = "No rows: what is not there is withheld or zero.\n";
    assert!(
        plain.code == 0 && plain.out.ends_with(said),
        "{}",
        plain.out
    );
    let told = office.weir("city", &none).json();
    assert_eq!(told, serde_json::json!({ "count": 0, "rows": [] }));
    let csv = office.weir("city", &[&none[..], &["--csv"]].concat());
    assert_eq!((csv.code, &*csv.out), (0, "origin,trips\n"));
    let path = office.file("none.parquet");
    let parquet = [&none[..], &["--parquet", "--out", &path]].concat();
    assert_eq!(office.weir("city", &parquet).json()["count"], 0);
    let file = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap();
    assert_eq!(file.schema().field(1).name(), "trips");
    assert_eq!(file.metadata().file_metadata().num_rows(), 0);
}

#[test]
fn a_statement_that_is_refused_says_why_and_leaves_the_old_file() {
    let (office, _) = released();
    let path = office.file("old.csv");
    std::fs::write(&path, "old").unwrap();
    let away = office.file("away.csv");
    let copy = format!("COPY od TO '{away}'");
    for (statement, why) in [
        ("SELECT * FROM nowhere", "nowhere"),
        (&*copy, "nothing else"),
        ("SELECT * FROM '/etc/passwd'", "/etc/passwd"),
        ("DROP TABLE od", "nothing else"),
        ("SELEC 1", "SELEC"),
    ] {
        let typed = office.typed("city", &["sql", statement, "--csv", "--out", &path]);
        let said = |done: &Done| done.code == 1 && done.out.is_empty() && done.err.contains(why);
        assert!(said(&typed), "{statement}: {}{}", typed.out, typed.err);
        assert!(typed.err.starts_with("error: cannot "), "{}", typed.err);
        assert!(!typed.err.contains("root:"), "{}", typed.err);
        let program = office.weir("city", &["sql", statement]);
        assert!(said(&program), "{statement}: {}", program.err);
        let error: Value = serde_json::from_str(program.failed()).unwrap();
        assert_eq!(error["error"]["code"], "invalid_argument");
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
    assert!(!Path::new(&away).exists());
    // What cannot be typed is the parser's to say.
    assert_eq!(
        office.typed("city", &["sql", "SELECT 1", "--parquet"]).code,
        2
    );
    assert_eq!(office.typed("city", &["sql"]).code, 2);
    assert_eq!(office.typed("city", &["sql", "SELECT 1", "--csv"]).code, 0);
}

/// As with other exports, an old file is not written into: who has it open, or linked, keeps the old one whole.
#[test]
fn a_file_takes_the_place_of_an_old_one_when_it_is_whole() {
    let (office, _) = released();
    for (form, name) in [
        ("--csv", "od.csv"),
        ("--parquet", "od.parquet"),
        ("--json", "od.json"),
    ] {
        let (path, kept) = (office.file(name), office.file(&format!("kept-{name}")));
        std::fs::write(&path, "old").unwrap();
        std::fs::hard_link(&path, &kept).unwrap();
        let ask = ["sql", "SELECT * FROM od", form, "--out", &path];
        let done = office.typed("city", &ask);
        assert_eq!(done.code, 0, "{}", done.err);
        assert_eq!(std::fs::read_to_string(&kept).unwrap(), "old", "{form}");
        assert!(std::fs::metadata(&path).unwrap().len() > 100, "{form}");
    }
}
