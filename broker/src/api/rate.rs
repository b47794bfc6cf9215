//! One organisation cannot crowd out the others: a token bucket per organisation, before any decision.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::{Either, Ready, ready};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use http::{Request, Response};
use policies::id::OrgId;
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use crate::error::Error;
use crate::identity::peer::Peer;
use crate::limits::{ORG_CALLS_BURST, ORG_CALLS_PER_SECOND};

/// Sheds calls of an organisation that calls too often (`RESOURCE_EXHAUSTED`).
#[derive(Debug, Clone)]
pub struct RateLayer(Arc<DefaultKeyedRateLimiter<OrgId>>);

impl Default for RateLayer {
    fn default() -> Self {
        let per_second = NonZeroU32::new(ORG_CALLS_PER_SECOND).unwrap_or(NonZeroU32::MIN);
        let burst = NonZeroU32::new(ORG_CALLS_BURST).unwrap_or(NonZeroU32::MIN);
        Self(Arc::new(RateLimiter::keyed(
            Quota::per_second(per_second).allow_burst(burst),
        )))
    }
}

impl<S> Layer<S> for RateLayer {
    type Service = Rated<S>;

    fn layer(&self, inner: S) -> Rated<S> {
        Rated {
            inner,
            limiter: Arc::clone(&self.0),
        }
    }
}

/// The service that [`RateLayer`] makes.
#[derive(Debug, Clone)]
pub struct Rated<S> {
    inner: S,
    limiter: Arc<DefaultKeyedRateLimiter<OrgId>>,
}

impl<S, B> Service<Request<B>> for Rated<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<S::Response, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // The certificate names the organisation, so a bad token cannot dodge its bucket.
        let peer = request.extensions().get::<Peer>();
        match peer.map(|peer| self.limiter.check_key(peer.org())) {
            Some(Ok(())) => Either::Left(self.inner.call(request)),
            _ => Either::Right(ready(Ok(Status::from(Error::Busy).into_http()))),
        }
    }
}
