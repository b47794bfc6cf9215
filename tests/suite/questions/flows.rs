//! Sums of flows, and shares of them.

use std::collections::{BTreeMap, BTreeSet};

use sdk::question::{Argument, Arguments, AskError, Outcome};

use super::asked::*;

#[tokio::test(flavor = "multi_thread")]
async fn flows_are_sums_of_what_was_released() {
    let asked = Asked::new().await;
    let od = rows_of(
        &asked.bikes.1,
        &["origin", "destination", "start"],
        ["trips"],
    );
    assert!(od.len() >= 8, "{od:?}");
    let bikes = || Arguments::default().with_tables(asked.bikes());

    let answer = asked.answer("od-matrix", bikes()).await;
    let mut wanted: BTreeMap<Vec<String>, Vec<Number>> = BTreeMap::new();
    for (_, key, [trips]) in &od {
        let hours = ["00-12", "12-24"][key[2].parse::<usize>().unwrap()];
        let pair = [district(&key[0]), district(&key[1]), hours].map(str::to_owned);
        wanted.entry(pair.into()).or_default().push(*trips);
    }
    let columns = [
        "origin",
        "destination",
        "hours",
        "trips",
        "trips_low",
        "trips_high",
        "rows",
    ];
    let found = shown(&answer, &columns);
    assert_eq!(found.len(), wanted.len());
    assert!(!found.is_empty());
    for row in found {
        let parts = wanted[&row[..3]].clone();
        let n = parts.len();
        assert_eq!(row[3..6], written(total(parts)), "{row:?}");
        assert_eq!(row[6], n.to_string());
    }
    let used = &answer.used[0];
    assert_eq!(
        (used.periods, used.rows, used.possible),
        (2, od.len() as u64, 2 * 4 * 4 * 2)
    );

    let filters = [
        (Argument::By, "zone"),
        (Argument::Hours, "0-12"),
        (Argument::From, "2026-10-06"),
    ];
    let answer = asked
        .answer("od-matrix", given(&filters).with_tables(asked.bikes()))
        .await;
    let morning = od
        .iter()
        .filter(|(day, key, _)| *day == DAYS[1] && key[2] == "0");
    let morning: Vec<_> = morning.collect();
    assert!(!morning.is_empty());
    assert_eq!(shown(&answer, &["origin"]).len(), morning.len());
    assert_eq!((answer.used[0].periods, answer.used[0].possible), (1, 16));

    let answer = asked
        .answer(
            "catchment",
            given(&[(Argument::Zone, "d")]).with_tables(asked.bikes()),
        )
        .await;
    let from = |zone: &str| {
        total(
            od.iter()
                .filter(|(_, key, _)| key[0] == zone && key[1] == "d")
                .map(|r| r.2[0]),
        )
    };
    let all = from("a").0 + from("c").0;
    let columns = [
        "origin",
        "trips",
        "trips_low",
        "trips_high",
        "share_percent",
    ];
    let found = shown(&answer, &columns);
    assert_eq!(found.len(), 2);
    for row in found {
        let number = from(&row[0]);
        assert_eq!(row[1..4], written(number));
        near(&row[4], 100.0 * number.0 / all);
    }

    let most = given(&[(Argument::Limit, "2"), (Argument::By, "zone")]).with_tables(asked.bikes());
    let found = shown(
        &asked.answer("top-corridors", most).await,
        &["origin", "destination", "trips"],
    );
    let pair = |from: &str, to: &str| {
        total(
            od.iter()
                .filter(|(_, k, _)| k[0] == from && k[1] == to)
                .map(|r| r.2[0]),
        )
        .0
    };
    assert_eq!(found[0], ["b", "a", &pair("b", "a").to_string()]);
    assert_eq!(found[1], ["a", "b", &pair("a", "b").to_string()]);
    assert_eq!(found.len(), 2);

    // The trams have the first day only, and so have the shares.
    let answer = asked.answer("mode-split", Arguments::default()).await;
    let trams = rows_of(&asked.trams.1, &["origin"], ["trips"]);
    let first = od.iter().filter(|r| r.0 == DAYS[0]);
    let modes = [
        ("bike", total(first.clone().map(|r| r.2[0]))),
        ("tram", total(trams.iter().map(|r| r.2[0]))),
    ];
    let both = modes[0].1.0 + modes[1].1.0;
    let squares = modes[0].1.1.powi(2) + modes[1].1.1.powi(2);
    let columns = [
        "mode",
        "trips",
        "trips_low",
        "trips_high",
        "share_percent",
        "share_percent_low",
        "share_percent_high",
    ];
    let found = shown(&answer, &columns);
    assert_eq!(found.len(), modes.len());
    for (row, (mode, number)) in found.iter().zip(modes) {
        assert_eq!(row[0], mode);
        assert_eq!(row[1..4], written(number));
        let share = number.0 / both;
        let half = (number.1.powi(2) * (1.0 - 2.0 * share) + share.powi(2) * squares).sqrt() / both;
        near(&row[4], 100.0 * share);
        near(&row[5], 100.0 * (share - half));
        near(&row[6], 100.0 * (share + half));
    }
    let used = answer.used.iter().map(|used| (used.periods, used.rows));
    let bikes = (1, first.count() as u64);
    let both = [bikes, (1, trams.len() as u64)];
    assert_eq!(used.collect::<BTreeSet<_>>(), both.into());
    assert_eq!(answer.remarks.len(), 1, "{:?}", answer.remarks);
    let left = format!("Not read of {}: {},", asked.bikes()[0], DAYS[1]);
    assert!(answer.remarks[0].starts_with(&left), "{:?}", answer.remarks);

    // Of the second day one of the two has nothing: no share is made of the other alone.
    let second = given(&[(Argument::From, DAYS[1])]);
    match ask(&asked.city.client, "mode-split", second).await.unwrap() {
        Outcome::Missing(missing) => {
            assert!(missing.why.contains("released in all of"), "{missing:?}");
        }
        other => panic!("{other:?}"),
    }
}

/// A planner knows where a stop is, and need not look up its zone.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_stands_for_the_zone_that_holds_it() {
    let asked = Asked::new().await;
    let with = |values: &[_]| given(values).with_tables(asked.bikes());
    let by_zone = with(&[(Argument::Zone, "d")]);
    let by_zone = asked.answer("catchment", by_zone).await;
    let by_stop = with(&[(Argument::At, "60.005, 24.935")]);
    let by_stop = asked.answer("catchment", by_stop).await;
    let columns = ["origin", "trips", "share_percent"];
    assert!(!shown(&by_zone, &columns).is_empty());
    assert_eq!(shown(&by_stop, &columns), shown(&by_zone, &columns));
    let said = by_stop.remarks.join(" ");
    assert!(said.contains("zone d of town-2026"), "{said}");
    // Longitude first is a place elsewhere, and no zone is guessed.
    let swapped = with(&[(Argument::At, "24.935,60.005")]);
    let swapped = ask(&asked.city.client, "catchment", swapped).await;
    assert!(matches!(swapped, Err(AskError::Nowhere { .. })));
    // Nothing of a zone that is not there was withheld.
    let nowhere = with(&[(Argument::Zone, "60.005,24.935")]);
    let nowhere = ask(&asked.city.client, "catchment", nowhere).await;
    assert!(matches!(nowhere, Err(AskError::NoZone { .. })));
}

/// Found by a review: the rows of a district were said to be withheld or zero, and no question has any by that name.
#[tokio::test(flavor = "multi_thread")]
async fn a_district_is_no_zone() {
    let asked = Asked::new().await;
    let with = |values: &[_]| given(values).with_tables(asked.bikes());
    let to = with(&[(Argument::Zone, "west")]);
    let from = with(&[(Argument::Date, DAYS[1]), (Argument::Origin, "west")]);
    for (question, values) in [("catchment", to), ("travel-time", from)] {
        let answer = ask(&asked.city.client, question, values).await;
        assert!(matches!(answer, Err(AskError::NoZone { .. })), "{answer:?}");
    }
}
