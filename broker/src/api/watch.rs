//! The stream of a watch: the next notices are looked for once the last ones were taken.

use futures::{StreamExt, stream};
use proto::v1;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::reader::{Parts, unless_slow};
use crate::flow::watch::Watch;
use crate::limits::READER_SLOW;

/// Notices on their way to one reader.
pub type Notices = Parts<v1::WatchAgreementsResponse>;

/// Tells until the reader hangs up, is too slow, or the broker stops.
pub fn notices(watch: Watch, stop: CancellationToken) -> Notices {
    let told = stream::unfold(watch, move |mut watch| {
        let stop = stop.clone();
        async move {
            let next = tokio::select! {
                () = stop.cancelled() => Err(Status::unavailable(STOPPING)),
                bundle = watch.next() => bundle.map(Into::into).map_err(Status::from),
            };
            Some((next, watch))
        }
    });
    unless_slow(READER_SLOW, SLOW, told.boxed())
}

const STOPPING: &str = "the broker stops: watch again from the last next_start";
const SLOW: &str = "notices were not taken in time: watch again from the last next_start";
