//! Words of ChaCha20 (20 rounds), keyed by the operating system.
//!
//! - **Keys.** The first key, and every [`BLOCKS_PER_SEED`]th, comes from the operating system; each block
//!   in between begins with the key of the next ("fast key erasure", Bernstein 2017). Who reads this
//!   memory learns the words still unused and those up to the next seed, never a used one.
//! - **Erasure.** A word is overwritten as it is taken; key, block and cipher are overwritten when dropped.
//!   Copies in registers and on the stack are not.
//! - **Failing closed.** Without a seed there is no word: the error ends the release, there is no fallback.
//! - **No stream is shared.** A generator is neither `Clone` nor seedable outside tests, and is made anew for
//!   every piece of a column. A forked process would have to fork in the middle of one.

use chacha20::ChaCha20Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use policies::mutants::{Mutant, active};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::DrawError;

/// Where keys come from. A closure, so that tests can seed it and let it fail.
type Source = Box<dyn FnMut(&mut [u8; 32]) -> Result<(), DrawError> + Send>;

/// 4 KiB: large enough that a key's set-up does not show.
const WORDS: usize = 512;
/// Blocks from one seed of the operating system: 64 KiB of words.
const BLOCKS_PER_SEED: u32 = 16;

/// An endless row of independent uniform words and bits, or an error.
pub(super) struct Random {
    source: Source,
    blocks_left: u32,
    block: Box<Block>,
    /// Words of the block that were taken.
    taken: usize,
    /// Below a leading 1: bits of a word that were not given out yet.
    bits: u64,
}

#[derive(Zeroize, ZeroizeOnDrop)]
struct Block {
    key: [u8; 32],
    words: [u64; WORDS],
}

impl Random {
    /// Keyed by the operating system; the first word asks it.
    pub(super) fn new() -> Self {
        Self::from_source(Box::new(|key| {
            if active(Mutant::ConstantSeed) {
                return Ok(());
            }
            if active(Mutant::NoRandomness) {
                return Err(DrawError::NoRandomness);
            }
            getrandom::fill(key).map_err(|_| DrawError::NoRandomness)
        }))
    }

    fn from_source(source: Source) -> Self {
        Self {
            source,
            blocks_left: 0,
            block: Box::new(Block {
                key: [0; 32],
                words: [0; WORDS],
            }),
            taken: WORDS,
            bits: 1,
        }
    }

    /// Keys of a test's choosing.
    #[cfg(test)]
    pub(super) fn from_keys(
        source: impl FnMut(&mut [u8; 32]) -> Result<(), DrawError> + Send + 'static,
    ) -> Self {
        Self::from_source(Box::new(source))
    }

    /// 64 independent fair bits.
    ///
    /// # Errors
    /// [`DrawError::NoRandomness`]; then no later call gives a word without a new seed.
    #[inline]
    pub(super) fn word(&mut self) -> Result<u64, DrawError> {
        loop {
            if let Some(word) = self.block.words.get_mut(self.taken) {
                self.taken += 1;
                return Ok(std::mem::take(word));
            }
            self.refill()?;
        }
    }

    /// One fair bit.
    ///
    /// # Errors
    /// [`DrawError::NoRandomness`].
    #[inline]
    pub(super) fn bit(&mut self) -> Result<bool, DrawError> {
        if self.bits == 1 {
            // 63 bits of the word are given out after this one, which is returned at once.
            let word = self.word()?;
            self.bits = word >> 1 | 1 << 63;
            return Ok(word & 1 == 1);
        }
        let bit = self.bits & 1 == 1;
        self.bits >>= 1;
        Ok(bit)
    }

    #[cold]
    fn refill(&mut self) -> Result<(), DrawError> {
        if self.blocks_left == 0 {
            (self.source)(&mut self.block.key)?;
            self.blocks_left = BLOCKS_PER_SEED;
        }
        let mut stream = ChaCha20Rng::from_seed(self.block.key);
        stream.fill_bytes(&mut self.block.key);
        for word in &mut self.block.words {
            *word = stream.next_u64();
        }
        self.blocks_left -= 1;
        self.taken = 0;
        Ok(())
    }
}

impl Drop for Random {
    fn drop(&mut self) {
        self.bits.zeroize();
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "tests fail by panicking"
    )]

    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::*;

    /// Keys 1, 2, … and the count of those asked for.
    fn counted() -> (Random, Arc<AtomicU8>) {
        let asked = Arc::new(AtomicU8::new(0));
        let count = Arc::clone(&asked);
        let random = Random::from_keys(move |key| {
            *key = [count.fetch_add(1, Ordering::Relaxed) + 1; 32];
            Ok(())
        });
        (random, asked)
    }

    #[test]
    fn used_words_and_keys_are_erased() {
        let (mut random, _) = counted();
        let first = random.word().unwrap();
        let key = random.block.key;
        assert!(first != 0 && random.block.words[0] == 0);
        assert_ne!(key, [1; 32], "the key of this block is gone");
        for _ in 1..=WORDS {
            random.word().unwrap();
        }
        assert_ne!(random.block.key, key, "and that of the next one too");
    }

    #[test]
    fn every_64_kib_have_a_seed_of_their_own() {
        let (mut random, asked) = counted();
        let words: Vec<_> = (0..64 * 1024 / 8 + 1)
            .map(|_| random.word().unwrap())
            .collect();
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        let mut again = Random::from_keys(|key| {
            *key = [2; 32];
            Ok(())
        });
        assert_eq!(words.last(), Some(&again.word().unwrap()));
    }

    #[test]
    fn without_a_seed_there_is_no_word() {
        let mut asked = 0;
        let mut random = Random::from_keys(move |_| {
            asked += 1;
            (asked == 1).then_some(()).ok_or(DrawError::NoRandomness)
        });
        for _ in 0..64 * 1024 / 8 {
            assert!(random.word().is_ok());
        }
        for _ in 0..3 {
            assert_eq!(random.word(), Err(DrawError::NoRandomness));
        }
    }

    #[test]
    fn two_generators_share_nothing() {
        let words = |mut random: Random| -> Vec<_> { (0..100).map(|_| random.word()).collect() };
        assert_ne!(words(Random::new()), words(Random::new()));
    }

    /// Every bit of a word is given out once.
    #[test]
    fn bits_are_those_of_the_words() {
        let (mut bits, mut words) = (counted().0, counted().0);
        for _ in 0..3 {
            let word = (0..64).fold(0, |w, n| w | u64::from(bits.bit().unwrap()) << n);
            assert_eq!(word, words.word().unwrap());
        }
    }
}
