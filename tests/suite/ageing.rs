//! Connections end after a while. Who calls all the time does not feel it, and who keeps one open does not keep it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use broker::limits::Times;
use policies::entry::Body;
use policies::id::Role;
use proto::convert::WatchFrom;
use proto::v1::agreement_service_client::AgreementServiceClient;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::harness::*;
use crate::raw::{channel, with_token};

/// Far longer than anything here takes: who waits so long waits for ever.
const NEVER: Duration = Duration::from_secs(60);

/// A town with two parties, whose broker has these times.
async fn with(times: Times) -> (Town, Member, Member) {
    let mut town = Town::new().await;
    town.join("bikes", Role::Provider).await;
    town.join("city", Role::Planner).await;
    town.zoning().await;
    town.stop().await;
    town.times = times;
    town.start().await;
    let (bikes, city) = (town.member("bikes").await, town.member("city").await);
    (town, bikes, city)
}

/// Forwards to the broker, and counts connections.
async fn counted(broker: SocketAddr) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            counting.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut broker = TcpStream::connect(broker).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut client, &mut broker).await;
            });
        }
    });
    (port, count)
}

/// Found by a bench: calls that were handed to a connection just as it ended failed, though none of them was sent. A
/// watch that is in work goes on to its own end.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_calls_all_the_time_does_not_see_its_connections_end() {
    let (town, bikes, city) = with(Times {
        connection_age: Duration::from_millis(400),
        ..Times::default()
    })
    .await;
    let (port, connections) = counted(town.running().address).await;
    let mut profile = city.profile.clone();
    profile.endpoint = format!("https://localhost:{port}").parse().unwrap();
    let city = town.with_profile("city", profile).await;
    let mut watching = city.client.watch(0);
    watching.next().await.unwrap();
    // A round in work nearly all the time; below what an organisation may ask in a second.
    let calling = async {
        while connections.load(Ordering::SeqCst) < 12 {
            let round = (0..20).map(|_| city.client.zonings());
            let begun = tokio::time::Instant::now();
            for answer in futures::future::join_all(round).await {
                assert!(answer.is_ok(), "{answer:?}");
            }
            tokio::time::sleep_until(begun + Duration::from_millis(110)).await;
        }
    };
    timeout(NEVER, calling).await.unwrap();
    // The watch began on the first connection, and is told what happens now.
    let terms = agreement(&bikes, &city, &squares());
    activate(&bikes, &city, &terms).await;
    let told = timeout(NEVER, async {
        loop {
            if let Some(proof) = watching.next().await.unwrap().first() {
                return proof.entry().body.clone();
            }
        }
    });
    let told = told.await.unwrap();
    let offered = matches!(&told, Body::AgreementOffered { agreement, .. } if **agreement == terms);
    assert!(offered, "{told:?}");
}

/// A stream without an end of its own holds its connection as long as any stream may last, and no longer.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_kept_open_is_cut_after_its_grace() {
    let (_town, _, city) = with(Times {
        connection_age: Duration::from_millis(100),
        connection_grace: Duration::from_millis(300),
        ..Times::default()
    })
    .await;
    let mut service = AgreementServiceClient::new(channel(&city).await);
    let from = WatchFrom { start: 0 };
    let watch = service
        .watch_agreements(with_token(&city, from.into()))
        .await;
    let mut told = watch.unwrap().into_inner();
    let cut = timeout(NEVER, async {
        loop {
            match told.message().await {
                Ok(Some(_)) => {}
                ended => return ended,
            }
        }
    });
    assert!(cut.await.unwrap().is_err(), "it ended as if all was told");
    assert!(city.client.zonings().await.is_ok());
}
