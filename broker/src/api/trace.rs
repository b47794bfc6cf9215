//! One span per call, with an id that the caller gets back in `x-request-id`: what the operator's log says
//! about a call is found by it. No field of a span holds anything that was contributed.

use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::Map;
use http::{HeaderName, HeaderValue, Request, Response};
use tonic::body::Body;
use tower::{Layer, Service};
use tracing::instrument::Instrumented;
use tracing::{Instrument, info_span};
use uuid::Uuid;

use crate::identity::peer::Peer;

/// The header that carries the id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Puts each call into a span of its own.
#[derive(Debug, Clone, Copy, Default)]
pub struct TraceLayer;

impl<S> Layer<S> for TraceLayer {
    type Service = Traced<S>;

    fn layer(&self, inner: S) -> Traced<S> {
        Traced { inner }
    }
}

/// The service that [`TraceLayer`] makes.
#[derive(Debug, Clone)]
pub struct Traced<S> {
    inner: S,
}

type Answer<E> = Result<Response<Body>, E>;
type WithId<E> = Box<dyn FnOnce(Answer<E>) -> Answer<E> + Send>;

impl<S, B> Service<Request<B>> for Traced<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Map<Instrumented<S::Future>, WithId<S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let id = Uuid::new_v4().to_string();
        let peer = request.extensions().get::<Peer>();
        let span = info_span!(
            "call",
            id,
            method = request.uri().path(),
            org = peer.map(|peer| peer.org().as_str()),
        );
        let with_id: WithId<S::Error> = Box::new(move |answer| {
            answer.map(|mut response| {
                if let Ok(value) = HeaderValue::try_from(id) {
                    response.headers_mut().insert(REQUEST_ID, value);
                }
                response
            })
        });
        let call = span.in_scope(|| self.inner.call(request));
        call.instrument(span).map(with_id)
    }
}
