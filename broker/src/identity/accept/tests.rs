#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::time::Instant;

use futures::StreamExt;
use rcgen::ExtendedKeyUsagePurpose::{Any, ClientAuth, ServerAuth};
use rustls::{AlertDescription, ClientConfig, HandshakeKind};
use tokio::io::AsyncReadExt;

use super::super::testing::{Identity, World, client, connect, domain, identity, peer_of};
use super::*;

const BOUNDS: AcceptBounds = AcceptBounds {
    connections_max: 8,
    connections_per_org_max: 8,
    handshake_timeout: Duration::from_secs(10),
    life_max: Duration::from_secs(3600),
};
const ORG: &str = "spiffe://weir.test/org/city-bikes";

/// How one attempt ended, seen from the client unless the server let it in.
#[derive(Debug, PartialEq)]
enum Outcome {
    /// The server handed the connection on.
    In(String),
    /// The handshake failed with this alert.
    Alert(AlertDescription),
    /// The handshake passed, and the server closed without a word.
    Closed,
}

async fn listen(world: &World, bounds: AcceptBounds) -> (Incoming, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    (incoming(listener, world.trust(), domain(), bounds), at)
}

async fn attempt(world: &World, config: ClientConfig) -> Outcome {
    let (mut incoming, at) = listen(world, BOUNDS).await;
    let config = Arc::new(config);
    // In TLS 1.3 a client is done before the server has judged it: only a read tells.
    let seen_by_client = async {
        let ended = match connect(at, &config).await {
            Ok(mut stream) => stream.read_u8().await.unwrap_err(),
            Err(e) => e,
        };
        match ended
            .get_ref()
            .and_then(|e| e.downcast_ref::<rustls::Error>())
        {
            Some(rustls::Error::AlertReceived(alert)) => Outcome::Alert(*alert),
            Some(other) => panic!("the client refused: {other}"),
            None => Outcome::Closed,
        }
    };
    tokio::select! {
        connection = incoming.next() => {
            let Ok(connection) = connection.unwrap();
            Outcome::In(connection.connect_info().spiffe().to_string())
        }
        outcome = seen_by_client => outcome,
    }
}

async fn attempt_as(world: &World, identity: Identity) -> Outcome {
    attempt(world, client(world, Some(identity))).await
}

#[tokio::test]
async fn an_organisation_comes_in_as_its_certificate() {
    let world = World::new();
    let files = world.org("city-bikes");
    let me = identity(&files.cert, &files.key);
    let peer = peer_of(&me.cert).unwrap();
    assert_eq!(peer.org().as_str(), "city-bikes");
    assert_eq!(peer.x5t(), digest_of(&me.cert).as_slice());
    assert_eq!(attempt_as(&world, me).await, Outcome::In(ORG.to_owned()));
}

#[tokio::test]
async fn no_client_certificate() {
    let world = World::new();
    let outcome = attempt(&world, client(&world, None)).await;
    assert_eq!(
        outcome,
        Outcome::Alert(AlertDescription::CertificateRequired)
    );
}

#[tokio::test]
async fn a_certificate_of_another_ca() {
    let (world, other) = (World::new(), World::new());
    let files = other.org("city-bikes");
    let outcome = attempt_as(&world, identity(&files.cert, &files.key)).await;
    // The other CA bears the same name: the signature gives it away.
    assert!(
        matches!(
            outcome,
            Outcome::Alert(AlertDescription::UnknownCA | AlertDescription::DecryptError)
        ),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn an_expired_certificate() {
    let world = World::new();
    let expired = world.forge_with(&[ORG], |p| p.not_after = rcgen::date_time_ymd(2026, 1, 1));
    let outcome = attempt_as(&world, expired).await;
    assert_eq!(
        outcome,
        Outcome::Alert(AlertDescription::CertificateExpired)
    );
}

#[tokio::test]
async fn a_certificate_from_the_future() {
    let world = World::new();
    let early = world.forge_with(&[ORG], |p| p.not_before = rcgen::date_time_ymd(2999, 1, 1));
    let outcome = attempt_as(&world, early).await;
    assert!(matches!(outcome, Outcome::Alert(_)), "{outcome:?}");
}

#[tokio::test]
async fn the_server_certificate_as_client() {
    let world = World::new();
    let broker = world.pki.broker();
    let outcome = attempt_as(&world, identity(&broker.cert, &broker.key)).await;
    assert_eq!(
        outcome,
        Outcome::Alert(AlertDescription::UnsupportedCertificate)
    );
}

#[tokio::test]
async fn a_usage_that_is_not_clients_alone() {
    let world = World::new();
    for usage in [vec![], vec![ClientAuth, ServerAuth], vec![ClientAuth, Any]] {
        let forged = world.forge(&[ORG], usage.clone());
        assert!(
            matches!(peer_of(&forged.cert), Err(PeerError::Usage)),
            "{usage:?}"
        );
        assert_eq!(
            attempt_as(&world, forged).await,
            Outcome::Closed,
            "{usage:?}"
        );
    }
}

#[tokio::test]
async fn two_spiffe_uris() {
    let world = World::new();
    let forged = world.forge(&[ORG, "spiffe://weir.test/org/taxis"], vec![ClientAuth]);
    assert!(matches!(
        peer_of(&forged.cert),
        Err(PeerError::Uris { count: 2 })
    ));
    assert_eq!(attempt_as(&world, forged).await, Outcome::Closed);
}

#[tokio::test]
async fn no_uri_and_a_uri_of_another_kind() {
    let world = World::new();
    let none = world.forge(&[], vec![ClientAuth]);
    assert!(matches!(
        peer_of(&none.cert),
        Err(PeerError::Uris { count: 0 })
    ));
    assert_eq!(attempt_as(&world, none).await, Outcome::Closed);
    let beside = world.forge(&[ORG, "https://city-bikes.test"], vec![ClientAuth]);
    assert!(matches!(
        peer_of(&beside.cert),
        Err(PeerError::Uris { count: 2 })
    ));
    assert_eq!(attempt_as(&world, beside).await, Outcome::Closed);
}

#[tokio::test]
async fn a_foreign_trust_domain() {
    let world = World::new();
    let forged = world.forge(&["spiffe://other.test/org/city-bikes"], vec![ClientAuth]);
    assert!(matches!(
        peer_of(&forged.cert),
        Err(PeerError::Foreign { .. })
    ));
    assert_eq!(attempt_as(&world, forged).await, Outcome::Closed);
}

#[tokio::test]
async fn names_that_are_no_organisation() {
    let world = World::new();
    for uri in [
        "spiffe://weir.test/broker",
        "spiffe://weir.test/org/*",
        "spiffe://weir.test/org/../broker",
        "spiffe://weir.test/org/City-Bikes",
        "spiffe://weir.test/org/city-bikes/admin",
        "spiffe://weir.test/org/city-bikes%2fadmin",
        "spiffe://weir.test",
    ] {
        let forged = world.forge(&[uri], vec![ClientAuth]);
        assert!(peer_of(&forged.cert).is_err(), "{uri}");
        assert_eq!(attempt_as(&world, forged).await, Outcome::Closed, "{uri}");
    }
}

#[tokio::test]
async fn a_ca_as_a_client() {
    let world = World::new();
    let forged = world.forge_with(&[ORG], |params| {
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    });
    assert!(matches!(
        attempt_as(&world, forged).await,
        Outcome::Alert(_)
    ));
}

#[tokio::test]
async fn a_client_that_does_not_speak_http2() {
    let world = World::new();
    let files = world.org("city-bikes");
    let me = || Some(identity(&files.cert, &files.key));
    let mut silent = client(&world, me());
    silent.alpn_protocols.clear();
    assert_eq!(attempt(&world, silent).await, Outcome::Closed);
    let mut old = client(&world, me());
    old.alpn_protocols = vec![b"http/1.1".to_vec()];
    let outcome = attempt(&world, old).await;
    assert_eq!(
        outcome,
        Outcome::Alert(AlertDescription::NoApplicationProtocol)
    );
}

#[tokio::test]
async fn a_silent_connection_is_closed_at_the_deadline() {
    let world = World::new();
    let handshake_timeout = Duration::from_millis(200);
    let (_incoming, at) = listen(
        &world,
        AcceptBounds {
            handshake_timeout,
            ..BOUNDS
        },
    )
    .await;
    let started = Instant::now();
    let mut socket = TcpStream::connect(at).await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(10), socket.read(&mut [0; 1])).await;
    assert!(matches!(ended.unwrap(), Ok(0)));
    assert!(started.elapsed() >= handshake_timeout);
}

#[tokio::test]
async fn one_connection_too_many_is_closed_and_a_freed_place_is_used_again() {
    let world = World::new();
    let (mut incoming, at) = listen(
        &world,
        AcceptBounds {
            connections_max: 1,
            ..BOUNDS
        },
    )
    .await;
    let files = world.org("city-bikes");
    let config = Arc::new(client(&world, Some(identity(&files.cert, &files.key))));

    let first = connect(at, &config).await.unwrap();
    let held = incoming.next().await.unwrap().unwrap();
    assert!(
        connect(at, &config).await.is_err(),
        "the cap let a second connection in"
    );

    drop((first, held));
    let _third = connect(at, &config).await.unwrap();
    assert_eq!(
        incoming.next().await.unwrap().unwrap().peer.org().as_str(),
        "city-bikes"
    );
}

#[tokio::test]
async fn an_organisation_that_holds_all_its_places_does_not_shut_out_another() {
    let world = World::new();
    let bounds = AcceptBounds {
        connections_per_org_max: 1,
        ..BOUNDS
    };
    let (mut incoming, at) = listen(&world, bounds).await;
    let config = |org: &str| {
        let files = world.org(org);
        Arc::new(client(&world, Some(identity(&files.cert, &files.key))))
    };
    let (bikes, taxis) = (config("city-bikes"), config("taxis"));
    let org = |connection: &Connection| connection.peer.org().to_string();

    let first = connect(at, &bikes).await.unwrap();
    let held = incoming.next().await.unwrap().unwrap();
    let mut second = connect(at, &bikes).await.unwrap();
    assert!(second.read_u8().await.is_err(), "it was let in");
    let _other = connect(at, &taxis).await.unwrap();
    assert_eq!(org(&incoming.next().await.unwrap().unwrap()), "taxis");

    drop((first, held));
    let _again = connect(at, &bikes).await.unwrap();
    assert_eq!(org(&incoming.next().await.unwrap().unwrap()), "city-bikes");
}

#[tokio::test]
async fn sessions_are_never_resumed() {
    let world = World::new();
    let (mut incoming, at) = listen(&world, BOUNDS).await;
    let files = world.org("city-bikes");
    let config = Arc::new(client(&world, Some(identity(&files.cert, &files.key))));
    for _ in 0..2 {
        let (stream, connection) = tokio::join!(connect(at, &config), incoming.next());
        assert!(connection.is_some());
        let stream = stream.unwrap();
        assert_eq!(
            stream.get_ref().1.handshake_kind(),
            Some(HandshakeKind::Full)
        );
    }
}

#[tokio::test]
async fn dropping_the_stream_closes_the_listener() {
    let world = World::new();
    let (incoming, at) = listen(&world, BOUNDS).await;
    TcpStream::connect(at).await.unwrap();
    drop(incoming);
    let closed = async {
        while TcpStream::connect(at).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), closed)
        .await
        .unwrap();
}

fn digest_of(bytes: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes)
        .as_ref()
        .to_vec()
}
