//! Releases: racing, missing and late periods, and a budget that holds.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use policies::refusal::ReasonId;
use sdk::client::{Answered, Ask, Outcome};

use crate::harness::*;
use crate::opening::*;

/// Eight tables of the same people over the same day: the cap has room for all of them and no more.
#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_tasks_racing_one_budget_release_exactly_what_it_allows() {
    let (town, bikes, city, geojson) = opened().await;
    let mut terms = agreement(&bikes, &city, &geojson);
    let (table, item) = (terms.tables[0].clone(), terms.plan[0].clone());
    (terms.tables, terms.plan) = (vec![], vec![]);
    for n in 0..8 {
        let name: policies::id::TableName = format!("od{n}").parse().unwrap();
        terms.tables.push(policies::table::Table {
            name: name.clone(),
            ..table.clone()
        });
        terms.plan.push(policies::agreement::PlanItem {
            table: name,
            ..item.clone()
        });
    }
    terms.population.cap = terms.allotment();
    let id = activate(&bikes, &city, &terms).await;
    for n in 0..8 {
        let mut push = push(&id, "2026-10-05");
        push.table = format!("od{n}").parse().unwrap();
        bikes
            .client
            .push(&push, &[cells(&terms, &ROWS)], |_| {})
            .await
            .unwrap();
    }
    let tasks = (0..64).map(|n| {
        let (client, wish) = (
            city.client.clone(),
            wish(&id, &format!("od{}", n % 8), "2026-10-05"),
        );
        tokio::spawn(async move { client.request(&wish).await })
    });
    let mut keys = BTreeSet::new();
    for task in futures::future::join_all(tasks).await {
        let Answered::Released(released) = task.unwrap().unwrap() else {
            panic!()
        };
        keys.insert(released.what);
    }
    assert_eq!(keys.len(), 8);
    let broker = town.broker();
    let state = broker.sequencer().state();
    let balances: Vec<_> = state.ledger().balances().collect();
    assert_eq!(balances.len(), 1, "one unit-period");
    assert_eq!(
        Some(balances[0].2),
        terms.population.cap,
        "spent to the last unit"
    );
    assert_eq!(state.releases().count(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_period_is_named_and_a_late_one_is_marked() {
    let (mut town, bikes, city, geojson) = opened().await;
    let mut terms = agreement(&bikes, &city, &geojson);
    terms.covers.from = "2026-10-04".parse().unwrap();
    terms.plan[0].grace_hours = 24 * 20;
    let id = activate(&bikes, &city, &terms).await;
    town.clock.set("2026-10-10T00:00:00Z".parse().unwrap());
    for period in ["2026-10-04", "2026-10-06"] {
        bikes
            .client
            .push(&push(&id, period), &[cells(&terms, &ROWS)], |_| {})
            .await
            .unwrap();
    }
    let ask = Ask {
        agreement: id.clone(),
        table: "od".parse().unwrap(),
        periods: ["2026-10-04", "2026-10-05", "2026-10-06"]
            .map(|p| p.parse().unwrap())
            .to_vec(),
        purpose: PURPOSE.into(),
    };
    let releases = city.client.release(&ask, |_| {}).await.unwrap();
    let missing: Vec<bool> = releases.iter().map(|r| r.is_missing()).collect();
    assert_eq!(missing, [false, true, false]);
    let sheet = |outcome: &Outcome| -> privacy::quality::QualitySheet {
        let Outcome::Released(table) = outcome else {
            panic!()
        };
        serde_json::from_slice(table.quality_sheet()).unwrap()
    };
    let third = sheet(&releases[2].outcome);
    assert_eq!(third.missing_periods, ["2026-10-05".parse().unwrap()]);
    // Time in decisions never goes back, whatever the clock says: these were accepted on 20 November.
    assert!(third.late, "accepted after due time and grace");
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reason_of_a_refusal_is_told_at_once_and_logged() {
    let (town, _bikes, city, _terms, id) = agreed().await;
    let mut wrong = wish(&id, "od", "2026-11");
    wrong.purpose = "dpv:Marketing".into();
    let size = town.broker().sequencer().state().size();
    for _ in 0..2 {
        let Answered::Refused(refusal) = city.client.request(&wrong).await.unwrap() else {
            panic!()
        };
        let ids: Vec<_> = refusal.reasons().iter().map(|r| r.id).collect();
        let expected = [
            ReasonId::PurposeNotAgreed,
            ReasonId::PeriodGrain,
            ReasonId::PeriodOutsideCoverage,
            ReasonId::PeriodNotDue,
            ReasonId::PeriodNotContributed,
        ];
        assert_eq!(ids, expected);
    }
    assert_eq!(
        town.broker().sequencer().state().size(),
        size + 1,
        "one refusal, logged once"
    );
    // The same request id for another wish is an error, not an answer.
    let mut reused = wish(&id, "od", "2026-10-06");
    reused.request = wrong.request.clone();
    city.client.request(&reused).await.unwrap_err();
}

/// The same people cannot be protected in one agreement and laid open in another.
#[tokio::test(flavor = "multi_thread")]
async fn one_population_has_one_unit() {
    let (_town, bikes, city, geojson) = opened().await;
    let protected = agreement(&bikes, &city, &geojson);
    let mut open = protected.clone();
    open.population.unit = policies::agreement::Unit::None;
    (open.population.cap, open.k, open.plan[0].charge) = (None, 0, None);
    activate(&bikes, &city, &protected).await;
    let refused = bikes.client.offer(&open, &bikes.signer).await.unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("already protected as person-day"),
        "{refused}"
    );
}

/// Half a tick is for the work: however long it takes within that, the tick is the one that the reservation decides.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_appears_half_a_tick_or_more_after_its_reservation() {
    const TICK: Duration = Duration::from_millis(300);
    let (mut town, _, _, terms, id) = agreed().await;
    town.stop().await;
    town.config.publish_tick = TICK;
    town.start().await;
    let (bikes, city) = (town.member("bikes").await, town.member("city").await);
    let (push, batch) = (push(&id, "2026-10-05"), cells(&terms, &ROWS));
    bikes.client.push(&push, &[batch], |_| {}).await.unwrap();
    // Reserved 200 ms after a tick, on a clock that stands: not on the next, which is 100 ms away.
    let now = town.clock.now().as_millisecond();
    let reserved = now - now.rem_euclid(300) + 300 + 200;
    town.clock
        .set(jiff::Timestamp::from_millisecond(reserved).unwrap());
    let begun = Instant::now();
    let answer = city.client.request(&wish(&id, "od", "2026-10-05")).await;
    assert!(matches!(answer.unwrap(), Answered::Released(_)));
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_millis(400), "{waited:?}");
}
