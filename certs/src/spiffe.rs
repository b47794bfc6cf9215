//! SPIFFE ids: `spiffe://<trust domain>/org/<organisation>` and `spiffe://<trust domain>/broker`.

use std::fmt;

/// Longest trust domain, in bytes (SPIFFE-ID section 2.1).
const DOMAIN_BYTES_MAX: usize = 255;
/// Longest organisation name, in bytes (reference/trust.md section 7, class 13).
const NAME_BYTES_MAX: usize = 64;

/// Why a text is no name that a certificate may carry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpiffeError {
    /// Not a trust domain.
    #[error("`{given}` is not a trust domain: use 1 to 255 of a-z, 0-9, `-`, `_` and `.`")]
    TrustDomain {
        /// What was given, shortened.
        given: String,
    },
    /// Not an organisation's name.
    #[error("`{given}` is not an organisation's name: use 1 to 64 of a-z, 0-9 and inner `-`")]
    Org {
        /// What was given, shortened.
        given: String,
    },
    /// Neither an organisation's id nor the broker's.
    #[error("`{given}` is not `spiffe://<trust domain>/org/<organisation>` or `.../broker`")]
    Id {
        /// What was given, shortened.
        given: String,
    },
}

/// The name of one deployment's certificates, for example `weir.example`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TrustDomain(String);

impl TrustDomain {
    /// Takes 1 to 255 bytes of `[a-z0-9._-]`.
    ///
    /// # Errors
    /// [`SpiffeError::TrustDomain`].
    pub fn new(text: &str) -> Result<Self, SpiffeError> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
        if text.is_empty() || text.len() > DOMAIN_BYTES_MAX || !text.bytes().all(allowed) {
            return Err(SpiffeError::TrustDomain {
                given: shorten(text),
            });
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The `iss` of tokens minted in this domain.
    #[must_use]
    pub fn token_issuer(&self) -> String {
        format!("spiffe://{}/issuer", self.0)
    }

    /// The `aud` of tokens for this domain's broker: its SPIFFE id.
    #[must_use]
    pub fn token_audience(&self) -> String {
        SpiffeId::broker(self.clone()).to_string()
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who holds a certificate: an organisation, or the broker.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SpiffeId {
    domain: TrustDomain,
    org: Option<String>,
}

impl SpiffeId {
    /// The broker's id in a domain.
    #[must_use]
    pub fn broker(domain: TrustDomain) -> Self {
        Self { domain, org: None }
    }

    /// An organisation's id: 1 to 64 bytes of `[a-z0-9-]`, neither first nor last a `-`.
    ///
    /// # Errors
    /// [`SpiffeError::Org`].
    pub fn org(domain: TrustDomain, name: &str) -> Result<Self, SpiffeError> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let edges = name.starts_with('-') || name.ends_with('-');
        let fits = !name.is_empty() && name.len() <= NAME_BYTES_MAX;
        if !fits || edges || !name.bytes().all(allowed) {
            return Err(SpiffeError::Org {
                given: shorten(name),
            });
        }
        Ok(Self {
            domain,
            org: Some(name.to_owned()),
        })
    }

    /// Reads exactly the two forms of this module: no port, query, escape or second slash.
    ///
    /// # Errors
    /// [`SpiffeError`] names the part that does not fit.
    pub fn parse(uri: &str) -> Result<Self, SpiffeError> {
        let other = || SpiffeError::Id {
            given: shorten(uri),
        };
        let (domain, path) = uri
            .strip_prefix("spiffe://")
            .and_then(|rest| rest.split_once('/'))
            .ok_or_else(other)?;
        let domain = TrustDomain::new(domain)?;
        match path.strip_prefix("org/") {
            Some(name) => Self::org(domain, name),
            None if path == "broker" => Ok(Self::broker(domain)),
            None => Err(other()),
        }
    }

    /// The domain that the id belongs to.
    #[must_use]
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.domain
    }

    /// The organisation's name; none for the broker.
    #[must_use]
    pub fn org_name(&self) -> Option<&str> {
        self.org.as_deref()
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.org {
            Some(name) => write!(f, "spiffe://{}/org/{name}", self.domain),
            None => write!(f, "spiffe://{}/broker", self.domain),
        }
    }
}

fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_back() {
        for uri in [
            "spiffe://weir.test/org/city-bikes",
            "spiffe://weir.test/broker",
        ] {
            assert_eq!(SpiffeId::parse(uri).unwrap().to_string(), uri);
        }
    }

    #[test]
    fn every_other_form_is_refused() {
        let long = format!("spiffe://weir.test/org/{}", "a".repeat(65));
        for uri in [
            "",
            "spiffe://weir.test",
            "spiffe://weir.test/",
            "spiffe:///org/a",
            "SPIFFE://weir.test/org/a",
            "https://weir.test/org/a",
            "spiffe://weir.test/org/",
            "spiffe://weir.test/org/A",
            "spiffe://weir.test/org/a/b",
            "spiffe://weir.test/org/../broker",
            "spiffe://weir.test/org/a?x=1",
            "spiffe://weir.test/org/a#x",
            "spiffe://weir.test/org/%61",
            "spiffe://weir.test/org/*",
            "spiffe://weir.test/org/-a",
            "spiffe://weir.test/org/\u{430}",
            "spiffe://weir.test/org/a\0",
            "spiffe://weir.test:443/org/a",
            "spiffe://user@weir.test/org/a",
            "spiffe://weir.test/broker/",
            "spiffe://weir.test//org/a",
            &long,
        ] {
            assert!(SpiffeId::parse(uri).is_err(), "accepted `{uri}`");
        }
    }
}
