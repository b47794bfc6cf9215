use audit::error::Evidence;
use futures::TryStreamExt;

use crate::client::testing::FakeLog;
use crate::client::testing::broker::FakeBroker;
use crate::client::testing::samples::{cells, push};
use crate::client::{Client, ClientError, LogFault};

async fn contradiction(client: &Client) -> LogFault {
    match client.checkpoint().await.unwrap_err() {
        ClientError::Log {
            fault,
            evidence: Some(path),
            ..
        } => {
            let kept = std::fs::read_to_string(path).unwrap();
            let evidence: Evidence = serde_json::from_str(&kept).unwrap();
            let before = client.last_checkpoint().unwrap().unwrap();
            assert_eq!(&evidence.before, before.signed(), "both are kept");
            let forked = matches!(fault, LogFault::Fork { .. });
            assert_eq!(evidence.proves_fork(client.log_key()), Ok(forked));
            fault
        }
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_log_that_grows_is_followed_and_remembered() {
    let broker = FakeBroker::start().await;
    broker.script().log = FakeLog::of_heartbeats(3);
    let client = broker.client().await;
    client.check_log_key().await.unwrap();
    assert_eq!(client.checkpoint().await.unwrap().size(), 3);
    assert_eq!(client.checkpoint().await.unwrap().size(), 3);
    broker.script().log.append_bytes(b"four".to_vec());
    assert_eq!(client.checkpoint().await.unwrap().size(), 4);
    let proof = client
        .push(&push(), &[cells(0, 2)], |_| {})
        .await
        .unwrap()
        .proof;
    assert_eq!((proof.index(), proof.checkpoint().size()), (4, 5));
    assert_eq!(client.receipt(4).await.unwrap().entry(), proof.entry());

    // Another process with the same state.
    let again = broker.client().await;
    assert_eq!(again.last_checkpoint().unwrap().unwrap().size(), 5);
}

#[tokio::test]
async fn a_log_that_was_rolled_back_is_found_out() {
    let broker = FakeBroker::start().await;
    broker.script().log = FakeLog::of_heartbeats(9);
    broker.client().await.checkpoint().await.unwrap();
    broker.script().shows = Some(5);
    // By another process as well, and with a receipt as with a checkpoint.
    let client = broker.client().await;
    let (kept, found) = (9, 5);
    assert_eq!(
        contradiction(&client).await,
        LogFault::Rollback { kept, found }
    );
    let refused = client.receipt(2).await.unwrap_err();
    assert!(!matches!(refused, ClientError::Status { .. }), "{refused}");
    assert_eq!(client.last_checkpoint().unwrap().unwrap().size(), 9);
}

#[tokio::test]
async fn a_forked_log_is_found_out_at_the_same_size_and_at_a_larger_one() {
    let broker = FakeBroker::start().await;
    broker.script().log = FakeLog::of_heartbeats(9);
    let client = broker.client().await;
    client.checkpoint().await.unwrap();
    broker.script().log = FakeLog::forked(9, 4);
    assert_eq!(contradiction(&client).await, LogFault::Fork { size: 9 });
    broker.script().log = FakeLog::forked(12, 4);
    let broken = contradiction(&client).await;
    assert!(
        matches!(
            broken,
            LogFault::Broken {
                old: 9,
                new: 12,
                ..
            }
        ),
        "{broken}"
    );
    // The true log goes on.
    broker.script().log = FakeLog::of_heartbeats(12);
    assert_eq!(client.checkpoint().await.unwrap().size(), 12);
}

#[tokio::test]
async fn answers_that_overtake_each_other_are_no_rollback() {
    let broker = FakeBroker::start().await;
    let client = broker.client().await;
    let pushes = (0..20).map(|n| {
        let client = client.clone();
        let mut push = push();
        push.batch = format!("b-{n}").parse().unwrap();
        push.supersedes = None;
        tokio::spawn(async move { client.push(&push, &[cells(0, 3)], |_| {}).await })
    });
    for done in futures::future::join_all(pushes).await {
        done.unwrap().unwrap();
    }
    assert_eq!(client.last_checkpoint().unwrap().unwrap().size(), 20);
}

#[tokio::test]
async fn a_walk_along_the_log_looks_at_every_place_once() {
    let broker = FakeBroker::start().await;
    broker.script().log = FakeLog::of_heartbeats(7);
    let client = broker.client().await;
    let bundles: Vec<_> = client.entries(1, 7).try_collect().await.unwrap();
    let seen: Vec<u64> = bundles
        .iter()
        .flat_map(|b| b.entries.iter().map(|e| e.0))
        .collect();
    let ends: Vec<u64> = bundles.iter().map(|b| b.next_start).collect();
    assert_eq!((seen, ends), (vec![1, 3, 5], vec![3, 5, 7]));
    let none: Vec<_> = client.entries(7, 7).try_collect().await.unwrap();
    assert!(none.is_empty());
    // A checkpoint counted more than the broker gives.
    let short = client
        .entries(0, 9)
        .try_collect::<Vec<_>>()
        .await
        .unwrap_err();
    assert!(matches!(short, ClientError::Mismatch { .. }), "{short}");
}
