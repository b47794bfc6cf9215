//! The life of an agreement: countered, suspended, amended, ended; what stops, what waits, what is carried over.

use policies::agreement::{Agreement, OnEnd, TablesOnEnd};
use policies::id::{AgreementId, ReleaseKey, Role};
use policies::life::Action;
use policies::loss::Loss;
use policies::refusal::ReasonId;
use policies::state::{Stage, Status};
use proto::convert::Wish;
use sdk::client::{Answered, ClientError};
use std::time::Duration;

use crate::harness::*;
use crate::opening::*;

mod corrected;
mod once;
mod scheduled;
mod told;

const DAY: &str = "2026-10-05";

/// Bikes, a city and a stranger; an agreement of two editions, changed, active, with one day contributed.
struct Story {
    town: Town,
    bikes: Member,
    city: Member,
    trams: Member,
    terms: Agreement,
    id: AgreementId,
}

impl Story {
    async fn new(change: impl FnOnce(&mut Agreement)) -> Self {
        let town = Town::new().await;
        let bikes = town.join("bikes", Role::Provider).await;
        let city = town.join("city", Role::Planner).await;
        let trams = town.join("trams", Role::Provider).await;
        let (_, geojson) = town.zoning().await;
        let mut terms = agreement(&bikes, &city, &geojson);
        terms.plan[0].editions = 2;
        terms.population.cap = terms.allotment();
        change(&mut terms);
        let id = activate(&bikes, &city, &terms).await;
        let story = Self {
            town,
            bikes,
            city,
            trams,
            terms,
            id,
        };
        story.push(DAY, None).await.unwrap();
        story
    }

    async fn push(&self, day: &str, supersedes: Option<&str>) -> Result<(), ClientError> {
        let mut push = push(&self.id, day);
        push.supersedes = supersedes.map(|id| id.parse().unwrap());
        let cells = cells(&self.terms, &ROWS);
        self.bikes.client.push(&push, &[cells], |_| {}).await?;
        Ok(())
    }

    fn wish(&self) -> Wish {
        wish(&self.id, "od", DAY)
    }

    async fn act(&self, who: &Member, action: Action) -> Result<Status, ClientError> {
        let reason = "the figures look wrong".parse().unwrap();
        let (client, id) = (&who.client, &self.id);
        let done = client.act(action, id, reason, None, &who.signer).await?;
        Ok(done.what.status)
    }

    /// The reasons of the refusal of a new request; none where it is released.
    async fn reasons(&self) -> Vec<ReasonId> {
        match self.city.client.request(&self.wish()).await.unwrap() {
            Answered::Refused(refusal) => refusal.reasons().iter().map(|r| r.id).collect(),
            Answered::Released(_) => vec![],
        }
    }

    /// A request that has been charged and waits for its public tick.
    async fn running(&self, wish: &Wish) -> tokio::task::JoinHandle<Result<Answered, ClientError>> {
        let (client, wish) = (self.city.client.clone(), wish.clone());
        let running = tokio::spawn(async move { client.request(&wish).await });
        until("a release is reserved", async || self.reserved()).await;
        running
    }

    fn reserved(&self) -> Option<ReleaseKey> {
        let broker = self.town.broker();
        let state = broker.sequencer().state();
        state.unfinished().pop()
    }

    fn stages(&self) -> Vec<Stage> {
        let broker = self.town.broker();
        let state = broker.sequencer().state();
        state.releases().map(|(_, r)| r.stage.clone()).collect()
    }

    fn lost(&self) -> Loss {
        let broker = self.town.broker();
        let state = broker.sequencer().state();
        let all: Vec<_> = state.ledger().balances().map(|b| b.2).collect();
        assert!(all.len() <= 1);
        all.first().copied().unwrap_or(Loss::ZERO)
    }

    /// An auditor who trusts nobody reads the whole log.
    fn audited(&self) {
        let broker = self.town.broker();
        let log = broker.sequencer().log();
        let entries = log.entries(0..log.size()).unwrap();
        audit::replay::replay(entries).unwrap();
    }

    /// The batch id of the live contribution of the day.
    async fn live(&self) -> String {
        let broker = self.town.broker();
        let state = broker.sequencer().state();
        let mut live = state.live_contributions();
        let live = live.find(|l| l.contribution.agreement == self.id).unwrap();
        live.contribution.batch.to_string()
    }

    /// From here on a release waits three seconds for its public tick.
    async fn slow_tick(&mut self) {
        self.town.config.publish_tick = Duration::from_secs(3);
        self.restart().await;
    }

    async fn restart(&mut self) {
        self.town.stop().await;
        self.town.start().await;
        self.bikes = self.town.member("bikes").await;
        self.city = self.town.member("city").await;
    }
}

fn message(error: &ClientError) -> String {
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_stops_the_next_request_and_only_its_maker_lifts_it() {
    let story = Story::new(|_| {}).await;
    let steward = story.town.member("steward").await;
    assert_eq!(
        story.act(&steward, Action::Suspend).await.unwrap(),
        Status::Suspended
    );
    assert_eq!(story.reasons().await, [ReasonId::AgreementSuspended]);
    let refused = story.push("2026-10-06", None).await.unwrap_err();
    assert!(message(&refused).contains("suspended"), "{refused}");
    assert_eq!(
        story.act(&story.bikes, Action::Suspend).await.unwrap(),
        Status::Suspended
    );
    let foreign = story.act(&story.city, Action::Resume).await.unwrap_err();
    assert!(
        message(&foreign).contains("lifted by whoever made it"),
        "{foreign}"
    );
    // To a stranger it does not exist.
    for action in [Action::Suspend, Action::Resume, Action::Terminate] {
        let stranger = story.act(&story.trams, action).await.unwrap_err();
        assert!(
            message(&stranger).contains("no such agreement"),
            "{stranger}"
        );
    }
    assert_eq!(
        story.act(&steward, Action::Resume).await.unwrap(),
        Status::Suspended
    );
    assert_eq!(story.reasons().await, [ReasonId::AgreementSuspended]);
    assert_eq!(
        story.act(&story.bikes, Action::Resume).await.unwrap(),
        Status::Active
    );
    assert_eq!(story.reasons().await, []);
    story.audited();
}

/// Charged, drawn, and not shown: it waits through a suspension and a restart, and is charged once.
#[tokio::test(flavor = "multi_thread")]
async fn a_running_release_waits_for_the_suspension_to_end() {
    let mut story = Story::new(|_| {}).await;
    story.slow_tick().await;
    let wish = story.wish();
    let running = story.running(&wish).await;
    story.act(&story.bikes, Action::Suspend).await.unwrap();
    let waits = running.await.unwrap().unwrap_err();
    assert!(message(&waits).contains("suspended"), "{waits}");
    assert_eq!(story.stages(), [Stage::Reserved]);
    let charged = story.lost();
    assert_ne!(charged, Loss::ZERO);
    story.restart().await;
    let waits = story.city.client.request(&wish).await.unwrap_err();
    assert!(message(&waits).contains("suspended"), "{waits}");
    assert_eq!(story.stages(), [Stage::Reserved]);
    story.act(&story.bikes, Action::Resume).await.unwrap();
    let Answered::Released(released) = story.city.client.request(&wish).await.unwrap() else {
        panic!()
    };
    assert!(matches!(story.stages()[..], [Stage::Published { .. }]));
    assert_eq!(story.lost(), charged);
    story.city.client.fetch(&released.what).await.unwrap();
    story.audited();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_termination_ends_what_runs_and_the_charge_stays() {
    let mut story = Story::new(|terms| {
        terms.on_end = Some(OnEnd {
            tables: TablesOnEnd::Closed,
            ..OnEnd::default()
        });
    })
    .await;
    let Answered::Released(first) = story.city.client.request(&story.wish()).await.unwrap() else {
        panic!()
    };
    story.city.client.fetch(&first.what).await.unwrap();
    let live = story.live().await;
    story.push(DAY, Some(&live)).await.unwrap();
    story.slow_tick().await;
    let wish = story.wish();
    let running = story.running(&wish).await;
    let charged = story.lost();
    assert_eq!(
        story.act(&story.city, Action::Terminate).await.unwrap(),
        Status::Terminated
    );
    let ended = running.await.unwrap().unwrap_err();
    assert!(message(&ended).contains("agreement.ended"), "{ended}");
    assert_eq!(story.lost(), charged);
    assert_eq!(story.reasons().await, [ReasonId::AgreementEnded]);
    let refused = story.push("2026-10-06", None).await.unwrap_err();
    assert!(message(&refused).contains("terminated"), "{refused}");
    // As the agreement says, its tables are closed.
    for who in [&story.city, &story.bikes] {
        let closed = who.client.fetch(&first.what).await.unwrap_err();
        assert!(message(&closed).contains("no such release"), "{closed}");
    }
    let again = story
        .act(&story.bikes, Action::Terminate)
        .await
        .unwrap_err();
    assert!(message(&again).contains("in force"), "{again}");
    story.audited();
}

/// A counter-offer, its withdrawal, and an amendment that resets nothing.
#[tokio::test(flavor = "multi_thread")]
async fn offers_are_countered_and_withdrawn_and_an_amendment_carries_the_budget() {
    let mut story = Story::new(|_| {}).await;
    assert_eq!(story.reasons().await, []);
    let spent = story.lost();
    let mut amended = story.terms.clone();
    amended.supersedes = Some(story.id.clone());
    amended.retention_days = 30;
    story
        .bikes
        .client
        .offer(&amended, &story.bikes.signer)
        .await
        .unwrap();
    let mut answer = amended.clone();
    answer.counters = Some(amended.id().unwrap());
    answer.retention_days = 60;
    story
        .city
        .client
        .offer(&answer, &story.city.signer)
        .await
        .unwrap();
    let offered = story
        .city
        .client
        .agreement(&amended.id().unwrap())
        .await
        .unwrap();
    assert_eq!(offered.status, Status::Countered);
    let late = story
        .city
        .client
        .sign_agreement(&offered.id, &story.city.signer);
    let late = late.await.unwrap_err();
    assert!(message(&late).contains("an offered agreement"), "{late}");
    let old = std::mem::replace(&mut story.id, answer.id().unwrap());
    assert_eq!(
        story.act(&story.city, Action::Withdraw).await.unwrap(),
        Status::Withdrawn
    );
    amended.retention_days = 45;
    story.terms = amended;
    story.id = activate(&story.bikes, &story.city, &story.terms).await;
    let before = story.city.client.agreement(&old).await.unwrap();
    assert_eq!(before.status, Status::Superseded);
    assert_eq!(before.life.superseded_by, Some(story.id.clone()));
    let words: Vec<_> = before
        .life
        .history
        .iter()
        .map(|c| c.status.as_str())
        .collect();
    assert_eq!(words, ["offered", "agreed", "active", "superseded"]);
    assert_eq!(story.lost(), spent);
    story.push(DAY, None).await.unwrap();
    assert_eq!(story.reasons().await, [], "the second edition");
    let live = story.live().await;
    story.push(DAY, Some(&live)).await.unwrap();
    let both = [ReasonId::EditionsExhausted, ReasonId::BudgetExceeded];
    assert_eq!(story.reasons().await, both, "the first was made before");
    story.audited();
}

/// Time ends an agreement before the log says so, and the entry frees its allotment for the next one.
#[tokio::test(flavor = "multi_thread")]
async fn an_agreement_that_has_run_out_frees_its_allotment() {
    let mut story = Story::new(|_| {}).await;
    story
        .town
        .clock
        .set("2028-01-02T00:00:00Z".parse().unwrap());
    let reasons = story.reasons().await;
    assert!(
        reasons.contains(&ReasonId::AgreementOutsideValidity),
        "{reasons:?}"
    );
    story.town.broker().let_run_out().await.unwrap();
    let found = story.city.client.agreement(&story.id).await.unwrap();
    assert_eq!(found.status, Status::Expired);
    assert_eq!(found.population_allotted, Some(Loss::ZERO));
    let reasons = story.reasons().await;
    assert!(reasons.contains(&ReasonId::AgreementEnded), "{reasons:?}");
    let size = story.town.broker().sequencer().state().size();
    story.town.broker().let_run_out().await.unwrap();
    assert_eq!(story.town.broker().sequencer().state().size(), size, "once");
    let mut next = story.terms.clone();
    next.title = "And on".into();
    next.valid.until = "2029-12-31".parse().unwrap();
    activate(&story.bikes, &story.city, &next).await;
    story.restart().await;
    story.audited();
}
