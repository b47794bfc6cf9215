//! The second gate: the caller's organisation is admitted in the role its token says, and that role may
//! call the method, as the policies say. A method without a policy is closed to everyone.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::{Either, Ready, ready};
use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

use crate::access::method::of_path;
use crate::access::{Object, Policies, Who};
use crate::error::Error;
use crate::flow::Broker;
use crate::identity::caller::Caller;
use crate::identity::peer::Peer;
use crate::telemetry::Metrics;

/// Services that every certificate may use: health and reflection say nothing about anyone's data.
const OPEN: [&str; 2] = ["/grpc.health.v1.", "/grpc.reflection."];

/// Lets a request through to its method, or answers `PERMISSION_DENIED`.
#[derive(Debug, Clone)]
pub struct AccessLayer {
    broker: Arc<Broker>,
    metrics: Arc<Metrics>,
}

impl AccessLayer {
    /// A layer that looks organisations up in this broker's state.
    #[must_use]
    pub fn new(broker: Arc<Broker>, metrics: Arc<Metrics>) -> Self {
        Self { broker, metrics }
    }
}

impl<S> Layer<S> for AccessLayer {
    type Service = Access<S>;

    fn layer(&self, inner: S) -> Access<S> {
        Access {
            inner,
            layer: self.clone(),
        }
    }
}

/// The service that [`AccessLayer`] makes.
#[derive(Debug, Clone)]
pub struct Access<S> {
    inner: S,
    layer: AccessLayer,
}

impl<S, B> Service<Request<B>> for Access<S>
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
        let method = request.uri().path();
        let policies = self.layer.broker.policies();
        let checked = check(&self.layer.broker, &policies, &request);
        let known = of_path(method).filter(|name| policies.knows(name));
        self.layer.metrics.call(known, checked.is_ok());
        match checked {
            Ok(()) => Either::Left(self.inner.call(request)),
            Err(error) => {
                let org = request
                    .extensions()
                    .get::<Caller>()
                    .map(|c| c.org().as_str());
                tracing::info!(org, method, code = error.code(), "denied");
                Either::Right(ready(Ok(Status::from(error).into_http())))
            }
        }
    }
}

fn check<B>(broker: &Broker, policies: &Policies, request: &Request<B>) -> Result<(), Error> {
    let method = request.uri().path();
    if OPEN.iter().any(|service| method.starts_with(service)) {
        return Ok(());
    }
    let caller = request.extensions().get::<Caller>().ok_or(Error::Denied)?;
    let peer = request.extensions().get::<Peer>().ok_or(Error::Denied)?;
    let spiffe = peer.spiffe().to_string();
    broker.check_member(caller.org(), caller.role(), &spiffe)?;
    let (org, role) = (caller.org(), caller.role());
    let method = of_path(method).ok_or(Error::Denied)?;
    if policies.allows_known(Who { org, role }, method, &Object::Door, None) {
        Ok(())
    } else {
        Err(Error::Denied)
    }
}
