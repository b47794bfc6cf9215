//! How every page is read and answered.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use crate::limits::WEB_READS_MAX;
use crate::store::log::LogError;

/// Reads in work, so that a crowd cannot take the threads of releases.
static READS: Semaphore = Semaphore::const_new(WEB_READS_MAX);

/// Runs a read beside the async threads: it waits for the disk, and for a writer that syncs. Its place is its own until
/// it ends, whether or not the reader is still there.
pub(super) async fn beside<T: Send + 'static>(
    read: impl FnOnce() -> T + Send + 'static,
) -> Result<T, StatusCode> {
    let place = READS.acquire().await;
    let place = place.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let read = move || {
        let done = read();
        drop(place);
        done
    };
    let done = tokio::task::spawn_blocking(read).await;
    done.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}

/// Answers with what was read; `None` is not there.
pub(super) async fn answer<T, H>(
    read: impl FnOnce() -> Result<Option<T>, LogError> + Send + 'static,
    headers: H,
) -> Response
where
    T: Send + 'static,
    (H, T): IntoResponse,
{
    match beside(read).await {
        Ok(Ok(Some(body))) => (headers, body).into_response(),
        Ok(Ok(None)) => StatusCode::NOT_FOUND.into_response(),
        Ok(Err(error)) => {
            tracing::error!(%error, "the log cannot be read");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Err(status) => status.into_response(),
    }
}
