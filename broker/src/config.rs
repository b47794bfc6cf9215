//! The broker's config file: TOML, unknown keys refused, durations and sizes with units.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use policies::entry::Floors;
use serde::Deserialize;

use crate::limits::PUBLISH_TICK_MAX;
use crate::telemetry::LogFormat;
use crate::web::is_mail;

/// What `weir serve --config` reads. Paths are relative to the file's folder.
///
/// ```
/// let config: broker::config::Config = toml::from_str(r#"
///     trust_domain = "weir.test"
///     listen = "127.0.0.1:7443"
///     state = "state"
///     log_origin = "weir.test/log"
///     publish_tick = "2s"
///     mode = "development"
///
///     [tls]
///     cert = "certs/broker/cert.pem"
///     key = "certs/broker/key.pem"
///     client_ca = "certs/ca.pem"
///
///     [tokens]
///     issuer = "spiffe://weir.test/issuer"
///     audience = "spiffe://weir.test/broker"
///     public_keys = ["certs/issuer.pub.pem"]
///
///     [keys]
///     log = "certs/log.key"
///
///     [floors]
///     k_min = 5
///     cap_max = { rho = "4", delta = "0.00001" }
///     retention_days_max = 400
/// "#).unwrap();
/// assert_eq!(config.publish_tick.as_secs(), 2);
/// assert!(toml::from_str::<broker::config::Config>("listne = 1").is_err());
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `production`, the default, or `development`.
    #[serde(default)]
    pub mode: Mode,
    /// The SPIFFE trust domain of broker and organisations.
    pub trust_domain: String,
    /// Where gRPC and Flight are served.
    pub listen: SocketAddr,
    /// Where `/metrics` is served; loopback only. Absent: nowhere.
    pub metrics: Option<SocketAddr>,
    /// The public side, over HTTPS without a client's certificate. Absent: off.
    pub web: Option<Web>,
    /// Whose cosignatures a release waits for. Absent: nobody's.
    pub witnesses: Option<Witnesses>,
    /// The state directory: log, blobs, index.
    pub state: PathBuf,
    /// The log's origin: its name in every checkpoint, for ever.
    pub log_origin: String,
    /// Releases appear on multiples of this, so that their time tells nothing. 1 s to 30 s.
    #[serde(with = "humantime_serde", default = "default_tick")]
    pub publish_tick: Duration,
    /// Certificates.
    pub tls: Tls,
    /// Who may issue tokens.
    pub tokens: Tokens,
    /// The broker's own keys.
    pub keys: Keys,
    /// The least that any agreement has to promise.
    pub floors: Floors,
    /// A directory of Cedar policies with its `MANIFEST` (`docs/ACCESS.md`). Absent: the software's own.
    pub policies: Option<PathBuf>,
    /// The steward's admission file, for the first start.
    pub steward: Option<PathBuf>,
    /// The operator's log.
    #[serde(default)]
    pub log: Logging,
}

/// What is public.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Web {
    /// Where checkpoints and tiles are served, under the broker's own certificate.
    pub listen: SocketAddr,
    /// Where the world reaches that, for example `https://data.city.example`: the addresses in the catalogue of open
    /// data. Without it they are relative.
    #[serde(default)]
    pub url: Option<String>,
    /// Who publishes the catalogue of open data, by name.
    #[serde(default)]
    pub publisher: Option<String>,
    /// Mail address of an office, for the catalogue of open data.
    #[serde(default)]
    pub contact: Option<String>,
}

/// Who watches the log.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Witnesses {
    /// A policy (c2sp.org/tlog-policy) that names witnesses with their URLs, and a quorum.
    pub policy: PathBuf,
    /// The CA of witnesses behind `https` (PEM).
    pub ca: Option<PathBuf>,
}

/// Files of the TLS side.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The broker's certificate chain (PEM).
    pub cert: PathBuf,
    /// Its key (PEM, mode 0600).
    pub key: PathBuf,
    /// The CA of client certificates (PEM).
    pub client_ca: PathBuf,
    /// Revocation lists of that CA (PEM). With any, each CA in `client_ca` needs one.
    #[serde(default)]
    pub client_crl: Vec<PathBuf>,
}

/// What the broker accepts as identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Nothing that `weir pki` made: neither certificates nor token keys nor log key.
    #[default]
    Production,
    /// All of it, on loopback only.
    Development,
}

/// The issuer of users' tokens.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tokens {
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
    /// ES256 public keys (PEM).
    #[serde(default)]
    pub public_keys: Vec<PathBuf>,
    /// The issuer's key set (RFC 7517) over HTTPS: its P-256 keys count by their `kid`.
    pub jwks_url: Option<String>,
    /// The CA (PEM) that signs the certificate of `jwks_url`'s host, and nobody else's.
    pub jwks_ca: Option<PathBuf>,
}

/// The broker's own keys.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// Ed25519 key that signs checkpoints (PKCS#8 PEM, mode 0600).
    pub log: PathBuf,
}

/// How the operator's log is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Logging {
    /// `text` or `json`.
    pub format: LogFormat,
    /// A `tracing` filter, for example `info` or `broker=debug`.
    pub filter: String,
}

impl Default for Logging {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            filter: "info".into(),
        }
    }
}

/// Why there is no config.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not a config.
    #[error("`{}` is not a config: {message}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// The parser's words, with line and column.
        message: String,
    },
    /// A value is out of range.
    #[error("`{}`: {field} has to be {allowed}", path.display())]
    Range {
        /// The file.
        path: PathBuf,
        /// The key.
        field: &'static str,
        /// What is allowed.
        allowed: &'static str,
    },
}

fn default_tick() -> Duration {
    Duration::from_secs(2)
}

/// `https://host[:port]`, with or without a `/` at its end.
fn is_origin(url: &str) -> bool {
    let uri: Option<http::Uri> = url.parse().ok();
    uri.is_some_and(|uri| {
        let plain = uri.authority().is_some_and(|a| !a.as_str().contains('@'));
        plain && uri.scheme_str() == Some("https") && uri.path() == "/" && uri.query().is_none()
    })
}

impl Config {
    /// Reads the file; relative paths in it become relative to its folder.
    ///
    /// # Errors
    /// [`ConfigError`] names the file and the key.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let path_buf = || path.to_path_buf();
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path_buf(),
            source,
        })?;
        let mut config: Self = toml::from_str(&text).map_err(|e| ConfigError::Form {
            path: path_buf(),
            message: e.to_string(),
        })?;
        let tick = Duration::from_secs(1)..=PUBLISH_TICK_MAX;
        if !tick.contains(&config.publish_tick) {
            let (field, allowed) = ("publish_tick", "1s to 30s");
            return Err(ConfigError::Range {
                path: path_buf(),
                field,
                allowed,
            });
        }
        if config.mode == Mode::Development && !config.listen.ip().is_loopback() {
            let (field, allowed) = (
                "listen",
                "a loopback address in mode `development`: everybody can make its keys",
            );
            return Err(ConfigError::Range {
                path: path_buf(),
                field,
                allowed,
            });
        }
        let tokens = &config.tokens;
        let source = tokens.jwks_url.is_some() || !tokens.public_keys.is_empty();
        if !source || tokens.jwks_url.is_some() != tokens.jwks_ca.is_some() {
            let (field, allowed) = (
                "tokens",
                "`public_keys`, or `jwks_url` with `jwks_ca`, or all",
            );
            return Err(ConfigError::Range {
                path: path_buf(),
                field,
                allowed,
            });
        }
        let url = config.web.as_ref().and_then(|web| web.url.as_deref());
        if url.is_some_and(|url| !is_origin(url)) {
            let (field, allowed) = ("web.url", "`https://host[:port]`, without a path");
            return Err(ConfigError::Range {
                path: path_buf(),
                field,
                allowed,
            });
        }
        let contact = config.web.as_ref().and_then(|web| web.contact.as_deref());
        if contact.is_some_and(|contact| !is_mail(contact)) {
            let (field, allowed) = (
                "web.contact",
                "an address of mail, like `open-data@city.example`, and nothing else",
            );
            return Err(ConfigError::Range {
                path: path_buf(),
                field,
                allowed,
            });
        }
        config.anchor(path.parent().unwrap_or(Path::new(".")));
        Ok(config)
    }

    fn anchor(&mut self, folder: &Path) {
        let paths = [
            &mut self.state,
            &mut self.tls.cert,
            &mut self.tls.key,
            &mut self.tls.client_ca,
            &mut self.keys.log,
        ];
        let witnesses = self.witnesses.as_mut();
        let witnesses = witnesses.map(|w| std::iter::once(&mut w.policy).chain(&mut w.ca));
        let paths = paths
            .into_iter()
            .chain(witnesses.into_iter().flatten())
            .chain(&mut self.tls.client_crl)
            .chain(&mut self.tokens.public_keys)
            .chain(&mut self.tokens.jwks_ca)
            .chain(&mut self.policies)
            .chain(&mut self.steward);
        for path in paths {
            *path = folder.join(&*path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Config, is_origin};

    /// Wherever the broker is started: a path of the file is that of the file's folder.
    #[test]
    fn every_path_is_relative_to_the_files_folder() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("broker.toml");
        let text = r#"
            trust_domain = "weir.test"
            listen = "127.0.0.1:7443"
            state = "p"
            log_origin = "weir.test/log"
            policies = "p"
            steward = "p"
            witnesses = { policy = "p", ca = "p" }
            tls = { cert = "p", key = "p", client_ca = "p", client_crl = ["p"] }
            tokens = { issuer = "a", audience = "b", public_keys = ["p"], jwks_url = "https://keys.test", jwks_ca = "p" }
            keys = { log = "p" }
            floors = { k_min = 5, cap_max = { rho = "4", delta = "0.00001" }, retention_days_max = 400 }"#;
        std::fs::write(&file, text)?;
        let config = format!("{:?}", Config::read(&file)?);
        let relative = format!("{:?}", Path::new("p"));
        let anchored = format!("{:?}", folder.path().join("p"));
        assert!(!config.contains(&relative), "{config}");
        assert_eq!(
            config.matches(&anchored).count(),
            text.matches("\"p\"").count()
        );
        Ok(())
    }

    /// Left out of the catalogue without a word, it would be found out by whoever cannot reach anybody.
    #[test]
    fn a_contact_that_is_no_address_of_mail_is_refused_at_the_start() {
        let read = |contact: &str| {
            let text = format!(
                r#"
                trust_domain = "weir.test"
                listen = "127.0.0.1:7443"
                state = "state"
                log_origin = "weir.test/log"
                tls = {{ cert = "a", key = "b", client_ca = "c" }}
                tokens = {{ issuer = "a", audience = "b", public_keys = ["c"] }}
                keys = {{ log = "a" }}
                floors = {{ k_min = 5, cap_max = {{ rho = "4", delta = "0.00001" }}, retention_days_max = 400 }}
                web = {{ listen = "127.0.0.1:8443", contact = "{contact}" }}"#
            );
            let file = tempfile::NamedTempFile::new().map_err(|e| e.to_string())?;
            std::fs::write(file.path(), text).map_err(|e| e.to_string())?;
            Config::read(file.path()).map_err(|e| e.to_string())
        };
        assert!(read("open-data@city.example").is_ok());
        for contact in ["", "City of Example", "mailto:open-data@city.example"] {
            let told = read(contact).map(drop);
            assert!(
                told.as_ref()
                    .is_err_and(|text| text.contains("web.contact")),
                "{contact}: {told:?}"
            );
        }
    }

    #[test]
    fn the_public_sides_url_is_an_origin() {
        for url in [
            "https://data.city.example",
            "https://data.city.example:8443/",
        ] {
            assert!(is_origin(url), "{url}");
        }
        for url in [
            "http://data.city.example",
            "https://data.city.example/weir",
            "https://data.city.example/?a",
            "https://a@data.city.example",
            "data.city.example",
            "",
        ] {
            assert!(!is_origin(url), "{url}");
        }
    }
}
