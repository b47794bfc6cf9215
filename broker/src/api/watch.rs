//! The stream of a watch: a task tells, a bounded queue holds, the reader takes or is ended.

use std::pin::Pin;

use futures::{Stream, StreamExt, future, stream};
use proto::convert::Bundle;
use proto::v1;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::flow::watch::Watch;
use crate::limits::{WATCH_QUEUE, WATCH_SLOW};

/// Notices on their way to one reader.
pub type Notices = Pin<Box<dyn Stream<Item = Result<v1::WatchAgreementsResponse, Status>> + Send>>;

/// Tells until the reader hangs up, is too slow, or the broker stops.
pub fn notices(watch: Watch, stop: CancellationToken) -> Notices {
    let (to_reader, queue) = mpsc::channel(WATCH_QUEUE);
    let (ended, why) = oneshot::channel();
    tokio::spawn(async move {
        if let Some(status) = tell(watch, stop, &to_reader).await {
            // A reader that has hung up does not ask why.
            let _ = ended.send(status);
        }
    });
    let told = ReceiverStream::new(queue).map(|bundle: Bundle| Ok(bundle.into()));
    let end = stream::once(why).filter_map(|why| future::ready(why.ok().map(Err)));
    told.chain(end).boxed()
}

/// Why it ended; `None` where the reader has hung up.
async fn tell(
    mut watch: Watch,
    stop: CancellationToken,
    to_reader: &mpsc::Sender<Bundle>,
) -> Option<Status> {
    loop {
        let bundle = tokio::select! {
            () = stop.cancelled() => return Some(Status::unavailable(STOPPING)),
            () = to_reader.closed() => return None,
            bundle = watch.next() => match bundle {
                Ok(bundle) => bundle,
                Err(error) => return Some(error.into()),
            },
        };
        match to_reader.send_timeout(bundle, WATCH_SLOW).await {
            Ok(()) => {}
            Err(SendTimeoutError::Timeout(_)) => return Some(Status::resource_exhausted(SLOW)),
            Err(SendTimeoutError::Closed(_)) => return None,
        }
    }
}

const STOPPING: &str = "the broker stops: watch again from the last next_start";
const SLOW: &str = "notices were not taken in time: watch again from the last next_start";
