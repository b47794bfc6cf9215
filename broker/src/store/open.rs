//! Opening the store: the log is checked, the state recovered, or the start refused.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use audit::note::Signer;
use jiff::Timestamp;
use policies::entry::{Entry, EntryError};
use policies::state::{ApplyError, State};

use super::blobs::{BlobError, Blobs};
use super::disk::{Disk, DiskError, OsDisk};
use super::index::{Index, IndexError};
use super::log::{Log, LogError};
use crate::limits::CLOCK_JUMP_MAX;

#[cfg(test)]
mod tests;

/// Where the store lies and what signs its checkpoints.
#[derive(Debug)]
pub struct StoreConfig {
    /// The state directory; the index lies in `index`, beside log and blobs.
    pub directory: PathBuf,
    /// The log's key; its name is the log's origin.
    pub signer: Signer,
}

/// Everything the broker keeps, in agreement with itself.
#[derive(Debug)]
pub struct Store {
    /// The truth.
    pub log: Log,
    /// What the log implies.
    pub state: State,
    /// The state's records, up to date.
    pub index: Index,
    /// The payloads that entries name.
    pub blobs: Blobs,
}

/// How the state was come by.
#[derive(Debug)]
pub struct Recovered {
    /// What the whole log implies.
    pub state: State,
    /// Was the index emptied or missing, so that the replay began with the first entry?
    pub rebuilt: bool,
    /// Entries replayed.
    pub replayed: u64,
}

/// Why the broker cannot start on this store. Says which file and what to do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The state directory.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The blobs.
    #[error(transparent)]
    Blobs(#[from] BlobError),
    /// The index.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A payload that the log names is gone.
    #[error("{0}; the log names it. `weir audit fsck` names every file that is missing or altered")]
    PayloadLost(#[source] BlobError),
    /// There are blobs and no log: a new log would deny the old one.
    #[error(
        "`log/checkpoint` is missing and `blobs` is not empty: a log was here; restore the whole \
         state directory from one backup, or start with an empty one"
    )]
    LogLost,
    /// An entry of another version.
    #[error("entry {index} of `log/entries`: {source}")]
    Entry {
        /// Its index.
        index: u64,
        /// Why it cannot be read.
        source: EntryError,
    },
    /// An entry that breaks the rules of the entries before it.
    #[error("entry {index} of `log/entries` does not follow from those before it: {source}")]
    Apply {
        /// Its index.
        index: u64,
        /// The rule.
        source: ApplyError,
    },
    /// The log is ahead of this machine's clock.
    #[error(
        "entry {index} of `log/entries` is of {time}, and this machine's clock says {now}: set the \
         clock right, then start again; if the log was written under a wrong clock, wait until \
         {time}, or restore a backup from before"
    )]
    AheadOfClock {
        /// The newest entry.
        index: u64,
        /// Its time.
        time: Timestamp,
        /// The clock's.
        now: Timestamp,
    },
    /// A value that cannot be written to the index.
    #[error("the state cannot be written as records: {0}")]
    Records(#[from] policies::state::RecordError),
}

impl Store {
    /// Opens the state directory, or begins one, and brings the state to the log's end.
    ///
    /// # Errors
    /// [`StoreError`]; nothing committed has been touched then.
    pub fn open(config: StoreConfig) -> Result<Self, StoreError> {
        let StoreConfig { directory, signer } = config;
        let disk = Arc::new(OsDisk::open(&directory)?);
        Self::open_on(disk, &directory.join("index"), signer)
    }

    /// The same with log and blobs on `disk`, which may be a simulated one, and the index in
    /// `index`.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_on(disk: Arc<dyn Disk>, index: &Path, signer: Signer) -> Result<Self, StoreError> {
        let blobs = Blobs::open(Arc::clone(&disk))?;
        if !Log::is_begun(disk.as_ref())? && !blobs.list()?.is_empty() {
            return Err(StoreError::LogLost);
        }
        let log = Log::open(disk, signer)?;
        let mut index = Index::open(index)?;
        let Recovered {
            state,
            rebuilt,
            replayed,
        } = recover(&log, &mut index)?;
        tracing::info!(size = log.size(), rebuilt, replayed, "store open");
        Ok(Self {
            log,
            state,
            index,
            blobs,
        })
    }
}

impl Store {
    /// May a broker decide on this log at `now`? Time in a log never goes back, so under a clock that
    /// is behind it would stand still: nothing would run out and nothing be deleted.
    ///
    /// # Errors
    /// [`StoreError::AheadOfClock`] where the newest entry is more than [`CLOCK_JUMP_MAX`] ahead.
    pub fn check_clock(&self, now: Timestamp) -> Result<(), StoreError> {
        match self.state.time() {
            Some(time) if time.duration_since(now) > CLOCK_JUMP_MAX => {
                let index = self.log.size().saturating_sub(1);
                Err(StoreError::AheadOfClock { index, time, now })
            }
            _ => Ok(()),
        }
    }
}

impl Store {
    /// Is every payload there that the log names and has not erased? Only whether: what a file holds is checked
    /// against its name by whoever reads it, and by `weir audit fsck`. A start that read every payload would take
    /// as long as the store is large.
    ///
    /// # Errors
    /// [`StoreError::PayloadLost`] names the first file that is not.
    pub fn check_payloads(&self) -> Result<(), StoreError> {
        let there = self.blobs.check_there(&self.state.blobs());
        there.map_err(|error| match error {
            lost @ BlobError::Missing { .. } => StoreError::PayloadLost(lost),
            other => other.into(),
        })
    }
}

/// The state at the log's end, by way of the index where it can be used; the index follows.
///
/// # Errors
/// [`StoreError`]: an entry of another version, entries that do not follow, or an index that can be
/// neither used nor emptied.
pub fn recover(log: &Log, index: &mut Index) -> Result<Recovered, StoreError> {
    if let Some(indexed) = index.load()? {
        match resume(log, index, indexed) {
            Ok(Some(recovered)) => return Ok(recovered),
            Ok(None) => tracing::warn!("the index is ahead of the log or another's: rebuilt"),
            // An index that passed every check and yet does not fit is still only an index.
            Err(error) => tracing::warn!(%error, "the index does not fit the log: rebuilt"),
        }
        index.wipe()?;
    }
    let mut state = State::new();
    replay(log, &mut state, index)?;
    Ok(Recovered {
        replayed: state.size(),
        rebuilt: state.size() > 0,
        state,
    })
}

/// Replays what the index has not seen; `None` when it is not an index of this log.
fn resume(log: &Log, index: &Index, mut state: State) -> Result<Option<Recovered>, StoreError> {
    let seen = state.size();
    let Some(last) = seen.checked_sub(1).filter(|_| seen <= log.size()) else {
        return Ok(None);
    };
    if !index.follows_from(&log.entry(last)?) {
        return Ok(None);
    }
    replay(log, &mut state, index)?;
    Ok(Some(Recovered {
        replayed: state.size() - seen,
        rebuilt: false,
        state,
    }))
}

fn replay(log: &Log, state: &mut State, index: &Index) -> Result<(), StoreError> {
    while state.size() < log.size() {
        let start = state.size();
        let end = log
            .size()
            .min(start.saturating_add(crate::limits::REPLAY_ENTRIES));
        let (mut touched, entries) = (Vec::new(), log.entries(start..end)?);
        for (at, bytes) in (start..end).zip(&entries) {
            let applied = state.apply(&read(bytes, at)?);
            touched.extend(applied.map_err(|source| StoreError::Apply { index: at, source })?);
        }
        let last = entries.last().map(Vec::as_slice).unwrap_or_default();
        index.write(&state.records(&touched)?, last)?;
    }
    Ok(())
}

fn read(bytes: &[u8], index: u64) -> Result<Entry, StoreError> {
    Entry::from_bytes(bytes).map_err(|source| StoreError::Entry { index, source })
}
