#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use certs::OrgFiles;
use tokio::net::TcpListener;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity, Server};
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::server::HealthReporter;

use super::super::accept::{AcceptBounds, incoming};
use super::super::layer::IdentityLayer;
use super::super::testing::{World, domain, identity};
use super::*;

/// Long enough that only a request to reload does.
const NEVER: Duration = Duration::from_secs(3_600);
const DEADLINE: Duration = Duration::from_secs(20);

/// A server with the real accept loop and layer, whose trust can be loaded anew.
struct Scene {
    world: World,
    /// The CA as clients know it, whatever happens to the broker's file.
    ca: Vec<u8>,
    at: SocketAddr,
    trust: watch::Receiver<Arc<Trust>>,
    reload: Reload,
    health: HealthReporter,
    _stop: tokio_util::sync::DropGuard,
}

async fn scene(world: World, every: Duration, change: impl FnOnce(&mut TrustFiles)) -> Scene {
    let mut files = world.trust_files();
    change(&mut files);
    let stop = CancellationToken::new();
    let (trust, reload) = keep(files, every, stop.clone()).unwrap();
    let (health, service) = tonic_health::server::health_reporter();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let bounds = AcceptBounds {
        connections_max: 8,
        connections_per_org_max: 8,
        handshake_timeout: DEADLINE,
        life_max: DEADLINE,
    };
    let connections = incoming(listener, trust.clone(), domain(), bounds);
    let served = Server::builder()
        .layer(IdentityLayer::new(Arc::new(world.verifier())))
        .add_service(service)
        .serve_with_incoming_shutdown(connections, stop.clone().cancelled_owned());
    tokio::spawn(served);
    Scene {
        ca: fs::read(world.pki.ca()).unwrap(),
        world,
        at,
        trust,
        reload,
        health,
        _stop: stop.drop_guard(),
    }
}

impl Scene {
    async fn channel(&self, files: &OrgFiles) -> Result<Channel, tonic::transport::Error> {
        let read = |path: &Path| fs::read(path).unwrap();
        let tls = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&self.ca))
            .identity(Identity::from_pem(read(&files.cert), read(&files.key)));
        let at = format!("https://localhost:{}", self.at.port());
        let endpoint = Endpoint::from_shared(at).unwrap();
        endpoint.tls_config(tls).unwrap().connect().await
    }
}

fn everything() -> HealthCheckRequest {
    HealthCheckRequest {
        service: String::new(),
    }
}

async fn healthy(channel: &Channel) -> bool {
    HealthClient::new(channel.clone())
        .check(everything())
        .await
        .is_ok()
}

#[tokio::test]
async fn a_revocation_reaches_open_connections_and_no_call_of_others() {
    let world = World::new();
    let (bikes, taxis) = (world.org("city-bikes"), world.org("taxis"));
    let list = world.revoke(&[]);
    let scene = scene(world, NEVER, |files| files.tls.client_crl = vec![list]).await;
    let revoked = scene.channel(&bikes).await.unwrap();
    let other = scene.channel(&taxis).await.unwrap();
    assert!(healthy(&revoked).await && healthy(&other).await);
    // Calls in flight, on connections from before.
    let mut watched = Vec::new();
    for channel in [&revoked, &other] {
        let stream = HealthClient::new(channel.clone()).watch(everything()).await;
        let mut stream = stream.unwrap().into_inner();
        stream.message().await.unwrap().unwrap();
        watched.push(stream);
    }

    let cert = identity(&bikes.cert, &bikes.key).cert;
    scene.world.revoke(&[&cert]);
    scene.reload.now().await.unwrap();
    scene
        .health
        .set_service_status("", ServingStatus::NotServing)
        .await;
    let mut other_watch = watched.pop().unwrap();
    let mut revoked_watch = watched.pop().unwrap();
    let told = tokio::time::timeout(DEADLINE, other_watch.message())
        .await
        .unwrap();
    assert_eq!(
        told.unwrap().unwrap().status,
        2,
        "a call in flight was dropped"
    );
    let cut = tokio::time::timeout(DEADLINE, revoked_watch.message())
        .await
        .unwrap();
    assert!(cut.is_err(), "the revoked connection was told {cut:?}");
    assert!(healthy(&other).await);
    // The channel tries again by itself: the handshake now fails.
    assert!(!healthy(&revoked).await);
}

/// What `weir pki revoke` writes is such a list.
#[tokio::test]
async fn what_weir_pki_revokes_is_shut_out_and_nobody_else() {
    let world = World::new();
    let (bikes, taxis) = (world.org("city-bikes"), world.org("taxis"));
    world.org("trams");
    world.pki.revoke("trams").unwrap();
    let list = world.pki.crl();
    let scene = scene(world, NEVER, |files| files.tls.client_crl = vec![list]).await;
    let revoked = scene.channel(&bikes).await.unwrap();
    let other = scene.channel(&taxis).await.unwrap();
    assert!(healthy(&revoked).await && healthy(&other).await);
    assert!(scene.world.pki.revoke("city-bikes").unwrap());
    scene.reload.now().await.unwrap();
    assert!(!healthy(&revoked).await && healthy(&other).await);
    // A new certificate of the same organisation is another one.
    let renewed = scene.world.pki.renew("city-bikes", "provider", "push-job");
    assert!(healthy(&scene.channel(&renewed.unwrap()).await.unwrap()).await);
}

#[tokio::test]
async fn a_ca_that_is_taken_out_takes_its_open_connections_along() {
    let world = World::new();
    let bikes = world.org("city-bikes");
    let scene = scene(world, NEVER, |_| ()).await;
    let channel = scene.channel(&bikes).await.unwrap();
    assert!(healthy(&channel).await);
    let other = World::new();
    fs::copy(other.pki.ca(), scene.world.pki.ca()).unwrap();
    scene.reload.now().await.unwrap();
    assert!(!healthy(&channel).await);
}

/// Every way in which a set is bad: it is refused by name, and what was good goes on.
#[tokio::test]
async fn a_bad_set_is_refused_by_name_and_the_last_good_one_stays() {
    let world = World::new();
    let bikes = world.org("city-bikes");
    let list = world.revoke(&[]);
    let scene = scene(world, NEVER, |files| files.tls.client_crl = vec![list]).await;
    let channel = scene.channel(&bikes).await.unwrap();
    let broker = scene.world.pki.broker();
    let files = [
        broker.cert,
        broker.key,
        scene.world.pki.ca(),
        scene.world.path("ca.crl.pem"),
        scene.world.pki.issuer_pub(),
    ];
    for file in files {
        let good = fs::read(&file).unwrap();
        let half = good.get(..good.len() / 2).unwrap().to_vec();
        for bad in [Vec::new(), b"nonsense".to_vec(), half] {
            fs::write(&file, bad).unwrap();
            let refused = scene.reload.now().await.unwrap_err().to_string();
            assert!(refused.contains(file.to_str().unwrap()), "{refused}");
            assert!(healthy(&channel).await);
            assert!(healthy(&scene.channel(&bikes).await.unwrap()).await);
        }
        fs::write(&file, good).unwrap();
    }
    scene.reload.now().await.unwrap();
}

#[tokio::test]
async fn a_changed_file_is_found_without_being_asked_and_a_pair_in_two_steps_too() {
    let world = World::new();
    let mut scene = scene(world, Duration::from_millis(10), |_| ()).await;
    let before = scene.trust.borrow_and_update().server().clone();
    let broker = scene.world.pki.broker();
    let pair = || {
        (
            fs::read(&broker.cert).unwrap(),
            fs::read(&broker.key).unwrap(),
        )
    };
    let held = pair();
    scene.world.pki.renew_broker().unwrap();
    let renewed = pair();
    // Back, and then forth step by step: between the steps the pair does not fit.
    fs::write(&broker.cert, held.0).unwrap();
    fs::write(&broker.key, held.1).unwrap();
    scene.reload.now().await.unwrap();
    fs::write(&broker.cert, renewed.0).unwrap();
    scene.reload.now().await.unwrap_err();
    scene.trust.mark_unchanged();
    fs::write(&broker.key, renewed.1).unwrap();
    tokio::time::timeout(DEADLINE, scene.trust.changed())
        .await
        .unwrap()
        .unwrap();
    assert!(!Arc::ptr_eq(&before, scene.trust.borrow().server()));
}

#[tokio::test]
async fn a_token_key_that_is_replaced_counts_from_the_next_call() {
    let world = World::new();
    let mut keys = world.trust_files().token_keys;
    let pub_file = keys.pop().unwrap();
    let scene = scene(world, NEVER, |_| ()).await;
    let kid = |pem: &str| certs::fingerprint(pem).unwrap();
    let old = kid(&fs::read_to_string(&pub_file).unwrap());
    let new = certs::Es256Key::generate().unwrap();
    let has = |kid: &str| scene.trust.borrow().token_keys().get(kid).is_some();
    assert!(has(&old) && !has(&new.fingerprint()));
    fs::write(&pub_file, new.public_pem()).unwrap();
    scene.reload.now().await.unwrap();
    assert!(!has(&old) && has(&new.fingerprint()));
}

#[test]
fn production_refuses_what_weir_pki_made_file_by_file() {
    let world = World::new();
    let mut files = world.trust_files();
    files.mode = crate::config::Mode::Production;
    let refused = Trust::load(&files).unwrap_err().to_string();
    assert!(
        refused.contains("cert.pem") && refused.contains("production refuses"),
        "{refused}"
    );
    let refused = super::super::keys::TokenKeys::read(&files.token_keys, files.mode);
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("issuer.pub.pem") && refused.contains("development key"),
        "{refused}"
    );
}
