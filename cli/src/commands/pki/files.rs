//! The config files that `weir pki` writes: sane, commented, and read back by what they are for.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use audit::note::{Signer, VerifierKey};
use certs::{DevPki, Ed25519Seed};
use zeroize::Zeroizing;

use crate::errors::{CliError, OrFail};

/// The line of broker.toml that waits for the first steward.
const NO_STEWARD: &str = "# steward = \"NAME/admission.json\"";

/// The log's origin: its name in every checkpoint.
fn origin(pki: &DevPki) -> String {
    format!("{}/log", pki.trust_domain())
}

/// Writes `log.vkey`, the public half of the log's key, and returns it.
pub fn write_log_key(dir: &Path, pki: &DevPki) -> Result<VerifierKey, CliError> {
    let seed = Ed25519Seed::read(&pki.log_key()).or_fail()?;
    let name = origin(pki).parse().or_fail()?;
    let signer = Signer::from_seed(name, &Zeroizing::new(*seed.as_bytes())).or_fail()?;
    let key = signer.verifier_key().clone();
    write(&dir.join("log.vkey"), &format!("{key}\n"))?;
    Ok(key)
}

/// Writes a text file, replacing what is there.
pub fn write(path: &Path, text: &str) -> Result<(), CliError> {
    fs::write(path, text).map_err(|e| CliError::file("write", path, e))
}

/// The broker's config beside its keys.
pub fn broker_toml(pki: &DevPki, listen: SocketAddr) -> String {
    let (domain, origin) = (pki.trust_domain(), origin(pki));
    let (issuer, audience) = (domain.token_issuer(), domain.token_audience());
    let web = listen.port().saturating_add(1);
    format!(
        r#"# The broker of this test installation: weir serve --config broker.toml
# Paths are relative to this file. Unknown keys are refused.

mode = "development"                 # accepts what `weir pki` made, on loopback; leave it out in production
trust_domain = "{domain}"
listen = "{listen}"            # gRPC and Arrow Flight, mutual TLS
metrics = "127.0.0.1:9464"           # Prometheus, loopback only; leave out for none
state = "state"                      # log, blobs and index: back this up as a whole
log_origin = "{origin}"        # the log's name in every checkpoint, for ever
publish_tick = "2s"                  # releases appear on multiples of this; 30s at most, and best in earnest

# The first steward, admitted at the first start; `weir pki org … --role steward` fills it in.
{NO_STEWARD}

[web]                                # public, HTTPS, read-only: checkpoints and hash tiles, register, open data
listen = "127.0.0.1:{web}"
# url = "https://data.city.example"  # where the world reaches it: the addresses in the catalogue of open data
# publisher = "City of Example"      # and who stands there, with an address of mail
# contact = "open-data@city.example"

[tls]
cert = "broker/cert.pem"
key = "broker/key.pem"
client_ca = "ca.pem"                 # who may connect at all
# client_crl = ["ca.crl.pem"]        # certificates that the CA took back; read again when it changes

[tokens]
issuer = "{issuer}"
audience = "{audience}"
public_keys = ["issuer.pub.pem"]
# jwks_url = "https://id.example/jwks" # the issuer's key set, fetched again and again
# jwks_ca = "id-ca.pem"                # the CA of that host, and nobody else's

# [witnesses]                        # whose cosignatures a release waits for: weir witness --help
# policy = "witnesses.policy"

[keys]
log = "log.key"                      # signs checkpoints; its public half is log.vkey

[floors]                             # the least that any agreement has to promise here
k_min = 5                            # every published row counts at least this many units
cap_max = {{ rho = "4", delta = "0.00001" }} # the most that a unit-period may ever lose
retention_days_max = 400             # how long contributed cells may be kept
# dense_allowed = false              # no tables that show every key with noise, and promise no k
# k_only_k_min = 20                  # allows tables with k alone, NOT differentially private, from this k on

[log]
format = "text"                      # or "json"
filter = "info"                      # WEIR_LOG overrides it
"#
    )
}

/// A client's profile beside its keys.
pub fn profile_toml(name: &str, role: &str, listen: Option<&str>) -> String {
    let port = listen
        .and_then(|l| l.rsplit_once(':'))
        .map_or("7443", |(_, port)| port);
    format!(
        r#"# {name} ({role}): weir COMMAND --profile THIS FILE, or WEIR_PROFILE
# Paths are relative to this file.

endpoint = "https://localhost:{port}"
ca = "../ca.pem"                     # signs the broker's certificate
cert = "cert.pem"
key = "key.pem"
token = "token.jwt"                  # lives one day: weir pki token DIR {name} --role {role} …
log_key = "../log.vkey"              # the log we believe: compare it with what another party has
signing_key = "signing.key"          # signs agreements, and the proof of possession
state = "state"                      # remembers the last checkpoint seen: keep it
"#
    )
}

/// Where the installation's broker listens, from its config; `None` where there is no such config.
pub fn listen_of(dir: &Path) -> Option<String> {
    let text = fs::read_to_string(dir.join("broker.toml")).ok()?;
    let config: toml::Table = text.parse().ok()?;
    config.get("listen")?.as_str().map(ToOwned::to_owned)
}

/// Names the first steward in broker.toml; says whether it did. A config that names one, or that
/// was edited, is left alone.
pub fn name_steward(dir: &Path, name: &str) -> Result<bool, CliError> {
    let path = dir.join("broker.toml");
    let Ok(text) = fs::read_to_string(&path) else {
        return Ok(false);
    };
    if !text.lines().any(|line| line == NO_STEWARD) {
        return Ok(false);
    }
    let line = format!("steward = \"{name}/admission.json\"");
    write(&path, &text.replacen(NO_STEWARD, &line, 1))?;
    Ok(true)
}
