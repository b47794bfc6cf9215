//! Open data: a release whose agreement allows it is proposed by one person, approved by another, and withdrawn.

use jiff::{Timestamp, ToSpan};
use policies::agreement::Agreement;
use policies::id::{AgreementId, ReleaseKey, Role};
use policies::state::OpenStage;
use sdk::client::{Answered, ClientError};

use crate::harness::*;
use crate::opening::*;

/// A town with an agreement that allows open data, and one release under it.
pub struct Open {
    pub town: Town,
    pub bikes: Member,
    pub city: Member,
    pub terms: Agreement,
    pub agreement: AgreementId,
    pub key: ReleaseKey,
}

impl Open {
    pub async fn new(on_end: &str) -> Self {
        let (town, bikes, city, geojson) = opened().await;
        let mut terms = agreement(&bikes, &city, &geojson);
        let publication = serde_json::json!({ "licence": "CC-BY-4.0", "on_end": on_end });
        terms.publication = serde_json::from_value(publication).unwrap();
        let agreement = activate(&bikes, &city, &terms).await;
        let key = released((&bikes, &city), (&terms, &agreement), "2026-10-05").await;
        Self {
            key,
            town,
            bikes,
            city,
            terms,
            agreement,
        }
    }

    /// A further release, of another day.
    pub async fn released_too(&self, day: &str) -> ReleaseKey {
        let under = (&self.terms, &self.agreement);
        released((&self.bikes, &self.city), under, day).await
    }

    /// A second person of the planner, with certificates of the same organisation.
    pub async fn second(&self) -> Member {
        self.person("zita").await
    }

    /// A client of the planner's with this person's token.
    pub async fn person(&self, user: &str) -> Member {
        person(&self.town, ("city", Role::Planner), user).await
    }

    pub async fn propose(&self) {
        self.propose_by(&self.city).await;
    }

    pub async fn propose_by(&self, by: &Member) {
        let proposed = by.client.propose_open_data(&self.key, &by.signer).await;
        assert_eq!(proposed.unwrap().what.open, OpenStage::Proposed);
    }

    /// Proposed by one person of the planner, approved by another.
    pub async fn open(&self) {
        self.propose().await;
        let second = self.second().await;
        let approved = second.client.approve_open_data(&self.key, &second.signer);
        assert_eq!(approved.await.unwrap().what.open, OpenStage::Public);
    }

    pub async fn stage(&self) -> OpenStage {
        let listed = self.bikes.client.releases(&self.agreement, None).await;
        listed.unwrap()[0].open
    }
}

/// Counted by the one, released to the other.
async fn released(
    (bikes, city): (&Member, &Member),
    (terms, id): (&Agreement, &AgreementId),
    day: &str,
) -> ReleaseKey {
    let batches = [cells(terms, &ROWS)];
    let pushed = push(id, day);
    bikes.client.push(&pushed, &batches, |_| {}).await.unwrap();
    match city.client.request(&wish(id, "od", day)).await.unwrap() {
        Answered::Released(released) => released.what,
        Answered::Refused(refusal) => panic!("{refusal}"),
    }
}

fn text(error: ClientError) -> String {
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_proposes_another_approves_and_a_party_withdraws() {
    let mut open = Open::new("kept").await;
    let (key, city, bikes) = (&open.key, &open.city, &open.bikes);
    assert_eq!(open.stage().await, OpenStage::Closed);
    let early = city.client.approve_open_data(key, &city.signer).await;
    assert!(text(early.unwrap_err()).contains("nobody has proposed"));
    let first = city
        .client
        .propose_open_data(key, &city.signer)
        .await
        .unwrap();
    let again = city
        .client
        .propose_open_data(key, &city.signer)
        .await
        .unwrap();
    assert_eq!(again.proof.index(), first.proof.index(), "once");
    // Four eyes: another token of the same person, and the same one, are refused.
    let same = open.person("user").await;
    for member in [city, &same] {
        let alone = member.client.approve_open_data(key, &member.signer).await;
        let alone = text(alone.unwrap_err());
        assert!(alone.contains("you proposed it"), "{alone}");
    }
    assert_eq!(open.stage().await, OpenStage::Proposed);
    // Strangers, auditors and stewards learn nothing and do nothing.
    let rival = open.town.join("rival", Role::Planner).await;
    let foreign = rival.client.approve_open_data(key, &rival.signer).await;
    assert!(text(foreign.unwrap_err()).contains("no such release"));
    let auditor = open.town.join("ombudsman", Role::Auditor).await;
    let denied = auditor.client.approve_open_data(key, &auditor.signer).await;
    assert!(text(denied.unwrap_err()).contains("not allowed"));
    // A signature by another key is none.
    let forged = bikes.client.approve_open_data(key, &city.signer).await;
    assert!(text(forged.unwrap_err()).contains("signature"));
    let second = open.second().await;
    let approved = second
        .client
        .approve_open_data(key, &second.signer)
        .await
        .unwrap();
    assert_eq!(approved.what.open, OpenStage::Public);
    assert_eq!(approved.proof.entry().body.kind(), "release.opened");
    let reason = "a zone was named wrongly";
    let taken = bikes
        .client
        .withdraw_open_data(key, reason.parse().unwrap(), &bikes.signer);
    assert_eq!(taken.await.unwrap().what.open, OpenStage::Withdrawn);
    let anew = city.client.propose_open_data(key, &city.signer).await;
    assert!(text(anew.unwrap_err()).contains("for good"));
    // It stays a release: entitled organisations have it, and a restart and a replay agree.
    city.client.fetch(key).await.unwrap();
    open.town.stop().await;
    open.town.start().await;
    open.bikes = open.town.member("bikes").await;
    assert_eq!(open.stage().await, OpenStage::Withdrawn);
    let broker = open.town.broker();
    let log = broker.sequencer().log();
    audit::replay::replay(log.entries(0..log.size()).unwrap()).unwrap();
    // No user's name is in the log.
    for entry in log.entries(0..log.size()).unwrap() {
        let entry = String::from_utf8(entry).unwrap();
        assert!(
            !entry.contains("\"user\":\"") && !entry.contains("zita"),
            "{entry}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_opened_that_the_agreement_does_not_allow() {
    let (_town, bikes, city, terms, id) = agreed().await;
    let batches = [cells(&terms, &ROWS)];
    let pushed = push(&id, "2026-10-05");
    bikes.client.push(&pushed, &batches, |_| {}).await.unwrap();
    let wish = wish(&id, "od", "2026-10-05");
    let Answered::Released(released) = city.client.request(&wish).await.unwrap() else {
        panic!("refused")
    };
    let refused = city
        .client
        .propose_open_data(&released.what, &city.signer)
        .await;
    let refused = text(refused.unwrap_err());
    assert!(refused.contains("allows no open data"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_agreement_withdraws_at_once_what_it_says() {
    for (on_end, after) in [
        ("kept", OpenStage::Public),
        ("withdrawn", OpenStage::Withdrawn),
    ] {
        let open = Open::new(on_end).await;
        open.open().await;
        let ends: Timestamp = NOW.parse::<Timestamp>().unwrap() + 1.hour();
        let act = open.city.client.act(
            policies::life::Action::Terminate,
            &open.agreement,
            "the project has ended".parse().unwrap(),
            Some(ends),
            &open.city.signer,
        );
        act.await.unwrap();
        assert_eq!(open.stage().await, OpenStage::Public);
        open.town.clock.set(ends);
        assert_eq!(open.stage().await, after, "{on_end}");
    }
}
