//! Everything that makes entries, each kind at least once, with what is planted in whatever is sent.

use audit::commitment::{Commitment, Salt};
use futures::StreamExt;
use policies::agreement::Agreement;
use policies::id::{AgreementId, BatchId, ReleaseKey};
use policies::life::{Action, Cause};
use policies::state::SNAPSHOT_EVERY;
use sdk::client::{Answered, ClientError, Retry};
use sdk::sign::Signer;

use super::*;
use crate::calls::harbour;
use crate::opening::*;

const DAY: &str = "2026-10-05";

fn cause() -> Cause {
    "the figures look wrong".parse().unwrap()
}

async fn join(town: &Town, (name, role, user): (&str, Role, &str)) -> Member {
    town.pki.org(name, role.as_str(), user).unwrap();
    let member = town.member(name).await;
    let steward = town.member("steward").await;
    let admission = admission(&member.signer, name, role);
    steward.client.admit(wire(admission)).await.unwrap();
    member
}

/// All of it, from the first organisation to the first snapshot.
pub async fn whole(town: &Town) {
    let [bikes, city, ombudsman] = [
        join(town, USERS[0]).await,
        join(town, USERS[1]).await,
        join(town, USERS[2]).await,
    ];
    let (_, geojson) = town.zoning().await;
    let call = city.client.publish_call(&harbour()).await.unwrap();
    city.client.close_call(&call.what.id).await.unwrap();
    let short = lives(&bikes, &city, &geojson).await;
    let mut terms = agreement(&bikes, &city, &geojson);
    let publication = serde_json::json!({ "licence": "CC-BY-4.0", "on_end": "kept" });
    terms.publication = serde_json::from_value(publication).unwrap();
    let id = activate(&bikes, &city, &terms).await;
    let (batch, key) = released(&bikes, &city, (&id, &terms)).await;
    opened(town, (&bikes, &city), &key).await;
    aborted(town, &city, &id).await;
    refused(&city, &id).await;
    let taken = bikes
        .client
        .withdraw_contribution(&id, &batch, cause(), &bikes.signer);
    taken.await.unwrap();
    let mut read = std::pin::pin!(ombudsman.client.entries(0, 3));
    read.next().await.unwrap().unwrap();
    let broker = town.broker();
    broker.log_folded(true).await.unwrap();
    // Thirty days of grace after it came in force, and past the last day of the short one.
    town.clock.set("2026-12-25T12:00:00Z".parse().unwrap());
    broker.beat().await.unwrap();
    broker.tell_missing().await.unwrap();
    broker.let_run_out().await.unwrap();
    let state = |id: &AgreementId| broker.sequencer().state().agreement(id).unwrap().status;
    assert_eq!(state(&short).as_str(), "expired");
    for action in [Action::Suspend, Action::Resume, Action::Terminate] {
        let (client, signer) = (&bikes.client, &bikes.signer);
        client
            .act(action, &id, cause(), None, signer)
            .await
            .unwrap();
    }
    rotated(town, &bikes).await;
    let size = broker.sequencer().state().size();
    let beats = move |_: &_, _| {
        Ok((
            vec![Body::Heartbeat {}; (SNAPSHOT_EVERY - size) as usize],
            (),
        ))
    };
    broker.sequencer().submit("test", beats).await.unwrap();
}

/// An offer that is taken back, and an agreement of a few weeks.
async fn lives(bikes: &Member, city: &Member, geojson: &[u8]) -> AgreementId {
    let mut terms = agreement(bikes, city, geojson);
    terms.population.id = "guests".parse().unwrap();
    let offered = bikes
        .client
        .offer(&terms, &bikes.signer)
        .await
        .unwrap()
        .what;
    let (client, signer) = (&bikes.client, &bikes.signer);
    let taken = client.act(Action::Withdraw, &offered.id, cause(), None, signer);
    taken.await.unwrap();
    terms.title = "Rides of guests".into();
    terms.valid.until = "2026-12-01".parse().unwrap();
    activate(bikes, city, &terms).await
}

/// One day contributed, corrected and released.
async fn released(
    bikes: &Member,
    city: &Member,
    (id, terms): (&AgreementId, &Agreement),
) -> (BatchId, ReleaseKey) {
    let mut first = push(id, DAY);
    first.active_units = Some(ACTIVE);
    let batches = [cells(terms, &FIRST)];
    bikes.client.push(&first, &batches, |_| {}).await.unwrap();
    let mut second = push(id, DAY);
    (second.active_units, second.supersedes) = (Some(ACTIVE + 1), Some(first.batch));
    let batches = [cells(terms, &CORRECTED)];
    bikes.client.push(&second, &batches, |_| {}).await.unwrap();
    match city.client.request(&wish(id, "od", DAY)).await.unwrap() {
        Answered::Released(released) => (second.batch, released.what),
        Answered::Refused(refusal) => panic!("{refusal:?}"),
    }
}

/// Proposed by one person, approved by another, and withdrawn.
async fn opened(town: &Town, (bikes, city): (&Member, &Member), key: &ReleaseKey) {
    let proposed = city.client.propose_open_data(key, &city.signer).await;
    proposed.unwrap();
    let (org, role, user) = USERS[3];
    let second = person(town, (org, role), user).await;
    let approved = second.client.approve_open_data(key, &second.signer).await;
    approved.unwrap();
    let taken = bikes.client.withdraw_open_data(key, cause(), &bikes.signer);
    taken.await.unwrap();
}

/// As if a fault of ours had stored what is no table of cells: its release is charged, and ends without a table.
async fn aborted(town: &Town, city: &Member, id: &AgreementId) {
    let (salt, bytes) = (Salt::random().unwrap(), b"no cells");
    let blob = Commitment::new(&salt, bytes).to_string();
    let at = |folder: &str| town.config.state.join(folder).join(&blob);
    std::fs::write(at("blobs"), bytes).unwrap();
    std::fs::write(at("salts"), salt.as_bytes()).unwrap();
    let broker = town.broker();
    let mut accepted = {
        let state = broker.sequencer().state();
        let mut live = state.live_contributions();
        live.next().unwrap().contribution.clone()
    };
    accepted.period = "2026-10-09".parse().unwrap();
    accepted.batch = "batch-broken".parse().unwrap();
    accepted.supersedes = None;
    accepted.blob = blob.parse().unwrap();
    let body = Body::ContributionAccepted(accepted);
    let written = broker
        .sequencer()
        .submit("test", move |_, _| Ok((vec![body], ())));
    written.await.unwrap();
    let ended = city.client.request(&wish(id, "od", "2026-10-09")).await;
    let ended = ended.map(drop).unwrap_err();
    assert!(ended.to_string().contains("`draw.failed`"), "{ended}");
}

/// More requests than are refused one by one.
async fn refused(city: &Member, id: &AgreementId) {
    let hasty = city.client.clone().with_retry(Retry {
        attempts: 1,
        ..Retry::default()
    });
    for _ in 0..broker::limits::REFUSALS_BURST {
        let refused = hasty.request(&wish(id, "od", "2026-10-07")).await.unwrap();
        assert!(matches!(refused, Answered::Refused(_)));
    }
    let busy = hasty.request(&wish(id, "od", "2026-10-07")).await;
    let busy = busy.map(drop).unwrap_err();
    assert!(matches!(busy, ClientError::Status { .. }), "{busy}");
}

async fn rotated(town: &Town, bikes: &Member) {
    let path = town.folder.path().join("next.key");
    let key = certs::Es256Key::generate().unwrap();
    certs::write_secret(&path, key.to_pem().as_bytes(), false).unwrap();
    let next = Signer::from_pem_file(&path).unwrap();
    let rotated = bikes.client.rotate_key(&bikes.org, &bikes.signer, &next);
    rotated.await.unwrap();
}
