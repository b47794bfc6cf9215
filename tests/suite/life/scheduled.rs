//! Scheduled releases and whatever comes between their asking and their decision.

use policies::id::{BatchId, RequestId};
use policies::schedule::due;

use super::*;

impl Story {
    fn size(&self) -> u64 {
        self.town.broker().sequencer().state().size()
    }

    fn due(&self, time: &str) -> Vec<policies::decide::Request> {
        let broker = self.town.broker();
        let state = broker.sequencer().state();
        due(&state, time.parse().unwrap())
    }

    fn batch(&self, day: &str) -> BatchId {
        let broker = self.town.broker();
        let state = broker.sequencer().state();
        let mut live = state
            .live_contributions()
            .map(|record| &record.contribution);
        let of = live.find(|c| c.period.to_string() == day);
        of.unwrap().batch.clone()
    }
}

/// A catch-up works through a list. A suspension, and a contribution taken back and made anew, come while it does: what is
/// left of the list is dropped without an entry, and is released when it is due again.
#[tokio::test(flavor = "multi_thread")]
async fn a_suspension_during_a_catch_up_refuses_nothing_for_ever() {
    let story = Story::new(|terms| terms.plan[0].scheduled = true).await;
    story.push("2026-10-06", None).await.unwrap();
    let list = story.due(NOW);
    assert_eq!(list.len(), 2);
    story.act(&story.bikes, Action::Suspend).await.unwrap();
    let size = story.size();
    for wish in &list {
        let dropped = story.town.broker().release(wish.clone()).await.unwrap_err();
        assert_eq!(dropped.code(), "invalid", "{dropped}");
    }
    story.town.broker().release_due().await;
    assert_eq!(story.size(), size, "no entry");
    story.act(&story.bikes, Action::Resume).await.unwrap();
    let (batch, reason) = (story.batch("2026-10-06"), "counted twice".parse().unwrap());
    let (client, signer) = (&story.bikes.client, &story.bikes.signer);
    let taken_back = client.withdraw_contribution(&story.id, &batch, reason, signer);
    taken_back.await.unwrap();
    let size = story.size();
    let dropped = story.town.broker().release(list[1].clone()).await;
    assert_eq!(
        dropped.unwrap_err().code(),
        "invalid",
        "taken back meanwhile"
    );
    assert_eq!(story.size(), size, "no entry");
    story.push("2026-10-06", None).await.unwrap();
    assert_eq!(story.due(NOW), list, "the same two, under the same ids");
    story.town.broker().release_due().await;
    let stages = story.stages();
    assert!(
        matches!(
            stages[..],
            [Stage::Published { .. }, Stage::Published { .. }]
        ),
        "{stages:?}"
    );
    story.audited();
}

/// The planner computes the id of a release to come, and asks under it early or for something else: it is told so, and the
/// release comes all the same.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_uses_up_an_id_of_the_schedule() {
    let story = Story::new(|terms| terms.plan[0].scheduled = true).await;
    story.push("2026-10-31", None).await.unwrap();
    let [due, to_come] = &story.due("2026-12-02T00:00:00Z")[..] else {
        panic!()
    };
    let under = |id: &RequestId, day| Wish {
        request: id.clone(),
        ..wish(&story.id, "od", day)
    };
    let size = story.size();
    for burning in [
        under(&to_come.id, "2026-10-31"),
        under(&to_come.id, DAY),
        under(&due.id, "2026-10-06"),
    ] {
        let told = story.city.client.request(&burning).await.unwrap_err();
        assert!(message(&told).contains("of the schedule"), "{told}");
    }
    assert_eq!(story.size(), size, "no entry");
    story.town.broker().release_due().await;
    assert!(matches!(story.stages()[..], [Stage::Published { .. }]));
    // Whoever knows the id hears what became of it.
    let answered = story
        .city
        .client
        .request(&under(&due.id, DAY))
        .await
        .unwrap();
    assert!(matches!(answered, Answered::Released(_)), "{answered:?}");
    story.audited();
}
