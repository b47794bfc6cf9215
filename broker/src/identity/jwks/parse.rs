//! A key set's bytes as keys by `kid`.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::JwksError;
use crate::identity::keys::TokenKeys;
use crate::limits::{JWKS_KEYS_MAX, TOKEN_NAME_BYTES_MAX};

#[derive(Deserialize)]
struct Set {
    keys: Vec<Jwk>,
}

/// The members that decide; serde refuses any of them twice. Secret ones are noticed, not read.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    k: Option<IgnoredAny>,
    d: Option<IgnoredAny>,
}

/// The P-256 signing keys of a set; keys for other algorithms and uses are passed over.
///
/// # Errors
/// [`JwksError::Set`], and nothing of the set is taken: a secret in it (`oct`, or any private half), a
/// `kid` that is absent, doubled or too long, too many keys, or none that fits.
pub fn parse(json: &[u8]) -> Result<TokenKeys, JwksError> {
    let refused = |why: String| JwksError::Set { why };
    let Set { keys } = serde_json::from_slice(json).map_err(|e| refused(e.to_string()))?;
    if keys.len() > JWKS_KEYS_MAX {
        return Err(refused(format!("it has over {JWKS_KEYS_MAX} keys")));
    }
    let mut taken = TokenKeys::default();
    for jwk in keys {
        if jwk.kty == "oct" || jwk.k.is_some() || jwk.d.is_some() {
            // Whoever publishes a secret has lost it: nothing signed under this set means anything.
            return Err(refused("it publishes a secret key".to_owned()));
        }
        let ours = jwk.kty == "EC"
            && jwk.crv.as_deref() == Some("P-256")
            && jwk.usage.as_deref().is_none_or(|usage| usage == "sig")
            && jwk.alg.as_deref().is_none_or(|alg| alg == "ES256");
        if !ours {
            continue;
        }
        let kid = jwk.kid.unwrap_or_default();
        if kid.is_empty() || kid.len() > TOKEN_NAME_BYTES_MAX {
            return Err(refused("a key's kid has a bad length".to_owned()));
        }
        let key = point(jwk.x.as_deref(), jwk.y.as_deref());
        let key = key.ok_or_else(|| refused("a P-256 key has no point".to_owned()))?;
        if !taken.insert(kid, key) {
            return Err(refused("two keys have one kid".to_owned()));
        }
    }
    if taken.is_empty() {
        return Err(refused("it has no P-256 key that signs".to_owned()));
    }
    Ok(taken)
}

fn point(x: Option<&str>, y: Option<&str>) -> Option<DecodingKey> {
    let (x, y) = (x?, y?);
    let coordinate = |text| {
        URL_SAFE_NO_PAD
            .decode(text)
            .is_ok_and(|bytes| bytes.len() == 32)
    };
    if !coordinate(x) || !coordinate(y) {
        return None;
    }
    DecodingKey::from_ec_components(x, y).ok()
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn key(kid: &str) -> Value {
        let coordinate = URL_SAFE_NO_PAD.encode([7; 32]);
        json!({ "kty": "EC", "crv": "P-256", "kid": kid, "x": coordinate, "y": coordinate })
    }

    fn with(name: &str, value: Value) -> Value {
        let mut key = key("other");
        key[name] = value;
        key
    }

    fn set(keys: &[Value]) -> Result<TokenKeys, JwksError> {
        parse(json!({ "keys": keys }).to_string().as_bytes())
    }

    #[test]
    fn keys_of_other_kinds_are_passed_over() {
        let rsa = json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "a" });
        let okp = json!({ "kty": "OKP", "crv": "Ed25519", "x": "AQ", "kid": "a" });
        let (enc, es384) = (with("use", "enc".into()), with("alg", "ES384".into()));
        let p384 = with("crv", "P-384".into());
        let taken = set(&[rsa, okp, enc, es384, p384, key("a")]).unwrap();
        assert!(taken.get("a").is_some() && taken.get("other").is_none());
    }

    #[test]
    fn a_set_with_an_oct_key_or_a_private_half_is_refused_whole() {
        for secret in [
            json!({ "kty": "oct", "k": "c2VjcmV0", "kid": "a", "alg": "HS256" }),
            json!({ "kty": "oct" }),
            with("k", "c2VjcmV0".into()),
            with("d", "c2VjcmV0".into()),
            json!({ "kty": "RSA", "d": "c2VjcmV0" }),
        ] {
            let refused = set(&[key("a"), secret]).unwrap_err().to_string();
            assert!(refused.contains("publishes a secret"), "{refused}");
            assert!(!refused.contains("c2VjcmV0"));
        }
    }

    #[test]
    fn a_set_that_is_none_is_refused_whole() {
        let many: Vec<_> = (0..=JWKS_KEYS_MAX).map(|n| key(&n.to_string())).collect();
        let doubled = key("a").to_string().replace("\"x\"", "\"kid\":\"b\",\"x\"");
        for json in [
            String::new(),
            "{}".to_owned(),
            json!({ "keys": [] }).to_string(),
            json!({ "keys": [key("a"), key("a")] }).to_string(),
            json!({ "keys": [key("")] }).to_string(),
            json!({ "keys": [key(&"k".repeat(256))] }).to_string(),
            json!({ "keys": [with("x", "AQ".into())] }).to_string(),
            json!({ "keys": [with("y", Value::Null)] }).to_string(),
            json!({ "keys": many }).to_string(),
            format!(r#"{{"keys":[{doubled}]}}"#),
        ] {
            assert!(parse(json.as_bytes()).is_err(), "{json}");
        }
    }
}
