//! Corrections after a release, and periods that never came.

use privacy::quality::QualitySheet;

use super::told::told;
use super::*;

/// A correction changes nothing that was released: it offers a new edition, which is charged and names the old one.
#[tokio::test(flavor = "multi_thread")]
async fn a_correction_offers_a_new_edition_that_names_the_one_it_replaces() {
    let story = Story::new(|_| {}).await;
    let Answered::Released(first) = story.city.client.request(&story.wish()).await.unwrap() else {
        panic!()
    };
    let before = story.city.client.fetch(&first.what).await.unwrap();
    let sheet: QualitySheet = serde_json::from_slice(before.quality_sheet()).unwrap();
    assert_eq!((sheet.edition, sheet.replaces), (1, None));
    let charged = story.lost();
    let (table, period) = ("od".parse().unwrap(), [DAY.parse().unwrap()]);
    let preview = async || {
        let told = story.city.client.preview(&story.id, &table, &period).await;
        told.unwrap().periods.remove(0)
    };
    let now = preview().await;
    assert_eq!(
        (now.release.as_ref(), now.replaces),
        (Some(&first.what), None)
    );
    let (_, place) = told(&story.city, &story.town, 0).await;
    let live = story.live().await;
    story.push(DAY, Some(&live)).await.unwrap();
    let (kinds, _) = told(&story.city, &story.town, place).await;
    assert_eq!(
        kinds,
        ["contribution.accepted"],
        "a correction is for all parties to know"
    );
    let now = preview().await;
    assert_eq!(
        (now.release, now.replaces.as_ref()),
        (None, Some(&first.what))
    );
    assert_eq!(story.lost(), charged, "nobody asked yet");
    let Answered::Released(second) = story.city.client.request(&story.wish()).await.unwrap() else {
        panic!()
    };
    assert_ne!(story.lost(), charged);
    let after = story.city.client.fetch(&second.what).await.unwrap();
    let sheet: QualitySheet = serde_json::from_slice(after.quality_sheet()).unwrap();
    assert_eq!(
        (sheet.edition, sheet.replaces.as_ref()),
        (2, Some(&first.what))
    );
    let mut listed = story.city.client.releases(&story.id, None).await.unwrap();
    listed.sort_by_key(|release| release.edition);
    let replaces: Vec<_> = listed
        .iter()
        .map(|release| release.replaces.clone())
        .collect();
    assert_eq!(replaces, [None, Some(first.what.clone())]);
    // What was released before is as it was.
    let again = story.city.client.fetch(&first.what).await.unwrap();
    assert_eq!(again.bytes(), before.bytes());
    story.audited();
}

/// What fell into a downtime is told once, to whoever was away too.
#[tokio::test(flavor = "multi_thread")]
async fn missing_periods_are_told_once_after_a_downtime() {
    let mut story = Story::new(|_| {}).await;
    let (_, place) = told(&story.bikes, &story.town, 0).await;
    story.town.stop().await;
    // Thirty days of grace since the agreement came into force are over.
    let later = "2026-12-21T00:00:00Z".parse().unwrap();
    story.town.clock.set(later);
    for _ in 0..2 {
        story.town.start().await;
        let broker = story.town.broker();
        until("the periods are told", async || {
            broker.tell_missing().await.unwrap();
            let state = broker.sequencer().state();
            let day = |day: &str| policies::state::Slot {
                agreement: story.id.clone(),
                table: "od".parse().unwrap(),
                period: day.parse().unwrap(),
            };
            assert_eq!(state.missed(&day(DAY)), None, "it was contributed");
            state.missed(&day("2026-10-31"))
        })
        .await;
        story.town.stop().await;
    }
    story.town.start().await;
    for name in ["bikes", "city"] {
        let member = story.town.member(name).await;
        let (kinds, _) = told(&member, &story.town, place).await;
        assert_eq!(kinds, ["contribution.missing"], "{name}");
    }
    story.audited();
}
