//! Events in order of unit, sorted in memory or, past a budget, through one spill file.
//!
//! Sorted runs rather than files per hash of the unit: a single unit may then have more events than
//! memory holds. The file is unlinked from the start and holds keyed hashes instead of unit ids.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use super::error::AggregateError;

/// Most sum measures a kind has; `a_kind_has_few_sums` watches it.
pub(crate) const SUMS_MAX: usize = 2;

/// One row of one table, bounded to what a cell needs of it. The order of fields is the sort order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Event {
    /// Keyed hash of the unit's id.
    pub unit: [u8; 16],
    /// First day of the unit's own period, in days since 1970.
    pub unit_period: i32,
    /// First day of the table's period, in days since 1970.
    pub period: i32,
    /// The cell.
    pub key: u64,
    /// Clamped values of the table's sums, unused ones 0.
    pub values: [u32; SUMS_MAX],
}

const EVENT_BYTES: usize = 16 + 4 + 4 + 8 + 4 * SUMS_MAX;

/// Least and greatest bytes read at once from one run.
const READ_BYTES: (usize, usize) = (4 << 10, 1 << 20);

/// Collects events and gives them back sorted.
pub(crate) struct Sorter {
    buffer: Vec<Event>,
    capacity: usize,
    folder: Option<PathBuf>,
    file: Option<File>,
    runs: Vec<Run>,
    written: u64,
}

struct Run {
    next: u64,
    end: u64,
    buffer: Vec<u8>,
    used: usize,
}

impl Sorter {
    /// Keeps at most `memory_bytes` of events in memory; the spill file is made in `folder`, or
    /// where the system keeps temporary files.
    pub fn new(memory_bytes: usize, folder: Option<PathBuf>) -> Self {
        Self {
            buffer: Vec::new(),
            capacity: (memory_bytes / size_of::<Event>()).max(1),
            folder,
            file: None,
            runs: Vec::new(),
            written: 0,
        }
    }

    /// # Errors
    /// [`AggregateError::Spill`] where the spill file cannot be written.
    pub fn push(&mut self, event: Event) -> Result<(), AggregateError> {
        if self.buffer.len() >= self.capacity {
            self.spill().map_err(failed)?;
        }
        if self.buffer.len() == self.buffer.capacity() {
            // Doubling, but never past the budget.
            let room = self.capacity - self.buffer.len();
            self.buffer
                .reserve_exact(self.buffer.len().max(1024).min(room));
        }
        self.buffer.push(event);
        Ok(())
    }

    /// Calls `each` with every event in sorted order.
    ///
    /// # Errors
    /// [`AggregateError::Spill`] where the spill file cannot be read, and what `each` returns.
    pub fn drain(
        mut self,
        each: &mut dyn FnMut(&Event) -> Result<(), AggregateError>,
    ) -> Result<(), AggregateError> {
        if self.runs.is_empty() {
            return sorted(&mut self.buffer).try_for_each(each);
        }
        self.spill().map_err(failed)?;
        let Some(mut file) = self.file.take() else {
            return Ok(());
        };
        let memory = self.capacity.saturating_mul(size_of::<Event>());
        self.buffer = Vec::new();
        let share = memory / self.runs.len().max(1);
        let share = share.clamp(READ_BYTES.0, READ_BYTES.1) / EVENT_BYTES * EVENT_BYTES;

        let mut heads = BinaryHeap::with_capacity(self.runs.len());
        for (number, run) in self.runs.iter_mut().enumerate() {
            if let Some(event) = run.next(&mut file, share).map_err(failed)? {
                heads.push(Reverse((event, number)));
            }
        }
        while let Some(Reverse((event, number))) = heads.pop() {
            each(&event)?;
            let Some(run) = self.runs.get_mut(number) else {
                continue;
            };
            if let Some(next) = run.next(&mut file, share).map_err(failed)? {
                heads.push(Reverse((next, number)));
            }
        }
        Ok(())
    }

    fn spill(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(match &self.folder {
                Some(folder) => tempfile::tempfile_in(folder)?,
                None => tempfile::tempfile()?,
            }),
        };
        let start = self.written;
        let mut out = io::BufWriter::with_capacity(1 << 20, file);
        for event in sorted(&mut self.buffer) {
            out.write_all(&encode(event))?;
        }
        out.flush()?;
        self.written += (self.buffer.len() * EVENT_BYTES) as u64;
        self.runs.push(Run {
            next: start,
            end: self.written,
            buffer: Vec::new(),
            used: 0,
        });
        self.buffer.clear();
        Ok(())
    }
}

/// The events in order: both halves are sorted at one time, and merged as they are read.
fn sorted(events: &mut [Event]) -> impl Iterator<Item = &Event> {
    let (left, right) = events.split_at_mut(events.len() / 2);
    std::thread::scope(|threads| {
        threads.spawn(|| left.sort_unstable());
        right.sort_unstable();
    });
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    std::iter::from_fn(move || match (left.peek(), right.peek()) {
        (Some(first), Some(second)) if second < first => right.next(),
        (Some(_), _) => left.next(),
        (None, _) => right.next(),
    })
}

impl Run {
    fn next(&mut self, file: &mut File, share: usize) -> io::Result<Option<Event>> {
        if self.used >= self.buffer.len() {
            let left = usize::try_from(self.end - self.next).unwrap_or(usize::MAX);
            if left == 0 {
                return Ok(None);
            }
            self.buffer.resize(left.min(share), 0);
            self.used = 0;
            file.seek(SeekFrom::Start(self.next))?;
            file.read_exact(&mut self.buffer)?;
            self.next += self.buffer.len() as u64;
        }
        let bytes = self.buffer.get(self.used..self.used + EVENT_BYTES);
        self.used += EVENT_BYTES;
        Ok(bytes.and_then(decode))
    }
}

fn failed(source: io::Error) -> AggregateError {
    AggregateError::Spill { source }
}

fn encode(event: &Event) -> [u8; EVENT_BYTES] {
    let mut bytes = [0; EVENT_BYTES];
    let values = event.values.iter().flat_map(|value| value.to_le_bytes());
    let parts = event
        .unit
        .into_iter()
        .chain(event.unit_period.to_le_bytes())
        .chain(event.period.to_le_bytes())
        .chain(event.key.to_le_bytes())
        .chain(values);
    for (to, from) in bytes.iter_mut().zip(parts) {
        *to = from;
    }
    bytes
}

fn decode(bytes: &[u8]) -> Option<Event> {
    let (unit, rest) = bytes.split_first_chunk()?;
    let (unit_period, rest) = rest.split_first_chunk()?;
    let (period, rest) = rest.split_first_chunk()?;
    let (key, rest) = rest.split_first_chunk()?;
    let mut values = [0; SUMS_MAX];
    for (value, bytes) in values.iter_mut().zip(rest.chunks_exact(4)) {
        *value = u32::from_le_bytes(bytes.try_into().ok()?);
    }
    Some(Event {
        unit: *unit,
        unit_period: i32::from_le_bytes(*unit_period),
        period: i32::from_le_bytes(*period),
        key: u64::from_le_bytes(*key),
        values,
    })
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]
mod tests {
    use policies::kind::{Kind, MeasureKind};
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn a_kind_has_few_sums() {
        for kind in Kind::all() {
            let sums = kind.measures.iter().filter(|m| m.kind == MeasureKind::Sum);
            assert!(sums.count() <= SUMS_MAX, "{}", kind.kind);
        }
    }

    #[test]
    fn spilled_and_unspilled_events_come_back_in_the_same_order() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let events: Vec<Event> = (0..5000)
            .map(|_| Event {
                unit: [rng.random_range(0..9); 16],
                unit_period: rng.random_range(-3..3),
                period: rng.random_range(-3..3),
                key: rng.random_range(0..5),
                values: rng.random(),
            })
            .collect();
        let sorted = |memory: usize| {
            let mut sorter = Sorter::new(memory, None);
            events.iter().for_each(|event| sorter.push(*event).unwrap());
            let mut out = Vec::new();
            sorter
                .drain(&mut |event| {
                    out.push(*event);
                    Ok(())
                })
                .unwrap();
            out
        };
        let whole = sorted(1 << 30);
        assert!(whole.is_sorted() && whole.len() == events.len());
        for memory in [0, 4000, 100_000] {
            assert!(sorted(memory) == whole, "differs with {memory} bytes");
        }
    }
}
