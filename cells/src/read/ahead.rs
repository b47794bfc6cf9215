//! Reading ahead: while one period's cells are worked on, the next one's are read on another thread.

use std::future::Future;

use futures::{Stream, StreamExt, stream};
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;

/// Results held at a time: the one that is worked on and the one that is read, or two that are read.
const AHEAD: usize = 2;

/// What the reads give, in their order. A read begins before the one in front of it is taken, and no sooner; those begun
/// end when this is dropped.
///
/// ```
/// # use futures::TryStreamExt;
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let reads = (1..=3).map(|day| async move { day * 10 });
/// let all: Vec<i32> = cells::read::ahead(reads).try_collect().await.unwrap();
/// assert_eq!(all, [10, 20, 30]);
/// # });
/// ```
///
/// # Errors
/// [`JoinError`] for a read that panicked.
pub fn ahead<R>(
    reads: impl IntoIterator<Item = R>,
) -> impl Stream<Item = Result<R::Output, JoinError>>
where
    R: Future<Output: Send> + Send + 'static,
{
    stream::iter(reads)
        .map(|read| AbortOnDropHandle::new(tokio::spawn(read)))
        .buffered(AHEAD)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn no_more_than_two_results_are_held_and_none_outlives_its_stream() {
        let held = Arc::new(());
        let reads = (0..5).map(|number| {
            let one = Arc::clone(&held);
            async move { (number, one) }
        });
        {
            let mut results = pin!(ahead(reads));
            for number in 0..3 {
                let (given, one) = results.next().await.unwrap().unwrap();
                assert_eq!(given, number);
                // Let whatever was begun go on to its end.
                tokio::task::yield_now().await;
                assert_eq!(Arc::strong_count(&held) - 1, 2, "this one and the next");
                drop(one);
            }
        }
        tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
