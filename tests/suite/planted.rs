//! Known people and known numbers are planted in everything that a provider and its users send, and looked for
//! in the whole log and in the metrics: nobody is named, and nothing is counted.

use std::collections::BTreeSet;

use futures::StreamExt;
use jiff::SignedDuration;
use policies::entry::{Body, Entry};
use policies::id::Role;
use policies::life::Action;
use sdk::client::Answered;

use crate::harness::*;
use crate::opening::*;

/// Users inside the organisations, as their tokens name them.
const USERS: [(&str, Role, &str); 3] = [
    ("bikes", Role::Provider, "maija-meikalainen"),
    ("city", Role::Planner, "matti-virtanen"),
    ("ombudsman", Role::Auditor, "liisa-korhonen"),
];
const FIRST: [Cell; 2] = [
    ("a", "b", 0, 7_654_321, 8_765_432),
    ("c", "d", 1, 6_543_219, 9_876_543),
];
const CORRECTED: [Cell; 2] = [
    ("a", "b", 0, 7_111_321, 8_222_432),
    ("c", "d", 1, 6_333_219, 9_444_543),
];
/// People that the provider declares it knows of in the day: fewer than 1 / δ.
const ACTIVE: u64 = 9_654_321;

async fn join(town: &Town, (name, role, user): (&str, Role, &str)) -> Member {
    town.pki.org(name, role.as_str(), user).unwrap();
    let member = town.member(name).await;
    let steward = town.member("steward").await;
    let admission = admission(&member.signer, name, role);
    steward.client.admit(wire(admission)).await.unwrap();
    member
}

/// Everything that makes entries, with what is planted.
async fn everything(town: &Town) {
    let [bikes, city, ombudsman] = [
        join(town, USERS[0]).await,
        join(town, USERS[1]).await,
        join(town, USERS[2]).await,
    ];
    let (_, geojson) = town.zoning().await;
    let terms = agreement(&bikes, &city, &geojson);
    let id = activate(&bikes, &city, &terms).await;
    let day = "2026-10-05";
    let mut first = push(&id, day);
    first.active_units = Some(ACTIVE);
    bikes
        .client
        .push(&first, &[cells(&terms, &FIRST)], |_| {})
        .await
        .unwrap();
    let mut second = push(&id, day);
    (second.active_units, second.supersedes) = (Some(ACTIVE + 1), Some(first.batch));
    bikes
        .client
        .push(&second, &[cells(&terms, &CORRECTED)], |_| {})
        .await
        .unwrap();
    let released = city.client.request(&wish(&id, "od", day)).await.unwrap();
    assert!(matches!(released, Answered::Released(_)));
    let refused = city
        .client
        .request(&wish(&id, "od", "2026-10-06"))
        .await
        .unwrap();
    assert!(matches!(refused, Answered::Refused(_)));
    let reason = || "the figures look wrong".parse().unwrap();
    for action in [Action::Suspend, Action::Resume, Action::Terminate] {
        let (client, signer) = (&bikes.client, &bikes.signer);
        client
            .act(action, &id, reason(), None, signer)
            .await
            .unwrap();
    }
    let mut read = std::pin::pin!(ombudsman.client.entries(0, 3));
    read.next().await.unwrap().unwrap();
    let broker = town.broker();
    broker.log_folded(true).await.unwrap();
    town.clock
        .set(town.clock.now() + SignedDuration::from_hours(2));
    broker.beat().await.unwrap();
}

/// What must stand nowhere, in decimal and, where a number could be hidden in bytes, in hexadecimal.
fn planted() -> Vec<String> {
    let mut numbers = vec![ACTIVE, ACTIVE + 1];
    for cells in [FIRST, CORRECTED] {
        for (_, _, _, people, trips) in cells {
            numbers.extend([people, trips]);
        }
        numbers.push(cells.iter().map(|c| c.3).sum());
        numbers.push(cells.iter().map(|c| c.4).sum());
    }
    let mut texts: Vec<_> = numbers.iter().map(u64::to_string).collect();
    texts.extend(numbers.iter().map(|n| format!("{n:08x}")));
    for (_, _, user) in USERS {
        let (given, family) = user.split_once('-').unwrap();
        texts.extend([user, given, family].map(ToOwned::to_owned));
    }
    texts
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_named_and_nothing_is_counted_outside_the_cells() {
    let town = Town::new().await;
    everything(&town).await;
    let log = std::fs::read(town.config.state.join("log/entries")).unwrap();
    let entries = audit::bundle::Entries::new(&log).map(|e| Entry::from_bytes(e.unwrap()).unwrap());
    let bodies: Vec<Body> = entries.map(|entry| entry.body).collect();
    let kinds: BTreeSet<_> = bodies.iter().map(Body::kind).collect();
    for kind in [
        "agreement.terminated",
        "auditor.read",
        "config.changed",
        "contribution.accepted",
        "log.heartbeat",
        "release.published",
        "release.refused",
        "release.reserved",
    ] {
        assert!(kinds.contains(kind), "{kind} is not tried: {kinds:?}");
    }
    let metrics = page(town.running().metrics_address.unwrap()).await;
    let accepted = "weir_contributions_total{outcome=\"accepted\"} 2";
    assert!(metrics.contains(accepted), "{metrics}");
    let log = String::from_utf8_lossy(&log).to_lowercase();
    let debug = format!("{bodies:?}").to_lowercase();
    for text in planted() {
        assert!(!log.contains(&text), "`{text}` is in the log");
        assert!(!debug.contains(&text), "`{text}` is in the entries");
        assert!(!metrics.contains(&text), "`{text}` is in the metrics");
    }
}

async fn page(address: std::net::SocketAddr) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}
