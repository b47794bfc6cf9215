//! A disk in memory that loses power: for tests of what survives.
//!
//! Every write, sync, rename and removal is a numbered step. Synced bytes and names survive a power
//! cut; the rest is kept, lost, torn at any byte, or zero-filled, by a seeded generator: same steps
//! and same seed, same damage.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Disk, FileName};

mod cut;

use cut::Dice;

/// A simulated disk; clones share it.
#[derive(Debug, Clone, Default)]
pub struct SimDisk(Arc<Mutex<Sim>>);

#[derive(Debug, Default)]
struct Sim {
    steps: u64,
    /// The power goes after this many steps.
    power_until: Option<u64>,
    /// This step fails, once.
    fault: Option<u64>,
    /// Bytes that may still be added; `None`: any number.
    free: Option<u64>,
    files: Vec<Content>,
    names: BTreeMap<FileName, usize>,
    durable_names: BTreeMap<FileName, usize>,
    /// Changes of names that no folder's sync has made durable, in order.
    pending: Vec<Change>,
}

#[derive(Debug, Clone, Default)]
struct Content {
    now: Vec<u8>,
    durable: Vec<u8>,
    /// A sync failed: the kernel has dropped what was not written, and says nothing more about it.
    sync_failed: bool,
}

#[derive(Debug, Clone)]
enum Change {
    Link(FileName, usize),
    Unlink(FileName),
    Rename(FileName, FileName),
}

impl SimDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Steps so far.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.sim().steps
    }

    /// Lets the power fail after step `step` (counted from the first, 1): every later operation is
    /// an error, reads too.
    pub fn crash_after(&self, step: u64) {
        self.sim().power_until = Some(step);
    }

    /// Lets step `step` alone fail: half of a write is done, a sync drops what was not yet durable,
    /// a rename or removal is not done.
    pub fn fail_at(&self, step: u64) {
        self.sim().fault = Some(step);
    }

    /// Lets the disk be full after so many further bytes: an append writes what fits and fails, and no
    /// file can be made. What is cut or removed makes no room. `None`: there is room again.
    pub fn room_for(&self, bytes: Option<u64>) {
        self.sim().free = bytes;
    }

    /// Bytes that may still be added; `None`: any number.
    #[must_use]
    pub fn room_left(&self) -> Option<u64> {
        self.sim().free
    }

    /// The disk as it is found when the power is back: synced bytes and names, and of the rest what
    /// the seed decides.
    #[must_use]
    pub fn after_power_cut(&self, seed: u64) -> Self {
        let sim = self.sim();
        let mut dice = Dice::new(seed);
        let mut names = sim.durable_names.clone();
        for change in &sim.pending {
            if dice.coin() {
                change.apply(&mut names);
            }
        }
        let settle = |content: &Content| dice.settle(&content.durable, &content.now);
        let contents = sim.files.iter().map(settle);
        let files = contents
            .map(|bytes| Content {
                now: bytes.clone(),
                durable: bytes,
                sync_failed: false,
            })
            .collect();
        Self(Arc::new(Mutex::new(Sim {
            files,
            durable_names: names.clone(),
            names,
            free: sim.free,
            ..Sim::default()
        })))
    }

    /// Flips one bit of a file, durably, as a rotten medium would.
    ///
    /// # Errors
    /// `NotFound` where there is no such file or byte.
    pub fn flip(&self, name: &FileName, byte: usize, bit: u8) -> io::Result<()> {
        let mut sim = self.sim();
        let content = sim.content(name)?;
        for bytes in [&mut content.now, &mut content.durable] {
            let byte = bytes.get_mut(byte).ok_or(io::ErrorKind::NotFound)?;
            *byte ^= 1 << (bit % 8);
        }
        Ok(())
    }

    /// A copy that shares nothing, with all its bytes durable, as a backup of a stopped broker.
    #[must_use]
    pub fn copy(&self) -> Self {
        let sim = self.sim();
        let content = |content: &Content| Content {
            durable: content.now.clone(),
            ..content.clone()
        };
        Self(Arc::new(Mutex::new(Sim {
            files: sim.files.iter().map(content).collect(),
            names: sim.names.clone(),
            durable_names: sim.names.clone(),
            free: sim.free,
            ..Sim::default()
        })))
    }

    fn sim(&self) -> MutexGuard<'_, Sim> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sim {
    fn powered(&self) -> io::Result<()> {
        match self.power_until {
            Some(last) if self.steps >= last => Err(io::Error::other("simulated: no power")),
            _ => Ok(()),
        }
    }

    /// Counts a step; `true` when it is to fail.
    fn step(&mut self) -> io::Result<bool> {
        self.powered()?;
        self.steps += 1;
        Ok(self.fault == Some(self.steps))
    }

    fn step_or_fail(&mut self) -> io::Result<()> {
        if self.step()? { Err(fault()) } else { Ok(()) }
    }

    fn content(&mut self, name: &FileName) -> io::Result<&mut Content> {
        let file = self.names.get(name).copied();
        file.and_then(|file| self.files.get_mut(file))
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn new_file(&mut self, name: &FileName) -> io::Result<Change> {
        if self.free == Some(0) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.files.push(Content::default());
        Ok(Change::Link(name.clone(), self.files.len() - 1))
    }

    /// How many of so many bytes there is room for; they are taken.
    fn take_room(&mut self, bytes: usize) -> usize {
        let Some(free) = &mut self.free else {
            return bytes;
        };
        let taken = usize::try_from(*free).unwrap_or(bytes).min(bytes);
        *free -= taken as u64;
        taken
    }

    fn change(&mut self, change: Change) -> io::Result<()> {
        self.step_or_fail()?;
        change.apply(&mut self.names);
        self.pending.push(change);
        self.step_or_fail()?; // the folder's sync
        for change in std::mem::take(&mut self.pending) {
            change.apply(&mut self.durable_names);
        }
        Ok(())
    }
}

impl Disk for SimDisk {
    fn append(&self, name: &FileName, bytes: &[u8]) -> io::Result<()> {
        let mut sim = self.sim();
        if !sim.names.contains_key(name) {
            let made = sim.new_file(name)?;
            sim.change(made)?;
        }
        let fails = sim.step()?;
        let wanted = if fails { bytes.len() / 2 } else { bytes.len() };
        let written = sim.take_room(wanted);
        let content = sim.content(name)?;
        content.now.extend(bytes.iter().take(written));
        match (fails, written < wanted) {
            (_, true) => Err(io::ErrorKind::StorageFull.into()),
            (true, false) => Err(fault()),
            (false, false) => Ok(()),
        }
    }

    fn read(&self, name: &FileName, range: Range<u64>) -> io::Result<Vec<u8>> {
        let mut sim = self.sim();
        sim.powered()?;
        let range = usize::try_from(range.start).map_err(io::Error::other)?
            ..usize::try_from(range.end).map_err(io::Error::other)?;
        let bytes = sim.content(name)?.now.get(range);
        bytes.map_or_else(
            || Err(io::ErrorKind::UnexpectedEof.into()),
            |b| Ok(b.to_vec()),
        )
    }

    fn length(&self, name: &FileName) -> io::Result<Option<u64>> {
        let mut sim = self.sim();
        sim.powered()?;
        let content = sim.content(name).ok();
        Ok(content.map(|content| content.now.len() as u64))
    }

    fn truncate(&self, name: &FileName, length: u64) -> io::Result<()> {
        let mut sim = self.sim();
        sim.step_or_fail()?;
        let length = usize::try_from(length).map_err(io::Error::other)?;
        sim.content(name)?.now.resize(length, 0);
        Ok(())
    }

    fn sync_data(&self, name: &FileName) -> io::Result<()> {
        let mut sim = self.sim();
        let fails = sim.step()?;
        let content = sim.content(name)?;
        content.sync_failed |= fails;
        if !content.sync_failed {
            content.durable.clone_from(&content.now);
        }
        if fails { Err(fault()) } else { Ok(()) }
    }

    fn rename(&self, from: &FileName, to: &FileName) -> io::Result<()> {
        let mut sim = self.sim();
        sim.content(from)?;
        sim.change(Change::Rename(from.clone(), to.clone()))
    }

    fn write_durable(&self, name: &FileName, bytes: &[u8]) -> io::Result<()> {
        let temporary = name.temporary();
        {
            let mut sim = self.sim();
            sim.step_or_fail()?;
            let made = sim.new_file(&temporary)?;
            made.apply(&mut sim.names);
            sim.pending.push(made); // no sync of the folder yet
        }
        self.append(&temporary, bytes)?;
        self.sync_data(&temporary)?;
        self.rename(&temporary, name)
    }

    fn remove(&self, name: &FileName) -> io::Result<bool> {
        let mut sim = self.sim();
        sim.powered()?;
        if !sim.names.contains_key(name) {
            return Ok(false);
        }
        sim.change(Change::Unlink(name.clone())).map(|()| true)
    }

    fn list(&self, folder: &FileName) -> io::Result<Vec<FileName>> {
        let sim = self.sim();
        sim.powered()?;
        let inside = |name: &&FileName| name.folder() == folder.as_str();
        Ok(sim.names.keys().filter(inside).cloned().collect())
    }

    fn root(&self) -> Option<&Path> {
        None
    }
}

fn fault() -> io::Error {
    io::Error::other("simulated: the device failed")
}
