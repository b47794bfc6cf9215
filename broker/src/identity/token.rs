//! Access tokens: RFC 9068 `at+jwt`, ES256 only, bound to the connection's certificate (RFC 8705).
//!
//! The library's defaults accept a token without `aud`, `iss` or `nbf` (reference/trust.md 3.1), so
//! every rule is set here, and the claims are typed: a claim that is missing, doubled, or a list is
//! refused before any rule is asked.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use policies::id::Role;
use serde::Deserialize;

use super::caller::{Caller, PseudonymKey};
use super::keys::KeyRing;
use super::peer::Peer;
use crate::limits::{TOKEN_BYTES_MAX, TOKEN_NAME_BYTES_MAX};

/// How far the issuer's clock may be off.
const LEEWAY_S: u64 = 30;
/// RFC 9068 section 2.1: what tells an access token from an ID token.
const TYPE: &str = "at+jwt";

/// Why a token is refused. For the operator's log only: the caller hears one fixed sentence.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Longer than [`TOKEN_BYTES_MAX`].
    #[error("the token has {bytes} bytes, more than {TOKEN_BYTES_MAX}")]
    Length {
        /// Its length.
        bytes: usize,
    },
    /// Not three parts of base64url.
    #[error("the token is not a signed JWT")]
    Form,
    /// The header holds more, less or other than `alg`, `typ` and `kid`.
    #[error("the token's header is refused: {cause}")]
    Header {
        /// The reader's words, shortened.
        cause: String,
    },
    /// Any algorithm but ES256.
    #[error("the token's alg is not ES256")]
    Algorithm,
    /// Another kind of token.
    #[error("the token's typ is not {TYPE}")]
    Type,
    /// No configured key has this `kid`.
    #[error("the token's kid is not a configured key")]
    Key,
    /// The signature does not verify.
    #[error("the token's signature does not verify")]
    Signature,
    /// Past `exp`.
    #[error("the token has expired")]
    Expired,
    /// Before `nbf` or `iat`.
    #[error("the token is not valid yet")]
    NotYet,
    /// From another issuer.
    #[error("the token's iss is not the configured issuer")]
    Issuer,
    /// For another service.
    #[error("the token's aud is not this broker")]
    Audience,
    /// A claim is missing, doubled, or has another type.
    #[error("the token's claims are refused: {cause}")]
    Claims {
        /// The reader's words, shortened.
        cause: String,
    },
    /// Bound to another certificate than the connection's.
    #[error("the token is bound to another certificate")]
    Binding,
    /// Names another organisation than the connection's certificate.
    #[error("the token's org is not the certificate's")]
    Org,
    /// A role that Weir does not have.
    #[error("the token's role is unknown")]
    Role,
}

/// Whose tokens count.
#[derive(Debug, Clone)]
pub struct TokenIssuer {
    /// The only accepted `iss`.
    pub issuer: String,
    /// The only accepted `aud`: this broker.
    pub audience: String,
}

/// Checks tokens against the connection they came over.
pub struct TokenVerifier {
    keys: KeyRing,
    rules: Validation,
    pseudonyms: PseudonymKey,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    alg: String,
    typ: String,
    kid: String,
}

/// Plain types, all required: serde then refuses lists, missing and doubled claims.
#[derive(Deserialize)]
struct Claims {
    // `iss` and `aud` are compared by the library; here they are only held to be plain.
    #[serde(rename = "iss")]
    _iss: String,
    #[serde(rename = "aud")]
    _aud: String,
    exp: u64,
    nbf: u64,
    iat: u64,
    sub: String,
    jti: String,
    org: String,
    role: String,
    cnf: Confirmation,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Confirmation {
    #[serde(rename = "x5t#S256")]
    x5t_s256: String,
}

impl TokenVerifier {
    /// A verifier by the keys that are in force whenever a token comes.
    #[must_use]
    pub fn new(issuer: &TokenIssuer, keys: KeyRing, pseudonyms: PseudonymKey) -> Self {
        let mut rules = Validation::new(Algorithm::ES256);
        rules.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        rules.set_issuer(&[&issuer.issuer]);
        rules.set_audience(&[&issuer.audience]);
        rules.validate_aud = true;
        // The library reads the system's clock; `check_times` judges by the caller's.
        rules.validate_exp = false;
        rules.validate_nbf = false;
        Self {
            keys,
            rules,
            pseudonyms,
        }
    }

    /// The caller that a token names, if it is bound to the peer's certificate and to the peer's
    /// organisation.
    ///
    /// # Errors
    /// [`TokenError`]: the first rule that the token breaks.
    pub fn verify(&self, token: &str, peer: &Peer, now: SystemTime) -> Result<Caller, TokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(TokenError::Length { bytes: token.len() });
        }
        let key = self.key_for(token)?;
        let claims = decode::<Claims>(token, &key, &self.rules)
            .map_err(refusal)?
            .claims;
        check_times(&claims, now)?;
        check_binding(&claims.cnf, peer)?;
        if claims.org != peer.spiffe().to_string() {
            return Err(TokenError::Org);
        }
        for (name, text) in [("sub", &claims.sub), ("jti", &claims.jti)] {
            if text.is_empty() || text.len() > TOKEN_NAME_BYTES_MAX {
                return Err(TokenError::Claims {
                    cause: format!("{name} has a bad length"),
                });
            }
        }
        let role: Role = claims.role.parse().map_err(|_| TokenError::Role)?;
        let user = self.pseudonyms.pseudonym(peer.org(), &claims.sub);
        let user = user.ok_or(TokenError::Form)?;
        Ok(Caller::new(peer.org().clone(), role, user))
    }

    fn key_for(&self, token: &str) -> Result<Arc<DecodingKey>, TokenError> {
        let mut parts = token.split('.');
        let (head, _, _, None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(TokenError::Form);
        };
        let json = head
            .and_then(|head| URL_SAFE_NO_PAD.decode(head).ok())
            .ok_or(TokenError::Form)?;
        // An allow list: `jku`, `jwk`, `x5u`, `x5c`, `crit` and whatever comes next fall to it.
        let head: Head = serde_json::from_slice(&json).map_err(|e| TokenError::Header {
            cause: shorten(&e.to_string()),
        })?;
        if head.alg != "ES256" {
            return Err(TokenError::Algorithm);
        }
        if head.typ != TYPE {
            return Err(TokenError::Type);
        }
        self.keys.get(&head.kid).ok_or(TokenError::Key)
    }
}

impl std::fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenVerifier")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

/// A clock before 1970 finds every token too early.
fn check_times(claims: &Claims, now: SystemTime) -> Result<(), TokenError> {
    let now_s = now.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    if claims.exp < now_s.saturating_sub(LEEWAY_S) {
        return Err(TokenError::Expired);
    }
    let latest_s = now_s.saturating_add(LEEWAY_S);
    if claims.nbf > latest_s || claims.iat > latest_s {
        return Err(TokenError::NotYet);
    }
    Ok(())
}

fn check_binding(cnf: &Confirmation, peer: &Peer) -> Result<(), TokenError> {
    let bound = URL_SAFE_NO_PAD
        .decode(&cnf.x5t_s256)
        .map_err(|_| TokenError::Binding)?;
    verify_slices_are_equal(&bound, peer.x5t()).map_err(|_| TokenError::Binding)
}

fn refusal(error: jsonwebtoken::errors::Error) -> TokenError {
    match error.kind() {
        ErrorKind::InvalidSignature => TokenError::Signature,
        ErrorKind::InvalidIssuer => TokenError::Issuer,
        ErrorKind::InvalidAudience => TokenError::Audience,
        ErrorKind::InvalidToken | ErrorKind::Base64(_) => TokenError::Form,
        ErrorKind::InvalidAlgorithm => TokenError::Algorithm,
        _ => TokenError::Claims {
            cause: shorten(&error.to_string()),
        },
    }
}

/// The words may hold what the caller sent: cut, and without control characters.
fn shorten(words: &str) -> String {
    words
        .chars()
        .take(120)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests;
