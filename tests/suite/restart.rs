//! After a stop, a lost index or a damaged file.

use std::sync::Arc;

use broker::store::blobs::Blobs;
use broker::store::disk::OsDisk;
use policies::state::Stage;
use sdk::client::Answered;

use crate::harness::*;
use crate::opening::*;

async fn with_a_release() -> (Town, policies::state::State) {
    let (town, bikes, city, terms, id) = agreed().await;
    let push = push(&id, "2026-10-05");
    bikes
        .client
        .push(&push, &[cells(&terms, &ROWS)], |_| {})
        .await
        .unwrap();
    let wish = wish(&id, "od", "2026-10-05");
    let Answered::Released(_) = city.client.request(&wish).await.unwrap() else {
        panic!()
    };
    let state = town.broker().sequencer().state().clone();
    (town, state)
}

/// A start appends `broker.started`; everything before it has to be as it was.
fn same_but_for_the_start(before: &policies::state::State, after: &policies::state::State) {
    assert_eq!(after.size(), before.size() + 1);
    assert!(before.releases().eq(after.releases()));
    assert!(before.ledger().balances().eq(after.ledger().balances()));
    assert!(before.agreements().eq(after.agreements()));
    assert!(before.live_contributions().eq(after.live_contributions()));
    assert!(before.orgs().eq(after.orgs()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_index_is_rebuilt_equal() {
    let (mut town, before) = with_a_release().await;
    town.stop().await;
    std::fs::remove_dir_all(town.config.state.join("index")).unwrap();
    town.start().await;
    same_but_for_the_start(&before, &town.broker().sequencer().state());
    let with_index = town.broker().sequencer().state().clone();
    town.stop().await;
    town.start().await;
    same_but_for_the_start(&with_index, &town.broker().sequencer().state());
}

/// A crash between a payload and its entry leaves cells that no agreement's retention would ever end.
#[tokio::test(flavor = "multi_thread")]
async fn payloads_that_no_entry_names_are_erased_at_the_start_and_no_others() {
    let (mut town, before) = with_a_release().await;
    let named: Vec<_> = before.blobs().into_iter().cloned().collect();
    assert_eq!(named.len(), 3, "zones, cells, a released table");
    town.stop().await;
    let stored =
        |town: &Town| Blobs::open(Arc::new(OsDisk::open(&town.config.state).unwrap())).unwrap();
    let crashed = stored(&town).put(&"cells".into()).await.unwrap();
    assert!(stored(&town).list().unwrap().contains(&crashed));
    town.start().await;
    same_but_for_the_start(&before, &town.broker().sequencer().state());
    town.stop().await;
    assert_eq!(stored(&town).list().unwrap(), named);
}

/// Zones, cells or a released table, the payload or its salt: a start without one is refused and says which, and
/// nothing that is left is touched; put back, all is as it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_without_a_named_payload_is_refused_until_it_is_restored() {
    let (mut town, before) = with_a_release().await;
    let named: Vec<_> = before.blobs().into_iter().cloned().collect();
    assert_eq!(named.len(), 3, "zones, cells, a released table");
    town.stop().await;
    let away = town.folder.path().join("away");
    let log = || std::fs::read(town.config.state.join("log/entries")).unwrap();
    let entries = log();
    for folder in ["blobs", "salts"] {
        for id in &named {
            let file = town.config.state.join(folder).join(id.as_str());
            std::fs::rename(&file, &away).unwrap();
            let refused = broker::serve::start(&town.config, town.clock.clone()).await;
            let text = refused.unwrap_err().to_string();
            for told in [
                &format!("`{folder}/{id}` is missing"),
                "from a backup",
                "fsck",
            ] {
                assert!(text.contains(told), "`{told}` is not in: {text}");
            }
            assert_eq!(log(), entries, "a refused start writes nothing");
            std::fs::rename(&away, &file).unwrap();
        }
    }
    town.start().await;
    same_but_for_the_start(&before, &town.broker().sequencer().state());
    town.stop().await;
    let stored = Blobs::open(Arc::new(OsDisk::open(&town.config.state).unwrap())).unwrap();
    assert_eq!(stored.list().unwrap(), named);
}

/// What a file holds is looked at by whoever reads it, and by `fsck`: a start does not read every payload.
#[tokio::test(flavor = "multi_thread")]
async fn an_altered_payload_is_never_served_and_fsck_names_it() {
    let (mut town, before) = with_a_release().await;
    let (key, table) = before
        .releases()
        .find_map(|(key, release)| match &release.stage {
            Stage::Published { blob, .. } => Some((key.clone(), blob.clone())),
            _ => None,
        })
        .unwrap();
    town.stop().await;
    let file = town.config.state.join("blobs").join(table.as_str());
    let sound = std::fs::read(&file).unwrap();
    let mut altered = sound.clone();
    altered[sound.len() / 2] ^= 1;
    std::fs::write(&file, altered).unwrap();
    let report = broker::store::fsck::fsck(&town.config.state, &town.log_key).unwrap();
    let told = report.damage.join("; ");
    assert!(told.contains(&format!("`blobs/{table}`")), "{told}");
    town.start().await;
    let city = town.member("city").await;
    let refused = city.client.fetch(&key).await.unwrap_err();
    assert_eq!(refused.code(), "internal", "{refused}");
    std::fs::write(&file, sound).unwrap();
    city.client.fetch(&key).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_log_stops_the_start_and_names_the_file() {
    let (mut town, _) = with_a_release().await;
    town.stop().await;
    for file in ["entries", "frames", "checkpoint"] {
        let path = town.config.state.join("log").join(file);
        let sound = std::fs::read(&path).unwrap();
        let mut damaged = sound.clone();
        damaged[sound.len() / 2] ^= 1;
        std::fs::write(&path, damaged).unwrap();
        let error = broker::serve::start(&town.config, town.clock.clone())
            .await
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains(&format!("log/{file}")) || text.contains("log/entries"),
            "{file}: {text}"
        );
        std::fs::write(&path, sound).unwrap();
    }
    town.start().await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_broker_on_the_same_state_is_refused() {
    let town = Town::new().await;
    let error = broker::serve::start(&town.config, town.clock.clone())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("state"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_replays_the_whole_log_from_a_copy() {
    let (mut town, state) = with_a_release().await;
    town.stop().await;
    let entries = std::fs::read(town.config.state.join("log/entries")).unwrap();
    let entries = audit::bundle::Entries::new(&entries).map(Result::unwrap);
    let replayed = audit::replay::replay(entries).unwrap();
    assert_eq!(*replayed.state(), state);
}
