//! RFC 6962 Merkle tree with SHA-256.
//!
//! Nodes are named by level and index: level 0 holds the leaf hashes, node `(l, i)` covers the
//! leaves `i·2^l .. (i+1)·2^l` and exists ("is complete") once all of them do. Logs store every
//! eighth level (tlog-tiles); the levels between are computed.

mod frontier;
mod hash;
mod memory;
mod prove;
mod verify;

#[cfg(test)]
mod tests;

pub use frontier::{Frontier, FrontierError, Node};
pub use hash::{HashTextError, TreeHash, empty_root, leaf_hash, node_hash, root};
pub use memory::MemoryHashes;
pub use prove::{HashReader, HashRun, ProveError, consistency_proof, inclusion_proof, root_at};
pub use verify::{ProofError, verify_consistency, verify_inclusion};

/// Most leaves a tree may have: sizes stay below 2^63 so that doubling and signed readers are safe.
pub const SIZE_MAX: u64 = (1 << 63) - 1;

/// Most hashes a proof in such a tree can have (a consistency proof names one node more).
pub const PROOF_HASHES_MAX: usize = 64;
