//! Tables that count people alone, near the threshold, and data without a unit: no number is made up for them.

use std::collections::BTreeSet;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use policies::agreement::Unit;
use policies::id::Role;
use sdk::question::{Argument, Arguments, AskError};

use super::asked::*;

/// About as many as it takes for a row to be published: half of such rows are, and their intervals reach further down.
const NEAR: u64 = 17;
const ZONES: [&str; 4] = ["a", "b", "c", "d"];

fn near_everywhere() -> Vec<Trip> {
    let pairs = ZONES
        .iter()
        .flat_map(|from| ZONES.iter().map(move |to| (*from, *to)));
    let row = |((from, to), bin)| (from, to, bin, NEAR, NEAR, 400);
    pairs
        .flat_map(|pair| [0, 1].map(|bin| row((pair, bin))))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn people_alone_have_the_ends_that_were_released_beside_those_who_are_there() {
    let asked = Asked::new().await;
    let walkers = asked.town.join("walkers", Role::Provider).await;
    let mut terms = trips(&walkers, &asked.city, "walk");
    terms.plan[0].charge.as_mut().unwrap().measures.clear();
    let terms = with_districts(terms);
    let days = DAYS.map(|_| columns_of(&near_everywhere(), "walk"));
    let (id, tables) = released(&walkers, &asked.city, &terms, days.into()).await;
    let walked = || Arguments::default().with_tables(vec![in_full(&id, "od")]);

    // Row by row what the log committed to, never a nearer end.
    let lopsided = tables
        .iter()
        .flat_map(sdk::client::Table::batches)
        .any(|batch| {
            let number = |name: &str| {
                let column = batch.column_by_name(name).unwrap();
                column.as_primitive::<Int64Type>().values().to_vec()
            };
            let [n, low, high] =
                ["contributors", "contributors_low", "contributors_high"].map(number);
            (0..n.len()).any(|row| n[row] - low[row] > high[row] - n[row])
        });
    assert!(lopsided, "of 64 rows near the threshold some are published");
    let people = rows_of(
        &tables,
        &["origin", "destination", "start"],
        ["contributors"],
    );
    let columns = [
        "origin",
        "destination",
        "hours",
        "people",
        "people_low",
        "people_high",
    ];
    let mut checked = 0;
    for day in DAYS {
        let only = [
            (Argument::By, "zone"),
            (Argument::From, day),
            (Argument::Until, day),
        ];
        let only = only.into_iter().fold(walked(), |all, (argument, value)| {
            all.with(argument, Some(value))
        });
        for row in shown(&asked.answer("od-matrix", only).await, &columns) {
            let bin = if row[2] == "00-12" { "0" } else { "1" };
            let key = [row[0].as_str(), row[1].as_str(), bin];
            let one = people
                .iter()
                .filter(|r| r.0 == day && r.1 == key)
                .map(|r| r.2[0]);
            assert_eq!(row[3..6], written(total(one)), "{row:?}");
            checked += 1;
        }
    }
    assert_eq!(checked, people.len());

    // People who travel and people who are there are two columns.
    let here = rows_of(&asked.phones, &["zone"], ["contributors"]);
    let columns = [
        "zone",
        "person_counts",
        "person_counts_low",
        "person_counts_high",
        "present",
    ];
    let by_zone = walked().with(Argument::By, Some("zone"));
    let answer = asked.answer("trips-and-presence", by_zone).await;
    let found = shown(&answer, &columns);
    assert!(!found.is_empty());
    let added = "adds up people over periods and parts of the day";
    assert!(answer.remarks[0].contains(added), "{:?}", answer.remarks);
    for row in found {
        let from = people.iter().filter(|r| r.1[0] == row[0]).map(|r| r.2[0]);
        let there: Vec<_> = here
            .iter()
            .filter(|r| r.1[0] == row[0])
            .map(|r| r.2[0].0)
            .collect();
        assert_eq!(row[1..4], written(total(from)));
        near(
            &row[4],
            (there.iter().sum::<f64>() / there.len() as f64).round(),
        );
    }

    // It has no durations, and the bikes' are not shown in their place.
    let date = walked().with(Argument::Date, Some(DAYS[1]));
    match ask(&asked.city.client, "travel-time", date).await {
        Err(AskError::Unfit { why, have, .. }) => {
            assert!(why.contains("duration_s"), "{why}");
            assert_eq!(have.len(), 2, "{have:?}");
        }
        other => panic!("{other:?}"),
    }
}

/// Found by a review: the mean of a district was one over its zones, so that it had half as many people as it has.
#[tokio::test(flavor = "multi_thread")]
async fn those_in_a_district_are_those_in_all_its_zones() {
    let asked = Asked::new().await;
    let bikes = Arguments::default().with_tables(asked.bikes());
    let answer = asked.answer("trips-and-presence", bikes).await;
    let trips = rows_of(&asked.bikes.1, &["origin"], ["trips"]);
    let here = rows_of(&asked.phones, &["zone", "time"], ["contributors"]);
    let ends = |name: &str| ["", "_low", "_high"].map(|end| format!("{name}{end}"));
    let columns = ["trips", "present", "per_1000"].map(ends).concat();
    let mut columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    columns.push("zone");
    let found = shown(&answer, &columns);
    assert_eq!(found.len(), 2);
    for row in found {
        let x = trips.iter().filter(|r| district(&r.1[0]) == row[9]);
        let x = total(x.map(|r| r.2[0]));
        let there = || here.iter().filter(|r| district(&r.1[0]) == row[9]);
        let times: BTreeSet<_> = there().map(|r| (r.0, &r.1[1])).collect();
        let (sum, half) = total(there().map(|r| r.2[0]));
        let y = (sum / times.len() as f64, half / times.len() as f64);
        assert!(there().count() > times.len() || row[9] == "east");
        assert_eq!(row[..3], written(x));
        assert_eq!(row[3..6], written_mean(y), "{row:?}");
        let half = x.0 / y.0 * (x.1 / x.0).hypot(y.1 / y.0);
        near(&row[6], 1000.0 * x.0 / y.0);
        near(&row[7], 1000.0 * (x.0 / y.0 - half));
        near(&row[8], 1000.0 * (x.0 / y.0 + half));
    }
    assert_eq!(answer.remarks, [""; 0]);

    // Trips of one day beside the people of two.
    let trams = Arguments::default().with_tables(vec![in_full(&asked.trams.0, "od-day")]);
    let answer = asked.answer("trips-and-presence", trams).await;
    let [said] = answer.remarks.as_slice() else {
        panic!("{:?}", answer.remarks)
    };
    assert!(
        said.starts_with("Days read: 1 of ") && said.contains("1 of both"),
        "{said}"
    );
}

/// A mean and the ends of its interval, as whole numbers.
fn written_mean((mean, half): Number) -> [String; 3] {
    [mean.round(), (mean - half).floor(), (mean + half).ceil()].map(|number| format!("{number:.1}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn shares_beside_data_without_intervals_have_none() {
    let asked = Asked::new().await;
    let ferries = asked.town.join("ferries", Role::Provider).await;
    let mut terms = trips(&ferries, &asked.city, "ferry");
    terms.population.unit = Unit::None;
    (terms.population.cap, terms.k, terms.plan[0].charge) = (None, 0, None);
    let days = DAYS.map(|_| {
        let mut columns = columns_of(&TRAMS, "ferry");
        columns.remove(4); // there are no people
        columns
    });
    let (id, _) = released(&ferries, &asked.city, &terms, days.into()).await;
    let tables = [asked.bikes(), vec![in_full(&id, "od")]].concat();
    let answer = asked
        .answer("mode-split", Arguments::default().with_tables(tables))
        .await;
    let columns = [
        "mode",
        "trips",
        "trips_low",
        "trips_high",
        "share_percent_low",
        "share_percent_high",
    ];
    let bikes = rows_of(&asked.bikes.1, &["origin"], ["trips"]);
    let [trips, low, high] = written(total(bikes.iter().map(|r| r.2[0])));
    let found = shown(&answer, &columns);
    assert_eq!(found.len(), 2);
    for row in found {
        match row[0].as_str() {
            "bike" => assert_eq!(row[1..], [&*trips, &*low, &*high, "", ""]),
            _ => assert_eq!(row[..], ["ferry", "3200", "", "", "", ""]),
        }
    }
}
