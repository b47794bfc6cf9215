//! The transparency log as mathematics: what an outsider needs to check Weir without trusting it.
//!
//! To the tree, entries are opaque bytes, leaves of RFC 6962 (SHA-256) in the C2SP formats, so that
//! tools nobody here wrote can read the same log:
//!
//! - [`tree`]: leaf and node hashes, [`tree::Frontier`] (append and follow with at most 63 hashes),
//!   inclusion and consistency proofs from stored tile hashes, and their verification;
//! - [`note`], [`checkpoint`]: signed notes, verifier keys, signed tree heads;
//! - [`receipt`]: an entry with its proof and checkpoint, as JSON or `.tlog-proof`;
//!   [`receipt::Verified`] is the evidence that an entry is in the log, and only a check makes one;
//! - [`bundle`]: entries as length-prefixed bytes; [`commitment`]: salted names for erasable
//!   payloads;
//! - [`replay`](mod@replay): the rules of [`policies`] over all entries, every balance recomputed,
//!   the first broken entry named; [`semantics`]: what it checks beyond [`policies::state`];
//! - [`cosignature`], [`quorum`], [`witness`]: what a witness says, whose word is enough, and how a
//!   witness decides; [`tile`]: names of tiles;
//! - [`report`]: what follows from a log as tables, for a page or a spreadsheet;
//! - [`archive`]: is a copied directory what was signed? [`follow`]: does a growing log keep its
//!   word? [`error`]: what does not hold, with the evidence.
//!
//! # From an entry to evidence
//!
//! ```
//! use audit::checkpoint::{LogKey, TreeHead};
//! use audit::note::Signer;
//! use audit::receipt::Receipt;
//! use audit::tree::{MemoryHashes, inclusion_proof, leaf_hash};
//!
//! // The log: two entries, a signed checkpoint, and a receipt for the second entry.
//! let mut hashes = MemoryHashes::default();
//! hashes.extend([leaf_hash(b"first"), leaf_hash(b"second")]);
//! let signer = Signer::from_seed("weir.example/log".parse()?, &zeroize::Zeroizing::new([7; 32]))?;
//! let origin = signer.verifier_key().name().clone();
//! let head = TreeHead::new(origin, hashes.frontier().size(), hashes.frontier().root())?;
//! let checkpoint = head.sign(&signer)?;
//! let receipt = Receipt::new(1, b"second".to_vec(), inclusion_proof(&hashes, 1, 2)?, checkpoint)?;
//! let file = receipt.to_string(); // a `.tlog-proof`
//!
//! // Anyone who holds the log's public key:
//! let key: LogKey = signer.verifier_key().to_string().parse()?;
//! let verified = file.parse::<Receipt>()?.verify(&key)?;
//! assert_eq!((verified.index(), verified.entry()), (1, b"second".as_slice()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Absent on purpose
//!
//! No I/O, no clock, no storage policy, no network: bytes come in as slices, time as an argument,
//! stored hashes through [`tree::HashReader`]. Where the files lie, when they are synced and when a
//! checkpoint is signed is the broker's business. The one call to the system is
//! [`commitment::Salt::random`], which draws from the operating system's generator.

pub mod archive;
pub mod bundle;
pub mod checkpoint;
pub mod commitment;
pub mod cosignature;
pub mod error;
pub mod follow;
pub mod note;
pub mod quorum;
pub mod receipt;
pub mod replay;
pub mod report;
pub mod semantics;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod testing;
mod text;
pub mod tile;
pub mod tree;
pub mod witness;
