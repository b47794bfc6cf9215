#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::convert::Infallible;
use std::time::Duration;

use certs::OrgFiles;
use futures::executor::block_on;
use http::HeaderValue;
use tokio::net::TcpListener;
use tonic::Code;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity, Server};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tower::service_fn;

use super::super::accept::{AcceptBounds, incoming};
use super::super::testing::{World, domain, identity, peer_of};
use super::*;

const METHOD: &str = "/weir.v1.ReleaseService/Preview";
const HEALTH: &str = "/grpc.health.v1.Health/Check";

struct Scene {
    world: World,
    files: OrgFiles,
    token: String,
}

fn scene() -> Scene {
    let world = World::new();
    let files = world.org("city-bikes");
    let token = std::fs::read_to_string(&files.token).unwrap();
    Scene {
        world,
        files,
        token,
    }
}

impl Scene {
    /// A request as it arrives from the accept loop.
    fn request(&self, path: &str) -> Request<()> {
        let mut request = Request::new(());
        *request.uri_mut() = path.parse().unwrap();
        let peer = peer_of(&identity(&self.files.cert, &self.files.key).cert).unwrap();
        request.extensions_mut().insert(peer);
        request
    }

    fn with_token(&self, path: &str) -> Request<()> {
        let mut request = self.request(path);
        let value = format!("Bearer {}", self.token).parse().unwrap();
        request.headers_mut().insert(AUTHORIZATION, value);
        request
    }

    /// What the layer did: the request that came through, or the status that came back.
    fn send(&self, request: Request<()>) -> Result<http::request::Parts, Status> {
        let inner = service_fn(|request: Request<()>| async move {
            let mut response = Response::new(Body::default());
            response.extensions_mut().insert(request.into_parts().0);
            Ok::<_, Infallible>(response)
        });
        let mut service = IdentityLayer::new(Arc::new(self.world.verifier())).layer(inner);
        let response = block_on(service.call(request)).unwrap();
        match response.extensions().get::<http::request::Parts>() {
            Some(parts) => Ok(parts.clone()),
            None => Err(Status::from_header_map(response.headers()).unwrap()),
        }
    }

    fn refused(&self, request: Request<()>) {
        let status = self.send(request).unwrap_err();
        assert_eq!(
            (status.code(), status.message()),
            (Code::Unauthenticated, "unauthenticated")
        );
        assert!(status.details().is_empty());
        let rest = status.metadata().clone().into_headers();
        assert!(
            rest.keys().eq(["content-type"]),
            "more than the one sentence: {rest:?}"
        );
    }
}

#[test]
fn a_good_pair_becomes_a_caller_and_the_token_stays_outside() {
    let scene = scene();
    let parts = scene.send(scene.with_token(METHOD)).unwrap();
    let caller = parts.extensions.get::<Caller>().unwrap();
    assert_eq!(caller.org().as_str(), "city-bikes");
    assert!(parts.headers.get(AUTHORIZATION).is_none());
}

#[test]
fn without_a_token_only_health_and_reflection_are_open() {
    let scene = scene();
    for open in [
        HEALTH,
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    ] {
        let parts = scene.send(scene.request(open)).unwrap();
        assert!(parts.extensions.get::<Caller>().is_none());
    }
    for closed in [
        METHOD,
        "/",
        "/grpc.health.v1.HealthX/Check",
        "/weir.v1.X/grpc.health.v1.Health/Check",
        "/arrow.flight.protocol.FlightService/DoPut",
        "//grpc.health.v1.Health/Check",
    ] {
        scene.refused(scene.request(closed));
    }
}

#[test]
fn without_a_peer_nothing_is_open() {
    let scene = scene();
    for path in [METHOD, HEALTH] {
        let mut request = scene.with_token(path);
        request.extensions_mut().remove::<Peer>();
        scene.refused(request);
    }
}

#[test]
fn authorization_must_be_one_bearer_token() {
    let scene = scene();
    let token = &scene.token;
    for value in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        token.clone(),
        format!("Basic {token}"),
        format!("Bearer  {token}"),
        format!("Bearer {token},{token}"),
    ] {
        let mut request = scene.request(METHOD);
        request
            .headers_mut()
            .insert(AUTHORIZATION, value.parse().unwrap());
        scene.refused(request);
    }
    let mut twice = scene.with_token(METHOD);
    twice
        .headers_mut()
        .append(AUTHORIZATION, HeaderValue::from_static("Bearer x"));
    scene.refused(twice);
    let mut binary = scene.request(METHOD);
    binary.headers_mut().insert(
        AUTHORIZATION,
        HeaderValue::from_bytes(b"Bearer \xff").unwrap(),
    );
    scene.refused(binary);
    let mut lower = scene.request(METHOD);
    lower
        .headers_mut()
        .insert(AUTHORIZATION, format!("bearer {token}").parse().unwrap());
    assert!(
        scene.send(lower).is_ok(),
        "the scheme's name has no case (RFC 9110 section 11.1)"
    );
}

#[test]
fn a_forwarded_certificate_is_refused_everywhere() {
    let scene = scene();
    for name in [
        "x-forwarded-client-cert",
        "forwarded",
        "client-cert",
        "X-Forwarded-For",
    ] {
        for path in [METHOD, HEALTH] {
            let mut request = scene.with_token(path);
            let name: http::HeaderName = name.parse().unwrap();
            request
                .headers_mut()
                .insert(name, HeaderValue::from_static("By=x"));
            scene.refused(request);
        }
    }
}

#[test]
fn a_certificate_that_ends_while_connected_ends_the_calls() {
    let scene = scene();
    let request = scene.with_token(METHOD);
    let verifier = scene.world.verifier();
    let now = SystemTime::now();
    assert!(identify(&verifier, &request, now).is_ok());
    let later = now + Duration::from_secs(31 * 86_400);
    let refused = identify(&verifier, &request, later);
    assert!(
        matches!(refused, Err(Unauthenticated::CertificateExpired)),
        "{refused:?}"
    );
}

#[test]
fn a_method_outside_the_layer_finds_no_caller() {
    let refused = Caller::of(&tonic::Request::new(())).unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
}

/// The real thing: tonic's server over our accept loop, tonic's client over mutual TLS.
#[tokio::test]
async fn over_real_connections_health_needs_the_certificate_and_methods_the_token_too() {
    let scene = scene();
    let (_reporter, health) = tonic_health::server::health_reporter();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let bounds = AcceptBounds {
        connections_max: 4,
        connections_per_org_max: 4,
        handshake_timeout: Duration::from_secs(10),
        life_max: Duration::from_secs(3600),
    };
    let connections = incoming(listener, scene.world.trust(), domain(), bounds);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(
        Server::builder()
            .layer(IdentityLayer::new(Arc::new(scene.world.verifier())))
            .add_service(health)
            .serve_with_incoming_shutdown(connections, async { drop(stopped.await) }),
    );

    let read = |path: &std::path::Path| std::fs::read(path).unwrap();
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(read(&scene.world.pki.ca())))
        .identity(Identity::from_pem(
            read(&scene.files.cert),
            read(&scene.files.key),
        ));
    let endpoint = Endpoint::from_shared(format!("https://localhost:{}", at.port())).unwrap();
    let channel = endpoint.tls_config(tls).unwrap().connect().await.unwrap();

    let asked = HealthCheckRequest {
        service: String::new(),
    };
    let healthy = HealthClient::new(channel.clone())
        .check(asked)
        .await
        .unwrap();
    assert_eq!(healthy.into_inner().status, 1);
    let refused = call(&channel, None).await;
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::Unauthenticated, "unauthenticated")
    );
    // The connection stays usable, and the token carries the call to where no such method is.
    assert_eq!(
        call(&channel, Some(&scene.token)).await.code(),
        Code::Unimplemented
    );

    drop(channel);
    stop.send(()).unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(10), server).await;
    ended.unwrap().unwrap().unwrap();
}

async fn call(channel: &Channel, token: Option<&str>) -> Status {
    let mut request = tonic::Request::new(HealthCheckRequest {
        service: String::new(),
    });
    if let Some(token) = token {
        request
            .metadata_mut()
            .insert("authorization", format!("Bearer {token}").parse().unwrap());
    }
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<HealthCheckRequest, HealthCheckResponse>::default();
    let path = http::uri::PathAndQuery::from_static(METHOD);
    client.unary(request, path, codec).await.unwrap_err()
}
