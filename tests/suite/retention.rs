//! Cells go on time and when their provider takes them back; nothing reads them any more, and fsck knows.

use broker::store::fsck::fsck;
use jiff::ToSpan;
use policies::agreement::{CellsOnEnd, OnEnd};
use policies::id::{BatchId, BlobId, Role};
use policies::life::Action;
use policies::refusal::ReasonId;
use policies::state::Standing;
use sdk::client::{Answered, ClientError};

use crate::harness::*;
use crate::opening::*;

fn blob(town: &Town, provider: &Member, batch: &BatchId) -> BlobId {
    let broker = town.broker();
    let state = broker.sequencer().state();
    let record = state.batch(&provider.org, batch).unwrap();
    record.contribution.blob.clone()
}

/// Is any file of it in the state directory?
fn on_disk(town: &Town, blob: &BlobId) -> bool {
    let files = ["blobs", "salts"].map(|folder| town.config.state.join(folder).join(blob.as_str()));
    files.iter().any(|file| file.exists())
}

fn audited(town: &Town) {
    let broker = town.broker();
    let log = broker.sequencer().log();
    let entries = log.entries(0..log.size()).unwrap();
    audit::replay::replay(entries).unwrap();
}

async fn reasons(city: &Member, wish: &proto::convert::Wish) -> Vec<ReasonId> {
    match city.client.request(wish).await.unwrap() {
        Answered::Refused(refusal) => refusal.reasons().iter().map(|r| r.id).collect(),
        Answered::Released(_) => vec![],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cells_go_when_their_retention_is_over_and_what_was_released_stays() {
    let (mut town, bikes, city, terms, id) = agreed().await;
    let first = push(&id, "2026-10-05");
    let batch = cells(&terms, &ROWS);
    let batches = std::slice::from_ref(&batch);
    bikes.client.push(&first, batches, |_| {}).await.unwrap();
    let Answered::Released(released) = city
        .client
        .request(&wish(&id, "od", "2026-10-05"))
        .await
        .unwrap()
    else {
        panic!()
    };
    let blob = blob(&town, &bikes, &first.batch);
    let over = NOW.parse::<jiff::Timestamp>().unwrap() + (90 * 24).hours();
    town.clock.set(over - 1.second());
    town.broker().erase_due().await.unwrap();
    assert!(on_disk(&town, &blob), "kept as long as agreed");
    // It is the next decision that lets them go, whoever causes it, ahead of itself.
    town.clock.set(over);
    assert_eq!(
        reasons(&city, &wish(&id, "od", "2026-10-05")).await,
        [ReasonId::PeriodDeleted]
    );
    town.broker().erase_due().await.unwrap();
    assert!(!on_disk(&town, &blob));
    city.client.fetch(&released.what).await.unwrap();
    let told = bikes.client.contribution(&id, &first.batch).await.unwrap();
    assert_eq!(told.what.standing, Standing::Deleted);
    assert_eq!(told.what.releases.len(), 1);
    assert_eq!(told.what.releases[0].key, released.what);
    assert!(
        bikes
            .client
            .contributions(&id, None)
            .await
            .unwrap()
            .is_empty()
    );
    let again = bikes
        .client
        .push(&first, batches, |_| {})
        .await
        .unwrap_err();
    assert!(again.to_string().contains("are deleted"), "{again}");
    bikes
        .client
        .push(&push(&id, "2026-10-05"), batches, |_| {})
        .await
        .unwrap();
    audited(&town);
    // A stopped broker's directory holds what the log says, and no deleted payload is missed.
    town.stop().await;
    let report = fsck(&town.config.state, &town.log_key).unwrap();
    assert!(
        report.is_sound() && report.mended_at_start.is_empty(),
        "{report:?}"
    );
    // A backup of the payloads alone brings them back: it is told, and the start erases them again.
    let file = town.config.state.join("blobs").join(blob.as_str());
    std::fs::write(&file, b"old").unwrap();
    let report = fsck(&town.config.state, &town.log_key).unwrap();
    let mended = report.mended_at_start.join("; ");
    assert!(
        report.is_sound() && mended.contains("1 payloads") && mended.contains("deleted by the log"),
        "{report:?}"
    );
    town.start().await;
    assert!(!file.exists());
    audited(&town);
}

/// One file that the disk does not let go keeps no other: each is tried, and the first error is told until all are gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_erased_keeps_no_other() {
    let (town, bikes, _, terms, id) = agreed().await;
    let batch = cells(&terms, &ROWS);
    let batches = std::slice::from_ref(&batch);
    let mut stored = Vec::new();
    for day in ["2026-10-05", "2026-10-06"] {
        let push = push(&id, day);
        bikes.client.push(&push, batches, |_| {}).await.unwrap();
        stored.push(blob(&town, &bikes, &push.batch));
        // What is accepted first is erased first.
        town.clock.set(town.clock.now() + 1.second());
    }
    // A folder cannot be removed as a file.
    let over = town.clock.now() + (90 * 24).hours();
    let [stuck, other] = &stored[..] else {
        panic!()
    };
    let file = town.config.state.join("blobs").join(stuck.as_str());
    let kept = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir_all(file.join("held")).unwrap();
    town.clock.set(over);
    town.broker().erase_due().await.unwrap_err();
    assert!(!on_disk(&town, other), "it waited for another one's file");
    assert!(on_disk(&town, stuck));
    std::fs::remove_dir_all(&file).unwrap();
    std::fs::write(&file, kept).unwrap();
    town.broker().erase_due().await.unwrap();
    assert!(!on_disk(&town, stuck));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_takes_a_contribution_back_and_is_told_what_was_released() {
    let (town, bikes, city, terms, id) = agreed().await;
    let trams = town.join("trams", Role::Provider).await;
    let first = push(&id, "2026-10-05");
    let batch = cells(&terms, &ROWS);
    bikes.client.push(&first, &[batch], |_| {}).await.unwrap();
    let Answered::Released(released) = city
        .client
        .request(&wish(&id, "od", "2026-10-05"))
        .await
        .unwrap()
    else {
        panic!()
    };
    let blob = blob(&town, &bikes, &first.batch);
    let reason: policies::life::Cause = "counted twice".parse().unwrap();
    let text = |error: ClientError| error.to_string();
    let withdraw = async |who: &Member, batch: &BatchId, signer: &Member| {
        let asked = who
            .client
            .withdraw_contribution(&id, batch, reason.clone(), &signer.signer);
        asked.await
    };
    // To everybody else it does not exist, or is not theirs.
    let foreign = text(withdraw(&trams, &first.batch, &trams).await.unwrap_err());
    assert!(foreign.contains("no such agreement"), "{foreign}");
    let planner = text(withdraw(&city, &first.batch, &city).await.unwrap_err());
    assert!(planner.contains("not allowed"), "{planner}");
    let forged = text(withdraw(&bikes, &first.batch, &city).await.unwrap_err());
    assert!(forged.contains("signature"), "{forged}");
    let nobodys = text(
        withdraw(&bikes, &"none".parse().unwrap(), &bikes)
            .await
            .unwrap_err(),
    );
    assert!(nobodys.contains("no such contribution"), "{nobodys}");
    assert!(on_disk(&town, &blob));

    let told = withdraw(&bikes, &first.batch, &bikes).await.unwrap();
    assert!(!on_disk(&town, &blob), "erased when it answers");
    assert_eq!(told.what.standing, Standing::Withdrawn);
    let keys: Vec<_> = told.what.releases.iter().map(|r| &r.key).collect();
    assert_eq!(keys, [&released.what]);
    let again = withdraw(&bikes, &first.batch, &bikes).await.unwrap();
    assert_eq!(again.proof.index(), told.proof.index(), "once");
    city.client.fetch(&released.what).await.unwrap();
    assert_eq!(
        reasons(&city, &wish(&id, "od", "2026-10-05")).await,
        [ReasonId::PeriodDeleted]
    );
    // The parties are told.
    let mut watching = city.client.watch(told.proof.index());
    let proofs = watching.next().await.unwrap();
    let kinds: Vec<_> = proofs.iter().map(|p| p.entry().body.kind()).collect();
    assert_eq!(kinds[..2], ["contribution.withdrawn", "retention.deleted"]);
    audited(&town);
}

#[tokio::test(flavor = "multi_thread")]
async fn cells_go_with_their_agreement_where_it_says_so() {
    let (town, bikes, city, geojson) = opened().await;
    let mut terms = agreement(&bikes, &city, &geojson);
    terms.on_end = Some(OnEnd {
        cells: CellsOnEnd::Deleted,
        ..OnEnd::default()
    });
    let id = activate(&bikes, &city, &terms).await;
    let first = push(&id, "2026-10-05");
    let batch = cells(&terms, &ROWS);
    bikes.client.push(&first, &[batch], |_| {}).await.unwrap();
    let blob = blob(&town, &bikes, &first.batch);
    let reason = "the project has ended".parse().unwrap();
    let ended = city
        .client
        .act(Action::Terminate, &id, reason, None, &city.signer);
    ended.await.unwrap();
    town.broker().erase_due().await.unwrap();
    assert!(!on_disk(&town, &blob));
    audited(&town);
}
