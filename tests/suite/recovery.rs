//! Backup and restore, and a clock that jumps.

use std::path::Path;

use broker::clock::Clock;
use broker::serve::start;
use broker::store::fsck::fsck;
use jiff::SignedDuration;
use policies::id::Role;
use sdk::client::{Answered, ClientError, Retry};

use crate::harness::*;
use crate::opening::*;

/// Copies a folder with all it holds.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The way of `docs/OPERATIONS.md`: the newest backup, without its index, in the place of the whole
/// directory. What was released is there, receipts hold, clients see the same log, and it goes on.
#[tokio::test(flavor = "multi_thread")]
async fn the_newest_backup_is_restored_and_goes_on() {
    let (mut town, bikes, city, terms, id) = agreed().await;
    let (cells, day) = ([cells(&terms, &ROWS)], "2026-10-05");
    bikes
        .client
        .push(&push(&id, day), &cells, |_| {})
        .await
        .unwrap();
    let Answered::Released(released) = city.client.request(&wish(&id, "od", day)).await.unwrap()
    else {
        panic!()
    };
    let before = town.broker().sequencer().state().clone();
    town.stop().await;
    let backup = town.folder.path().join("backup");
    copy(&town.config.state, &backup);
    std::fs::remove_dir_all(backup.join("index")).unwrap();
    std::fs::remove_dir_all(&town.config.state).unwrap();

    copy(&backup, &town.config.state);
    let report = fsck(&town.config.state, &town.log_key).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(report.entries, before.size());
    town.start().await;
    {
        let state = town.broker().sequencer().state().clone();
        assert!(before.releases().eq(state.releases()));
        assert!(before.ledger().balances().eq(state.ledger().balances()));
    }
    // The clients' memories are of before: they would refuse a log that went back.
    let city = town.member("city").await;
    let again = city.client.fetch(&released.what).await.unwrap();
    assert!(!rows(&again).is_empty());
    let bikes = town.member("bikes").await;
    let next = push(&id, "2026-10-06");
    bikes.client.push(&next, &cells, |_| {}).await.unwrap();

    // A backup that lacks a payload is not sound, and says which file.
    town.stop().await;
    let blobs: Vec<_> = std::fs::read_dir(town.config.state.join("blobs"))
        .unwrap()
        .collect();
    let lost = blobs[0].as_ref().unwrap();
    std::fs::remove_file(lost.path()).unwrap();
    let report = fsck(&town.config.state, &town.log_key).unwrap();
    let name = lost.file_name().into_string().unwrap();
    let told = report.damage.join("; ");
    assert!(
        told.contains(&name) && told.contains("from a backup"),
        "{told}"
    );
}

/// An hour forward or back: nothing is decided and nothing logged, reads go on, and it goes on when
/// the clock is right.
#[tokio::test(flavor = "multi_thread")]
async fn while_the_clock_is_off_nothing_is_decided() {
    let (town, bikes, city, terms, id) = agreed().await;
    let (cells, day) = ([cells(&terms, &ROWS)], "2026-10-05");
    bikes
        .client
        .push(&push(&id, day), &cells, |_| {})
        .await
        .unwrap();
    let hasty = city.client.clone().with_retry(Retry {
        attempts: 1,
        ..Retry::default()
    });
    let (wish, right) = (wish(&id, "od", day), town.clock.now());
    let size = town.broker().sequencer().log().size();
    for off in [
        SignedDuration::from_hours(1),
        SignedDuration::from_hours(-1),
    ] {
        town.clock.jump(right + off);
        let error = hasty.request(&wish).await.unwrap_err();
        let ClientError::Status { code, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(*code, tonic::Code::Unavailable);
        hasty.agreement(&id).await.unwrap();
        assert_eq!(town.broker().sequencer().log().size(), size, "{off:?}");
        town.clock.jump(right);
    }
    let answered = hasty.request(&wish).await.unwrap();
    assert!(matches!(answered, Answered::Released(_)));
}

/// A start under a clock that is behind the log is refused with both times and the remedy; within
/// the bound, and when an hour was lost, it starts, and time in the log does not go back.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_under_a_clock_that_is_behind_is_refused() {
    let mut town = Town::new().await;
    let right = town.clock.now();
    town.stop().await;
    let late = Clock::standing_at(right - SignedDuration::from_hours(1));
    let error = start(&town.config, late).await.unwrap_err().to_string();
    for told in ["log/entries", "set the clock right", &right.to_string()] {
        assert!(error.contains(told), "`{told}` is not in: {error}");
    }
    // The lock is let go, and what is within the bound, or forward, is a start as any other.
    for off in [-299, 3600] {
        town.clock = Clock::standing_at(right + SignedDuration::from_secs(off));
        town.start().await;
        town.join(&format!("org{}", off.abs()), Role::Planner).await;
        let time = town.broker().sequencer().state().time().unwrap();
        assert_eq!(time, right.max(town.clock.now()), "{off} s");
        town.stop().await;
    }
}
