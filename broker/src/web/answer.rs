//! How every page is read and answered.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use crate::limits::WEB_READS_MAX;
use crate::store::log::LogError;

/// Reads in work, so that a crowd cannot take the threads of releases.
static READS: Semaphore = Semaphore::const_new(WEB_READS_MAX);

/// Runs a read beside the async threads: it waits for the disk, and for a writer that syncs. `None` is not there.
pub(super) async fn answer<T, H>(
    read: impl FnOnce() -> Result<Option<T>, LogError> + Send + 'static,
    headers: H,
) -> Response
where
    T: Send + 'static,
    (H, T): IntoResponse,
{
    let Ok(_place) = READS.acquire().await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(Some(body))) => (headers, body).into_response(),
        Ok(Ok(None)) => StatusCode::NOT_FOUND.into_response(),
        Ok(Err(error)) => {
            tracing::error!(%error, "the log cannot be read");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
