//! The gate in front of every method: certificate and token, or nothing.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use futures::future::{Either, Ready, ready};
use http::header::{AUTHORIZATION, HeaderMap};
use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use super::caller::Caller;
use super::peer::Peer;
use super::token::{TokenError, TokenVerifier};

/// Services that need the certificate only. Everything else, known or not, needs a token too.
const WITHOUT_TOKEN: [&str; 3] = [
    "/grpc.health.v1.Health/",
    "/grpc.reflection.v1.ServerReflection/",
    "/grpc.reflection.v1alpha.ServerReflection/",
];

/// Headers by which a proxy speaks for somebody else's certificate; `x-forwarded-*` are refused
/// too. Behind a proxy that ends TLS no token is bound to anything (ASVS 4.1.3).
const FORWARDED: [&str; 9] = [
    "forwarded",
    "client-cert",
    "client-cert-chain",
    "x-client-cert",
    "x-ssl-cert",
    "x-ssl-client-cert",
    "ssl-client-cert",
    "x-real-ip",
    "x-spiffe-id",
];

/// Why a request gets no caller. For the operator's log only.
#[derive(Debug, thiserror::Error)]
enum Unauthenticated {
    #[error("the connection carries no peer: it did not come through the accept loop")]
    NoPeer,
    #[error("the peer's certificate has expired")]
    CertificateExpired,
    #[error("the header `{name}` speaks for another connection")]
    Forwarded { name: String },
    #[error("there is not exactly one authorization header of the form `Bearer <token>`")]
    NoToken,
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// The one answer to every failed authentication.
pub(super) fn unauthenticated() -> Status {
    Status::unauthenticated("unauthenticated")
}

/// Puts a [`Caller`] into each request, or answers `UNAUTHENTICATED`. MUST be a layer of the whole
/// server, so that a service added later is closed until a token opens it.
#[derive(Debug, Clone)]
pub struct IdentityLayer {
    verifier: Arc<TokenVerifier>,
}

impl IdentityLayer {
    /// A layer that trusts this verifier's issuer.
    #[must_use]
    pub fn new(verifier: Arc<TokenVerifier>) -> Self {
        Self { verifier }
    }
}

impl<S> Layer<S> for IdentityLayer {
    type Service = Identify<S>;

    fn layer(&self, inner: S) -> Identify<S> {
        Identify {
            inner,
            verifier: Arc::clone(&self.verifier),
        }
    }
}

/// The service that [`IdentityLayer`] makes.
#[derive(Debug, Clone)]
pub struct Identify<S> {
    inner: S,
    verifier: Arc<TokenVerifier>,
}

impl<S, B> Service<Request<B>> for Identify<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<S::Response, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match identify(&self.verifier, &request, SystemTime::now()) {
            Ok(caller) => {
                // Nothing behind this line needs the token, so nothing behind it can log it.
                request.headers_mut().remove(AUTHORIZATION);
                if let Some(caller) = caller {
                    request.extensions_mut().insert(caller);
                }
                Either::Left(self.inner.call(request))
            }
            Err(cause) => {
                let peer = request.extensions().get::<Peer>();
                let org = peer.map(|p| p.org().as_str());
                let remote = peer.map(|p| p.remote().to_string());
                tracing::info!(org, remote, %cause, "unauthenticated");
                Either::Right(ready(Ok(unauthenticated().into_http())))
            }
        }
    }
}

fn identify<B>(
    verifier: &TokenVerifier,
    request: &Request<B>,
    now: SystemTime,
) -> Result<Option<Caller>, Unauthenticated> {
    let peer = request
        .extensions()
        .get::<Peer>()
        .ok_or(Unauthenticated::NoPeer)?;
    if peer.has_expired(now) {
        return Err(Unauthenticated::CertificateExpired);
    }
    refuse_forwarded(request.headers())?;
    let path = request.uri().path();
    if WITHOUT_TOKEN
        .iter()
        .any(|service| path.starts_with(service))
    {
        return Ok(None);
    }
    Ok(Some(verifier.verify(
        bearer(request.headers())?,
        peer,
        now,
    )?))
}

fn refuse_forwarded(headers: &HeaderMap) -> Result<(), Unauthenticated> {
    let speaks = |name: &&str| name.starts_with("x-forwarded-") || FORWARDED.contains(name);
    match headers.keys().map(http::HeaderName::as_str).find(speaks) {
        Some(name) => Err(Unauthenticated::Forwarded {
            name: name.to_owned(),
        }),
        None => Ok(()),
    }
}

fn bearer(headers: &HeaderMap) -> Result<&str, Unauthenticated> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Unauthenticated::NoToken);
    };
    value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token)
        .ok_or(Unauthenticated::NoToken)
}

#[cfg(test)]
mod tests;
