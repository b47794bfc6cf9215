//! Live reload: files that change, or an operator who asks, give a new snapshot of trust; a set that
//! does not hold together is refused and the last good one stays. No call in work is dropped.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::trust::{Trust, TrustError, TrustFiles};

/// What the file system says about each file; a change of any makes a new set.
type Stamp = Vec<Option<(SystemTime, u64, u64)>>;
type Asked = oneshot::Sender<Result<(), ReloadError>>;

/// Asks for a reload, as SIGHUP does.
#[derive(Debug, Clone)]
pub struct Reload(mpsc::Sender<Asked>);

/// Why the last good set of files is still in force.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The new one is bad.
    #[error(transparent)]
    Refused(#[from] TrustError),
    /// The broker is ending.
    #[error("the broker is ending")]
    Ending,
}

impl Reload {
    /// Reads all files again, changed or not. New connections MUST meet the new set when this
    /// returns, and open ones at their next byte.
    ///
    /// # Errors
    /// [`ReloadError::Refused`]: the set before stays in force.
    pub async fn now(&self) -> Result<(), ReloadError> {
        let (answer, answered) = oneshot::channel();
        let sent = self.0.send(answer).await;
        sent.map_err(|_| ReloadError::Ending)?;
        answered.await.map_err(|_| ReloadError::Ending)?
    }
}

/// Loads the files, and again every time they have changed, until `stop`. MUST be called inside a
/// tokio runtime.
///
/// # Errors
/// [`TrustError`] where the first set does not hold.
pub fn keep(
    files: TrustFiles,
    every: Duration,
    stop: CancellationToken,
) -> Result<(watch::Receiver<Arc<Trust>>, Reload), TrustError> {
    let seen = stamp(&files);
    let (current, trust) = watch::channel(Arc::new(Trust::load(&files)?));
    let (ask, asked) = mpsc::channel(1);
    let keeper = Keeper {
        files,
        seen,
        current,
    };
    tokio::spawn(keeper.run(every, asked, stop));
    Ok((trust, Reload(ask)))
}

struct Keeper {
    files: TrustFiles,
    seen: Stamp,
    current: watch::Sender<Arc<Trust>>,
}

impl Keeper {
    async fn run(
        mut self,
        every: Duration,
        mut asked: mpsc::Receiver<Asked>,
        stop: CancellationToken,
    ) {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(answer) = asked.recv() => drop(answer.send(self.load())),
                _ = ticks.tick() => {
                    if stamp(&self.files) != self.seen {
                        drop(self.load());
                    }
                }
            }
        }
    }

    fn load(&mut self) -> Result<(), ReloadError> {
        // Before reading: what changes meanwhile is then seen as changed at the next look.
        self.seen = stamp(&self.files);
        match Trust::load(&self.files) {
            Ok(trust) => {
                self.current.send_replace(Arc::new(trust));
                tracing::info!("certificates, revocation lists and token keys are loaded anew");
                Ok(())
            }
            Err(cause) => {
                tracing::error!(%cause, "the new certificates and keys are refused: those before stay in force");
                Err(cause.into())
            }
        }
    }
}

fn stamp(files: &TrustFiles) -> Stamp {
    let of = |path: &PathBuf| {
        let about = std::fs::metadata(path).ok()?;
        Some((about.modified().ok()?, about.len(), about.ino()))
    };
    files.paths().map(of).collect()
}

#[cfg(test)]
mod tests;
