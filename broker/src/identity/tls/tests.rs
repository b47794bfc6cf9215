#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use certs::{DevPki, Options};

use super::super::testing::World;
use super::*;

fn refused(files: &TlsFiles) -> TlsError {
    load(files, Mode::Development).unwrap_err()
}

#[test]
fn a_good_directory_gives_http2_over_tls13_without_resumption() {
    let config = load(&World::new().tls_files(), Mode::Development)
        .unwrap()
        .server;
    assert_eq!(config.alpn_protocols, [ALPN.to_vec()]);
    assert_eq!(config.send_tls13_tickets, 0);
    assert!(!config.session_storage.can_cache());
    assert_eq!(config.max_early_data_size, 0);
}

#[test]
fn production_refuses_a_development_ca() {
    let world = World::new();
    let refused = load(&world.tls_files(), Mode::Production);
    assert!(matches!(refused, Err(TlsError::Development { .. })));
}

#[test]
fn an_absent_or_empty_certificate_is_named() {
    let world = World::new();
    let absent = TlsFiles {
        cert: world.path("absent.pem"),
        ..world.tls_files()
    };
    let text = refused(&absent).to_string();
    assert!(
        text.contains("absent.pem") && text.contains("the broker's certificate"),
        "{text}"
    );
    let empty = TlsFiles {
        client_ca: world.path("empty.pem"),
        ..world.tls_files()
    };
    fs::write(&empty.client_ca, "").unwrap();
    let text = refused(&empty).to_string();
    assert!(
        text.contains("empty.pem") && text.contains("the clients' CA"),
        "{text}"
    );
}

#[test]
fn a_key_of_another_certificate_is_named() {
    let world = World::new();
    let other = world.org("a");
    let files = TlsFiles {
        key: other.key,
        ..world.tls_files()
    };
    assert!(matches!(refused(&files), TlsError::Pair { .. }));
}

#[test]
fn a_key_that_everybody_can_read_is_refused() {
    let world = World::new();
    let files = world.tls_files();
    fs::set_permissions(&files.key, fs::Permissions::from_mode(0o644)).unwrap();
    let text = refused(&files).to_string();
    assert!(text.contains("chmod 600"), "{text}");
}

#[test]
fn a_certificate_in_place_of_the_key_is_refused_without_its_content() {
    let world = World::new();
    let files = TlsFiles {
        key: world.pki.ca(),
        ..world.tls_files()
    };
    let text = refused(&files).to_string();
    assert!(
        text.contains("private key") && !text.contains("MII"),
        "{text}"
    );
}

#[test]
fn an_expired_certificate_is_told_with_its_dates() {
    let world = World::new();
    let forged = world.forge_with(&["spiffe://weir.test/broker"], |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    let files = world.tls_files();
    let pem = x509_pem(&forged.cert);
    fs::write(&files.cert, pem).unwrap();
    let text = refused(&files).to_string();
    assert!(text.contains("2020") && text.contains("renew"), "{text}");
}

#[test]
fn short_lived_development_files_load_too() {
    let root = tempfile::tempdir().unwrap();
    let short = Options {
        validity: Duration::from_secs(3_600),
        ..Options::default()
    };
    let pki = DevPki::create_with(root.path(), "weir.test", short).unwrap();
    let broker = pki.broker();
    let files = TlsFiles {
        cert: broker.cert,
        key: broker.key,
        client_ca: pki.ca(),
        client_crl: Vec::new(),
    };
    load(&files, Mode::Development).unwrap();
}

fn x509_pem(der: &[u8]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        STANDARD.encode(der)
    )
}

#[test]
fn a_revocation_list_that_is_none_to_go_by_is_named() {
    let (world, stranger) = (World::new(), World::new());
    let with = |list: &Path| TlsFiles {
        client_crl: vec![list.to_owned()],
        ..world.tls_files()
    };
    load(&with(&world.revoke(&[])), Mode::Development).unwrap();
    let told = |list: &Path, words: &str| {
        let refused = refused(&with(list)).to_string();
        assert!(
            refused.contains("ca.crl.pem") && refused.contains(words),
            "{refused}"
        );
    };
    // The stranger's CA has the same name: only the signature tells.
    told(&stranger.revoke(&[]), "no CA in client_ca signed it");
    let past = world.revoke_with(&[], |list| {
        list.next_update = rcgen::date_time_ymd(2026, 2, 1);
    });
    told(&past, "not now");
    let future = world.revoke_with(&[], |list| {
        list.this_update = rcgen::date_time_ymd(2998, 1, 1);
    });
    told(&future, "not now");
    fs::write(&future, "").unwrap();
    told(&future, "a revocation list");
    fs::remove_file(&future).unwrap();
    told(&future, "a revocation list");
}
