//! A call that an ending connection turned away is made again over a new one.
//!
//! A broker ends an old connection in order: calls in work finish, new ones belong on a new connection. The library
//! beneath looks for that word only when the next call wakes it, and fails this call. Whether a call was sent is not
//! guessed from the error: its body tells. A message that was never asked for has not left this process, so no
//! broker can have acted on it.

use std::error::Error as StdError;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use tokio::sync::oneshot;
use tonic::Status;
use tonic::body::Body;
use tower::Service;

use super::limits::SENDS_MAX;

/// A channel that does so.
#[derive(Debug, Clone)]
pub(super) struct Resend<S>(pub S);

impl<S> Service<Request<Body>> for Resend<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Error: StdError + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The one that is ready goes with the call.
        let other = self.0.clone();
        let mut channel = std::mem::replace(&mut self.0, other);
        Box::pin(async move {
            let (head, mut body) = request.into_parts();
            for _ in 1..SENDS_MAX {
                let (lent, unsent) = Lent::new(body);
                let sent = channel.call(Request::from_parts(head.clone(), Body::new(lent)));
                let error = match sent.await {
                    Err(error) if is_of_a_connection(&error) => error,
                    other => return other,
                };
                // With the call went whatever held its body.
                let Ok(back) = unsent.await else {
                    return Err(error);
                };
                tracing::debug!(%error, "the connection ended: once more over a new one");
                body = back;
                poll_fn(|context| channel.poll_ready(context)).await?;
            }
            channel.call(Request::from_parts(head, body)).await
        })
    }
}

/// Was there a connection, so that it is not the way to the broker that fails?
fn is_of_a_connection(error: &(dyn StdError + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.any(|cause| cause.is::<hyper::Error>())
}

/// A body that goes back to its lender when it is dropped before anybody asked for it.
struct Lent {
    body: Body,
    back: Option<oneshot::Sender<Body>>,
}

impl Lent {
    fn new(body: Body) -> (Self, oneshot::Receiver<Body>) {
        let (back, unsent) = oneshot::channel();
        let back = Some(back);
        (Self { body, back }, unsent)
    }
}

impl http_body::Body for Lent {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.back = None;
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(back) = self.back.take() {
            // A lender that has gone wants nothing back.
            drop(back.send(std::mem::take(&mut self.body)));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use http_body::Body as _;

    use super::*;

    /// What was asked for may be on its way: it MUST NOT be sent a second time.
    #[tokio::test]
    async fn only_a_body_that_nobody_asked_for_comes_back() {
        let (lent, unsent) = Lent::new(Body::empty());
        drop(lent);
        unsent.await.unwrap();
        let (mut lent, unsent) = Lent::new(Body::empty());
        poll_fn(|context| Pin::new(&mut lent).poll_frame(context)).await;
        drop(lent);
        unsent.await.unwrap_err();
        let (lent, mut unsent) = Lent::new(Body::empty());
        unsent.try_recv().unwrap_err();
        assert!(
            lent.is_end_stream(),
            "looking at its length asks for nothing"
        );
        drop(lent);
        unsent.await.unwrap();
    }
}
