//! The story of the whole: sign, push, preview, release with error bars, a refusal, verification.

use policies::refusal::ReasonId;
use proto::convert::Wish;
use sdk::client::{Answered, new_request_id};

use crate::harness::*;
use crate::opening::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_released_once_and_the_second_edition_is_refused() {
    let (town, bikes, city, terms, id) = agreed().await;

    let first = push(&id, "2026-10-05");
    let batch = cells(&terms, &ROWS);
    bikes
        .client
        .push(&first, std::slice::from_ref(&batch), |_| {})
        .await
        .unwrap();

    let table = "od".parse().unwrap();
    let preview = city
        .client
        .preview(&id, &table, &[first.period])
        .await
        .unwrap();
    assert_eq!(preview.domain_keys, 4 * 4 * 2);
    assert!(preview.periods[0].refused.is_none());

    let wish = wish(&id, "od", "2026-10-05");
    let Answered::Released(released) = city.client.request(&wish).await.unwrap() else {
        panic!()
    };
    let fetched = city.client.fetch(&released.what).await.unwrap();
    let shown = rows(&fetched);
    let keys: Vec<_> = shown
        .iter()
        .map(|r| (r.0.as_str(), r.1.as_str(), r.2))
        .collect();
    assert_eq!(
        keys,
        [("a", "b", 0), ("b", "a", 1), ("c", "d", 0)],
        "four people never show"
    );
    for (row, (_, _, _, people, trips)) in [0, 2, 3].into_iter().zip(&shown) {
        assert!(
            people.abs_diff(ROWS[row].3 as i64) < 60 && trips.abs_diff(ROWS[row].4 as i64) < 120
        );
    }
    let sheet: privacy::quality::QualitySheet =
        serde_json::from_slice(fetched.quality_sheet()).unwrap();
    assert_eq!((sheet.published_keys, sheet.withheld_keys), (3, 29));
    assert_eq!(sheet.charge, terms.allotment().unwrap());

    // The same wish and a new wish for the same input have the same bytes, free.
    let again = city.client.request(&wish).await.unwrap();
    let other = Wish {
        request: new_request_id().unwrap(),
        ..wish.clone()
    };
    let free = city.client.request(&other).await.unwrap();
    for answer in [again, free] {
        let Answered::Released(answer) = answer else {
            panic!()
        };
        assert_eq!(answer.what, released.what);
    }
    let balances = town
        .broker()
        .sequencer()
        .state()
        .ledger()
        .balances()
        .count();
    assert_eq!(balances, 1, "one unit-period was charged, once");

    // A correction is another input, which the plan's one edition and the cap leave no room for.
    let mut correction = push(&id, "2026-10-05");
    correction.supersedes = Some(first.batch.clone());
    let corrected = cells(&terms, &ROWS[..1]);
    bikes
        .client
        .push(&correction, &[corrected], |_| {})
        .await
        .unwrap();
    let wish = Wish {
        request: new_request_id().unwrap(),
        ..wish
    };
    let Answered::Refused(refusal) = city.client.request(&wish).await.unwrap() else {
        panic!()
    };
    let ids: Vec<_> = refusal.reasons().iter().map(|r| r.id).collect();
    assert_eq!(ids, [ReasonId::EditionsExhausted, ReasonId::BudgetExceeded]);
}
