//! A client's `weir.toml`: where the broker is, who we are, which log we believe.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use audit::checkpoint::LogKey;
use audit::quorum::Policy;
use http::Uri;
use serde::Deserialize;

/// Everything a client needs to know.
///
/// ```toml
/// endpoint = "https://localhost:7443"
/// ca = "dev/ca.pem"                        # signs the broker's certificate
/// cert = "dev/city-bikes/cert.pem"
/// key = "dev/city-bikes/key.pem"
/// token = "dev/city-bikes/token.jwt"
/// log_key = "weir.test/log+00000000+AAAA"  # the log's key, or a file that holds it
/// policy = "dev/witnesses.policy"          # optional: whose cosignatures every answer needs
/// signing_key = "dev/city-bikes/signing.key" # only where agreements are signed
/// state = "dev/city-bikes/state"           # remembers the last checkpoint seen
/// ```
#[derive(Debug, Clone)]
pub struct Profile {
    /// Where the broker listens.
    pub endpoint: Endpoint,
    /// The CA that signs the broker's certificate, PEM.
    pub ca: PathBuf,
    /// Our certificate and, after it, its intermediates; PEM.
    pub cert: PathBuf,
    /// Its private key; PEM, readable by its owner only.
    pub key: PathBuf,
    /// A user's token, one line, readable by its owner only.
    pub token: PathBuf,
    /// The log's key: receipts and checkpoints of any other are refused.
    pub log_key: LogKey,
    /// A policy (c2sp.org/tlog-policy): checkpoints without its quorum of cosignatures are refused.
    pub policy: Option<PathBuf>,
    /// The key that signs agreements; PEM, readable by its owner only.
    pub signing_key: Option<PathBuf>,
    /// Where the last checkpoint seen is kept; made when missing.
    pub state: PathBuf,
}

/// `https://host:port`: nothing else is ever spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
}

/// Why there is no profile.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("cannot read `{}`: {source}; {advice}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What to do.
        advice: &'static str,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file is not a profile.
    #[error("`{}` is not a client's config: {message}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// The parser's words, with line and column.
        message: String,
    },
    /// The endpoint is not one.
    #[error("`{}`: endpoint {message}", path.display())]
    Endpoint {
        /// The profile.
        path: PathBuf,
        /// What is wrong with it.
        message: EndpointError,
    },
    /// The policy is not one, or is about another log.
    #[error("`{}` cannot be used: {message}", path.display())]
    Policy {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The log's key is not one.
    #[error(
        "`{}` holds no log key: {message}; ask the steward for the broker's, and compare it with \
         what another party has",
        path.display()
    )]
    LogKey {
        /// The profile, or the file that it names.
        path: PathBuf,
        /// The parser's words.
        message: String,
    },
}

/// Why a text is not an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not `https://host:port`")]
pub struct EndpointError {
    /// What was given, shortened.
    given: String,
}

/// The file's own form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    endpoint: String,
    ca: PathBuf,
    cert: PathBuf,
    key: PathBuf,
    token: PathBuf,
    log_key: String,
    policy: Option<PathBuf>,
    signing_key: Option<PathBuf>,
    state: PathBuf,
}

impl Profile {
    /// The policy, read; none where the profile names none.
    ///
    /// # Errors
    /// [`ConfigError`] names the file.
    pub fn read_policy(&self) -> Result<Option<Policy>, ConfigError> {
        let Some(path) = &self.policy else {
            return Ok(None);
        };
        let text = read(path, "get it from whoever runs the witnesses")?;
        let wrong = |e: &dyn std::fmt::Display| ConfigError::Policy {
            path: path.clone(),
            message: e.to_string(),
        };
        let policy: Policy = text.parse().map_err(|e| wrong(&e))?;
        policy.check_log(&self.log_key).map_err(|e| wrong(&e))?;
        Ok(Some(policy))
    }

    /// Reads a profile; relative paths in it are relative to its folder.
    ///
    /// # Errors
    /// [`ConfigError`] names the file, the key and what to do.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let advice = "say where the client's `weir.toml` is";
        let text = read(path, advice)?;
        let written: Written = toml::from_str(&text).map_err(|e| ConfigError::Form {
            path: path.to_owned(),
            message: e.to_string(),
        })?;
        let Written {
            endpoint,
            ca,
            cert,
            key,
            token,
            log_key,
            policy,
            signing_key,
            state,
        } = written;
        let folder = path.parent().unwrap_or(Path::new("."));
        Ok(Self {
            endpoint: endpoint.parse().map_err(|message| ConfigError::Endpoint {
                path: path.to_owned(),
                message,
            })?,
            ca: folder.join(ca),
            cert: folder.join(cert),
            key: folder.join(key),
            token: folder.join(token),
            log_key: find_log_key(path, folder, &log_key)?,
            policy: policy.map(|policy| folder.join(policy)),
            signing_key: signing_key.map(|key| {
                // A place in a module is no path.
                let in_module = key.to_str().is_some_and(|text| text.starts_with("pkcs11:"));
                if in_module { key } else { folder.join(key) }
            }),
            state: folder.join(state),
        })
    }
}

/// The key itself, or a file that holds it: a key has two `+`, a sensible path has not.
fn find_log_key(profile: &Path, folder: &Path, text: &str) -> Result<LogKey, ConfigError> {
    if text.split('+').count() > 2 {
        return parse_log_key(profile, text);
    }
    let path = folder.join(text);
    let advice = "log_key has to be the log's key (`name+id+base64`) or a file that holds it";
    let held = read(&path, advice)?;
    parse_log_key(&path, held.trim_end())
}

fn parse_log_key(path: &Path, text: &str) -> Result<LogKey, ConfigError> {
    text.parse()
        .map_err(|e: audit::note::KeyError| ConfigError::LogKey {
            path: path.to_owned(),
            message: e.to_string(),
        })
}

/// Text files are small: a wrong path MUST NOT fill the memory.
const TEXT_BYTES_MAX: u64 = 64 << 10;

fn read(path: &Path, advice: &'static str) -> Result<String, ConfigError> {
    let fail = |source| ConfigError::Read {
        path: path.to_owned(),
        advice,
        source,
    };
    let about = std::fs::metadata(path).map_err(fail)?;
    if !about.is_file() || about.len() > TEXT_BYTES_MAX {
        return Err(fail(ErrorKind::InvalidData.into()));
    }
    std::fs::read_to_string(path).map_err(fail)
}

impl Endpoint {
    /// Name or address that the broker's certificate has to carry.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// TCP port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl std::str::FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let wrong = || EndpointError {
            given: text.chars().take(80).collect(),
        };
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let (Some(host), Some(port)) = (uri.host(), uri.port_u16()) else {
            return Err(wrong());
        };
        let plain = host.trim_start_matches('[').trim_end_matches(']');
        if plain.is_empty() {
            return Err(wrong());
        }
        let endpoint = Self {
            host: plain.to_owned(),
            port,
        };
        // One spelling: no user, path or query that would be silently dropped.
        let same = endpoint.to_string() == text.trim_end_matches('/');
        if same { Ok(endpoint) } else { Err(wrong()) }
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            write!(f, "https://[{host}]:{port}")
        } else {
            write!(f, "https://{host}:{port}")
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::client::testing::log_key;

    const REST: &str = r#"
        ca = "ca.pem"
        cert = "me/cert.pem"
        key = "/elsewhere/key.pem"
        token = "me/token.jwt"
        state = "me/state""#;

    fn profile(folder: &Path, lines: &str) -> Result<Profile, ConfigError> {
        let path = folder.join("weir.toml");
        std::fs::write(&path, lines).unwrap();
        Profile::read(&path)
    }

    fn refused(folder: &Path, lines: &str) -> String {
        profile(folder, lines).unwrap_err().to_string()
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        let key = log_key();
        let inline = format!("endpoint = \"https://localhost:7443\"\nlog_key = \"{key}\"\n{REST}");
        let read = profile(here, &inline).unwrap();
        assert_eq!(read.endpoint.to_string(), "https://localhost:7443");
        assert_eq!(read.cert, here.join("me/cert.pem"));
        assert_eq!(read.key, Path::new("/elsewhere/key.pem"));
        assert_eq!(read.log_key, key);
        assert_eq!(read.signing_key, None);

        std::fs::write(here.join("log.vkey"), format!("{key}\n")).unwrap();
        let by_file = inline.replace(&key.to_string(), "log.vkey");
        assert_eq!(profile(here, &by_file).unwrap().log_key, key);
    }

    #[test]
    fn errors_name_the_file_and_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path();
        let missing = Profile::read(&here.join("none.toml")).unwrap_err();
        assert!(missing.to_string().contains("none.toml"), "{missing}");

        let good = "endpoint = \"https://localhost:7443\"\n";
        let unknown = refused(here, &format!("{good}log_kye = \"x\"\n{REST}"));
        assert!(unknown.contains("weir.toml") && unknown.contains("log_kye"));
        let no_file = refused(here, &format!("{good}log_key = \"log.vkey\"\n{REST}"));
        assert!(no_file.contains("log.vkey") && no_file.contains("has to be the log's key"));
        let miscopied = log_key().to_string().replace("+A", "+B");
        let miscopied = refused(here, &format!("{good}log_key = \"{miscopied}\"\n{REST}"));
        assert!(miscopied.contains("ask the steward"), "{miscopied}");
        let plain = format!("endpoint = \"http://localhost:1\"\nlog_key = \"x\"\n{REST}");
        assert!(refused(here, &plain).contains("is not `https://host:port`"));
    }

    #[test]
    fn an_endpoint_is_https_host_and_port() {
        for text in [
            "https://localhost:1",
            "https://10.0.0.1:7443",
            "https://[::1]:443",
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
        assert_eq!(
            "https://[::1]:443".parse::<Endpoint>().unwrap().host(),
            "::1"
        );
        assert!("https://localhost:1/".parse::<Endpoint>().is_ok());
        for text in [
            "localhost:1",
            "http://localhost:1",
            "https://localhost",
            "https://me@localhost:1",
            "https://localhost:1/path",
            "https://localhost:1?q",
            "https://:1",
            "",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "`{text}` was taken");
        }
    }
}
