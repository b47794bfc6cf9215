//! The log tells of itself: start, settings, signs of life, snapshots, who read, and what was too much.

use std::collections::BTreeSet;

use futures::StreamExt;
use jiff::SignedDuration;
use policies::entry::{AuditorRead, Body, Entry, RefusalsFolded};
use policies::id::Role;
use policies::state::SNAPSHOT_EVERY;
use proto::v1;
use proto::v1::agreement_service_client::AgreementServiceClient;
use sdk::client::{Answered, ClientError, Retry};

use crate::harness::*;
use crate::opening::*;
use crate::raw::{channel, with_token};

fn entries(town: &Town) -> Vec<Body> {
    let broker = town.broker();
    let size = broker.sequencer().log().size();
    let entries = broker.sequencer().log().entries(0..size).unwrap();
    let body = |bytes: &Vec<u8>| Entry::from_bytes(bytes).unwrap().body;
    // Whatever else is tested here: the whole log holds.
    audit::replay::replay(&entries).unwrap();
    entries.iter().map(body).collect()
}

fn count(town: &Town, kind: &str) -> usize {
    entries(town)
        .iter()
        .filter(|body| body.kind() == kind)
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_tells_its_binary_and_its_settings_once() {
    let mut town = Town::new().await;
    let log = entries(&town);
    let Body::BrokerStarted {
        software, binary, ..
    } = &log[0]
    else {
        panic!("{log:?}")
    };
    let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    let own = policies::id::sha256_hex(&own);
    assert_eq!(binary.as_ref().map(|b| b.as_str()), Some(own.as_str()));
    assert!(!software.is_empty());
    let Body::ConfigChanged(config) = &log[1] else {
        panic!("{log:?}")
    };
    assert!(config.development && config.witnesses.is_none());
    assert_eq!((config.publish_tick_ms, config.heartbeat_s), (50, 3600));
    assert_eq!(config.limits, broker::limits::told());
    // The same settings are not told again, others are.
    town.stop().await;
    town.start().await;
    assert_eq!(
        (
            count(&town, "broker.started"),
            count(&town, "config.changed")
        ),
        (2, 1)
    );
    town.stop().await;
    town.config.publish_tick *= 2;
    town.start().await;
    assert_eq!(count(&town, "config.changed"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_log_gives_a_sign_of_life_each_hour() {
    let town = Town::new().await;
    let broker = town.broker();
    let begun = town.clock.now();
    let minutes = |n| begun + SignedDuration::from_mins(n);
    for (at, beats) in [(59, 0), (60, 1), (119, 1), (120, 2), (600, 3)] {
        town.clock.set(minutes(at));
        broker.beat().await.unwrap();
        assert_eq!(count(&town, "log.heartbeat"), beats, "after {at} minutes");
    }
}

/// After so many entries a digest of the state follows, and auditors recompute it.
#[tokio::test(flavor = "multi_thread")]
async fn snapshots_follow_and_hold() {
    let (town, ..) = agreed().await;
    let broker = town.broker();
    let beats = |n: u64| move |_: &_, _| Ok((vec![Body::Heartbeat {}; n as usize], ()));
    let missing = SNAPSHOT_EVERY - broker.sequencer().state().size() - 1;
    broker
        .sequencer()
        .submit("test", beats(missing))
        .await
        .unwrap();
    assert_eq!(count(&town, "state.snapshot"), 0);
    let done = broker.sequencer().submit("test", beats(1)).await.unwrap();
    let log = entries(&town);
    assert_eq!(log.len() as u64, SNAPSHOT_EVERY + 1);
    assert!(matches!(log.last(), Some(Body::StateSnapshot(_))));
    assert_eq!(done.entries, [SNAPSHOT_EVERY - 1], "it is nobody's entry");
    let again = broker.sequencer().submit("test", beats(1)).await.unwrap();
    assert_eq!(again.entries, [SNAPSHOT_EVERY + 1]);
    assert_eq!(count(&town, "state.snapshot"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_auditor_reads_is_told_folded_and_what_parties_read_is_not() {
    let (mut town, bikes, ..) = agreed().await;
    let auditor = town.join("ombudsman", Role::Auditor).await;
    let size = town.broker().sequencer().log().size();
    for _ in 0..5 {
        for member in [&auditor, &bikes] {
            let mut read = std::pin::pin!(member.client.entries(0, size));
            while let Some(bundle) = read.next().await {
                bundle.unwrap();
            }
        }
    }
    let broker = town.broker();
    broker.log_folded(false).await.unwrap();
    assert_eq!(count(&town, "auditor.read"), 0, "not yet");
    town.clock
        .set(town.clock.now() + SignedDuration::from_mins(15));
    broker.log_folded(false).await.unwrap();
    broker.log_folded(false).await.unwrap();
    let by = "ombudsman".parse().unwrap();
    let read = Body::AuditorRead(AuditorRead {
        by,
        from: 0,
        to: size,
    });
    let told: Vec<_> = entries(&town)
        .into_iter()
        .filter(|b| b.kind() == "auditor.read")
        .collect();
    assert_eq!(told, [read]);
    // What was read before a stop is told, too.
    {
        let mut read = std::pin::pin!(auditor.client.entries(0, 3));
        read.next().await.unwrap().unwrap();
    }
    drop(broker);
    town.stop().await;
    town.start().await;
    assert_eq!(count(&town, "auditor.read"), 2);
}

/// A watch is a reading, too; what is told of agreements, and no reading of it.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_auditor_is_told_by_a_watch_is_noted() {
    let (town, bikes, ..) = agreed().await;
    let auditor = town.join("ombudsman", Role::Auditor).await;
    // Not by our client, which asks for the entries that it is told of, too.
    for member in [&auditor, &bikes] {
        let mut service = AgreementServiceClient::new(channel(member).await);
        let from = with_token(member, v1::WatchAgreementsRequest { start: 0 });
        let mut told = service.watch_agreements(from).await.unwrap().into_inner();
        assert!(told.message().await.unwrap().is_some());
    }
    town.clock
        .set(town.clock.now() + SignedDuration::from_mins(15));
    let broker = town.broker();
    broker.log_folded(false).await.unwrap();
    let log = entries(&town);
    let about = |body: &&Body| body.kind().starts_with("agreement.");
    let first = log.iter().position(|body| about(&body)).unwrap() as u64;
    let last = log.iter().rposition(|body| about(&body)).unwrap() as u64;
    let told: Vec<_> = log.iter().filter(|b| b.kind() == "auditor.read").collect();
    let read = Body::AuditorRead(AuditorRead {
        by: "ombudsman".parse().unwrap(),
        from: first,
        to: last + 1,
    });
    assert_eq!(told, [&read]);
    // The entry about it is no notice: a watch does not keep itself awake.
    let mut watching = auditor.client.watch(last + 1);
    assert!(watching.next().await.unwrap().is_empty());
}

/// A planner who sends what is refused, again and again: the log takes a part, and tells how many
/// were turned away.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_refusals_does_not_fill_the_log() {
    const FLOOD: usize = 200;
    let (town, bikes, city, terms, id) = agreed().await;
    let hasty = city.client.clone().with_retry(Retry {
        attempts: 1,
        ..Retry::default()
    });
    let (mut refused, mut busy) = (0, 0);
    for _ in 0..FLOOD {
        match hasty.request(&wish(&id, "od", "2026-10-07")).await {
            Ok(Answered::Refused(_)) => refused += 1,
            Err(ClientError::Status {
                code: tonic::Code::ResourceExhausted,
                ..
            }) => busy += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(refused, broker::limits::REFUSALS_BURST);
    assert_eq!(refused as usize + busy, FLOOD);
    assert_eq!(count(&town, "release.refused"), refused as usize);
    let since = town.clock.now();
    town.clock.set(since + SignedDuration::from_mins(1));
    town.broker().log_folded(false).await.unwrap();
    let by = city.org.clone();
    let requests = u32::try_from(busy).unwrap();
    let folded = Body::RefusalsFolded(RefusalsFolded {
        by,
        since,
        requests,
    });
    assert!(entries(&town).contains(&folded));
    // What is allowed is answered all the while, and other parties are not held up.
    let cells = [cells(&terms, &ROWS)];
    let day = push(&id, "2026-10-05");
    bikes.client.push(&day, &cells, |_| {}).await.unwrap();
    let released = hasty.request(&wish(&id, "od", "2026-10-05")).await.unwrap();
    assert!(matches!(released, Answered::Released(_)));
    let kinds: BTreeSet<_> = entries(&town).iter().map(Body::kind).collect();
    assert!(kinds.contains("release.published"));
}
