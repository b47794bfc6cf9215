//! A dense table the whole way: signed, pushed with most keys empty, released with all of them, priced and read.

use privacy::quality::QualitySheet;
use sdk::client::Answered;

use crate::harness::*;
use crate::opening::*;

#[tokio::test(flavor = "multi_thread")]
async fn every_key_is_released_with_noise_and_no_k_is_promised() {
    let (_town, bikes, city, geojson) = opened().await;
    let mut terms = agreement(&bikes, &city, &geojson);
    terms.plan[0].dense = true;
    terms.plan[0].charge.as_mut().unwrap().delta = "0".parse().unwrap();
    terms.population.cap = terms.allotment();
    let id = activate(&bikes, &city, &terms).await;
    let given = push(&id, "2026-10-05");
    let batch = cells(&terms, &ROWS);
    let pushed = bikes
        .client
        .push(&given, std::slice::from_ref(&batch), |_| {});
    pushed.await.unwrap();

    let table = "od".parse().unwrap();
    let preview = city
        .client
        .preview(&id, &table, &[given.period])
        .await
        .unwrap();
    let priced = preview.protection.unwrap();
    assert_eq!(
        (priced.k, priced.threshold, priced.published_from),
        (0, 0, 0)
    );
    assert_eq!(priced.charge, terms.allotment().unwrap());
    assert!(
        preview.rule.contains("NO k is promised"),
        "{}",
        preview.rule
    );

    let wish = wish(&id, "od", "2026-10-05");
    let Answered::Released(released) = city.client.request(&wish).await.unwrap() else {
        panic!()
    };
    let fetched = city.client.fetch(&released.what).await.unwrap();
    let shown = rows(&fetched);
    let keys: Vec<_> = shown
        .iter()
        .map(|r| (r.0.clone(), r.1.clone(), r.2))
        .collect();
    let zones = ["a", "b", "c", "d"];
    let all = zones
        .iter()
        .flat_map(|from| zones.iter().map(move |to| (from, to)));
    let all =
        all.flat_map(|(from, to)| [0, 1].map(|bin| ((*from).to_owned(), (*to).to_owned(), bin)));
    assert_eq!(
        keys,
        all.collect::<Vec<_>>(),
        "every key, in the order of keys"
    );
    for (from, to, bin, people, _) in &shown {
        let own = ROWS
            .iter()
            .find(|row| (row.0, row.1, row.2) == (from, to, *bin));
        let truth = own.map_or(0, |row| row.3 as i64);
        assert!(people.abs_diff(truth) < 60, "{from} {to} {bin}");
    }
    let sheet: QualitySheet = serde_json::from_slice(fetched.quality_sheet()).unwrap();
    assert_eq!(
        (sheet.domain_keys, sheet.published_keys, sheet.withheld_keys),
        (32, 32, 0)
    );
    assert!(sheet.mechanism.is_dense() && sheet.claim.contains("NO k is promised"));
    assert_eq!(
        (sheet.charge, sheet.cost.delta),
        (terms.allotment().unwrap(), "0".parse().unwrap())
    );
}
