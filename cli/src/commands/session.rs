//! What commands share: where answers go, and the way to the broker.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use policies::agreement::Agreement;
use policies::id::{AgreementId, OrgId, Role};
use policies::odrl;
use sdk::client::{Client, ClientError, Profile};
use sdk::sign::Signer;
use serde::Deserialize;

use crate::args::Globals;
use crate::errors::{CliError, OrFail};
use crate::output::Output;

/// Digits of an agreement's id that are enough to name it.
const PREFIX_DIGITS_MIN: usize = 6;

/// One run of the binary.
#[derive(Debug)]
pub struct Session {
    /// Where answers go.
    pub output: Output,
    profile: PathBuf,
}

/// Who the profile's token speaks for; the broker checks it, we only read it.
#[derive(Debug)]
pub struct Identity {
    /// The organisation.
    pub org: OrgId,
    /// Its role.
    pub role: Role,
    /// Its SPIFFE id.
    pub spiffe: String,
}

impl Session {
    /// As the global options say.
    #[must_use]
    pub fn new(globals: &Globals) -> Self {
        Self {
            output: Output::new(globals.json).quiet_if(globals.quiet),
            profile: globals.profile_path(),
        }
    }

    /// For tests: nothing is printed, and there is no profile.
    #[cfg(test)]
    pub fn silent() -> Self {
        Self {
            output: Output::new(false).quiet_if(true),
            profile: "no-such/weir.toml".into(),
        }
    }

    /// The profile.
    ///
    /// # Errors
    /// [`CliError`] names the file.
    pub fn profile(&self) -> Result<Profile, CliError> {
        let next = "--profile FILE or WEIR_PROFILE; `weir pki org` writes one";
        Profile::read(&self.profile).or_try(next)
    }

    /// A connection to the profile's broker.
    ///
    /// # Errors
    /// [`CliError`] names the file or the endpoint.
    pub async fn client(&self) -> Result<Client, CliError> {
        let profile = self.profile()?;
        Client::connect(&profile).await.map_err(from_client)
    }

    /// The key that signs agreements.
    ///
    /// # Errors
    /// [`CliError`] where the profile names none, or the file cannot be used.
    pub fn signer(&self) -> Result<Signer, CliError> {
        let Some(path) = self.profile()?.signing_key else {
            let why = format!("`{}` names no signing_key", self.profile.display());
            return Err(CliError::new(why).or_try("signing_key = \"signing.key\" in the profile"));
        };
        Signer::open(&path).or_fail()
    }

    /// Who the profile's token speaks for.
    ///
    /// # Errors
    /// [`CliError`] where the token cannot be read or is no token of `weir pki`.
    pub fn identity(&self) -> Result<Identity, CliError> {
        let path = self.profile()?.token;
        let bytes = certs::read_secret(&path).or_fail()?;
        identity_of(&bytes).ok_or_else(|| {
            CliError::file("read", &path, "it is no token of an organisation")
                .or_try("weir pki token DIR NAME --role ROLE --user USER")
        })
    }

    /// The agreement that a text names: a file, an id, or the first digits of one that is listed.
    ///
    /// # Errors
    /// [`CliError`] where it names none, or several.
    pub async fn agreement_id(&self, client: &Client, text: &str) -> Result<AgreementId, CliError> {
        let path = Path::new(text);
        if path.is_file() {
            return read_agreement(path)?.id().or_fail();
        }
        if let Ok(id) = text.parse() {
            return Ok(id);
        }
        let next = "weir agreement list shows ids; a file or the first digits of an id serve too";
        let hex = text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        if !hex || text.len() < PREFIX_DIGITS_MIN {
            let why = format!("`{text}` is no agreement: no such file, and no id");
            return Err(CliError::new(why).or_try(next));
        }
        let all = client.agreements().await.map_err(from_client)?;
        let mut matching = all.into_iter().filter(|a| a.id.as_str().starts_with(text));
        match (matching.next(), matching.next()) {
            (Some(one), None) => Ok(one.id),
            (None, _) => {
                Err(CliError::new(format!("no agreement `{text}…` with you")).or_try(next))
            }
            (Some(_), Some(_)) => {
                let why = format!("several agreements begin with `{text}`");
                Err(CliError::new(why).or_try("more digits"))
            }
        }
    }
}

/// An agreement's file, in any JSON spelling, or the ODRL policy of one.
///
/// # Errors
/// [`CliError`] names the file and the field.
pub fn read_agreement(path: &Path) -> Result<Agreement, CliError> {
    let bytes = std::fs::read(path).map_err(|e| CliError::file("read", path, e))?;
    let unfit = |e: &dyn std::fmt::Display| {
        CliError::file("use", path, e).or_try("weir agreement check FILE after the correction")
    };
    if odrl::is_meant(&bytes) {
        let policy = odrl::Policy::parse(&bytes).map_err(|e| unfit(&e))?;
        return Ok(policy.terms().clone());
    }
    Agreement::parse(&bytes).map_err(|e| unfit(&e))
}

/// A client's error as ours. What contradicts the log is more than a failure.
#[must_use]
pub fn from_client(error: ClientError) -> CliError {
    let code = error.code();
    let next = match code {
        "receipt" | "log" | "signatures" | "table" => return CliError::broken(error),
        "connect" => "weir serve --config broker.toml there, or another endpoint in the profile",
        "identity" | "certificate_refused" => {
            "weir pki org DIR NAME --role ROLE --user USER --renew"
        }
        "unauthenticated" => "weir pki token DIR NAME --role ROLE --user USER: they live one day",
        _ => return CliError::new(error).coded(code),
    };
    CliError::new(error).coded(code).or_try(next)
}

fn identity_of(token: &[u8]) -> Option<Identity> {
    #[derive(Deserialize)]
    struct Claims {
        org: String,
        role: String,
    }
    let text = std::str::from_utf8(token).ok()?;
    let payload = text.trim().split('.').nth(1)?;
    let json = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let claims: Claims = serde_json::from_slice(&json).ok()?;
    let org = claims.org.rsplit_once("/org/")?.1.parse().ok()?;
    Some(Identity {
        org,
        role: claims.role.parse().ok()?,
        spiffe: claims.org,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_who_it_speaks_for() {
        let claims = r#"{"org": "spiffe://weir.test/org/bikes", "role": "provider", "sub": "x"}"#;
        let token = format!("e30.{}.c2ln\n", URL_SAFE_NO_PAD.encode(claims));
        let who = identity_of(token.as_bytes());
        let told = who.map(|w| (w.org.to_string(), w.role, w.spiffe));
        let spiffe = "spiffe://weir.test/org/bikes".to_owned();
        assert_eq!(told, Some(("bikes".to_owned(), Role::Provider, spiffe)));
        for bad in ["", "a.b", "a.!.c", "e30.e30.x"] {
            assert!(identity_of(bad.as_bytes()).is_none(), "`{bad}`");
        }
    }
}
