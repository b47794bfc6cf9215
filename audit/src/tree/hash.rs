use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{Context, SHA256, digest};
use serde::{Deserialize, Serialize};

use super::Frontier;
use crate::text;

/// Hash of a leaf or node: 32 bytes, printed and serialised as 44 characters of base64.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TreeHash([u8; TreeHash::BYTES]);

/// A text is not a hash.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a hash: 32 bytes as 44 characters of padded base64 are")]
pub struct HashTextError {
    /// What was given, shortened.
    pub given: String,
}

impl TreeHash {
    /// Length of a hash.
    pub const BYTES: usize = 32;

    /// The hash that these bytes are.
    #[must_use]
    pub const fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    fn sha256(input: &[u8]) -> Self {
        Self::from_digest(digest(&SHA256, input).as_ref())
    }

    fn from_digest(bytes: &[u8]) -> Self {
        let mut hash = [0; Self::BYTES];
        // SHA-256 gives 32 bytes; `copy_from_slice` would panic on anything else.
        hash.copy_from_slice(bytes);
        Self(hash)
    }
}

/// Hash of an entry as a leaf: SHA-256(0x00 ‖ entry).
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> TreeHash {
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    context.update(entry);
    TreeHash::from_digest(context.finish().as_ref())
}

/// Hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
#[must_use]
pub fn node_hash(left: &TreeHash, right: &TreeHash) -> TreeHash {
    let mut input = [1; 1 + 2 * TreeHash::BYTES];
    let (_, hashes) = input.split_at_mut(1);
    let (left_half, right_half) = hashes.split_at_mut(TreeHash::BYTES);
    left_half.copy_from_slice(&left.0);
    right_half.copy_from_slice(&right.0);
    TreeHash::sha256(&input)
}

/// Root of the tree without leaves: SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> TreeHash {
    TreeHash::sha256(&[])
}

/// Root of the tree with these leaf hashes.
#[must_use]
pub fn root<'a>(leaves: impl IntoIterator<Item = &'a TreeHash>) -> TreeHash {
    let mut frontier = Frontier::default();
    for leaf in leaves {
        frontier.append(*leaf, |_, _| ());
    }
    frontier.root()
}

impl fmt::Display for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::encode(self.0))
    }
}

impl fmt::Debug for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TreeHash({self})")
    }
}

impl FromStr for TreeHash {
    type Err = HashTextError;

    fn from_str(given: &str) -> Result<Self, HashTextError> {
        text::decode_array(given)
            .map(Self)
            .ok_or_else(|| HashTextError {
                given: text::shorten(given),
            })
    }
}

text::as_text!(TreeHash, HashTextError);
