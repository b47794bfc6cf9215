#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::*;

#[test]
fn production_refuses_the_log_key_that_weir_pki_made() {
    let dir = tempfile::tempdir().unwrap();
    let pki = certs::DevPki::create(&dir.path().join("pki"), "weir.example").unwrap();
    let name: KeyName = "weir.example/log".parse().unwrap();
    let made = pki.log_key();
    log_key(&made, Mode::Development, name.clone()).unwrap();
    let refused = log_key(&made, Mode::Production, name.clone()).unwrap_err();
    let refused = refused.to_string();
    assert!(
        refused.contains("log.key") && refused.contains("production refuses"),
        "{refused}"
    );
    // The same key of somebody's own making.
    let own = dir.path().join("own.key");
    let seed = Ed25519Seed::generate().unwrap();
    certs::write_secret(&own, seed.to_pem().unwrap().as_bytes(), false).unwrap();
    log_key(&own, Mode::Production, name).unwrap();
}
