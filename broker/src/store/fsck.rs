//! Log, index and blobs against each other, without writing a byte: what would a start say, and is
//! every payload that the log names there?

use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use audit::bundle::Entries;
use audit::checkpoint::LogKey;
use audit::tree::{TreeHash, leaf_hash};
use policies::entry::Entry;
use policies::state::State;

use super::blobs::Blobs;
use super::disk::{Disk, DiskError, OsDisk};
use super::index::Index;
use super::log::Sound;

#[cfg(test)]
mod tests;

/// What a check of a state directory came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Entries committed.
    pub entries: u64,
    /// Payloads that the entries name.
    pub blobs: u64,
    /// What the next start mends by itself.
    pub mended_at_start: Vec<String>,
    /// What nobody can mend: each names its file and what to do.
    pub damage: Vec<String>,
}

/// Why there is nothing to check.
#[derive(Debug, thiserror::Error)]
pub enum FsckError {
    /// No log was begun there.
    #[error("`{0}` is no state directory: it has no `log/checkpoint`")]
    NoLog(String),
    /// A broker runs on it, or the system refuses.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl Report {
    /// Would a broker start on it, with nothing lost?
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.damage.is_empty()
    }

    fn damaged(&mut self, what: impl Display) {
        self.damage.push(what.to_string());
    }

    fn mended(&mut self, what: impl Display) {
        self.mended_at_start.push(what.to_string());
    }
}

/// Checks a state directory that no broker has open. `key` is the log's.
///
/// # Errors
/// [`FsckError`]; what is found wrong is in the report.
pub fn fsck(directory: &Path, key: &LogKey) -> Result<Report, FsckError> {
    // Opening would make what is missing.
    if !directory.join("log/checkpoint").is_file() && !directory.join("log/entries").is_file() {
        return Err(FsckError::NoLog(directory.display().to_string()));
    }
    let disk: Arc<dyn Disk> = Arc::new(OsDisk::open(directory)?);
    let mut report = Report::default();
    let index = indexed(&directory.join("index"), &mut report);
    check(&disk, key, index, &mut report);
    Ok(report)
}

/// What an index holds.
#[derive(Debug, Clone)]
pub(super) struct Indexed {
    state: State,
    /// The leaf hash of the last entry that it follows from.
    last: Option<TreeHash>,
}

/// The same on any disk, with what the index holds.
pub(super) fn check(
    disk: &Arc<dyn Disk>,
    key: &LogKey,
    index: Option<Indexed>,
    report: &mut Report,
) {
    let sound = match super::log::inspect(disk, key) {
        Ok(sound) => sound,
        Err(error) => return report.damaged(error),
    };
    let Sound {
        entries,
        size,
        mended,
    } = sound;
    report.entries = size;
    for file in mended {
        report.mended(format!(
            "`{file}` has a tail that was never committed, or lacks hashes"
        ));
    }
    let state = replay(&entries, index, report);
    report.blobs = state.blobs().len() as u64;
    payloads(&Blobs::unopened(Arc::clone(disk)), &state, report);
}

/// Replays all entries, and compares with the index on the way.
fn replay(entries: &[u8], index: Option<Indexed>, report: &mut Report) -> State {
    let mut state = State::new();
    let mut unseen = index;
    for (at, bytes) in Entries::new(entries).map_while(Result::ok).enumerate() {
        let applied = Entry::from_bytes(bytes)
            .map_err(|e| e.to_string())
            .and_then(|entry| state.apply(&entry).map_err(|e| e.to_string()));
        if let Err(why) = applied {
            report.damaged(format!(
                "entry {at} of `log/entries`: {why}; run the `weir` that wrote it"
            ));
            return state;
        }
        if let Some(seen) = unseen.take_if(|seen| seen.state.size() == state.size()) {
            if seen.last != Some(leaf_hash(bytes)) {
                report.mended("`index` follows from another log: rebuilt");
            } else if seen.state != state {
                report.damaged(
                    "`index` says something else than the log: remove the directory, it is rebuilt",
                );
            }
        }
    }
    if let Some(ahead) = unseen.filter(|seen| seen.state.size() > 0) {
        let size = ahead.state.size();
        report.mended(format!(
            "`index` knows {size} entries, more than the log: rebuilt"
        ));
    }
    state
}

/// Every payload is there and is what its entry commits to; what no entry names is told.
fn payloads(blobs: &Blobs, state: &State, report: &mut Report) {
    let named = state.blobs();
    for id in &named {
        if let Err(error) = blobs.check(id) {
            report.damaged(error);
        }
    }
    match blobs.list() {
        Err(error) => report.damaged(error),
        Ok(all) => {
            let gone: BTreeSet<_> = state.deleted_since(0).map(|(_, id)| id).collect();
            let (deleted, rest): (Vec<_>, Vec<_>) = all.iter().partition(|id| gone.contains(*id));
            if !deleted.is_empty() {
                report.mended(format!(
                    "{} payloads in `blobs` and `salts` are deleted by the log: a crash or a backup left \
                     them, the start erases them",
                    deleted.len()
                ));
            }
            let unnamed = rest.iter().filter(|id| !named.contains(*id)).count();
            if unnamed > 0 {
                report.mended(format!(
                    "{unnamed} payloads in `blobs` and `salts` are named by no entry: a crash left \
                     them, the start erases them"
                ));
            }
        }
    }
}

/// The index's state, from a copy: `sled` writes where it only reads, and an unreadable index is
/// emptied by whoever opens it.
fn indexed(directory: &Path, report: &mut Report) -> Option<Indexed> {
    if !directory.is_dir() {
        report.mended("`index` is missing: rebuilt");
        return None;
    }
    let loaded = tempfile::tempdir()
        .map_err(|e| e.to_string())
        .and_then(|copy| {
            for file in std::fs::read_dir(directory).map_err(|e| e.to_string())? {
                let file = file.map_err(|e| e.to_string())?;
                if file.path().is_file() {
                    let copied = std::fs::copy(file.path(), copy.path().join(file.file_name()));
                    copied.map_err(|e| e.to_string())?;
                }
            }
            let mut index = Index::open(copy.path()).map_err(|e| e.to_string())?;
            let state = index.load().map_err(|e| e.to_string())?;
            Ok(state.map(|state| Indexed {
                state,
                last: index.last(),
            }))
        });
    match loaded {
        Ok(Some(indexed)) => Some(indexed),
        Ok(None) => {
            report.mended("`index` is empty or unreadable: rebuilt");
            None
        }
        Err(why) => {
            report.mended(format!("`index` cannot be read ({why}): rebuilt"));
            None
        }
    }
}
