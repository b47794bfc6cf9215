//! What the gates refuse, in HTTP's own words where the caller does not speak gRPC: gRPC says no under status 200.

use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::Map;
use http::{Request, Response, StatusCode};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};

use crate::access::method::is_plain;

/// Turns gRPC's refusals into HTTP's on the paths of plain HTTP. MUST be outside every gate.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainLayer;

impl<S> Layer<S> for PlainLayer {
    type Service = Plain<S>;

    fn layer(&self, inner: S) -> Plain<S> {
        Plain { inner }
    }
}

/// The service that [`PlainLayer`] makes.
#[derive(Debug, Clone)]
pub struct Plain<S> {
    inner: S,
}

type Answer<E> = Result<Response<Body>, E>;

impl<S, B> Service<Request<B>> for Plain<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Map<S::Future, fn(Answer<S::Error>) -> Answer<S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let plain = is_plain(request.uri().path());
        let turned: fn(Answer<S::Error>) -> Answer<S::Error> = match plain {
            true => |answer| answer.map(in_http),
            false => |answer| answer,
        };
        self.inner.call(request).map(turned)
    }
}

fn in_http(response: Response<Body>) -> Response<Body> {
    let Some(refused) = Status::from_header_map(response.headers()) else {
        return response;
    };
    let status = match refused.code() {
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        // gRPC's word for a path that leads nowhere.
        Code::Unimplemented => StatusCode::NOT_FOUND,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
