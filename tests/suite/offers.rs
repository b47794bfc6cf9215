//! What a broker takes as an offer, before anybody signs it.

use broker::limits::OPEN_OFFERS_PER_ORG_MAX;
use policies::id::Role;
use policies::life::Action;

use crate::harness::*;
use crate::opening::*;

/// Whoever is admitted later under a name that somebody wrote down would have its releases.
#[tokio::test(flavor = "multi_thread")]
async fn recipients_are_planners_and_providers_that_are_admitted() {
    let (town, bikes, city, geojson) = opened().await;
    town.join("trams", Role::Provider).await;
    town.join("village", Role::Planner).await;
    town.join("ombudsman", Role::Auditor).await;
    let mut terms = agreement(&bikes, &city, &geojson);
    for stranger in ["harbour", "ombudsman", "steward"] {
        terms.recipients = vec![city.org.clone(), stranger.parse().unwrap()];
        let refused = bikes.client.offer(&terms, &bikes.signer).await.unwrap_err();
        let told = "recipients[1]: is no admitted planner or provider";
        assert!(refused.to_string().contains(told), "{stranger}: {refused}");
    }
    let all = ["city", "trams", "village"];
    terms.recipients = all.map(|org| org.parse().unwrap()).to_vec();
    bikes.client.offer(&terms, &bikes.signer).await.unwrap();
}

/// Offers that nobody answers stay in everybody's way: an organisation has so many, and others have theirs.
#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_has_a_bounded_number_of_open_offers() {
    let (_town, bikes, city, geojson) = opened().await;
    let mut terms = agreement(&bikes, &city, &geojson);
    let mut first = None;
    for n in 0..OPEN_OFFERS_PER_ORG_MAX {
        terms.title = format!("Offer {n}");
        bikes.client.offer(&terms, &bikes.signer).await.unwrap();
        first = first.or(Some(terms.id().unwrap()));
    }
    terms.title = "One more".into();
    let refused = bikes.client.offer(&terms, &bikes.signer).await.unwrap_err();
    let told = refused.to_string();
    assert!(told.contains("wait to be signed (256)"), "{told}");
    let mut citys = terms.clone();
    citys.title = "The city's".into();
    city.client.offer(&citys, &city.signer).await.unwrap();
    let (id, why) = (first.unwrap(), "a better one follows".parse().unwrap());
    let withdrawn = bikes
        .client
        .act(Action::Withdraw, &id, why, None, &bikes.signer);
    withdrawn.await.unwrap();
    bikes.client.offer(&terms, &bikes.signer).await.unwrap();
}
