//! The access token of a user: an RFC 9068 `at+jwt`, bound to the organisation's certificate (RFC
//! 8705).

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::{Error, Es256Key, SpiffeId};

/// What a token says; times in seconds since 1970.
pub(crate) struct Grant<'a> {
    pub(crate) id: &'a SpiffeId,
    pub(crate) role: &'a str,
    pub(crate) user: &'a str,
    pub(crate) certificate_der: &'a [u8],
    pub(crate) now_s: u64,
    pub(crate) until_s: u64,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: String,
    aud: String,
    sub: &'a str,
    iat: u64,
    nbf: u64,
    exp: u64,
    jti: String,
    org: String,
    role: &'a str,
    cnf: Confirmation,
}

#[derive(Serialize)]
struct Confirmation {
    #[serde(rename = "x5t#S256")]
    x5t_s256: String,
}

/// Signs a token; the key's fingerprint is its `kid`.
pub(crate) fn mint(issuer: &Es256Key, grant: &Grant<'_>) -> Result<Zeroizing<String>, Error> {
    let doing = || Error::Crypto {
        doing: "sign a token",
    };
    let mut random = [0; 16];
    aws_lc_rs::rand::fill(&mut random).map_err(|_| doing())?;
    let domain = grant.id.trust_domain();
    let claims = Claims {
        iss: domain.token_issuer(),
        aud: domain.token_audience(),
        sub: grant.user,
        iat: grant.now_s,
        nbf: grant.now_s,
        exp: grant.until_s,
        jti: hex::encode(random),
        org: grant.id.to_string(),
        role: grant.role,
        cnf: Confirmation {
            x5t_s256: URL_SAFE_NO_PAD.encode(digest(&SHA256, grant.certificate_der)),
        },
    };
    let mut header = Header::new(Algorithm::ES256);
    header.typ = Some("at+jwt".to_owned());
    header.kid = Some(issuer.fingerprint());
    let key = EncodingKey::from_ec_der(issuer.pkcs8_der());
    encode(&header, &claims, &key)
        .map(Zeroizing::new)
        .map_err(|_| doing())
}
