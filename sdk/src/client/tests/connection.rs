use certs::DevPki;

use crate::client::testing::broker::FakeBroker;
use crate::client::{Client, ClientError, IdentityError};

#[tokio::test]
async fn a_broker_that_is_not_there_or_not_ours_is_named() {
    let broker = FakeBroker::start().await;
    let nobody = broker.profile("bikes", 1);
    let error = Client::connect(&nobody).await.unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, ClientError::Connect { .. }) && error.retryable());
    assert!(
        text.contains("https://localhost:1") && text.contains("no TCP"),
        "{text}"
    );

    let other = tempfile::tempdir().unwrap();
    let other = DevPki::create(&other.path().join("dev"), "other.test").unwrap();
    let mut profile = broker.profile("bikes", broker.at.port());
    profile.ca = other.ca();
    let error = Client::connect(&profile).await.unwrap_err().to_string();
    assert!(
        error.contains("no TLS") && error.contains("UnknownIssuer"),
        "{error}"
    );
}

#[tokio::test]
async fn a_certificate_that_the_broker_refuses_is_named() {
    let broker = FakeBroker::start().await;
    let folder = tempfile::tempdir().unwrap();
    let other = DevPki::create(&folder.path().join("dev"), "weir.test").unwrap();
    let stranger = other.org("bikes", "provider", "push-job").unwrap();
    let mut profile = broker.profile("bikes", broker.at.port());
    (profile.cert, profile.key) = (stranger.cert.clone(), stranger.key);
    // TLS 1.3: the client learns of it with its first call.
    let called = match Client::connect(&profile).await {
        Ok(client) => client.checkpoint().await.map(drop),
        Err(error) => Err(error),
    };
    let error = called.unwrap_err();
    let text = error.to_string();
    assert!(
        matches!(error, ClientError::CertificateRefused { .. }),
        "{text}"
    );
    assert!(
        text.contains(&stranger.cert.display().to_string()),
        "{text}"
    );
    assert!(!error.retryable());
}

#[tokio::test]
async fn our_own_files_are_named_when_they_cannot_be_used() {
    use std::os::unix::fs::PermissionsExt;
    let broker = FakeBroker::start().await;
    let good = broker.profile("bikes", broker.at.port());
    let taxis = broker.org("taxis");
    let refused = |profile| async move {
        match Client::connect(&profile).await.unwrap_err() {
            ClientError::Identity(error) => error,
            other => panic!("{other}"),
        }
    };
    let mut pair = good.clone();
    pair.key = taxis.key;
    assert!(matches!(refused(pair).await, IdentityError::Pair { .. }));
    let mut none = good.clone();
    none.cert = good.token.clone();
    assert!(matches!(refused(none).await, IdentityError::Pem { .. }));
    let mut empty = good.clone();
    empty.token = taxis.token.clone();
    std::fs::write(&taxis.token, "two words\n").unwrap();
    assert!(matches!(refused(empty).await, IdentityError::Token { .. }));
    std::fs::set_permissions(&good.token, std::fs::Permissions::from_mode(0o644)).unwrap();
    let exposed = refused(good).await.to_string();
    assert!(
        exposed.contains("token.jwt") && exposed.contains("chmod 600"),
        "{exposed}"
    );
}
