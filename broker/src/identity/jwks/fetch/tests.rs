#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::path::Path;
use std::time::SystemTime;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use certs::Es256Key;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use x509_parser::prelude::{FromDer, SubjectPublicKeyInfo};

use super::super::keep;
use super::*;
use crate::identity::testing::{World, identity, peer_of};

/// An issuer on loopback under the world's CA, which answers every call with these bytes.
async fn issuer(world: &World, answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let tls = TlsAcceptor::from(Arc::clone(world.trust().borrow().public()));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let Ok(mut stream) = tls.accept(socket).await else {
                continue;
            };
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).await.is_ok() {
                head.extend(byte);
            }
            drop(stream.write_all(answer.as_bytes()).await);
            drop(stream.shutdown().await);
        }
    });
    format!("https://localhost:{}/jwks", at.port())
}

fn ok(body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}")
}

/// The world's own token key as the issuer would publish it.
fn set_of(world: &World, kid: &str) -> String {
    let pem = std::fs::read(world.pki.issuer_pub()).unwrap();
    let der = rustls::pki_types::SubjectPublicKeyInfoDer::from_pem_slice(&pem).unwrap();
    let (_, spki) = SubjectPublicKeyInfo::from_der(&der).unwrap();
    let point = spki.subject_public_key.data.to_vec();
    let [x, y] = [1..33, 33..65].map(|range| URL_SAFE_NO_PAD.encode(point.get(range).unwrap()));
    serde_json::json!({ "keys": [
        { "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": kid, "x": x, "y": y },
    ] })
    .to_string()
}

async fn fetched(url: &str, ca: &Path) -> Result<TokenKeys, JwksError> {
    Source::new(url, ca.to_owned())?.fetch().await
}

/// The files know another key: only the fetched set opens the token.
#[tokio::test]
async fn a_token_under_a_fetched_key_is_accepted_and_only_its_kid_finds_it() {
    let world = World::new();
    let files = world.org("city-bikes");
    let peer = peer_of(&identity(&files.cert, &files.key).cert).unwrap();
    let token = std::fs::read_to_string(&files.token).unwrap();
    let kid = world.issuer().fingerprint();
    let sets = [kid.as_str(), "another"].map(|kid| ok(&set_of(&world, kid)));
    let other = Es256Key::generate().unwrap().public_pem();
    for (set, accepted) in sets.into_iter().zip([true, false]) {
        let url = issuer(&world, set).await;
        let source = Source::new(&url, world.pki.ca()).unwrap();
        let stop = CancellationToken::new();
        let keys = source.fetch().await.unwrap();
        let set = keep(move || std::future::ready(Ok(keys.clone())), stop.clone());
        while accepted && set.get(&kid).is_none() {
            tokio::task::yield_now().await;
        }
        let held = std::fs::read(world.pki.issuer_pub()).unwrap();
        std::fs::write(world.pki.issuer_pub(), &other).unwrap();
        let verifier = world.verifier_with(Some(set));
        std::fs::write(world.pki.issuer_pub(), held).unwrap();
        let verified = verifier.verify(&token, &peer, SystemTime::now());
        assert_eq!(verified.is_ok(), accepted, "{verified:?}");
        drop(stop);
    }
}

#[tokio::test]
async fn what_is_not_the_pinned_issuers_plain_answer_is_refused() {
    let (world, stranger) = (World::new(), World::new());
    let set = set_of(&world, "k");
    let good = issuer(&world, ok(&set)).await;
    assert!(fetched(&good, &world.pki.ca()).await.is_ok());
    let refused = fetched(&good, &stranger.pki.ca()).await.unwrap_err();
    assert!(matches!(refused, JwksError::Fetch { .. }), "{refused}");
    let absent = fetched(&good, &world.path("absent.pem")).await.unwrap_err();
    assert!(absent.to_string().contains("absent.pem"), "{absent}");

    let elsewhere = format!("HTTP/1.1 302 Found\r\nlocation: {good}\r\ncontent-length: 0\r\n\r\n");
    let oct = r#"{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"k","alg":"HS256"}]}"#;
    let endless = "x".repeat(JWKS_BYTES_MAX + 1);
    for (answer, says) in [
        (elsewhere, "302"),
        (ok(oct), "publishes a secret"),
        (ok(&endless), "length limit exceeded"),
        (ok("[]"), "refused"),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}".to_owned(),
            "cannot fetch",
        ),
        ("no HTTP\r\n\r\n".to_owned(), "cannot fetch"),
    ] {
        let url = issuer(&world, answer).await;
        let refused = fetched(&url, &world.pki.ca())
            .await
            .unwrap_err()
            .to_string();
        assert!(refused.contains(says), "{refused}");
    }
}

#[test]
fn only_a_plain_https_address_is_pinned() {
    for url in [
        "http://id.example/jwks",
        "https://user@id.example/jwks",
        "https://user:planted@id.example/jwks",
        "https:///jwks",
        "file:///etc/passwd",
        "id.example",
        "",
    ] {
        let refused = Source::new(url, "ca.pem".into()).unwrap_err();
        assert!(matches!(refused, JwksError::Url), "{url}");
        assert!(!format!("{refused} {refused:?}").contains("planted"));
    }
    Source::new("https://[::1]:8443/jwks", "ca.pem".into()).unwrap();
}
