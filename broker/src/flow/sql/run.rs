//! Threads for statements, apart from those that serve calls: an operator may work for long before it lets go.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cells::sql::STACK_BYTES;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::error::Error;
use crate::limits::SQL_AT_ONCE;

static THREADS: Mutex<Option<Runtime>> = Mutex::new(None);

/// Runs it on the threads of statements, for `time` at most; `None` where its time was up.
///
/// # Errors
/// [`Error::Internal`] where there can be no threads.
pub(super) fn apart<F>(time: Duration, work: F) -> Result<JoinHandle<Option<F::Output>>, Error>
where
    F: Future<Output: Send> + Send + 'static,
{
    Ok(threads()?.spawn(async move { timeout(time, work).await.ok() }))
}

fn threads() -> Result<Handle, Error> {
    let mut threads = THREADS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(running) = threads.as_ref() {
        return Ok(running.handle().clone());
    }
    let begun = Builder::new_multi_thread()
        .worker_threads(SQL_AT_ONCE)
        .thread_name("sql")
        .thread_stack_size(STACK_BYTES)
        .enable_time()
        .build()
        .map_err(Error::internal)?;
    Ok(threads.insert(begun).handle().clone())
}
