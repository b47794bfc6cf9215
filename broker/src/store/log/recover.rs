//! What the files of a log hold, checked byte by byte; what was never committed is cut.

use audit::bundle::Entries;
use audit::note::NoteError;

use super::commit::cut;
use super::frame::{Frame, sha256};
use super::hashes::Rebuild;
use super::*;

/// Frames that are read at one time.
const FRAMES_READ: u64 = 512;

/// A log whose committed bytes are all there.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) tip: Tip,
    pub(super) bundles: Vec<u64>,
    /// The stored checkpoint, verified; it may be behind the tip, never ahead. `None` for a new
    /// log.
    pub(super) checkpoint: Option<Checkpoint>,
}

/// Reads and checks everything, then cuts what was not committed.
pub(super) fn recover(disk: &dyn Disk, key: &LogKey) -> Result<Recovered, LogError> {
    let checkpoint = read_checkpoint(disk, key)?;
    let mut scan = Scan::new(disk, key, checkpoint.as_ref())?;
    scan.run()?;
    let Scan {
        tip,
        bundles,
        mut rebuild,
        entries_length,
        ..
    } = scan;
    let size = tip.frontier.size();
    if let Some(covered) = checkpoint
        .as_ref()
        .map(Checkpoint::size)
        .filter(|n| *n > size)
    {
        let what = format!("the signed checkpoint covers {covered} entries, frames only {size}");
        return Err(LogError::damaged(&FRAMES, what));
    }
    // Nothing is cut before everything is known to be sound.
    if let Some(bytes) = entries_length.checked_sub(tip.bytes).filter(|n| *n > 0) {
        tracing::warn!(
            size,
            bytes,
            "an append was cut off by a crash: its tail is removed"
        );
    }
    cut(
        disk,
        &FRAMES,
        tip.frames.saturating_mul(Frame::BYTES as u64),
    )?;
    cut(disk, &ENTRIES, tip.bytes)?;
    rebuild.finish(disk)?;
    if rebuild.mended {
        tracing::warn!(
            size,
            "stored tile hashes were incomplete: rebuilt from the entries"
        );
    }
    Ok(Recovered {
        tip,
        bundles,
        checkpoint,
    })
}

fn read_checkpoint(disk: &dyn Disk, key: &LogKey) -> Result<Option<Checkpoint>, LogError> {
    let stored = disk
        .read_all(&CHECKPOINT)
        .map_err(|e| LogError::read(&CHECKPOINT, e))?;
    let Some(stored) = stored else {
        // A log begins with a checkpoint over nothing: without one there may be no entries either.
        let held = length(disk, &FRAMES)?.max(length(disk, &ENTRIES)?);
        return match held {
            0 => Ok(None),
            _ => Err(LogError::damaged(
                &CHECKPOINT,
                "it is missing, entries are there",
            )),
        };
    };
    let text = String::from_utf8(stored).map_err(|e| LogError::damaged(&CHECKPOINT, e))?;
    let note: CheckpointNote = text
        .parse()
        .map_err(|e| LogError::damaged(&CHECKPOINT, e))?;
    let verified = note.verify(key).map_err(|error| match error {
        CheckpointError::ForeignLog { .. } | CheckpointError::Note(NoteError::NoKnownKey) => {
            let (file, what) = (CHECKPOINT.clone(), error.to_string());
            LogError::Foreign { file, what }
        }
        error => LogError::damaged(&CHECKPOINT, error),
    })?;
    Ok(Some(verified))
}

fn length(disk: &dyn Disk, file: &FileName) -> Result<u64, LogError> {
    let length = disk.length(file).map_err(|e| LogError::read(file, e))?;
    Ok(length.unwrap_or(0))
}

/// Goes over all frames and the entries they commit.
struct Scan<'a> {
    disk: &'a dyn Disk,
    checkpoint: Option<&'a Checkpoint>,
    frames_length: u64,
    entries_length: u64,
    tip: Tip,
    /// The root that the last frame says.
    root: Option<TreeHash>,
    bundles: Vec<u64>,
    rebuild: Rebuild,
}

impl<'a> Scan<'a> {
    fn new(
        disk: &'a dyn Disk,
        key: &LogKey,
        checkpoint: Option<&'a Checkpoint>,
    ) -> Result<Self, LogError> {
        Ok(Self {
            disk,
            checkpoint,
            frames_length: length(disk, &FRAMES)?,
            entries_length: length(disk, &ENTRIES)?,
            tip: Tip::new(key),
            root: None,
            bundles: Vec::new(),
            rebuild: Rebuild::default(),
        })
    }

    fn run(&mut self) -> Result<(), LogError> {
        const BYTES: u64 = Frame::BYTES as u64;
        let whole = self.frames_length / BYTES;
        let mut next = 0;
        while next < whole {
            let end = whole.min(next + FRAMES_READ);
            let read = self.disk.read(&FRAMES, next * BYTES..end * BYTES);
            let read = read.map_err(|e| LogError::read(&FRAMES, e))?;
            let (frames, _) = read.as_chunks::<{ Frame::BYTES }>();
            for encoded in frames {
                match Frame::read(encoded, &self.tip.seal) {
                    Some((frame, seal)) => self.take(&frame, seal)?,
                    None => return self.check_end(),
                }
            }
            next = end;
        }
        self.check_end()
    }

    fn check_end(&self) -> Result<(), LogError> {
        self.check_torn()?;
        self.check_root()
    }

    /// Every batch has been compared with its frame, so one root over all of them tells whether they are those that
    /// were committed, in their order; one for each frame took longer than all the rest where commits are small.
    fn check_root(&self) -> Result<(), LogError> {
        if self
            .root
            .is_none_or(|root| root == self.tip.frontier.root())
        {
            return Ok(());
        }
        let last = self.tip.frames.saturating_sub(1);
        let what = format!("frame {last} has another root than its entries");
        Err(LogError::damaged(&FRAMES, what))
    }

    /// Frames are synced one by one, so a crash leaves at most the last one torn.
    fn check_torn(&self) -> Result<(), LogError> {
        let taken = self.tip.frames * Frame::BYTES as u64;
        if self.frames_length - taken <= Frame::BYTES as u64 {
            return Ok(());
        }
        let what = format!("frame {} was altered", self.tip.frames);
        Err(LogError::damaged(&FRAMES, what))
    }

    /// Checks one frame against the entries it commits.
    fn take(&mut self, frame: &Frame, seal: [u8; 32]) -> Result<(), LogError> {
        let start = self.tip.bytes;
        if frame.bytes <= start || frame.size <= self.tip.frontier.size() {
            let what = format!("frame {} commits nothing", self.tip.frames);
            return Err(LogError::damaged(&FRAMES, what));
        }
        let altered = |what: String| LogError::damaged(&ENTRIES, what);
        if frame.bytes > self.entries_length {
            let (want, have) = (frame.bytes, self.entries_length);
            return Err(altered(format!(
                "{want} bytes are committed, {have} are there"
            )));
        }
        let bytes = self.disk.read(&ENTRIES, start..frame.bytes);
        let bytes = bytes.map_err(|e| LogError::read(&ENTRIES, e))?;
        if sha256(&[&bytes]) != frame.batch {
            return Err(altered(format!(
                "bytes {start} to {} were altered",
                frame.bytes
            )));
        }
        let mut entries = Entries::new(&bytes);
        loop {
            let offset = start + entries.offset() as u64;
            let Some(entry) = entries.next() else { break };
            let entry = entry.map_err(|e| altered(format!("from byte {start}: {e}")))?;
            if self.tip.frontier.size().is_multiple_of(BUNDLE) {
                self.bundles.push(offset);
            }
            self.rebuild.levels.add_leaf(&mut self.tip.frontier, entry);
            self.check_against_checkpoint()?;
        }
        if self.tip.frontier.size() != frame.size {
            let what = format!("frame {} counts other entries", self.tip.frames);
            return Err(LogError::damaged(&FRAMES, what));
        }
        self.root = Some(frame.root);
        (self.tip.bytes, self.tip.seal) = (frame.bytes, seal);
        self.tip.frames += 1;
        self.rebuild.settle_full(self.disk)
    }

    fn check_against_checkpoint(&self) -> Result<(), LogError> {
        let frontier = &self.tip.frontier;
        match self.checkpoint.filter(|c| c.size() == frontier.size()) {
            Some(checkpoint) if *checkpoint.root() != frontier.root() => {
                let size = frontier.size();
                let what = format!("its root over {size} entries is not that of `{ENTRIES}`");
                Err(LogError::damaged(&CHECKPOINT, what))
            }
            _ => Ok(()),
        }
    }
}
