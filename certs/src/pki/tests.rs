#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::*;
use crate::{fingerprint, is_development, pem};

const DOMAIN: &str = "weir.test";

fn pki() -> (tempfile::TempDir, DevPki) {
    let root = tempfile::tempdir().unwrap();
    let pki = DevPki::create(&root.path().join("dev"), DOMAIN).unwrap();
    (root, pki)
}

fn der(path: &Path) -> Vec<u8> {
    pem::decode("CERTIFICATE", &fs::read_to_string(path).unwrap())
        .unwrap()
        .to_vec()
}

fn part(token: &str, at: usize) -> Value {
    let text = token.split('.').nth(at).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

fn all_files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(all_files(&path));
        } else {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn a_client_certificate_has_one_spiffe_uri_and_is_for_clients_only() {
    let (_root, pki) = pki();
    let files = pki.org("city-bikes", "provider", "push").unwrap();
    let der = der(&files.cert);
    let (rest, cert) = X509Certificate::from_der(&der).unwrap();
    assert!(rest.is_empty() && !cert.is_ca());
    let names = &cert
        .subject_alternative_name()
        .unwrap()
        .unwrap()
        .value
        .general_names;
    assert_eq!(
        *names,
        [GeneralName::URI("spiffe://weir.test/org/city-bikes")]
    );
    let usage = cert.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.client_auth && !usage.server_auth && !usage.any);
    let length = cert.validity().not_after.timestamp() - cert.validity().not_before.timestamp();
    assert_eq!(length, 7 * 86_400 + 300);
}

#[test]
fn the_broker_certificate_is_for_servers_only_and_names_loopback() {
    let (_root, pki) = pki();
    let der = der(&pki.broker().cert);
    let (_, cert) = X509Certificate::from_der(&der).unwrap();
    let names = &cert
        .subject_alternative_name()
        .unwrap()
        .unwrap()
        .value
        .general_names;
    let uris: Vec<_> = names
        .iter()
        .filter(|n| matches!(n, GeneralName::URI(_)))
        .collect();
    assert_eq!(uris, [&GeneralName::URI("spiffe://weir.test/broker")]);
    assert!(names.contains(&GeneralName::DNSName("localhost")));
    assert!(names.contains(&GeneralName::IPAddress(&[127, 0, 0, 1])));
    let usage = cert.extended_key_usage().unwrap().unwrap().value;
    assert!(usage.server_auth && !usage.client_auth && !usage.any);
}

#[test]
fn everything_minted_says_that_it_is_for_development() {
    let (_root, pki) = pki();
    let files = pki.org("a", "auditor", "u").unwrap();
    for path in [pki.ca(), pki.broker().cert, files.cert] {
        assert!(is_development(&der(&path)), "{}", path.display());
    }
    let key = rcgen::KeyPair::generate().unwrap();
    let other = rcgen::CertificateParams::new(vec![])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    assert!(!is_development(other.der()));
    assert!(is_development(b"garbage"));
}

#[test]
fn files_are_private_and_nothing_is_replaced_unasked() {
    let (root, pki) = pki();
    pki.org("a", "planner", "u").unwrap();
    let dir = root.path().join("dev");
    let before = all_files(&dir);
    assert_eq!(before.len(), 12);
    for path in before.keys() {
        let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(path), 0o600, "{}", path.display());
        assert_eq!(mode(path.parent().unwrap()), 0o700, "{}", path.display());
    }
    assert!(matches!(
        DevPki::create(&dir, DOMAIN),
        Err(Error::Exists { .. })
    ));
    assert!(matches!(
        pki.org("a", "planner", "u"),
        Err(Error::Exists { .. })
    ));
    // One file in the way keeps all the others from being written.
    fs::remove_file(dir.join("a/cert.pem")).unwrap();
    assert!(matches!(
        pki.org("a", "planner", "u"),
        Err(Error::Exists { .. })
    ));
    assert!(!dir.join("a/cert.pem").exists());
    fs::write(dir.join("a/cert.pem"), &before[&dir.join("a/cert.pem")]).unwrap();
    assert_eq!(all_files(&dir), before);

    let asked = pki
        .with(Options {
            overwrite: true,
            ..Options::default()
        })
        .unwrap();
    asked.org("a", "planner", "u").unwrap();
    assert_ne!(
        all_files(&dir)[&dir.join("a/signing.key")],
        before[&dir.join("a/signing.key")]
    );
}

#[test]
fn a_reopened_directory_signs_for_the_same_authority() {
    let (root, pki) = pki();
    let dir = root.path().join("dev");
    let again = DevPki::open(&dir).unwrap();
    assert_eq!(again.trust_domain(), pki.trust_domain());
    let files = again.org("taxis", "provider", "u").unwrap();
    let (leaf, ca) = (der(&files.cert), der(&pki.ca()));
    let (_, leaf) = X509Certificate::from_der(&leaf).unwrap();
    let (_, ca) = X509Certificate::from_der(&ca).unwrap();
    assert_eq!(leaf.issuer(), ca.subject());
    leaf.verify_signature(Some(ca.public_key())).unwrap();
}

#[test]
fn damage_is_named() {
    let (root, pki) = pki();
    let dir = root.path().join("dev");
    let other = DevPki::create(&root.path().join("other"), DOMAIN).unwrap();
    fs::copy(other.ca(), pki.ca()).unwrap();
    assert!(matches!(DevPki::open(&dir), Err(Error::Damaged { path, .. }) if path == pki.ca()));
    fs::write(dir.join("ca.key"), "no key").unwrap();
    assert!(
        matches!(DevPki::open(&dir), Err(Error::Damaged { path, .. }) if path.ends_with("ca.key"))
    );
    fs::remove_file(pki.ca()).unwrap();
    assert!(matches!(
        DevPki::open(&dir),
        Err(Error::NoPki {
            missing: "ca.pem",
            ..
        })
    ));
}

#[test]
fn a_token_is_bound_to_the_certificate_and_names_its_key() {
    let (_root, pki) = pki();
    let files = pki.org("planning", "planner", "user-7").unwrap();
    let token = fs::read_to_string(&files.token).unwrap();
    let header = part(&token, 0);
    let issuer_fingerprint = fingerprint(&fs::read_to_string(pki.issuer_pub()).unwrap()).unwrap();
    assert_eq!(header["typ"], "at+jwt");
    assert_eq!(header["alg"], "ES256");
    assert_eq!(header["kid"], issuer_fingerprint);
    let claims = part(&token, 1);
    let x5t = URL_SAFE_NO_PAD.encode(aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA256,
        &der(&files.cert),
    ));
    assert_eq!(claims["cnf"]["x5t#S256"], x5t);
    assert_eq!(claims["iss"], "spiffe://weir.test/issuer");
    assert_eq!(claims["aud"], "spiffe://weir.test/broker");
    assert_eq!(claims["org"], "spiffe://weir.test/org/planning");
    assert_eq!(
        (&claims["role"], &claims["sub"]),
        (&"planner".into(), &"user-7".into())
    );
    assert_eq!(
        claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(),
        86_400
    );
    assert_eq!(claims["nbf"], claims["iat"]);
    let again = pki.token("planning", "planner", "user-7").unwrap();
    assert_ne!(part(&again, 1)["jti"], claims["jti"]);
}

#[test]
fn nothing_outlives_what_it_hangs_on() {
    let root = tempfile::tempdir().unwrap();
    let short = Options {
        ca_validity: Duration::from_secs(3_600),
        ..Options::default()
    };
    let pki = DevPki::create_with(root.path(), DOMAIN, short).unwrap();
    let files = pki.org("a", "auditor", "u").unwrap();
    let until = |path: &Path| read_leaf(&fs::read_to_string(path).unwrap()).unwrap().1;
    assert_eq!(until(&files.cert), until(&pki.ca()));
    let token = pki.token("a", "auditor", "u").unwrap();
    assert_eq!(part(&token, 1)["exp"].as_u64().unwrap(), until(&files.cert));
}

#[test]
fn renewing_keeps_the_signing_key() {
    let (_root, pki) = pki();
    let files = pki.org("a", "provider", "u").unwrap();
    let read = |p: &Path| fs::read(p).unwrap();
    let (signing, cert) = (read(&files.signing_key), read(&files.cert));
    pki.renew("a", "provider", "u").unwrap();
    assert_eq!(read(&files.signing_key), signing);
    assert_ne!(read(&files.cert), cert);
    assert!(pki.renew("absent", "provider", "u").is_err());
}

#[test]
fn bad_names_write_nothing() {
    let (root, pki) = pki();
    let before = all_files(root.path());
    for name in ["", "../x", "A", "a/b", "broker", "-a", "a_b"] {
        assert!(
            matches!(pki.org(name, "provider", "u"), Err(Error::Spiffe(_))),
            "{name}"
        );
    }
    assert!(matches!(
        pki.org("a", "operator", "u"),
        Err(Error::Role { .. })
    ));
    assert!(matches!(
        pki.org("a", "provider", "Jane Doe"),
        Err(Error::User { .. })
    ));
    assert_eq!(all_files(root.path()), before);
    assert!(DevPki::create(&root.path().join("x"), "Weir Test").is_err());
    let endless = Options {
        validity: Duration::from_secs(u64::MAX),
        ..Options::default()
    };
    assert!(matches!(pki.with(endless), Err(Error::Validity { .. })));
}

#[test]
fn keys_are_read_back_and_never_shown() {
    let (_root, pki) = pki();
    let files = pki.org("a", "provider", "u").unwrap();
    let key = Es256Key::read(&files.signing_key).unwrap();
    let public = fs::read_to_string(&files.signing_pub).unwrap();
    assert_eq!(key.fingerprint(), fingerprint(&public).unwrap());
    assert_eq!(key.fingerprint().len(), 64);
    let log = Ed25519Seed::read(&pki.log_key()).unwrap();
    let written = fs::read_to_string(pki.log_key()).unwrap();
    assert_eq!(*crate::pem::marked(&log.to_pem().unwrap()), written);
    let issuer = fs::read_to_string(pki.issuer_pub()).unwrap();
    assert!(
        [&written, &issuer]
            .iter()
            .all(|text| crate::is_development_key(text))
    );
    assert!(
        !crate::is_development_key(&public),
        "parties' own keys are theirs"
    );
    assert_eq!(format!("{log:?}"), "Ed25519Seed(secret)");
    assert!(!format!("{key:?}").contains("pkcs8"));
    // Private keys and other curves are no public ES256 keys.
    let p384 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    for other in [
        key.to_pem().to_string(),
        p384.public_key_pem(),
        format!("{public}{public}"),
    ] {
        assert!(fingerprint(&other).is_err());
    }
}

#[test]
fn openssl_agrees_on_chain_keys_and_fingerprint() {
    let (_root, pki) = pki();
    let files = pki.org("a", "provider", "u").unwrap();
    let openssl = |args: &[&str]| Command::new("openssl").args(args).output();
    if openssl(&["version"]).is_err() {
        return policies::testing::skipped("no openssl on this machine");
    }
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (ca, log) = (text(&pki.ca()), text(&pki.log_key()));
    for (purpose, cert) in [
        ("sslclient", &files.cert),
        ("sslserver", &pki.broker().cert),
    ] {
        let checked = [
            "verify",
            "-x509_strict",
            "-purpose",
            purpose,
            "-CAfile",
            &ca,
        ];
        let out = openssl(&[&checked[..], &[&text(cert)]].concat()).unwrap();
        assert!(
            out.status.success(),
            "{purpose}: {}",
            String::from_utf8_lossy(&out.stderr)
        );
    }
    let crossed = [
        "verify",
        "-purpose",
        "sslserver",
        "-CAfile",
        &ca,
        &text(&files.cert),
    ];
    assert!(!openssl(&crossed).unwrap().status.success());
    assert!(
        openssl(&["pkey", "-in", &log, "-noout"])
            .unwrap()
            .status
            .success()
    );
    let signing = text(&files.signing_key);
    let spki = openssl(&["pkey", "-in", &signing, "-pubout", "-outform", "DER"])
        .unwrap()
        .stdout;
    let key = Es256Key::read(&files.signing_key).unwrap();
    assert_eq!(crate::key::sha256_hex(&spki), key.fingerprint());
}

/// The list holds all that were ever taken back, under rising numbers; the same certificate once.
#[test]
fn a_revocation_list_grows_and_forgets_nobody() {
    let (_root, pki) = pki();
    let (bikes, taxis) = ("city-bikes", "taxis");
    for name in [bikes, taxis] {
        pki.org(name, "provider", "push").unwrap();
    }
    let list = || List::read(&fs::read_to_string(pki.crl()).unwrap()).unwrap();
    assert!(pki.revoke(bikes).unwrap());
    assert_eq!((list().number, list().revoked.len()), (1, 1));
    assert!(!pki.revoke(bikes).unwrap());
    assert_eq!(list().number, 1, "nothing changed");
    pki.renew(bikes, "provider", "push").unwrap();
    assert!(pki.revoke(bikes).unwrap() && pki.revoke(taxis).unwrap());
    let listed = list();
    let serials: std::collections::BTreeSet<_> = listed.revoked.iter().map(|r| &r.serial).collect();
    assert_eq!((listed.number, serials.len()), (3, 3));
    assert!(matches!(pki.revoke("trams"), Err(Error::Io { .. })));
    fs::write(pki.crl(), "no list").unwrap();
    assert!(matches!(pki.revoke(taxis), Err(Error::Damaged { .. })));
}
