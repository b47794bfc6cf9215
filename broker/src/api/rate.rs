//! Load shedding: a token bucket and a share of the calls in work per organisation, so that none crowds out
//! the others, and a cap on calls in work, so that all together do not crowd out the broker. Over either a call is shed, not queued.

use std::future::Future;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::FutureExt;
use futures::future::{Either, Ready, ready};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use policies::id::OrgId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use crate::error::Error;
use crate::identity::peer::Peer;
use crate::identity::share::{Share, Shares};
use crate::limits::{CALLS_MAX, CALLS_PER_ORG_MAX, ORG_CALLS_BURST, ORG_CALLS_PER_SECOND};

/// Sheds calls over the bounds with `RESOURCE_EXHAUSTED`.
#[derive(Debug, Clone)]
pub struct RateLayer<C: Clock = DefaultClock> {
    per_org: Arc<Buckets<C>>,
    shares: Arc<Shares>,
    calls: Arc<Semaphore>,
}

/// One bucket per organisation, which `C` refills.
type Buckets<C> =
    RateLimiter<OrgId, DefaultKeyedStateStore<OrgId>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// A call's place, its organisation's and the broker's.
type Place = (Share, OwnedSemaphorePermit);

impl Default for RateLayer {
    fn default() -> Self {
        Self::new(DefaultClock::default())
    }
}

impl<C: Clock> RateLayer<C> {
    fn new(clock: C) -> Self {
        let per_second = NonZeroU32::new(ORG_CALLS_PER_SECOND).unwrap_or(NonZeroU32::MIN);
        let burst = NonZeroU32::new(ORG_CALLS_BURST).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(per_second).allow_burst(burst);
        Self {
            per_org: Arc::new(RateLimiter::new(
                quota,
                DefaultKeyedStateStore::default(),
                clock,
            )),
            shares: Shares::new(CALLS_PER_ORG_MAX),
            calls: Arc::new(Semaphore::new(CALLS_MAX)),
        }
    }

    /// A place for one more call, or `None`. The certificate names the organisation, so a bad token
    /// cannot dodge its bucket.
    fn admit(&self, org: &OrgId) -> Option<Place> {
        self.per_org.check_key(org).ok()?;
        let share = self.shares.take(org)?;
        let permit = Arc::clone(&self.calls).try_acquire_owned().ok()?;
        Some((share, permit))
    }
}

impl<S> Layer<S> for RateLayer {
    type Service = Rated<S>;

    fn layer(&self, inner: S) -> Rated<S> {
        Rated {
            inner,
            layer: self.clone(),
        }
    }
}

/// The service that [`RateLayer`] makes.
#[derive(Debug, Clone)]
pub struct Rated<S> {
    inner: S,
    layer: RateLayer,
}

/// An answer's body that keeps the call's place until its last byte is sent: a stream is in work as long.
struct Held {
    body: Body,
    _place: Place,
}

impl Held {
    fn body(body: Body, place: Place) -> Body {
        Body::new(Self {
            body,
            _place: place,
        })
    }
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

type InWork<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

impl<S, B> Service<Request<B>> for Rated<S>
where
    S: Service<Request<B>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Either<InWork<S::Response, S::Error>, Ready<Result<S::Response, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let peer = request.extensions().get::<Peer>();
        match peer.and_then(|peer| self.layer.admit(peer.org())) {
            Some(place) => {
                // The one that was polled ready does the call.
                let next = self.inner.clone();
                let mut inner = std::mem::replace(&mut self.inner, next);
                let call = async move {
                    // Behind whatever waits in front of the gate: most calls never await, so without this as
                    // many as there are threads would be in work, and the rest would wait uncounted.
                    tokio::task::yield_now().await;
                    let answer = inner.call(request).await?;
                    Ok(answer.map(|body| Held::body(body, place)))
                };
                Either::Left(call.boxed())
            }
            None => Either::Right(ready(Ok(Status::from(Error::Busy).into_http()))),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::convert::Infallible;
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;
    use tower::{ServiceExt, service_fn};

    use super::*;
    use crate::identity::testing::{World, identity, peer_of};

    /// On a clock of its own, so that no machine is too slow to empty the bucket.
    #[test]
    fn a_bucket_is_emptied_by_its_burst_and_refilled_at_its_rate() {
        let clock = FakeRelativeClock::default();
        let layer = RateLayer::new(clock.clone());
        let [loud, quiet] = ["loud", "quiet"].map(|org| org.parse::<OrgId>().unwrap());
        let passed = |org: &OrgId| {
            let calls = 0..2 * ORG_CALLS_BURST;
            calls.filter(|_| layer.admit(org).is_some()).count()
        };
        assert_eq!(passed(&loud), ORG_CALLS_BURST as usize);
        assert_eq!(passed(&quiet), ORG_CALLS_BURST as usize, "a bucket each");
        clock.advance(Duration::from_secs(1));
        assert_eq!(passed(&loud), ORG_CALLS_PER_SECOND as usize);
    }

    /// Calls that never await, all there before the first one is looked at: each is counted before any works.
    #[tokio::test]
    async fn what_is_over_an_organisations_places_is_shed_and_does_not_wait_in_front_of_the_gate() {
        let world = World::new();
        let files = world.org("loud");
        let peer = peer_of(&identity(&files.cert, &files.key).cert).unwrap();
        let works =
            service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(Body::default())));
        let service = RateLayer::default().layer(works);
        let over = 36;
        let calls = (0..CALLS_PER_ORG_MAX + over).map(|_| {
            let mut request = Request::new(());
            request.extensions_mut().insert(peer.clone());
            tokio::spawn(service.clone().oneshot(request))
        });
        let calls: Vec<_> = calls.collect();
        let mut shed = 0;
        for call in calls {
            let answer = call.await.unwrap().unwrap();
            let status = Status::from_header_map(answer.headers());
            shed += usize::from(status.is_some_and(|s| s.code() == tonic::Code::ResourceExhausted));
        }
        assert_eq!(shed, over);
    }
}
