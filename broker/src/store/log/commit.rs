//! One commit: entries, sync, frame, sync, hashes, checkpoint, in this order.

use audit::bundle;

use super::frame::{Frame, sha256};
use super::hashes::Levels;
use super::*;

/// A batch that is ready to be written.
#[derive(Debug)]
pub(super) struct Commit {
    /// The tip once it is committed.
    pub(super) tip: Tip,
    /// Offsets of the bundles that begin in it.
    pub(super) bundles: Vec<u64>,
    bytes: Vec<u8>,
    frame: Vec<u8>,
    hashes: Levels,
}

impl Commit {
    /// Computes what `entries` come to after `before`; nothing is written.
    pub(super) fn prepare(before: &Tip, entries: &[Vec<u8>]) -> Result<Self, LogError> {
        let mut tip = before.clone();
        let (mut bytes, mut bundles, mut hashes) = (Vec::new(), Vec::new(), Levels::default());
        for entry in entries {
            let offset = before.bytes.saturating_add(bytes.len() as u64);
            bundle::append(&mut bytes, entry)?;
            if tip.frontier.size().is_multiple_of(BUNDLE) {
                bundles.push(offset);
            }
            hashes.add_leaf(&mut tip.frontier, entry);
        }
        tip.bytes = before.bytes.saturating_add(bytes.len() as u64);
        tip.frames = before.frames.saturating_add(1);
        let frame = Frame {
            size: tip.frontier.size(),
            bytes: tip.bytes,
            batch: sha256(&[&bytes]),
            root: tip.frontier.root(),
        };
        let (frame, seal) = frame.seal(&before.seal);
        tip.seal = seal;
        Ok(Self {
            tip,
            bundles,
            bytes,
            frame,
            hashes,
        })
    }

    /// Makes the batch durable and gives the checkpoint over it, durable too.
    pub(super) fn write(
        &self,
        disk: &dyn Disk,
        signer: &Signer,
        before: &Tip,
    ) -> Result<CheckpointNote, LogError> {
        if let Err(source) = disk.append(&ENTRIES, &self.bytes) {
            cut(disk, &ENTRIES, before.bytes)?;
            return Err(LogError::write(&ENTRIES, source));
        }
        sync(disk, &ENTRIES)?;
        if let Err(source) = disk.append(&FRAMES, &self.frame) {
            // The frame may be there in full: it MUST be durably gone before the entries go, and
            // before anyone is told that nothing happened.
            let frames = before.frames.saturating_mul(Frame::BYTES as u64);
            cut(disk, &FRAMES, frames)?;
            cut(disk, &ENTRIES, before.bytes)?;
            return Err(LogError::write(&FRAMES, source));
        }
        sync(disk, &FRAMES)?;
        // Committed. What fails from here on cannot be undone, and is mended by the next start.
        self.hashes.append(disk)?;
        sign(disk, signer, &self.tip.frontier)
    }
}

/// Signs the tree head and makes the checkpoint durable. The frontier MUST be committed.
pub(super) fn sign(
    disk: &dyn Disk,
    signer: &Signer,
    frontier: &Frontier,
) -> Result<CheckpointNote, LogError> {
    let origin = signer.verifier_key().name().clone();
    let head = TreeHead::new(origin, frontier.size(), frontier.root());
    let failed = |e: CheckpointError| LogError::sync(&CHECKPOINT, io::Error::other(e));
    let note = head.and_then(|head| head.sign(signer)).map_err(failed)?;
    disk.write_durable(&CHECKPOINT, note.to_string().as_bytes())
        .map_err(|source| LogError::sync(&CHECKPOINT, source))?;
    Ok(note)
}

/// Cuts a file to what is committed, durably. A tail that stays would end up under the next commit.
pub(super) fn cut(disk: &dyn Disk, file: &FileName, length: u64) -> Result<(), LogError> {
    let found = disk.length(file);
    match found.map_err(|source| LogError::sync(file, source))? {
        Some(found) if found != length => {
            let cut = disk.truncate(file, length);
            cut.map_err(|source| LogError::sync(file, source))?;
            sync(disk, file)
        }
        _ => Ok(()),
    }
}

fn sync(disk: &dyn Disk, file: &FileName) -> Result<(), LogError> {
    let synced = disk.sync_data(file);
    synced.map_err(|source| LogError::sync(file, source))
}
