//! A draw that fails each time ends its release, once, and the charge stays.

use broker::store::blobs::Blobs;
use policies::entry::{Body, Entry};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_draw_that_cannot_ever_succeed_ends_without_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let cast = cast(&folder.path().join("pki"));
    let disk = SimDisk::new();
    let broker = open(&cast, &disk, &folder.path().join("index"))
        .await
        .unwrap();
    let mut done = Acknowledged::default();
    work(&cast, &broker, &mut done).await.unwrap();

    // As if a fault of ours had stored what is no table of cells; its commitment is right.
    let blobs = Blobs::open(Arc::new(disk.clone())).unwrap();
    let blob = blobs.put(&"no cells".into()).await.unwrap();
    let sequencer = broker.sequencer();
    let entries = sequencer
        .log()
        .entries(0..sequencer.state().size())
        .unwrap();
    let mut entries = entries
        .into_iter()
        .map(|bytes| serde_json::from_slice::<Entry>(&bytes).unwrap().body);
    let accepted = entries.find_map(|body| match body {
        Body::ContributionAccepted(contribution) => Some(contribution),
        _ => None,
    });
    let mut accepted = accepted.unwrap();
    accepted.period = "2026-10-08".parse().unwrap();
    accepted.batch = "batch-broken".parse().unwrap();
    accepted.blob = blob;
    let body = Body::ContributionAccepted(accepted);
    let written = sequencer.submit("test", move |_, _| Ok((vec![body], ())));
    written.await.unwrap();

    let request = || Request {
        id: "request-broken".parse().unwrap(),
        by: org("city"),
        agreement: cast.terms.id().unwrap(),
        table: "od".parse().unwrap(),
        period: "2026-10-08".parse().unwrap(),
        merge: None,
        purpose: PURPOSE.into(),
        with: vec![],
    };
    let balances = || sequencer.state().ledger().balances().count();
    let before = balances();
    let mut sizes = Vec::new();
    for _ in 0..2 {
        let told = broker.release(request()).await.unwrap_err().to_string();
        assert!(told.contains("`draw.failed`"), "{told}");
        assert!(!told.contains("parquet"), "outsiders learn little: {told}");
        sizes.push(sequencer.state().size());
    }
    assert_eq!(sizes[0], sizes[1], "it ends once");
    assert_eq!(balances(), before + 1, "the charge stays");
    assert!(sequencer.state().unfinished().is_empty());
    let aborted = |release: &policies::state::ReleaseRecord| matches!(&release.stage, Stage::Aborted { reason } if reason == "draw.failed");
    let state = sequencer.state();
    assert_eq!(state.releases().filter(|(_, r)| aborted(r)).count(), 1);
}
