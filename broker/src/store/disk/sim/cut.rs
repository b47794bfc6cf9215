//! What a power cut makes of bytes and names that were not synced.

use std::collections::BTreeMap;

use super::{Change, FileName};

/// SplitMix64: a seeded generator in five lines; the damage has to repeat, not to be unpredictable.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn coin(&mut self) -> bool {
        self.roll().is_multiple_of(2)
    }

    /// 0 to `end` inclusive.
    fn upto(&mut self, end: usize) -> usize {
        (self.roll() % (end as u64 + 1)) as usize // the remainder is at most `end`
    }

    /// The bytes that are found of a file whose last sync left `durable` and that held `now`.
    pub(super) fn settle(&mut self, durable: &[u8], now: &[u8]) -> Vec<u8> {
        if durable == now {
            return durable.to_vec();
        }
        let pairs = durable.iter().zip(now);
        let same = pairs.take_while(|(a, b)| a == b).count();
        let torn_at = same + self.upto(now.len() - same);
        let torn = now.iter().copied().take(torn_at);
        match self.upto(4) {
            0 => durable.to_vec(),
            1 => now.to_vec(),
            2 => torn.collect(),
            3 => torn.chain(std::iter::repeat(0)).take(now.len()).collect(),
            _ => self.holes(same, now),
        }
    }

    /// Blocks that reached the medium in no order: some are there, some are zeros.
    fn holes(&mut self, same: usize, now: &[u8]) -> Vec<u8> {
        let (kept, rest) = now.split_at_checked(same).unwrap_or((now, &[]));
        let mut found = kept.to_vec();
        for block in rest.chunks(16) {
            if self.coin() {
                found.extend(block);
            } else {
                found.resize(found.len() + block.len(), 0);
            }
        }
        found
    }
}

impl Change {
    /// Does the change, or nothing when what it starts from is not there.
    pub(super) fn apply(&self, names: &mut BTreeMap<FileName, usize>) {
        match self {
            Self::Link(name, file) => drop(names.insert(name.clone(), *file)),
            Self::Unlink(name) => drop(names.remove(name)),
            Self::Rename(from, to) => {
                if let Some(file) = names.remove(from) {
                    names.insert(to.clone(), file);
                }
            }
        }
    }
}
