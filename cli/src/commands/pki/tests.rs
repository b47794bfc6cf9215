#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

use super::*;
use clap::Parser;

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

fn weir_pki(line: &str) -> Result<(), CliError> {
    let line = Line::try_parse_from(std::iter::once("pki").chain(line.split(' '))).unwrap();
    run(line.command, &Session::silent())
}

#[test]
fn what_is_made_is_what_broker_and_client_read() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("certs");
    let at = dir.display();
    weir_pki(&format!("new {at} --listen 127.0.0.1:7555")).unwrap();
    weir_pki(&format!("org {at} ops --role steward --user anna")).unwrap();
    weir_pki(&format!("org {at} bikes --role provider --user job")).unwrap();

    let config = broker::config::Config::read(&dir.join("broker.toml")).unwrap();
    assert_eq!(config.floors.k_min, 5);
    assert_eq!(config.floors.cap_max.rho.to_string(), "4");
    assert_eq!(config.log_origin, "weir.test/log");
    assert_eq!(config.steward, Some(dir.join("ops/admission.json")));

    let profile = sdk::client::Profile::read(&dir.join("bikes/weir.toml")).unwrap();
    assert_eq!(profile.endpoint.to_string(), "https://localhost:7555");
    let vkey = fs::read_to_string(dir.join("log.vkey")).unwrap();
    assert_eq!(profile.log_key.verifier_key().to_string(), vkey.trim_end());

    let json = fs::read(dir.join("bikes/admission.json")).unwrap();
    let admission: Admission = serde_json::from_slice(&json).unwrap();
    admission.verify().unwrap();
    assert_eq!(admission.spiffe, "spiffe://weir.test/org/bikes");
}

#[test]
fn only_the_first_steward_is_written_into_the_config() {
    let root = tempfile::tempdir().unwrap();
    let at = root.path().join("certs").display().to_string();
    weir_pki(&format!("new {at}")).unwrap();
    weir_pki(&format!("org {at} first --role steward --user anna")).unwrap();
    weir_pki(&format!("org {at} second --role steward --user ben")).unwrap();
    let text = fs::read_to_string(root.path().join("certs/broker.toml")).unwrap();
    assert!(text.contains("steward = \"first/admission.json\"") && !text.contains("second"));
}

#[test]
fn nothing_is_replaced_unasked() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("certs");
    let at = dir.display();
    weir_pki(&format!("new {at}")).unwrap();
    weir_pki(&format!("org {at} bikes --role provider --user job")).unwrap();
    let ca = fs::read(dir.join("ca.pem")).unwrap();
    let key = fs::read(dir.join("bikes/signing.key")).unwrap();
    assert!(weir_pki(&format!("new {at}")).is_err());
    assert!(weir_pki(&format!("org {at} bikes --role provider --user job")).is_err());
    weir_pki(&format!(
        "org {at} bikes --role provider --user job --renew"
    ))
    .unwrap();
    weir_pki(&format!(
        "token {at} bikes --role provider --user other --days 2"
    ))
    .unwrap();
    assert_eq!(fs::read(dir.join("ca.pem")).unwrap(), ca);
    assert_eq!(fs::read(dir.join("bikes/signing.key")).unwrap(), key);
}

/// The list lies where the config's own line says, so that a broker can be told of it.
#[test]
fn a_certificate_that_is_taken_back_is_on_the_list_that_the_config_names() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("certs");
    let at = dir.display();
    weir_pki(&format!("new {at}")).unwrap();
    weir_pki(&format!("org {at} bikes --role provider --user job")).unwrap();
    weir_pki(&format!("revoke {at} bikes")).unwrap();
    let config = dir.join("broker.toml");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("# client_crl", "client_crl")).unwrap();
    let config = broker::config::Config::read(&config).unwrap();
    assert_eq!(config.tls.client_crl, [dir.join("ca.crl.pem")]);
    let list = fs::read_to_string(dir.join("ca.crl.pem")).unwrap();
    assert!(list.starts_with("-----BEGIN X509 CRL-----"));
    assert!(weir_pki(&format!("revoke {at} nobody")).is_err());
}
