//! Well-signed tokens that claim the wrong thing.

use super::*;

#[test]
fn an_audience_that_is_absent_wrong_or_a_list() {
    let scene = scene();
    assert_claims(&scene.refused(without("aud")), "aud");
    let error = scene.refused(set("aud", "spiffe://other.test/broker".into()));
    assert!(matches!(error, TokenError::Audience), "{error:?}");
    let list = json!(["spiffe://weir.test/broker", "spiffe://other.test/broker"]);
    assert_claims(&scene.refused(set("aud", list)), "string");
}

#[test]
fn an_issuer_that_is_absent_wrong_a_number_or_a_list() {
    let scene = scene();
    assert_claims(&scene.refused(without("iss")), "iss");
    let error = scene.refused(set("iss", "spiffe://other.test/issuer".into()));
    assert!(matches!(error, TokenError::Issuer), "{error:?}");
    assert_claims(&scene.refused(set("iss", json!(7))), "string");
    assert_claims(
        &scene.refused(set("iss", json!(["spiffe://weir.test/issuer"]))),
        "string",
    );
}

#[test]
fn times_are_kept_with_thirty_seconds_of_leeway() {
    let scene = scene();
    let at = |name, seconds: u64| scene.with_claims(set(name, seconds.into()));
    assert!(at("exp", scene.now_s - 30).is_ok());
    assert!(matches!(
        at("exp", scene.now_s - 31),
        Err(TokenError::Expired)
    ));
    assert!(at("nbf", scene.now_s + 30).is_ok());
    assert!(matches!(
        at("nbf", scene.now_s + 31),
        Err(TokenError::NotYet)
    ));
    assert!(at("iat", scene.now_s + 30).is_ok());
    assert!(matches!(
        at("iat", scene.now_s + 31),
        Err(TokenError::NotYet)
    ));
    assert!(matches!(at("exp", 0), Err(TokenError::Expired)));
    assert!(at("exp", u64::MAX).is_ok());
}

#[test]
fn times_of_another_type() {
    let scene = scene();
    for name in ["exp", "nbf", "iat"] {
        assert_claims(&scene.refused(without(name)), name);
        for value in [
            json!("2999999999"),
            json!(-1),
            json!(2.9e9),
            json!(null),
            json!([1]),
        ] {
            let error = scene.refused(set(name, value.clone()));
            assert!(
                matches!(error, TokenError::Claims { .. }),
                "{name} {value}: {error:?}"
            );
        }
    }
}

#[test]
fn a_token_bound_to_another_certificate() {
    let scene = scene();
    let thief = scene.world.org("taxis");
    let peer = peer_of(&identity(&thief.cert, &thief.key).cert).unwrap();
    let stolen = std::fs::read_to_string(&scene.files.token).unwrap();
    let error = scene.verify_for(&peer, &stolen).unwrap_err();
    assert!(matches!(error, TokenError::Binding), "{error:?}");
    // The same organisation with a new certificate: the old token dies with the old one.
    scene
        .world
        .pki
        .renew("city-bikes", "provider", "push-job")
        .unwrap();
    let renewed = peer_of(&identity(&scene.files.cert, &scene.files.key).cert).unwrap();
    let error = scene.verify_for(&renewed, &stolen).unwrap_err();
    assert!(matches!(error, TokenError::Binding), "{error:?}");
}

#[test]
fn a_binding_that_is_absent_or_of_another_form() {
    let scene = scene();
    assert_claims(&scene.refused(without("cnf")), "cnf");
    assert_claims(&scene.refused(set("cnf", json!({}))), "x5t#S256");
    assert_claims(&scene.refused(set("cnf", json!({ "jkt": "AA" }))), "jkt");
    let good = scene.claims()["cnf"]["x5t#S256"]
        .as_str()
        .unwrap()
        .to_owned();
    for text in [
        "",
        "AA",
        &format!("{good}="),
        &good.to_lowercase(),
        good.get(..42).unwrap(),
    ] {
        let error = scene.refused(set("cnf", json!({ "x5t#S256": text })));
        assert!(matches!(error, TokenError::Binding), "`{text}`: {error:?}");
    }
}

#[test]
fn an_organisation_that_is_not_the_certificates() {
    let scene = scene();
    assert_claims(&scene.refused(without("org")), "org");
    for org in [
        "spiffe://weir.test/org/taxis",
        "spiffe://other.test/org/city-bikes",
        "city-bikes",
        "spiffe://weir.test/org/city-bikes/",
        "SPIFFE://weir.test/org/city-bikes",
        "",
    ] {
        let error = scene.refused(set("org", org.into()));
        assert!(matches!(error, TokenError::Org), "`{org}`: {error:?}");
    }
}

#[test]
fn a_role_or_subject_that_is_none() {
    let scene = scene();
    assert_claims(&scene.refused(without("role")), "role");
    for role in ["operator", "Provider", "provider planner", ""] {
        let error = scene.refused(set("role", role.into()));
        assert!(matches!(error, TokenError::Role), "`{role}`: {error:?}");
    }
    assert_claims(
        &scene.refused(set("role", json!(["provider", "steward"]))),
        "string",
    );
    assert_claims(&scene.refused(without("sub")), "sub");
    assert_claims(&scene.refused(set("sub", "".into())), "sub");
    assert_claims(&scene.refused(set("sub", "s".repeat(256).into())), "sub");
    assert_claims(&scene.refused(without("jti")), "jti");
}

#[test]
fn doubled_claims_and_headers() {
    let scene = scene();
    let double = |object: Value, name: &str| {
        let text = object.to_string();
        format!(
            "{{\"{name}\":{},{}",
            object[name],
            text.strip_prefix('{').unwrap()
        )
    };
    for name in [
        "iss", "aud", "sub", "iat", "nbf", "exp", "jti", "org", "role", "cnf",
    ] {
        let token = scene.signed(&scene.head().to_string(), &double(scene.claims(), name));
        assert_claims(&scene.verify(&token).unwrap_err(), "duplicate field");
    }
    for name in ["alg", "typ", "kid"] {
        let token = scene.signed(&double(scene.head(), name), &scene.claims().to_string());
        let error = scene.verify(&token).unwrap_err();
        let named = matches!(&error, TokenError::Header { cause } if cause.contains("duplicate"));
        assert!(named, "{name}: {error:?}");
    }
}

/// A broker whose clock is an hour off, or was set back, refuses what it cannot place; it accepts no
/// token outside its own span.
#[test]
fn a_clock_an_hour_off_refuses_and_never_extends() {
    let scene = scene();
    let token = scene.signed(&scene.head().to_string(), &scene.claims().to_string());
    let at = |seconds: i64| {
        let now_s = scene.now_s.checked_add_signed(seconds).unwrap();
        let now = UNIX_EPOCH + Duration::from_secs(now_s);
        scene.verifier.verify(&token, &scene.peer, now)
    };
    assert!(at(0).is_ok());
    assert!(matches!(at(3_600), Err(TokenError::Expired)));
    assert!(matches!(at(-3_600), Err(TokenError::NotYet)));
    // Set back after the end: inside the span again and no further, as the issuer signed it.
    assert!(matches!(at(331), Err(TokenError::Expired)));
    assert!(at(300).is_ok());
    assert!(matches!(at(-31), Err(TokenError::NotYet)));
    let before_1970 = UNIX_EPOCH - Duration::from_secs(1);
    let refused = scene.verifier.verify(&token, &scene.peer, before_1970);
    assert!(matches!(refused, Err(TokenError::NotYet)));
}
