//! Commit frames: 128 bytes that say which entries exist.
//!
//! | bytes | field |
//! | --- | --- |
//! | 16 | `weir-log-frame-1` |
//! | 8 | entries in the log, with this commit (big-endian) |
//! | 8 | bytes of `log/entries`, with this commit (big-endian) |
//! | 32 | SHA-256 over the bytes that this commit added to `log/entries` |
//! | 32 | root hash over all entries |
//! | 32 | seal: SHA-256 over the seal before and the 96 bytes above |
//!
//! Frames of 128 bytes never lie across a sector's border. The seals are a chain from the log's
//! origin, so a frame is whole, in its place and of this log, or it is no frame.

use audit::note::KeyName;
use audit::tree::TreeHash;
use aws_lc_rs::digest::{Context, SHA256};

const MAGIC: &[u8; 16] = b"weir-log-frame-1";

/// One commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    /// Entries in the log, with this commit.
    pub(super) size: u64,
    /// Bytes of `log/entries`, with this commit.
    pub(super) bytes: u64,
    /// SHA-256 over what this commit added.
    pub(super) batch: [u8; 32],
    /// Root hash over all entries.
    pub(super) root: TreeHash,
}

impl Frame {
    /// Length of every frame.
    pub(super) const BYTES: usize = 128;

    /// Its bytes and its seal, after a frame with the seal `before`.
    pub(super) fn seal(&self, before: &[u8; 32]) -> (Vec<u8>, [u8; 32]) {
        let (size, bytes) = (self.size.to_be_bytes(), self.bytes.to_be_bytes());
        let body: [&[u8]; 5] = [MAGIC, &size, &bytes, &self.batch, self.root.as_bytes()];
        let mut encoded = body.concat();
        let seal = sha256(&[before, &encoded]);
        encoded.extend(seal);
        (encoded, seal)
    }

    /// The size in a frame that was checked before.
    pub(super) fn size_in(encoded: &[u8]) -> Option<u64> {
        let (_, rest) = encoded.split_first_chunk::<16>()?;
        let (size, _) = rest.split_first_chunk::<8>()?;
        Some(u64::from_be_bytes(*size))
    }

    /// Reads a frame that follows one with the seal `before`; nothing when it is not whole or not
    /// that.
    pub(super) fn read(encoded: &[u8; Self::BYTES], before: &[u8; 32]) -> Option<(Self, [u8; 32])> {
        let (magic, rest) = encoded.split_first_chunk::<16>()?;
        let (size, rest) = rest.split_first_chunk::<8>()?;
        let (bytes, rest) = rest.split_first_chunk::<8>()?;
        let (batch, rest) = rest.split_first_chunk::<32>()?;
        let (root, _) = rest.split_first_chunk::<32>()?;
        let frame = Self {
            size: u64::from_be_bytes(*size),
            bytes: u64::from_be_bytes(*bytes),
            batch: *batch,
            root: TreeHash::new(*root),
        };
        let (sealed, seal) = frame.seal(before);
        (magic == MAGIC && sealed == encoded).then_some((frame, seal))
    }
}

/// What the first frame of a log is sealed over.
pub(super) fn first_seal(origin: &KeyName) -> [u8; 32] {
    sha256(&[b"weir log frames of ", origin.as_str().as_bytes()])
}

/// SHA-256 over all parts.
pub(super) fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref()); // SHA-256 gives 32
    hash
}
