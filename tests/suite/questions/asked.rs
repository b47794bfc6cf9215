//! A planner with three providers' tables of two days, and what was released in them.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int64Array, RecordBatch, UInt8Array, UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, Int64Type};
use policies::agreement::Agreement;
use policies::id::{AgreementId, Role};
use sdk::client::{Answered, Client, Table};
use sdk::question::{Answer, Argument, Arguments, AskError, Outcome, Question};
use serde_json::{Value, json};

use crate::harness::*;
use crate::opening::*;

/// Origin, destination, bin, people, trips, seconds a trip.
pub(super) type Trip = (&'static str, &'static str, u8, u64, u64, i64);
/// Zone, bin, people.
pub(super) type Here = (&'static str, u8, u64);

pub(super) const DAYS: [&str; 2] = ["2026-10-05", "2026-10-06"];
pub(super) const BIKES: [[Trip; 5]; 2] = [
    [
        ("a", "b", 0, 500, 700, 400),
        ("a", "c", 0, 4, 4, 400),
        ("a", "d", 0, 450, 600, 900),
        ("b", "a", 1, 900, 1000, 420),
        ("c", "d", 0, 300, 300, 500),
    ],
    [
        ("a", "b", 0, 520, 690, 300),
        ("a", "c", 0, 3, 3, 400),
        ("a", "d", 0, 440, 610, 920),
        ("b", "a", 1, 870, 990, 425),
        ("c", "d", 0, 310, 320, 700),
    ],
];
pub(super) const TRAMS: [Trip; 2] = [("a", "b", 0, 800, 900, 500), ("d", "a", 1, 700, 700, 700)];
/// Nobody's phone is in `d` on the first day, nor in `c` on the second.
pub(super) const PHONES: [[Here; 4]; 2] = [
    [("a", 0, 2000), ("a", 1, 2500), ("b", 0, 900), ("c", 0, 700)],
    [("a", 0, 2400), ("a", 1, 2450), ("b", 0, 950), ("d", 0, 650)],
];

/// A planner with three providers' tables of two days.
pub(super) struct Asked {
    pub town: Town,
    pub city: Member,
    pub other: Member,
    pub bikes: (AgreementId, Vec<Table>),
    pub trams: (AgreementId, Vec<Table>),
    pub phones: Vec<Table>,
}

pub(super) fn with_districts(mut terms: Agreement) -> Agreement {
    terms.zonings[0].parents = Some(2);
    terms.population.cap = terms.allotment();
    terms
}

/// Trips of a mode with their durations.
pub(super) fn trips(provider: &Member, city: &Member, mode: &str) -> Agreement {
    let mut terms = agreement(provider, city, &districts());
    let table = &mut terms.tables[0];
    let of = |value: Value| serde_json::from_value(value).unwrap();
    table.categories[0].values = vec![mode.parse().unwrap()];
    table.clamps = vec![
        serde_json::from_value(json!({ "measure": "duration_s", "min": 60, "max": 1860 })).unwrap(),
    ];
    terms.plan[0].charge = Some(of(json!({
        "selection": "0.25", "delta": "0.0000001",
        "measures": [{ "measure": "trips", "rho": "0.25" }, { "measure": "duration_s", "rho": "0.5" }],
    })));
    with_districts(terms)
}

/// The same under another name of the table.
fn renamed(mut terms: Agreement, name: &str) -> Agreement {
    terms.tables[0].name = name.parse().unwrap();
    terms.plan[0].table = terms.tables[0].name.clone();
    terms
}

pub(super) fn presence(provider: &Member, city: &Member) -> Agreement {
    let mut terms = serde_json::to_value(agreement(provider, city, &districts())).unwrap();
    terms["tables"] = json!([{
        "name": "presence", "kind": "presence", "zoning": "town-2026", "period": "day", "bins": [0, 12],
        "categories": [{ "dimension": "category", "values": ["all"] }],
        "cells_max": 2, "per_cell_max": 1, "clamps": [],
    }]);
    terms["plan"][0]["table"] = "presence".into();
    terms["plan"][0]["charge"] =
        json!({ "selection": "0.25", "delta": "0.0000001", "measures": [] });
    with_districts(serde_json::from_value(terms).unwrap())
}

pub(super) fn text<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(values.collect::<DictionaryArray<Int32Type>>())
}

pub(super) fn columns_of(rows: &[Trip], mode: &'static str) -> Vec<ArrayRef> {
    let all = || rows.iter();
    vec![
        text(all().map(|r| r.0)),
        text(all().map(|r| r.1)),
        Arc::new(all().map(|r| r.2).collect::<UInt8Array>()),
        text(all().map(|_| mode)),
        Arc::new(all().map(|r| r.3).collect::<UInt64Array>()),
        Arc::new(all().map(|r| r.4).collect::<UInt64Array>()),
        Arc::new(all().map(|r| r.5 * r.4 as i64).collect::<Int64Array>()),
    ]
}

pub(super) fn people_of(rows: &[Here]) -> Vec<ArrayRef> {
    let all = || rows.iter();
    vec![
        text(all().map(|r| r.0)),
        Arc::new(all().map(|r| r.1).collect::<UInt8Array>()),
        text(all().map(|_| "all")),
        Arc::new(all().map(|r| r.2).collect::<UInt64Array>()),
    ]
}

/// Signs, pushes these days and releases them; what was released, verified.
pub(super) async fn released(
    provider: &Member,
    city: &Member,
    terms: &Agreement,
    days: Vec<Vec<ArrayRef>>,
) -> (AgreementId, Vec<Table>) {
    let id = activate(provider, city, terms).await;
    let name = terms.tables[0].name.clone();
    let schema = proto::columns::cells_schema(&terms.tables[0], terms.population.unit);
    let mut tables = Vec::new();
    for (day, columns) in DAYS.into_iter().zip(days) {
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
        let mut pushed = push(&id, day);
        pushed.table = name.clone();
        provider
            .client
            .push(&pushed, &[batch], |_| {})
            .await
            .unwrap();
        let wish = wish(&id, name.as_str(), day);
        let Answered::Released(key) = city.client.request(&wish).await.unwrap() else {
            panic!()
        };
        tables.push(city.client.fetch(&key.what).await.unwrap());
    }
    (id, tables)
}

impl Asked {
    pub(super) async fn new() -> Self {
        let town = Town::new().await;
        let steward = town.member("steward").await;
        let zoning = "town-2026".parse().unwrap();
        steward
            .client
            .add_zoning(zoning, districts().into())
            .await
            .unwrap();
        let city = town.join("city", Role::Planner).await;
        let other = town.join("other", Role::Planner).await;
        let [bikes, trams, phones] =
            ["bikes", "trams", "phones"].map(|name| town.join(name, Role::Provider));
        let (bikes, trams, phones) = (bikes.await, trams.await, phones.await);
        let days = BIKES.iter().map(|day| columns_of(day, "bike")).collect();
        let bikes = released(&bikes, &city, &trips(&bikes, &city, "bike"), days).await;
        let days = vec![columns_of(&TRAMS, "tram")];
        let terms = renamed(trips(&trams, &city, "tram"), "od-day");
        let trams = released(&trams, &city, &terms, days).await;
        let days = PHONES.iter().map(|day| people_of(day)).collect();
        let phones = released(&phones, &city, &presence(&phones, &city), days)
            .await
            .1;
        Self {
            town,
            city,
            other,
            bikes,
            trams,
            phones,
        }
    }

    /// The name of the bikes' table.
    pub(super) fn bikes(&self) -> Vec<String> {
        vec![in_full(&self.bikes.0, "od")]
    }

    pub(super) async fn answer(&self, name: &str, arguments: Arguments) -> Answer {
        match ask(&self.city.client, name, arguments).await.unwrap() {
            Outcome::Answered(answer) => *answer,
            other => panic!("{name}: {other:?}"),
        }
    }
}

/// A table's name in full, as SQL knows it.
pub(super) fn in_full(first: &AgreementId, table: &str) -> String {
    let digits: String = first.to_string().chars().take(12).collect();
    format!("agreement_{digits}.{table}")
}

pub(super) async fn ask(
    client: &Client,
    name: &str,
    arguments: Arguments,
) -> Result<Outcome, AskError> {
    client.ask(Question::named(name).unwrap(), &arguments).await
}

pub(super) fn given(values: &[(Argument, &str)]) -> Arguments {
    let none = Arguments::default();
    values.iter().fold(none, |all, (argument, value)| {
        all.with(*argument, Some(*value))
    })
}

/// A released number, and how far its interval reaches to the wider side.
pub(super) type Number = (f64, f64);

/// What was released, by its texts and bin: its day, key, and the numbers asked for.
pub(super) fn rows_of<const N: usize>(
    tables: &[Table],
    keys: &[&str],
    numbers: [&str; N],
) -> Vec<(&'static str, Vec<String>, [Number; N])> {
    let mut all = Vec::new();
    for (day, table) in DAYS.into_iter().zip(tables) {
        for batch in table.batches() {
            let texts: Vec<_> = keys.iter().map(|key| column(batch, key)).collect();
            let number = |name: &str, row: usize| {
                let column = batch.column_by_name(name).unwrap();
                column.as_primitive::<Int64Type>().value(row) as f64
            };
            for row in 0..batch.num_rows() {
                let key = texts.iter().map(|column| column[row].clone()).collect();
                let numbers = numbers.map(|name| {
                    let [low, high] =
                        ["low", "high"].map(|end| number(&format!("{name}_{end}"), row));
                    let n = number(name, row);
                    (n, f64::max(high - n, n - low))
                });
                all.push((day, key, numbers));
            }
        }
    }
    all
}

pub(super) fn column(batch: &RecordBatch, name: &str) -> Vec<String> {
    let column = cast(batch.column_by_name(name).unwrap(), &DataType::Utf8).unwrap();
    let column = column.as_string::<i32>();
    (0..column.len())
        .map(|n| {
            if column.is_null(n) {
                String::new()
            } else {
                column.value(n).to_owned()
            }
        })
        .collect()
}

/// An answer as rows of texts.
pub(super) fn shown(answer: &Answer, names: &[&str]) -> Vec<Vec<String>> {
    let mut all = Vec::new();
    for batch in &answer.batches {
        let columns: Vec<_> = names.iter().map(|name| column(batch, name)).collect();
        all.extend((0..batch.num_rows()).map(|n| columns.iter().map(|c| c[n].clone()).collect()));
    }
    all
}

/// The sum of released numbers, with the interval that it has.
pub(super) fn total(parts: impl IntoIterator<Item = Number>) -> Number {
    let parts: Vec<Number> = parts.into_iter().collect();
    let sum = parts.iter().map(|part| part.0).sum();
    let half = match parts.as_slice() {
        [one] => one.1,
        several => several
            .iter()
            .map(|part| (part.1 + 1.0).powi(2))
            .sum::<f64>()
            .sqrt(),
    };
    (sum, half)
}

pub(super) fn written((sum, half): Number) -> [String; 3] {
    [sum, (sum - half).floor(), (sum + half).ceil()].map(|number| format!("{number:.0}"))
}

pub(super) fn near(text: &str, wanted: f64) {
    let found: f64 = text.parse().unwrap();
    assert!(
        (found - wanted).abs() <= 0.051 + wanted.abs() * 1e-9,
        "{found} is not {wanted}"
    );
}

pub(super) fn district(zone: &str) -> &'static str {
    if matches!(zone, "a" | "b") {
        "west"
    } else {
        "east"
    }
}
