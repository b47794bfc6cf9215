//! Pushing: idempotent by batch id, corrected only by name, refused without a trace.

use policies::id::Role;
use policies::state::Slot;
use sdk::client::ClientError;
use tonic::Code;

use crate::harness::*;

async fn active(town: &Town) -> (Member, Member, policies::agreement::Agreement) {
    let bikes = town.join("bikes", Role::Provider).await;
    let city = town.join("city", Role::Planner).await;
    let (_, geojson) = town.zoning().await;
    let terms = agreement(&bikes, &city, &geojson);
    activate(&bikes, &city, &terms).await;
    (bikes, city, terms)
}

fn code(error: &ClientError) -> Option<Code> {
    match error {
        ClientError::Status { code, .. } => Some(*code),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_batch_id_is_one_contribution_however_often_it_is_sent() {
    let town = Town::new().await;
    let (bikes, _city, terms) = active(&town).await;
    let push = push(&terms.id().unwrap(), "2026-10-05");
    let batch = cells(&terms, &ROWS);
    let batches = std::slice::from_ref(&batch);
    let sends = (0..8).map(|_| bikes.client.push(&push, batches, |_| {}));
    let mut entries = std::collections::BTreeSet::new();
    for send in futures::future::join_all(sends).await {
        entries.insert(send.unwrap().proof.index());
    }
    assert_eq!(entries.len(), 1, "one entry, one receipt");
    // Cells that no entry names would stay for ever: of eight sends one payload is left, beside the zoning.
    assert_eq!(payloads(&town), 2);

    // The same rows in other batches are the same content.
    let parts = [batch.slice(0, 1), batch.slice(1, 3)];
    let again = bikes.client.push(&push, &parts, |_| {}).await.unwrap();
    assert!(entries.contains(&again.proof.index()));

    let other = cells(&terms, &ROWS[..2]);
    let error = bikes
        .client
        .push(&push, &[other], |_| {})
        .await
        .unwrap_err();
    assert_eq!(code(&error), Some(Code::AlreadyExists), "{error}");
    assert_eq!(payloads(&town), 2);
}

/// Files of payloads in the state directory.
fn payloads(town: &Town) -> usize {
    let folder = town.config.state.join("blobs");
    std::fs::read_dir(folder).unwrap().count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correction_names_what_it_replaces() {
    let town = Town::new().await;
    let (bikes, _city, terms) = active(&town).await;
    let id = terms.id().unwrap();
    let first = push(&id, "2026-10-05");
    bikes
        .client
        .push(&first, &[cells(&terms, &ROWS)], |_| {})
        .await
        .unwrap();
    let mut second = push(&id, "2026-10-05");
    let corrected = || [cells(&terms, &ROWS[..2])];
    let error = bikes
        .client
        .push(&second, &corrected(), |_| {})
        .await
        .unwrap_err();
    assert_eq!(code(&error), Some(Code::FailedPrecondition), "{error}");
    assert!(error.to_string().contains(first.batch.as_str()), "{error}");
    second.supersedes = Some(first.batch.clone());
    bikes
        .client
        .push(&second, &corrected(), |_| {})
        .await
        .unwrap();
    let slot = Slot {
        agreement: id,
        table: second.table.clone(),
        period: second.period,
    };
    let state = town.broker();
    let live = state
        .sequencer()
        .state()
        .live(&slot)
        .unwrap()
        .contribution
        .batch
        .clone();
    assert_eq!(live, second.batch);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_a_bound_changes_nothing_and_leaves_the_connection_usable() {
    let town = Town::new().await;
    let (bikes, _city, terms) = active(&town).await;
    let id = terms.id().unwrap();
    let size = town.broker().sequencer().state().size();
    let refused: [(&str, &[Cell]); 8] = [
        ("unsorted", &[("b", "a", 0, 9, 9), ("a", "b", 0, 9, 9)]),
        (
            "twice the same key",
            &[("a", "b", 0, 9, 9), ("a", "b", 0, 9, 9)],
        ),
        ("a foreign zone", &[("a", "x", 0, 9, 9)]),
        ("a bin that is not there", &[("a", "b", 2, 9, 9)]),
        ("nobody", &[("a", "b", 0, 0, 0)]),
        ("more people than trips", &[("a", "b", 0, 9, 8)]),
        (
            "more trips than the people may make",
            &[("a", "b", 0, 9, 28)],
        ),
        ("absurd", &[("a", "b", 0, u64::MAX, u64::MAX)]),
    ];
    for (what, rows) in refused {
        let push = push(&id, "2026-10-05");
        let error = bikes
            .client
            .push(&push, &[cells(&terms, rows)], |_| {})
            .await
            .unwrap_err();
        assert_eq!(code(&error), Some(Code::InvalidArgument), "{what}: {error}");
        let text = error.to_string();
        assert!(
            !text.contains("28") && !text.contains(&u64::MAX.to_string()),
            "{what}: {text}"
        );
    }
    for (what, period) in [
        ("not ended", "2026-11-20"),
        ("not covered", "2026-09-30"),
        ("a month for a table of days", "2026-10"),
    ] {
        let push = push(&id, period);
        bikes
            .client
            .push(&push, &[cells(&terms, &ROWS)], |_| {})
            .await
            .expect_err(what);
    }
    let mut active_units = push(&id, "2026-10-05");
    active_units.active_units = Some(3);
    let too_few = bikes
        .client
        .push(&active_units, &[cells(&terms, &ROWS)], |_| {})
        .await;
    too_few.expect_err("three people cannot be in so many cells");
    // The plan's δ is 10⁻⁷: beside 10⁷ people it is no longer below 1 over them.
    active_units.active_units = Some(10_000_000);
    let cells_of = [cells(&terms, &ROWS)];
    let pushed = bikes.client.push(&active_units, &cells_of, |_| {});
    let too_many = pushed.await.unwrap_err().to_string();
    assert!(
        too_many.contains("active_units: ") && too_many.contains("0 to 9999999"),
        "{too_many}"
    );
    assert_eq!(
        town.broker().sequencer().state().size(),
        size,
        "nothing became an entry"
    );
    let fine = push(&id, "2026-10-05");
    bikes
        .client
        .push(&fine, &[cells(&terms, &ROWS)], |_| {})
        .await
        .unwrap();
}
