//! Answers in parts, and readers who stop taking them.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use tokio::time::{Instant, sleep_until};
use tonic::Status;

/// An answer in parts.
pub(super) type Parts<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The same parts, until the reader leaves one untaken for `slow`. Then all that is left, and what it holds, is
/// dropped, though the call stays open for as long as the reader likes; what is read after is the error `cut`: an answer
/// that was cut MUST NOT look whole.
pub(super) fn unless_slow<T: Send + 'static>(
    slow: Duration,
    cut: &'static str,
    parts: Parts<T>,
) -> Parts<T> {
    until(slow, None, cut, parts)
}

/// [`unless_slow`], and until `most` has passed since the first could be taken: for parts that are all at hand, of which a
/// reader could take a little at a time for ever.
pub(super) fn unless_slow_or_long<T: Send + 'static>(
    (slow, most): (Duration, Duration),
    cut: &'static str,
    parts: Parts<T>,
) -> Parts<T> {
    until(slow, Some(Instant::now() + most), cut, parts)
}

fn until<T: Send + 'static>(
    slow: Duration,
    end: Option<Instant>,
    cut: &'static str,
    parts: Parts<T>,
) -> Parts<T> {
    let held = Arc::new(Mutex::new(Held {
        parts: Some(parts),
        waits: Some(Instant::now()),
        cut: false,
    }));
    tokio::spawn(let_go(Arc::downgrade(&held), slow, end));
    let parts = stream::poll_fn(move |cx| {
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut held.cut) {
            return Poll::Ready(Some(Err(Status::resource_exhausted(cut))));
        }
        held.next(cx)
    });
    parts.boxed()
}

struct Held<T> {
    /// `None` once they have ended or were let go.
    parts: Option<Parts<T>>,
    /// Since when the next part waits for the reader; `None` while the reader waits for it.
    waits: Option<Instant>,
    /// They were let go, and the reader does not know it yet.
    cut: bool,
}

impl<T> Held<T> {
    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, Status>>> {
        let Some(parts) = self.parts.as_mut() else {
            return Poll::Ready(None);
        };
        let next = parts.poll_next_unpin(cx);
        self.waits = next.is_ready().then(Instant::now);
        if matches!(next, Poll::Ready(None | Some(Err(_)))) {
            self.parts = None;
        }
        next
    }
}

/// Drops the parts once one has waited for so long, or at their end. Ends with them, or soon after.
async fn let_go<T>(held: Weak<Mutex<Held<T>>>, slow: Duration, end: Option<Instant>) {
    let mut look = Instant::now() + slow;
    loop {
        sleep_until(end.map_or(look, |end| look.min(end))).await;
        let Some(held) = held.upgrade() else { return };
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.parts.is_none() {
            return;
        }
        let now = Instant::now();
        look = held.waits.unwrap_or(now) + slow;
        if look <= now || end.is_some_and(|end| end <= now) {
            (held.parts, held.cut) = (None, true);
            return;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use tokio::sync::{mpsc, oneshot};
    use tokio::time::timeout;

    use super::*;

    /// Far longer than anything here takes.
    const NEVER: Duration = Duration::from_secs(60);
    const SLOW: Duration = Duration::from_millis(50);

    /// Three numbers, and word of when what they hold is dropped.
    fn three() -> (Parts<u8>, oneshot::Receiver<()>) {
        let (held, dropped) = oneshot::channel::<()>();
        let parts = stream::iter([1, 2, 3]).map(move |part| {
            let _held = &held;
            Ok(part)
        });
        (parts.boxed(), dropped)
    }

    #[tokio::test]
    async fn what_a_reader_leaves_is_dropped_and_what_it_reads_after_is_an_error() {
        let (parts, dropped) = three();
        let mut parts = unless_slow(SLOW, "too slow", parts);
        assert_eq!(parts.next().await.unwrap().unwrap(), 1);
        // The reader is still there, and does nothing.
        timeout(NEVER, dropped).await.unwrap().unwrap_err();
        let cut = parts.next().await.unwrap().unwrap_err();
        assert_eq!(cut.code(), tonic::Code::ResourceExhausted);
        assert_eq!(cut.message(), "too slow");
        assert!(parts.next().await.is_none());
    }

    /// One who takes a little at a time would keep its place for ever.
    #[tokio::test]
    async fn a_reader_who_takes_too_long_for_the_whole_is_cut_though_no_part_waits() {
        let endless = stream::repeat(()).map(Ok).boxed();
        let mut parts = unless_slow_or_long((NEVER, SLOW), "too slow", endless);
        let cut = async {
            loop {
                if let Err(cut) = parts.next().await.unwrap() {
                    return cut;
                }
                tokio::task::yield_now().await;
            }
        };
        let cut = timeout(NEVER, cut).await.unwrap();
        assert_eq!(cut.code(), tonic::Code::ResourceExhausted);
    }

    #[tokio::test]
    async fn a_whole_answer_ends_as_one_and_lets_go_at_its_end() {
        let (parts, dropped) = three();
        let mut parts = unless_slow(NEVER, "too slow", parts);
        for part in 1..=3 {
            assert_eq!(parts.next().await.unwrap().unwrap(), part);
        }
        assert!(parts.next().await.is_none());
        // Not only when the call is gone.
        timeout(NEVER, dropped).await.unwrap().unwrap_err();
        assert!(parts.next().await.is_none());
    }

    /// Whoever waits for a part that is not there yet is not slow, however long it takes.
    #[tokio::test]
    async fn a_reader_who_waits_is_not_cut() {
        let (sender, parts) = mpsc::channel(1);
        let parts = tokio_stream::wrappers::ReceiverStream::new(parts);
        let mut parts = unless_slow(SLOW, "too slow", parts.boxed());
        let late = async {
            tokio::time::sleep(4 * SLOW).await;
            sender.send(Ok(1)).await.unwrap();
        };
        let (read, ()) = tokio::join!(parts.next(), late);
        assert_eq!(read.unwrap().unwrap(), 1);
    }
}
