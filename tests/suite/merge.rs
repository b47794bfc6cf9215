//! Ad-hoc merges, from the signed line to the district's row.

use policies::agreement::Agreement;
use policies::coarse::{Coarsening, Merge};
use policies::id::{AgreementId, Role};
use policies::refusal::ReasonId;
use proto::convert::Wish;
use sdk::client::{Answered, Table, new_request_id};

use crate::harness::*;
use crate::sql::ask;

const DAYS: [&str; 3] = ["2026-10-05", "2026-10-06", "2026-10-07"];

/// People of the west, in both halves of the day; and three people of the east, in two cells each:
/// their cells add up to 18 in three days.
const MERGED: [Cell; 4] = [
    ("a", "b", 0, 500, 700),
    ("b", "a", 1, 400, 400),
    ("c", "d", 0, 3, 3),
    ("d", "c", 1, 3, 3),
];

fn merging(provider: &Member, planner: &Member) -> Agreement {
    let mut terms = agreement(provider, planner, &districts());
    terms.zonings[0].parents = Some(2);
    merged_once(&mut terms);
    terms
}

/// Allows one ad-hoc merge of `od`, of any coarsening.
pub fn merged_once(terms: &mut Agreement) {
    let line = serde_json::json!({
        "table": "od", "coarsenings": "any", "requests": 1,
        "charge": {
            "selection": "0.2", "delta": "0.0000001",
            "measures": [{ "measure": "trips", "rho": "0.2" }],
        },
    });
    terms.ad_hoc = vec![serde_json::from_value(line).unwrap()];
    terms.population.cap = terms.allotment();
}

fn merge(days: &[&str], coarsening: &str) -> Merge {
    let days: Vec<_> = days.iter().map(|day| day.parse().unwrap()).collect();
    let coarsening: Coarsening = serde_json::from_str(coarsening).unwrap();
    Merge::new(&days, coarsening).unwrap()
}

fn wish(id: &AgreementId, merge: &Merge) -> Wish {
    Wish {
        request: new_request_id().unwrap(),
        agreement: id.clone(),
        table: "od".parse().unwrap(),
        period: merge.first(),
        merge: Some(merge.clone()),
        purpose: PURPOSE.into(),
        with: vec![],
    }
}

/// A town of districts in which three days are contributed.
async fn town() -> (Town, Member, Agreement, AgreementId) {
    let town = Town::new().await;
    let bikes = town.join("bikes", Role::Provider).await;
    let city = town.join("city", Role::Planner).await;
    let steward = town.member("steward").await;
    let zoning = "town-2026".parse().unwrap();
    let added = steward.client.add_zoning(zoning, districts().into()).await;
    assert_eq!(added.unwrap().what.parents, Some(2));
    let terms = merging(&bikes, &city);
    let id = activate(&bikes, &city, &terms).await;
    for day in DAYS {
        let push = push(&id, day);
        let cells = cells(&terms, &MERGED);
        bikes.client.push(&push, &[cells], |_| {}).await.unwrap();
    }
    (town, city, terms, id)
}

async fn released(city: &Member, wish: &Wish) -> Table {
    match city.client.request(wish).await.unwrap() {
        Answered::Released(released) => city.client.fetch(&released.what).await.unwrap(),
        Answered::Refused(refusal) => panic!("{refusal}"),
    }
}

async fn refused(city: &Member, wish: &Wish) -> Vec<ReasonId> {
    match city.client.request(wish).await.unwrap() {
        Answered::Refused(refusal) => refusal.reasons().iter().map(|r| r.id).collect(),
        Answered::Released(released) => panic!("released {}", released.what),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_days_become_one_row_per_pair_of_districts_and_three_people_never_show() {
    let (mut town, city, terms, id) = town().await;
    let table = "od".parse().unwrap();
    let districts = merge(&DAYS, r#"{"bins": [0], "zones": "parent"}"#);
    let told = city.client.preview_merge(&id, &table, &districts).await;
    let told = told.unwrap();
    let protection = told.protection.unwrap();
    let charge = terms.ad_hoc[0].charge.total().unwrap();
    assert_eq!(protection.charge, charge);
    assert_eq!(protection.measures[0].measure, "contributors_at_least");
    assert_eq!(told.domain_keys, 2 * 2, "pairs of districts in a day");
    assert!(told.periods.iter().all(|p| p.refused.is_none()));

    let table = released(&city, &wish(&id, &districts)).await;
    let shown = rows(&table);
    let [(from, to, bin, people, trips)] = &shown[..] else {
        panic!("{shown:?}: 18 cells of three people are three people")
    };
    assert_eq!((from.as_str(), to.as_str(), *bin), ("west", "west", 0));
    // At least the 500 of the larger cell; 900 cells a day are not 900 people, and three days not
    // three times as many. Trips are what they are.
    assert!(people.abs_diff(500) < 60, "{people}");
    assert!(trips.abs_diff(3300) < 120, "{trips}");
    let sheet: privacy::quality::QualitySheet =
        serde_json::from_slice(table.quality_sheet()).unwrap();
    assert_eq!((sheet.domain_keys, sheet.withheld_keys), (4, 3));
    assert_eq!(sheet.half_widths[0].number, "contributors_at_least");
    assert!(sheet.claim.contains("lower bound"), "{}", sheet.claim);
    assert_eq!(sheet.merge.as_ref(), Some(&districts));

    // In SQL it is a table of its own, under its key: `od` has the planned rows alone.
    let digits: String = table.key().to_string().chars().take(8).collect();
    let own = format!("SELECT period FROM od_{digits}");
    assert_eq!(ask(&city.client, &own).await.unwrap()[0].num_rows(), 1);
    assert!(ask(&city.client, "SELECT * FROM od").await.is_err());

    // Every day of it paid the whole charge, and the plan is as it was.
    let state = town.broker().sequencer().state().clone();
    let balances: Vec<_> = state.ledger().balances().collect();
    let days: Vec<String> = balances.iter().map(|b| b.1.to_string()).collect();
    assert_eq!(days, DAYS);
    assert!(balances.iter().all(|b| b.2 == charge));
    let plan = Wish {
        merge: None,
        ..wish(&id, &districts)
    };
    assert_eq!(rows(&released(&city, &plan).await).len(), 2);

    // The same again is free; a day that was read is not read again.
    let again = released(&city, &wish(&id, &districts)).await;
    assert_eq!(again.bytes(), table.bytes());
    let overlapping = merge(&DAYS[2..], r#"{"zones": "all"}"#);
    let reasons = refused(&city, &wish(&id, &overlapping)).await;
    assert_eq!(reasons, [ReasonId::MergesExhausted]);

    let state = town.broker().sequencer().state().clone();
    town.stop().await;
    let entries = std::fs::read(town.config.state.join("log/entries")).unwrap();
    let entries = audit::bundle::Entries::new(&entries).map(Result::unwrap);
    let replayed = audit::replay::replay(entries).unwrap();
    assert_eq!(*replayed.state(), state);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_that_was_not_agreed_or_does_not_fit_is_refused_with_every_reason() {
    let (mut town, city, _, id) = town().await;
    let mut missing = merge(&["2026-10-05", "2026-10-09"], r#"{"bins": [0, 6]}"#);
    let reasons = refused(&city, &wish(&id, &missing)).await;
    assert_eq!(
        reasons,
        [ReasonId::PeriodNotContributed, ReasonId::MergeUnfit]
    );
    let unused = Wish {
        request: new_request_id().unwrap(),
        ..wish(&id, &missing)
    };
    assert_eq!(refused(&city, &unused).await, reasons);
    missing = merge(&DAYS, "{}");
    let mut wrong = wish(&id, &missing);
    wrong.period = DAYS[1].parse().unwrap();
    let error = city.client.request(&wrong).await.unwrap_err();
    assert!(error.to_string().contains("merge.periods"), "{error}");
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn days_of_nobody_merge_to_nothing_and_hide_nobody_else() {
    let (town, city, terms, id) = town().await;
    let bikes = town.member("bikes").await;
    for day in ["2026-10-08", "2026-10-09", "2026-10-10"] {
        let (push, batch) = (push(&id, day), cells(&terms, &[]));
        bikes.client.push(&push, &[batch], |_| {}).await.unwrap();
    }
    let coarser = r#"{"bins": [0], "zones": "parent"}"#;
    let with = merge(&[DAYS[2], "2026-10-08"], coarser);
    assert_eq!(rows(&released(&city, &wish(&id, &with)).await).len(), 1);
    let alone = merge(&["2026-10-09", "2026-10-10"], coarser);
    assert_eq!(rows(&released(&city, &wish(&id, &alone)).await), []);
}

/// The west is shown as it is; of the east, what no pair of zones can show becomes a row of districts. Four
/// people stay unseen on every rung.
#[tokio::test(flavor = "multi_thread")]
async fn a_ladder_shows_on_a_coarser_rung_only_what_no_finer_one_did() {
    let mut town = Town::new().await;
    let bikes = town.join("bikes", Role::Provider).await;
    let city = town.join("city", Role::Planner).await;
    let steward = town.member("steward").await;
    let zoning = "town-2026".parse().unwrap();
    let added = steward.client.add_zoning(zoning, districts().into()).await;
    added.unwrap();
    let mut terms = agreement(&bikes, &city, &districts());
    terms.zonings[0].parents = Some(2);
    // Each person is in one cell, so the people of merged cells add up to the bound.
    terms.tables[0].cells_max = 1;
    let rung = |coarsening: &str| policies::agreement::Rung {
        coarsening: serde_json::from_str(coarsening).unwrap(),
        charge: terms.plan[0].charge.clone().unwrap(),
    };
    let rungs = vec![
        rung(r#"{"bins": [0], "zones": "parent"}"#),
        rung(r#"{"bins": [0], "zones": "all"}"#),
    ];
    terms.plan[0].rungs = rungs;
    terms.population.cap = terms.allotment();
    let id = activate(&bikes, &city, &terms).await;
    // k is 5: no cell of the east has as many, all eight together have 32. West to east and back there are
    // two people each, who stay below k on every rung.
    let rows_in: [Cell; 11] = [
        ("a", "b", 0, 500, 700),
        ("a", "c", 0, 2, 2),
        ("c", "b", 0, 2, 2),
        ("c", "c", 0, 4, 5),
        ("c", "c", 1, 4, 5),
        ("c", "d", 0, 4, 5),
        ("c", "d", 1, 4, 5),
        ("d", "c", 0, 4, 5),
        ("d", "c", 1, 4, 5),
        ("d", "d", 0, 4, 5),
        ("d", "d", 1, 4, 5),
    ];
    let push = push(&id, DAYS[0]);
    let cells = cells(&terms, &rows_in);
    bikes.client.push(&push, &[cells], |_| {}).await.unwrap();

    let told = city.client.preview(&id, &push.table, &[push.period]).await;
    let told = told.unwrap();
    assert_eq!(told.protection.unwrap().charge, terms.allotment().unwrap());
    assert_eq!(told.rungs.len(), 2);
    assert_eq!(
        told.rungs[0].protection.measures[0].measure,
        "contributors_at_least"
    );

    let wish = Wish {
        request: new_request_id().unwrap(),
        agreement: id.clone(),
        table: push.table.clone(),
        period: push.period,
        merge: None,
        with: vec![],
        purpose: PURPOSE.into(),
    };
    let table = released(&city, &wish).await;
    let rung_of: Vec<u8> = table
        .batches()
        .iter()
        .flat_map(|batch| {
            let rungs = batch.column_by_name("rung").unwrap();
            let rungs = rungs.as_any().downcast_ref::<arrow::array::UInt8Array>();
            rungs.unwrap().values().to_vec()
        })
        .collect();
    let shown: Vec<_> = rung_of.into_iter().zip(rows(&table)).collect();
    let [(0, finest), (1, districts)] = &shown[..] else {
        panic!("{shown:?}")
    };
    assert_eq!(
        (finest.0.as_str(), finest.1.as_str(), finest.2),
        ("a", "b", 0)
    );
    assert!(finest.3.abs_diff(500) < 20 && finest.4.abs_diff(700) < 60);
    let (from, to) = (districts.0.as_str(), districts.1.as_str());
    assert_eq!((from, to, districts.2), ("east", "east", 0));
    assert!(districts.3.abs_diff(32) < 15 && districts.4.abs_diff(40) < 60);
    let sheet: privacy::quality::QualitySheet =
        serde_json::from_slice(table.quality_sheet()).unwrap();
    let coarser: Vec<u64> = sheet.rungs.iter().map(|rung| rung.published_keys).collect();
    assert_eq!((sheet.published_keys, &coarser[..]), (2, &[1, 0][..]));
    assert_eq!(sheet.domain_keys, 4 * 4 * 2, "the finest grain");
    assert_eq!(sheet.withheld_keys, 31);
    assert_eq!(sheet.charge, terms.allotment().unwrap());

    // Of a day of nobody there is no row on any rung.
    let nobody = crate::harness::cells(&terms, &[]);
    let empty = crate::harness::push(&id, DAYS[1]);
    bikes.client.push(&empty, &[nobody], |_| {}).await.unwrap();
    let wish = Wish {
        request: new_request_id().unwrap(),
        period: empty.period,
        ..wish
    };
    assert_eq!(rows(&released(&city, &wish).await), []);

    let state = town.broker().sequencer().state().clone();
    town.stop().await;
    let entries = std::fs::read(town.config.state.join("log/entries")).unwrap();
    let entries = audit::bundle::Entries::new(&entries).map(Result::unwrap);
    let replayed = audit::replay::replay(entries).unwrap();
    assert_eq!(*replayed.state(), state);
}
