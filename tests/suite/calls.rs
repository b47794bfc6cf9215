//! Calls for data: planners publish, every organisation reads, a provider's offer names one.

use policies::call::Call;
use policies::id::Role;
use policies::life::Action;
use policies::period::Grain;
use policies::state::Status;
use proto::convert::OfferedTable;
use sdk::client::ClientError;

use crate::harness::*;
use crate::opening::*;

pub fn harbour() -> Call {
    Call {
        title: "To the harbour at eight".into(),
        question: "How do people get from Pasila to the harbour between 7 and 9?".into(),
        project: "Harbour tram".into(),
        purpose: PURPOSE.into(),
        kind: "od_trips".into(),
        grain: Grain::Day,
        zoning: "town-2026".parse().unwrap(),
    }
}

/// What is in force everybody sees, as in the register; an offer, those who may read it; what has ended, nobody.
#[tokio::test(flavor = "multi_thread")]
async fn tables_on_offer_are_those_in_force_and_of_ones_own_offers() {
    let (town, bikes, city, geojson) = opened().await;
    let other = town.join("harbour-town", Role::Planner).await;
    let auditor = town.join("ombudsman", Role::Auditor).await;
    let told = async |who: &Member| who.client.tables_on_offer().await.unwrap();
    let terms = agreement(&bikes, &city, &geojson);
    let id = terms.id().unwrap();
    bikes.client.offer(&terms, &bikes.signer).await.unwrap();
    let offered = told(&city).await;
    let [table] = offered.as_slice() else {
        panic!("{offered:?}")
    };
    let expected = OfferedTable::of(&id, Status::Offered, &terms, &terms.plan[0]);
    assert_eq!(Some(table), expected.as_ref());
    assert_eq!((table.k, table.grain), (5, Grain::Day));
    assert_eq!(told(&bikes).await, offered);
    assert_eq!(told(&auditor).await, offered);
    assert_eq!(told(&other).await, [], "an offer between others");
    city.client.sign_agreement(&id, &city.signer).await.unwrap();
    for who in [&bikes, &city, &other, &auditor] {
        let [table] = &told(who).await[..] else {
            panic!("{}", who.org)
        };
        assert_eq!(table.status, Status::Active);
    }
    let act = city.client.act(
        Action::Terminate,
        &id,
        "done".parse().unwrap(),
        None,
        &city.signer,
    );
    act.await.unwrap();
    for who in [&bikes, &city, &other, &auditor] {
        assert_eq!(told(who).await, [], "{}", who.org);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_published_read_answered_and_closed() {
    let (mut town, bikes, city, geojson) = opened().await;
    let other = town.join("harbour-town", Role::Planner).await;
    let text = |error: ClientError| error.to_string();
    let denied = text(bikes.client.publish_call(&harbour()).await.unwrap_err());
    assert!(denied.contains("not allowed"), "{denied}");
    let nowhere = Call {
        zoning: "nowhere".parse().unwrap(),
        ..harbour()
    };
    let unknown = text(city.client.publish_call(&nowhere).await.unwrap_err());
    assert!(unknown.contains("no such zoning"), "{unknown}");
    let call = city.client.publish_call(&harbour()).await.unwrap();
    let again = city.client.publish_call(&harbour()).await.unwrap();
    assert_eq!(again.proof.index(), call.proof.index(), "once");
    let auditor = town.join("ombudsman", Role::Auditor).await;
    for reader in [&bikes, &other, &auditor] {
        let listed = reader.client.calls().await.unwrap();
        assert_eq!(listed, std::slice::from_ref(&call.what), "{}", reader.org);
    }
    // Who watches is told, a provider above all.
    let mut watching = bikes.client.watch(call.proof.index());
    let told = watching.next().await.unwrap();
    let kinds: Vec<_> = told.iter().map(|p| p.entry().body.kind()).collect();
    assert_eq!(kinds, ["call.published"]);
    // The answer names it; an offer to another planner cannot.
    let mut terms = agreement(&bikes, &city, &geojson);
    terms.call = Some(call.what.id.clone());
    let mut elsewhere = agreement(&bikes, &other, &geojson);
    elsewhere.call = terms.call.clone();
    let foreign = bikes.client.offer(&elsewhere, &bikes.signer).await;
    let foreign = text(foreign.unwrap_err());
    assert!(foreign.contains("open call of the planner"), "{foreign}");
    bikes.client.offer(&terms, &bikes.signer).await.unwrap();
    let theirs = text(other.client.close_call(&call.what.id).await.unwrap_err());
    assert!(theirs.contains("no such call"), "{theirs}");
    let closed = city.client.close_call(&call.what.id).await.unwrap();
    assert!(!closed.what.open);
    let again = city.client.close_call(&call.what.id).await.unwrap();
    assert_eq!(again.proof.index(), closed.proof.index(), "once");
    let reopened = text(city.client.publish_call(&harbour()).await.unwrap_err());
    assert!(reopened.contains("was closed"), "{reopened}");
    // A new one comes too late.
    let mut late = terms.clone();
    late.title = "Rides, again".into();
    let late = text(bikes.client.offer(&late, &bikes.signer).await.unwrap_err());
    assert!(late.contains("open call"), "{late}");
    // An offer that named it stays one.
    let id = terms.id().unwrap();
    let signed = city.client.sign_agreement(&id, &city.signer).await.unwrap();
    assert_eq!(signed.what.status, Status::Active);
    town.stop().await;
    town.start().await;
    let bikes = town.member("bikes").await;
    assert!(!bikes.client.calls().await.unwrap()[0].open);
    let broker = town.broker();
    let log = broker.sequencer().log();
    audit::replay::replay(log.entries(0..log.size()).unwrap()).unwrap();
}
