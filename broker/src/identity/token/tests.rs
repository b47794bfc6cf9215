//! The attack table of reference/trust.md 3.1 and section 7, classes 1 and 16.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::time::Duration;

use certs::{Es256Key, OrgFiles};
use jsonwebtoken::{EncodingKey, crypto};
use serde_json::{Value, json};

use super::super::keys::{KeyError, TokenKeys};
use super::super::testing::{World, identity, peer_of};
use super::*;
use crate::config::Mode;

mod claims;

struct Scene {
    world: World,
    files: OrgFiles,
    peer: Peer,
    verifier: TokenVerifier,
    issuer: Es256Key,
    now_s: u64,
}

fn scene() -> Scene {
    let world = World::new();
    let files = world.org("city-bikes");
    let peer = peer_of(&identity(&files.cert, &files.key).cert).unwrap();
    let (verifier, issuer) = (world.verifier(), world.issuer());
    Scene {
        world,
        files,
        peer,
        verifier,
        issuer,
        now_s: jsonwebtoken::get_current_timestamp(),
    }
}

impl Scene {
    fn head(&self) -> Value {
        json!({ "typ": "at+jwt", "alg": "ES256", "kid": self.issuer.fingerprint() })
    }

    fn claims(&self) -> Value {
        json!({
            "iss": "spiffe://weir.test/issuer",
            "aud": "spiffe://weir.test/broker",
            "sub": "push-job",
            "iat": self.now_s,
            "nbf": self.now_s,
            "exp": self.now_s + 300,
            "jti": "00000000000000000000000000000001",
            "org": "spiffe://weir.test/org/city-bikes",
            "role": "provider",
            "cnf": { "x5t#S256": URL_SAFE_NO_PAD.encode(self.peer.x5t()) },
        })
    }

    fn signed(&self, head: &str, claims: &str) -> String {
        sign(
            head,
            claims,
            &EncodingKey::from_ec_der(self.issuer.pkcs8_der()),
            Algorithm::ES256,
        )
    }

    fn verify(&self, token: &str) -> Result<Caller, TokenError> {
        self.verify_for(&self.peer, token)
    }

    fn verify_for(&self, peer: &Peer, token: &str) -> Result<Caller, TokenError> {
        let now = UNIX_EPOCH + Duration::from_secs(self.now_s);
        self.verifier.verify(token, peer, now)
    }

    /// The refusal of a well-signed token with another header.
    fn with_head(&self, change: impl FnOnce(&mut Value)) -> TokenError {
        let mut head = self.head();
        change(&mut head);
        self.verify(&self.signed(&head.to_string(), &self.claims().to_string()))
            .unwrap_err()
    }

    /// What becomes of a well-signed token with other claims.
    fn with_claims(&self, change: impl FnOnce(&mut Value)) -> Result<Caller, TokenError> {
        let mut claims = self.claims();
        change(&mut claims);
        self.verify(&self.signed(&self.head().to_string(), &claims.to_string()))
    }

    fn refused(&self, change: impl FnOnce(&mut Value)) -> TokenError {
        self.with_claims(change).unwrap_err()
    }
}

fn sign(head: &str, claims: &str, key: &EncodingKey, algorithm: Algorithm) -> String {
    let message = format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(head),
        URL_SAFE_NO_PAD.encode(claims)
    );
    let signature = crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

fn without(name: &'static str) -> impl FnOnce(&mut Value) {
    move |claims| drop(claims.as_object_mut().unwrap().remove(name).unwrap())
}

fn set(name: &'static str, value: Value) -> impl FnOnce(&mut Value) {
    move |object| object[name] = value
}

fn assert_claims(error: &TokenError, names: &str) {
    assert!(
        matches!(error, TokenError::Claims { cause } if cause.contains(names)),
        "expected a claims error with `{names}`, got {error:?}"
    );
}

#[test]
fn a_minted_token_is_accepted_and_names_org_role_and_pseudonym() {
    let scene = scene();
    let token = std::fs::read_to_string(&scene.files.token).unwrap();
    let caller = scene.verify(&token).unwrap();
    assert_eq!(caller.org().as_str(), "city-bikes");
    assert_eq!(caller.role(), Role::Provider);
    assert!(
        !format!("{caller:?}").contains("push-job"),
        "the user's name is in {caller:?}"
    );
    // The forger of the tests below makes good tokens too, so their refusals mean something.
    let unchanged = scene.with_claims(|_| ()).unwrap();
    assert_eq!(unchanged, caller);
    for role in certs::ROLES {
        assert_eq!(
            scene
                .with_claims(set("role", role.into()))
                .unwrap()
                .role()
                .as_str(),
            role
        );
    }
}

#[test]
fn alg_none() {
    let scene = scene();
    let mut head = scene.head();
    head["alg"] = "none".into();
    let claims = scene.claims().to_string();
    let body = format!(
        "{}.{}.",
        URL_SAFE_NO_PAD.encode(head.to_string()),
        URL_SAFE_NO_PAD.encode(claims)
    );
    for signature in ["", "AA"] {
        let error = scene.verify(&format!("{body}{signature}")).unwrap_err();
        assert!(matches!(error, TokenError::Algorithm), "{error:?}");
    }
}

#[test]
fn hs256_with_the_public_key_as_secret() {
    let scene = scene();
    let mut head = scene.head();
    head["alg"] = "HS256".into();
    let public = std::fs::read(scene.world.pki.issuer_pub()).unwrap();
    let key = EncodingKey::from_secret(&public);
    let token = sign(
        &head.to_string(),
        &scene.claims().to_string(),
        &key,
        Algorithm::HS256,
    );
    assert!(matches!(
        scene.verify(&token).unwrap_err(),
        TokenError::Algorithm
    ));
}

#[test]
fn other_algorithm_names() {
    let scene = scene();
    for alg in ["ES384", "EdDSA", "Ed25519", "RS256", "es256", "ESP256", ""] {
        let error = scene.with_head(set("alg", alg.into()));
        assert!(matches!(error, TokenError::Algorithm), "{alg}: {error:?}");
    }
}

#[test]
fn a_key_of_somebody_else() {
    let scene = scene();
    let other = Es256Key::generate().unwrap();
    let key = EncodingKey::from_ec_der(other.pkcs8_der());
    let (head, claims) = (scene.head(), scene.claims().to_string());
    let token = sign(&head.to_string(), &claims, &key, Algorithm::ES256);
    assert!(matches!(
        scene.verify(&token).unwrap_err(),
        TokenError::Signature
    ));
    let error = scene.with_head(set("kid", other.fingerprint().into()));
    assert!(matches!(error, TokenError::Key));
}

#[test]
fn kid_traversal_and_injection() {
    let scene = scene();
    for kid in [
        "../../dev/issuer.key",
        "/dev/null",
        "https://evil.test/k",
        "' OR 1=1",
        "",
        "\0",
    ] {
        let error = scene.with_head(set("kid", kid.into()));
        assert!(matches!(error, TokenError::Key), "{kid}: {error:?}");
    }
    assert!(matches!(
        scene.with_head(without("kid")),
        TokenError::Header { .. }
    ));
}

#[test]
fn an_id_token_as_access_token() {
    let scene = scene();
    for typ in ["JWT", "jwt", "id_token+jwt", "AT+JWT", ""] {
        let error = scene.with_head(set("typ", typ.into()));
        assert!(matches!(error, TokenError::Type), "{typ}: {error:?}");
    }
    assert!(matches!(
        scene.with_head(without("typ")),
        TokenError::Header { .. }
    ));
}

#[test]
fn headers_that_bring_their_own_key_or_rules() {
    let scene = scene();
    for (name, value) in [
        ("jku", json!("https://evil.test/jwks")),
        ("jwk", json!({ "kty": "oct", "k": "AA" })),
        ("x5u", json!("https://evil.test/cert")),
        ("x5c", json!(["AA"])),
        ("crit", json!(["b64"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
    ] {
        let error = scene.with_head(set(name, value));
        let named = matches!(&error, TokenError::Header { cause } if cause.contains(name));
        assert!(named, "{name}: {error:?}");
    }
}

#[test]
fn an_oversized_token() {
    let scene = scene();
    let padded = |bytes: usize| {
        let mut claims = scene.claims();
        claims["padding"] = "x".repeat(bytes).into();
        scene.signed(&scene.head().to_string(), &claims.to_string())
    };
    let fits = padded(5_000);
    assert!(fits.len() <= TOKEN_BYTES_MAX && scene.verify(&fits).is_ok());
    let error = scene.verify(&padded(9_000)).unwrap_err();
    assert!(matches!(error, TokenError::Length { .. }), "{error:?}");
}

#[test]
fn one_flipped_bit_anywhere() {
    let scene = scene();
    let good = scene.signed(&scene.head().to_string(), &scene.claims().to_string());
    assert!(scene.verify(&good).is_ok());
    for at in (0..good.len()).step_by(7) {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let token = String::from_utf8(bytes).unwrap();
        assert!(
            scene.verify(&token).is_err(),
            "accepted a change at byte {at}"
        );
    }
}

#[test]
fn texts_that_are_no_token() {
    let scene = scene();
    let good = scene.signed(&scene.head().to_string(), &scene.claims().to_string());
    for text in [
        "",
        ".",
        "..",
        "...",
        "a.b",
        "a.b.c",
        &format!("{good}."),
        &format!("{good}.x"),
    ] {
        assert!(scene.verify(text).is_err(), "accepted `{text}`");
    }
    for text in [
        format!(" {good}"),
        format!("{good} "),
        format!("{good}="),
        good.replace('.', ".."),
    ] {
        assert!(scene.verify(&text).is_err(), "accepted `{text}`");
    }
}

#[test]
fn only_p256_keys_are_taken() {
    let world = World::new();
    let p384 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    for pem in [p384.public_key_pem(), "no key".to_owned()] {
        std::fs::write(world.pki.issuer_pub(), pem).unwrap();
        let refused = TokenKeys::read(&[world.pki.issuer_pub()], Mode::Development);
        assert!(matches!(refused, Err(KeyError::Form { .. })));
    }
}

/// The typed claims refuse most of this too; the library's own rules must not rest on them.
#[test]
fn the_librarys_rules_are_all_set() {
    let rules = World::new().verifier().rules;
    let required = ["aud", "exp", "iss", "nbf", "sub"].map(str::to_owned);
    assert_eq!(rules.required_spec_claims, required.into());
    assert_eq!(rules.algorithms, [Algorithm::ES256]);
    assert_eq!(
        rules.iss,
        Some([String::from("spiffe://weir.test/issuer")].into())
    );
    assert_eq!(
        rules.aud,
        Some([String::from("spiffe://weir.test/broker")].into())
    );
    assert!(
        rules.validate_aud,
        "times are `check_times`'s, see the clock's tests"
    );
}
