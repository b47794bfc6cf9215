//! What the config says about keys and trust, as the parts that use it.

use std::path::Path;
use std::sync::Arc;

use audit::note::{KeyName, Signer};
use certs::Ed25519Seed;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::{ServeError, during};
use crate::config::{Config, Mode};
use crate::identity::caller::PseudonymKey;
use crate::identity::jwks::{self, KeySet};
use crate::identity::keys::KeyRing;
use crate::identity::tls::TlsFiles;
use crate::identity::token::{TokenIssuer, TokenVerifier};
use crate::identity::trust::{Trust, TrustFiles};

/// Every file of the one set that is reloaded.
pub(super) fn trust_files(config: &Config) -> TrustFiles {
    TrustFiles {
        mode: config.mode,
        tls: TlsFiles {
            cert: config.tls.cert.clone(),
            key: config.tls.key.clone(),
            client_ca: config.tls.client_ca.clone(),
            client_crl: config.tls.client_crl.clone(),
        },
        token_keys: config.tokens.public_keys.clone(),
    }
}

/// The issuer's key set, where one is configured; fetched until `stop`.
fn key_set(config: &Config, stop: CancellationToken) -> Result<Option<KeySet>, ServeError> {
    let (Some(url), Some(ca)) = (&config.tokens.jwks_url, &config.tokens.jwks_ca) else {
        return Ok(None);
    };
    let source = jwks::Source::new(url, ca.clone()).map_err(during("read tokens.jwks_url"))?;
    let source = Arc::new(source);
    let fetch = move || {
        let source = Arc::clone(&source);
        async move { source.fetch().await }
    };
    Ok(Some(jwks::keep(fetch, stop)))
}

/// Who judges tokens.
pub(super) fn verifier(
    config: &Config,
    trust: watch::Receiver<Arc<Trust>>,
    stop: CancellationToken,
) -> Result<TokenVerifier, ServeError> {
    let set = key_set(config, stop)?;
    let keys = KeyRing { trust, set };
    let issuer = TokenIssuer {
        issuer: config.tokens.issuer.clone(),
        audience: config.tokens.audience.clone(),
    };
    std::fs::create_dir_all(&config.state).map_err(during("make the state directory"))?;
    let pseudonyms = PseudonymKey::load_or_create(&config.state.join("pseudonym.key"))
        .map_err(during("load the pseudonym key"))?;
    Ok(TokenVerifier::new(&issuer, keys, pseudonyms))
}

/// The log's key; in production none that `weir pki` made.
pub(super) fn signer(config: &Config) -> Result<Signer, ServeError> {
    let name: KeyName = config
        .log_origin
        .parse()
        .map_err(during("read log_origin"))?;
    log_key(&config.keys.log, config.mode, name)
}

fn log_key(path: &Path, mode: Mode, name: KeyName) -> Result<Signer, ServeError> {
    let doing = "load the log key";
    let pem = certs::read_secret(path).map_err(during(doing))?;
    let marked = std::str::from_utf8(&pem).is_ok_and(certs::is_development_key);
    if mode == Mode::Production && marked {
        return Err(ServeError {
            doing,
            cause: format!(
                "`{}` is a development key, which production refuses: make your own",
                path.display()
            ),
        });
    }
    let seed = Ed25519Seed::read(path).map_err(during(doing))?;
    Signer::from_seed(name, &Zeroizing::new(*seed.as_bytes())).map_err(during(doing))
}

#[cfg(test)]
mod tests;
