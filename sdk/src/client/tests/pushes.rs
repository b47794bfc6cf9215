use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use arrow::array::RecordBatch;
use tonic::Status;

use crate::client::limits::PUSH_ROWS;
use crate::client::testing::broker::FakeBroker;
use crate::client::testing::proxy::Proxy;
use crate::client::testing::samples::{OTHER_DIGEST, cells, push};
use crate::client::{ClientError, PushProgress, ReceiptFault};

fn rows(batches: &[RecordBatch]) -> usize {
    batches.iter().map(RecordBatch::num_rows).sum()
}

#[tokio::test]
async fn cells_arrive_as_they_are_and_come_back_as_a_proven_entry() {
    let broker = FakeBroker::start().await;
    let client = broker.client().await;
    let given = [cells(0, PUSH_ROWS + 9)];
    let done = client.push(&push(), &given, |_| {}).await.unwrap();
    assert_eq!((done.what.batch, done.proof.index()), (push().batch, 0));
    assert_eq!(client.last_checkpoint().unwrap().unwrap().size(), 1);

    let script = broker.script();
    let (header, batches) = &script.pushed[0];
    assert_eq!((header, rows(batches)), (&push(), PUSH_ROWS + 9));
    assert_eq!(batches[0].schema().fields(), given[0].schema().fields());
    assert!(script.calls[0].1.starts_with("Bearer ey"));
}

/// Every call's future can be spawned: it holds nothing that is bound to one thread.
#[tokio::test]
async fn a_push_can_run_in_a_task_of_its_own() {
    let broker = FakeBroker::start().await;
    let client = broker.client().await;
    let task = tokio::spawn(async move { client.push(&push(), &[cells(0, 0)], |_| {}).await });
    let done = task.await.unwrap().unwrap();
    assert_eq!(done.proof.index(), 0);
    assert_eq!(rows(&broker.script().pushed[0].1), 0);
}

#[tokio::test]
async fn a_busy_or_broken_push_is_repeated_with_the_same_id() {
    let broker = FakeBroker::start().await;
    let client = broker.client().await;
    broker.script().says.extend([
        Status::unavailable("unavailable: nothing has changed, try again later"),
        Status::resource_exhausted("busy: try again later"),
        Status::unavailable("again"),
    ]);
    client.push(&push(), &[cells(0, 5)], |_| {}).await.unwrap();
    let script = broker.script();
    assert_eq!((script.calls.len(), script.pushed.len()), (4, 1));
    assert!(script.calls.iter().all(|(header, _)| *header == push()));
}

#[tokio::test]
async fn attempts_end_and_a_refusal_is_not_repeated() {
    let broker = FakeBroker::start().await;
    let client = broker.client().await;
    let busy = || Status::unavailable("later");
    broker
        .script()
        .says
        .extend([busy(), busy(), busy(), busy(), busy()]);
    let refused = client.push(&push(), &[cells(0, 5)], |_| {}).await;
    let refused = refused.unwrap_err();
    assert_eq!(
        (refused.code(), broker.script().calls.len()),
        ("unavailable", 4)
    );

    broker.script().says = [Status::already_exists("the batch `b-2` exists already")].into();
    let refused = client.push(&push(), &[cells(0, 5)], |_| {}).await;
    let refused = refused.unwrap_err();
    assert_eq!(
        (refused.code(), broker.script().calls.len()),
        ("already_exists", 5)
    );
    let text = refused.to_string();
    assert!(
        text.contains("push the contribution") && text.contains("use a new id"),
        "{text}"
    );
    // The connection is still good.
    client.push(&push(), &[cells(0, 5)], |_| {}).await.unwrap();
}

#[tokio::test]
async fn a_cut_cable_costs_an_attempt_and_the_next_one_has_the_renewed_token() {
    let broker = FakeBroker::start().await;
    let proxy = Arc::new(Proxy::to(broker.at).await);
    let profile = broker.profile("bikes", proxy.port);
    let client = broker.connect(&profile).await.unwrap();

    let cut = AtomicBool::new(false);
    let given = [cells(0, 20 * PUSH_ROWS)];
    let cable = Arc::clone(&proxy);
    let token = profile.token.clone();
    let cutting = move |p: PushProgress| {
        if p.rows_sent > 10 * PUSH_ROWS as u64 && !cut.swap(true, SeqCst) {
            std::fs::write(&token, "another.token\n").unwrap();
            cable.cut();
        }
    };
    client.push(&push(), &given, cutting).await.unwrap();
    let script = broker.script();
    assert_eq!((script.calls.len(), script.pushed.len()), (2, 1));
    assert_eq!(rows(&script.pushed[0].1), 20 * PUSH_ROWS);
    assert_eq!(script.calls[0].0, script.calls[1].0);
    assert!(script.calls[0].1.starts_with("Bearer ey"));
    assert_eq!(script.calls[1].1, "Bearer another.token");
}

#[tokio::test]
async fn an_entry_about_another_push_is_no_answer() {
    let broker = FakeBroker::start().await;
    let client = broker.client().await;
    broker.script().lies = |c| c.agreement = OTHER_DIGEST.parse().unwrap();
    let refused = client.push(&push(), &[cells(0, 5)], |_| {}).await;
    let ClientError::Receipt { fault, .. } = refused.unwrap_err() else {
        panic!("another error");
    };
    let (index, field) = (0, "agreement");
    assert_eq!(fault, ReceiptFault::Field { index, field });
    assert_eq!(
        broker.script().calls.len(),
        1,
        "a lie is not asked for twice"
    );
}

#[tokio::test]
async fn what_cannot_be_sent_is_not_begun() {
    let broker = FakeBroker::start().await;
    let client = broker.client().await;
    let refused = client.push(&push(), &[], |_| {}).await.unwrap_err();
    assert!(matches!(refused, ClientError::Own { .. }), "{refused}");
    assert!(broker.script().calls.is_empty());
}
