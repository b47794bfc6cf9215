//! The organisation at the other end of a connection, read once from its certificate.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{SHA256, digest};
use certs::{SpiffeError, SpiffeId, TrustDomain};
use policies::id::{IdError, OrgId};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// Why a certificate that a trusted CA signed is still no organisation's. For the operator's log
/// only.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The handshake ended without a certificate.
    #[error("no client certificate")]
    Absent,
    /// Not one X.509 certificate.
    #[error("the client certificate cannot be read")]
    Damaged,
    /// Not for clients, or not for clients only.
    #[error("the client certificate's extended key usage is not clientAuth alone")]
    Usage,
    /// Several names, or none.
    #[error("the client certificate carries {count} URI names: exactly one is required")]
    Uris {
        /// How many were found.
        count: usize,
    },
    /// The name is no SPIFFE id of ours.
    #[error(transparent)]
    Spiffe(#[from] SpiffeError),
    /// The name is of another trust domain.
    #[error("`{id}` is of another trust domain")]
    Foreign {
        /// The id in the certificate.
        id: SpiffeId,
    },
    /// The name is the broker's own.
    #[error("`{id}` is not an organisation")]
    NotOrganisation {
        /// The id in the certificate.
        id: SpiffeId,
    },
    /// The organisation's name is none that Weir uses.
    #[error(transparent)]
    Org(#[from] IdError),
}

/// Who holds a connection. Made only from a certificate that the TLS layer has verified.
#[derive(Debug, Clone)]
pub struct Peer {
    spiffe: SpiffeId,
    org: OrgId,
    x5t: [u8; 32],
    until_s: i64,
    remote: SocketAddr,
}

impl Peer {
    /// Reads a verified client certificate (DER): clientAuth alone, exactly one URI name, which
    /// MUST be `spiffe://<domain>/org/<id>`.
    ///
    /// # Errors
    /// [`PeerError`] names the first thing that does not fit.
    pub(super) fn from_certificate(
        der: &[u8],
        domain: &TrustDomain,
        remote: SocketAddr,
    ) -> Result<Self, PeerError> {
        let cert = match X509Certificate::from_der(der) {
            Ok(([], cert)) => cert,
            _ => return Err(PeerError::Damaged),
        };
        check_usage(&cert)?;
        let spiffe = SpiffeId::parse(only_uri(&cert)?)?;
        if spiffe.trust_domain() != domain {
            return Err(PeerError::Foreign { id: spiffe });
        }
        let org = match spiffe.org_name() {
            Some(name) => OrgId::new(name)?,
            None => return Err(PeerError::NotOrganisation { id: spiffe }),
        };
        let mut x5t = [0; 32];
        x5t.copy_from_slice(digest(&SHA256, der).as_ref());
        let until_s = cert.validity().not_after.timestamp();
        Ok(Self {
            spiffe,
            org,
            x5t,
            until_s,
            remote,
        })
    }

    /// The id in the certificate.
    #[must_use]
    pub fn spiffe(&self) -> &SpiffeId {
        &self.spiffe
    }

    /// The organisation that the id names.
    #[must_use]
    pub fn org(&self) -> &OrgId {
        &self.org
    }

    /// SHA-256 of the certificate's DER, as in `cnf.x5t#S256` (RFC 8705).
    #[must_use]
    pub fn x5t(&self) -> &[u8; 32] {
        &self.x5t
    }

    /// The address at the other end.
    #[must_use]
    pub fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Whether the certificate has run out since the handshake; a clock before 1970 counts as yes.
    #[must_use]
    pub fn has_expired(&self, now: SystemTime) -> bool {
        let now_s = now
            .duration_since(UNIX_EPOCH)
            .map_or(u64::MAX, |d| d.as_secs());
        i64::try_from(now_s).map_or(true, |now_s| now_s > self.until_s)
    }
}

fn check_usage(cert: &X509Certificate<'_>) -> Result<(), PeerError> {
    // The TLS library takes a certificate without the extension for any use: here it is required.
    let usage = cert
        .extended_key_usage()
        .map_err(|_| PeerError::Damaged)?
        .ok_or(PeerError::Usage)?;
    let usage = usage.value;
    if usage.client_auth && !usage.server_auth && !usage.any {
        Ok(())
    } else {
        Err(PeerError::Usage)
    }
}

fn only_uri<'a>(cert: &'a X509Certificate<'_>) -> Result<&'a str, PeerError> {
    let names = cert
        .subject_alternative_name()
        .map_err(|_| PeerError::Damaged)?;
    let names = names
        .map(|n| n.value.general_names.as_slice())
        .unwrap_or_default();
    if names
        .iter()
        .any(|name| matches!(name, GeneralName::Invalid(..)))
    {
        return Err(PeerError::Damaged);
    }
    let mut uris = names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    });
    match (uris.next(), uris.count()) {
        (Some(uri), 0) => Ok(uri),
        (None, _) => Err(PeerError::Uris { count: 0 }),
        (Some(_), more) => Err(PeerError::Uris {
            count: more.saturating_add(1),
        }),
    }
}
