//! What a witness remembers: one durable file. Check and store are one step.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use audit::checkpoint::{Checkpoint, CheckpointNote, LogKey};
use audit::cosignature::Cosigner;
use audit::note::{NoteSignature, VerifierKey};
use audit::witness::{AddCheckpoint, Refused, add_checkpoint};

use crate::store::disk::{Disk, FileName};

static FILE: FileName = FileName::fixed("witness");

/// The last tree of each log, and the key that says so.
#[derive(Debug)]
pub struct Book {
    disk: Arc<dyn Disk>,
    logs: Vec<LogKey>,
    cosigner: Cosigner,
    /// By origin. `None` after a write whose outcome is not known: nothing may be cosigned then.
    latest: Mutex<Option<BTreeMap<String, CheckpointNote>>>,
}

/// Why a checkpoint is not cosigned, or the book cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BookError {
    /// The request is refused.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The file is not what a witness writes, or not about these logs.
    #[error(
        "`witness` in the state directory is damaged: {what}; a witness that forgot what it saw \
         must not go on under its key: restore the file, or begin with a new key"
    )]
    Damaged {
        /// What is wrong with it.
        what: String,
    },
    /// There is no file.
    #[error(
        "`witness` is not in the state directory: a witness that forgot what it saw must not go on \
         under its key: restore the file, or begin with a new key (`weir witness new`)"
    )]
    Forgotten,
    /// A book is begun once.
    #[error("`witness` is in the state directory already")]
    Begun,
    /// The file could not be read or made durable.
    #[error("`witness` in the state directory: {source}; start the witness again")]
    Io {
        /// The system's error.
        source: std::io::Error,
    },
    /// An earlier write failed.
    #[error("an earlier write failed: start the witness again")]
    Stopped,
    /// The library could not sign.
    #[error(transparent)]
    Sign(#[from] audit::note::SignError),
}

impl Book {
    /// Begins the book of a new key, which has seen nothing.
    ///
    /// # Errors
    /// [`BookError::Begun`] or [`BookError::Io`].
    pub fn begin(disk: &dyn Disk) -> Result<(), BookError> {
        let io = |source| BookError::Io { source };
        if disk.read_all(&FILE).map_err(io)?.is_some() {
            return Err(BookError::Begun);
        }
        disk.write_durable(&FILE, b"{}\n").map_err(io)
    }

    /// Opens the book of a witness that watches these logs.
    ///
    /// # Errors
    /// [`BookError::Forgotten`], [`BookError::Damaged`] or [`BookError::Io`].
    pub fn open(
        disk: Arc<dyn Disk>,
        logs: Vec<LogKey>,
        cosigner: Cosigner,
    ) -> Result<Self, BookError> {
        let stored = disk
            .read_all(&FILE)
            .map_err(|source| BookError::Io { source })?;
        let damaged = |e: &dyn std::fmt::Display| BookError::Damaged {
            what: e.to_string(),
        };
        let stored = stored.ok_or(BookError::Forgotten)?;
        let latest: BTreeMap<String, CheckpointNote> =
            serde_json::from_slice(&stored).map_err(|e| damaged(&e))?;
        if let Some((origin, _)) = latest
            .iter()
            .find(|(origin, note)| note.claimed().origin().as_str() != *origin)
        {
            return Err(damaged(&format!(
                "`{origin}` holds another log's checkpoint"
            )));
        }
        for key in &logs {
            if let Some(note) = latest.get(key.origin().as_str()) {
                note.verify(key).map_err(|e| damaged(&e))?;
            }
        }
        Ok(Self {
            disk,
            logs,
            cosigner,
            latest: Mutex::new(Some(latest)),
        })
    }

    /// The key that cosignatures are verified with.
    #[must_use]
    pub fn verifier_key(&self) -> &VerifierKey {
        self.cosigner.verifier_key()
    }

    /// Cosigns a checkpoint at `time` (seconds since 1970) if it continues the last one; it is
    /// durable then. No other request comes between check and store.
    ///
    /// # Errors
    /// [`BookError`]; nothing was cosigned.
    pub fn add(&self, request: &AddCheckpoint, time: u64) -> Result<NoteSignature, BookError> {
        let origin = request.checkpoint.claimed().origin();
        let key = self.logs.iter().find(|key| key.origin() == origin);
        let key = key.ok_or_else(|| Refused::UnknownLog {
            origin: origin.to_string(),
        })?;
        let mut book = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = book.as_ref().ok_or(BookError::Stopped)?;
        let before = latest.get(origin.as_str());
        let before = before.map(|note| note.verify(key)).transpose();
        let before = before.map_err(Refused::Signature)?;
        let new = add_checkpoint(key, before.as_ref(), request)?;
        if before.as_ref().map(head) != Some(head(&new)) {
            let mut next = latest.clone();
            next.insert(origin.to_string(), new.signed().clone());
            if let Err(error) = self.write(&next) {
                // Old or new bytes may be there after a crash: whoever cosigned now could go back.
                *book = None;
                return Err(error);
            }
            *book = Some(next);
        }
        Ok(self.cosigner.cosign(request.checkpoint.claimed(), time)?)
    }

    fn write(&self, latest: &BTreeMap<String, CheckpointNote>) -> Result<(), BookError> {
        let bytes = serde_json::to_vec_pretty(latest).map_err(std::io::Error::other);
        bytes
            .and_then(|bytes| self.disk.write_durable(&FILE, &bytes))
            .map_err(|source| BookError::Io { source })
    }
}

fn head(checkpoint: &Checkpoint) -> (u64, audit::tree::TreeHash) {
    (checkpoint.size(), *checkpoint.root())
}

#[cfg(test)]
mod tests;
