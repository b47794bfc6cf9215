//! The log: entries, the frames that commit them, tile hashes, and the signed checkpoint.
//!
//! | file | holds | when lost |
//! | --- | --- | --- |
//! | `log/entries` | entries behind their lengths: tlog-tiles bundles, concatenated | refused |
//! | `log/frames` | one fixed-size frame for each commit | refused |
//! | `log/checkpoint` | the newest signed tree head, durable before anyone sees it | refused |
//! | `log/h0`, `log/h1`, … | hashes of tile level 0, 1, …, one file each | rebuilt at open |
//! | `log/cosigned` | the newest tree head that a quorum of witnesses cosigned, for auditors | made anew |
//!
//! A commit appends the entries, syncs, appends the frame, syncs: that is the commit point. Then it
//! writes the hashes and makes the checkpoint durable. What has no frame was never said to exist
//! and is cut at open; what has one but no checkpoint yet is kept and gets its checkpoint at open.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use audit::bundle::BUNDLE_ENTRIES;
use audit::checkpoint::{Checkpoint, CheckpointError, CheckpointNote, LogKey, TreeHead};
use audit::note::Signer;
use audit::receipt::Receipt;
use audit::tree::{Frontier, TreeHash, consistency_proof, inclusion_proof, leaf_hash};

use super::disk::{Disk, FileName};

mod commit;
mod error;
mod frame;
mod hashes;
mod inspect;
mod recover;
#[cfg(test)]
mod tests;
mod tiles;

pub use error::LogError;
pub use inspect::{Sound, inspect};

use hashes::Hashes;

static ENTRIES: FileName = FileName::fixed("log/entries");
static FRAMES: FileName = FileName::fixed("log/frames");
static CHECKPOINT: FileName = FileName::fixed("log/checkpoint");
static COSIGNED: FileName = FileName::fixed("log/cosigned");

/// Entries of a bundle, as an index counts.
const BUNDLE: u64 = BUNDLE_ENTRIES as u64;

/// An open log. It has one writer, and shows only what is under a durable checkpoint.
#[derive(Debug)]
pub struct Log {
    disk: Arc<dyn Disk>,
    signer: Signer,
    key: LogKey,
    tip: Tip,
    /// Byte offset in `log/entries` of every 256th entry.
    bundles: Vec<u64>,
    checkpoint: CheckpointNote,
    /// A commit's outcome is not known: nothing may be appended in this process.
    stopped: bool,
}

/// What is committed.
#[derive(Debug, Clone)]
struct Tip {
    frontier: Frontier,
    /// Bytes of `log/entries`.
    bytes: u64,
    /// Frames of `log/frames`.
    frames: u64,
    /// Seal of the last frame; the next one's is made over it.
    seal: [u8; 32],
}

/// What an append came to: the entries are durable, and so is a checkpoint that covers them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Index of the first entry appended.
    pub first: u64,
    /// Entries in the log now.
    pub size: u64,
}

impl Log {
    /// Opens the log on `disk`, or begins one where there is none, under the signer's key, whose
    /// name is the log's origin.
    ///
    /// Every committed byte is read and checked. A tail that was never committed is cut, derived
    /// hashes are rebuilt, and a checkpoint that a crash left behind the commits is signed anew.
    ///
    /// # Errors
    /// [`LogError::Damaged`] and [`LogError::Foreign`] name the file and what to do: then nothing
    /// committed has been touched, and the broker MUST NOT start. Else what the disk refuses.
    pub fn open(disk: Arc<dyn Disk>, signer: Signer) -> Result<Self, LogError> {
        let key = LogKey::new(signer.verifier_key().clone());
        let recovered = recover::recover(disk.as_ref(), &key)?;
        let (tip, bundles) = (recovered.tip, recovered.bundles);
        let checkpoint = match recovered.checkpoint.as_ref().map(Checkpoint::signed) {
            Some(note) if note.claimed().size() == tip.frontier.size() => note.clone(),
            behind => {
                let (from, size) = (behind.map(|n| n.claimed().size()), tip.frontier.size());
                tracing::info!(from, size, "the checkpoint is signed anew");
                commit::sign(disk.as_ref(), &signer, &tip.frontier)?
            }
        };
        Ok(Self {
            disk,
            signer,
            key,
            tip,
            bundles,
            checkpoint,
            stopped: false,
        })
    }

    /// Has a log been begun on `disk`?
    ///
    /// # Errors
    /// [`LogError::Read`].
    pub fn is_begun(disk: &dyn Disk) -> Result<bool, LogError> {
        let found = disk.exists(&CHECKPOINT);
        found.map_err(|source| LogError::read(&CHECKPOINT, source))
    }

    /// Appends entries, all or none. On `Ok` they are durable and the checkpoint covers them.
    ///
    /// # Errors
    /// [`LogError::Write`] and [`LogError::Entry`]: nothing has happened, and a later append may
    /// succeed. [`LogError::Sync`]: it is not known whether the entries will be there after the
    /// next start; nothing was shown, every later append fails, and the caller MUST end the
    /// process.
    pub fn append(&mut self, entries: &[Vec<u8>]) -> Result<Committed, LogError> {
        let first = self.size();
        if self.stopped {
            return Err(LogError::stopped());
        }
        if !entries.is_empty() {
            let commit = commit::Commit::prepare(&self.tip, entries)?;
            let written = commit.write(self.disk.as_ref(), &self.signer, &self.tip);
            self.stopped = matches!(written, Err(LogError::Sync { .. }));
            self.checkpoint = written?;
            self.bundles.extend(&commit.bundles);
            self.tip = commit.tip;
        }
        let size = self.size();
        Ok(Committed { first, size })
    }

    /// Where it lies.
    pub(crate) fn disk(&self) -> Arc<dyn Disk> {
        Arc::clone(&self.disk)
    }

    /// Entries in the log.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.tip.frontier.size()
    }

    /// The root hash over all entries.
    #[must_use]
    pub fn root(&self) -> TreeHash {
        self.tip.frontier.root()
    }

    /// The key that checkpoints are verified with; its name is the log's origin.
    #[must_use]
    pub const fn key(&self) -> &LogKey {
        &self.key
    }

    /// The newest checkpoint, which covers every entry; its `Display` is the note's text.
    #[must_use]
    pub const fn checkpoint(&self) -> &CheckpointNote {
        &self.checkpoint
    }

    /// The entry at `index`.
    ///
    /// # Errors
    /// [`LogError::NoEntry`], or why it could not be read.
    pub fn entry(&self, index: u64) -> Result<Vec<u8>, LogError> {
        let end = index.saturating_add(1);
        let entry = self.entries(index..end)?.pop();
        entry.ok_or_else(|| self.no_entry(index))
    }

    /// The entries of a range, in order. They are all held in memory: the caller bounds the range.
    ///
    /// # Errors
    /// [`LogError::NoEntry`] where the range ends beyond the log, or why it could not be read.
    pub fn entries(&self, range: Range<u64>) -> Result<Vec<Vec<u8>>, LogError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        if range.end > self.size() {
            return Err(self.no_entry(range.end.saturating_sub(1)));
        }
        let mut entries = Vec::new();
        for bundle in range.start / BUNDLE..=(range.end - 1) / BUNDLE {
            let first = bundle * BUNDLE;
            let inside = |at: &usize| range.contains(&(first + *at as u64));
            let bytes = self.bundle(bundle)?;
            let width = usize::try_from((self.size() - first).min(BUNDLE)).unwrap_or(0);
            let all = audit::bundle::read(&bytes, width)
                .map_err(|e| LogError::damaged(&ENTRIES, format!("bundle {bundle}: {e}")))?;
            let wanted = all.into_iter().enumerate().filter(|(at, _)| inside(at));
            entries.extend(wanted.map(|(_, entry)| entry.to_vec()));
        }
        Ok(entries)
    }

    /// The entry at `index` with the proof that it is under the newest checkpoint.
    ///
    /// # Errors
    /// [`LogError::NoEntry`], or why entry or hashes could not be read.
    pub fn receipt(&self, index: u64) -> Result<Receipt, LogError> {
        self.receipt_under(index, &self.checkpoint)
    }

    /// The entry at `index` with the proof that it is under `head`, one of this log's checkpoints.
    ///
    /// # Errors
    /// [`LogError::NoEntry`] where the entry is not under it, or why entry or hashes could not be
    /// read.
    pub fn receipt_under(&self, index: u64, head: &CheckpointNote) -> Result<Receipt, LogError> {
        let (size, root) = (head.claimed().size(), head.claimed().root());
        if index >= size || size > self.size() {
            return Err(LogError::NoEntry { index, size });
        }
        let entry = self.entry(index)?;
        let proof = inclusion_proof(&self.hashes(), index, size);
        let proof = proof.map_err(|e| hashes::proof_error(&e))?;
        let receipt = Receipt::new(index, entry, proof, head.clone());
        let receipt = receipt.map_err(|e| LogError::damaged(&ENTRIES, e))?;
        // Bytes that changed under a running broker must not leave it as a proof that fails
        // elsewhere.
        let leaf = leaf_hash(receipt.entry());
        audit::tree::verify_inclusion(&leaf, index, size, receipt.proof(), root)
            .map_err(|e| LogError::damaged(&ENTRIES, format!("entry {index}: {e}")))?;
        Ok(receipt)
    }

    /// The proof that the tree of the first `new` entries continues that of the first `old`.
    ///
    /// # Errors
    /// [`LogError::NoEntry`] where `new` is over the log's size or `old` over `new`.
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<TreeHash>, LogError> {
        if new > self.size() || old > new {
            return Err(self.no_entry(new.max(old).saturating_sub(1)));
        }
        consistency_proof(&self.hashes(), old, new).map_err(|e| hashes::proof_error(&e))
    }

    fn hashes(&self) -> Hashes<'_> {
        Hashes(self.disk.as_ref())
    }

    fn bundle(&self, bundle: u64) -> Result<Vec<u8>, LogError> {
        let at = usize::try_from(bundle).unwrap_or(usize::MAX);
        let start = self.bundles.get(at).copied();
        let start = start.ok_or_else(|| self.no_entry(bundle.saturating_mul(BUNDLE)))?;
        let next = self.bundles.get(at.saturating_add(1)).copied();
        let range = start..next.unwrap_or(self.tip.bytes);
        let bytes = self.disk.read(&ENTRIES, range);
        bytes.map_err(|source| LogError::read(&ENTRIES, source))
    }

    fn no_entry(&self, index: u64) -> LogError {
        let size = self.size();
        LogError::NoEntry { index, size }
    }
}

/// Replaces the tree head that auditors find beside the log. Two calls MUST NOT run at one time.
///
/// # Errors
/// The disk's.
pub(crate) fn keep_cosigned(disk: &dyn Disk, note: &CheckpointNote) -> io::Result<()> {
    disk.write_durable(&COSIGNED, note.to_string().as_bytes())
}

/// That tree head, where there is one that can be read. Nobody has checked it.
pub(crate) fn read_cosigned(disk: &dyn Disk) -> Option<CheckpointNote> {
    let bytes = disk.read_all(&COSIGNED).ok()??;
    std::str::from_utf8(&bytes).ok()?.parse().ok()
}

impl Tip {
    /// The tip of a log without entries.
    fn new(key: &LogKey) -> Self {
        Self {
            frontier: Frontier::default(),
            bytes: 0,
            frames: 0,
            seal: frame::first_seal(key.origin()),
        }
    }
}
