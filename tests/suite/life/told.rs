//! Notices of what happens, and what plans ask for by themselves.

use super::*;

/// Everything a member is told from a place on, by kind, up to the log's present end.
pub(super) async fn told(member: &Member, town: &Town, start: u64) -> (Vec<&'static str>, u64) {
    let size = town.broker().sequencer().state().size();
    let mut watching = member.client.watch(start);
    let mut kinds = Vec::new();
    while watching.next_start() < size {
        let proofs = watching.next().await.unwrap();
        kinds.extend(proofs.iter().map(|proof| proof.entry().body.kind()));
    }
    (kinds, watching.next_start())
}

/// The log is the queue: what happened while nobody watched waits, through a restart too.
#[tokio::test(flavor = "multi_thread")]
async fn notices_wait_and_only_those_concerned_are_told() {
    let mut story = Story::new(|_| {}).await;
    let (kinds, place) = told(&story.bikes, &story.town, 0).await;
    let agreed = [
        "agreement.offered",
        "agreement.signed",
        "agreement.activated",
    ];
    assert_eq!(kinds[..3], agreed);
    assert_eq!(kinds[3..], ["contribution.accepted"]);
    let (kinds, _) = told(&story.city, &story.town, 0).await;
    assert_eq!(kinds[..3], agreed);
    // It came after its grace: then there is something new about its period, which all parties are told.
    assert_eq!(kinds[3..], ["contribution.accepted"]);
    let (kinds, _) = told(&story.trams, &story.town, 0).await;
    assert!(kinds.is_empty(), "{kinds:?}");
    story.act(&story.city, Action::Suspend).await.unwrap();
    story.restart().await;
    story.act(&story.city, Action::Resume).await.unwrap();
    let (kinds, place) = told(&story.bikes, &story.town, place).await;
    assert_eq!(kinds, ["agreement.suspended", "agreement.resumed"]);
    // And as it happens.
    let mut watching = story.bikes.client.watch(place);
    assert!(watching.next().await.unwrap().is_empty(), "caught up");
    let next = tokio::spawn(async move { watching.next().await });
    story.act(&story.city, Action::Terminate).await.unwrap();
    let proofs = tokio::time::timeout(Duration::from_secs(10), next);
    let proofs = proofs.await.unwrap().unwrap().unwrap();
    let body = &proofs[0].entry().body;
    assert_eq!(body.kind(), "agreement.terminated");
    let Some(past) = place.checked_add(1000) else {
        panic!()
    };
    let refused = story.bikes.client.watch(past).next().await.unwrap_err();
    assert!(message(&refused).contains("past the end"), "{refused}");
}

/// One organisation has four watches; a broker that stops does not wait for them.
#[tokio::test(flavor = "multi_thread")]
async fn watches_are_bounded_and_end_with_the_broker() {
    let mut story = Story::new(|_| {}).await;
    let quick = sdk::client::Retry {
        attempts: 1,
        ..Default::default()
    };
    let client = story.bikes.client.clone().with_retry(quick);
    let mut held = Vec::new();
    for _ in 0..broker::limits::WATCHES_PER_ORG_MAX {
        let mut watching = client.watch(0);
        watching.next().await.unwrap();
        held.push(watching);
    }
    let busy = client.watch(0).next().await.unwrap_err();
    assert!(message(&busy).contains("busy"), "{busy}");
    told(&story.city, &story.town, 0).await;
    let begun = std::time::Instant::now();
    story.town.stop().await;
    assert!(
        begun.elapsed() < broker::limits::DRAIN,
        "it waited for watches"
    );
    story.town.start().await;
}

/// The plan asks by itself when grace is over: once, also after a downtime, and for the planner it is the same table.
#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_table_is_released_once_when_its_grace_is_over() {
    let mut story = Story::new(|terms| terms.plan[0].scheduled = true).await;
    // 31 October is late from 1 December on: thirty days of grace.
    story.push("2026-10-31", None).await.unwrap();
    for _ in 0..2 {
        story.town.broker().release_due().await;
        assert!(matches!(story.stages()[..], [Stage::Published { .. }]));
    }
    let size = story.town.broker().sequencer().state().size();
    let Answered::Released(asked) = story.city.client.request(&story.wish()).await.unwrap() else {
        panic!()
    };
    assert_eq!(
        story.town.broker().sequencer().state().size(),
        size,
        "nothing new"
    );
    story.city.client.fetch(&asked.what).await.unwrap();
    story.town.stop().await;
    story
        .town
        .clock
        .set("2026-12-02T00:00:00Z".parse().unwrap());
    story.town.start().await;
    story.town.broker().release_due().await;
    let published = |stage: &Stage| matches!(stage, Stage::Published { .. });
    until("both tables are published", async || {
        let stages = story.stages();
        (stages.iter().filter(|stage| published(stage)).count() == 2).then_some(())
    })
    .await;
    assert_eq!(story.stages().len(), 2);
    story.audited();
}
