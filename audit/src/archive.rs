//! A copied state directory, as bytes: are its entries those that the log signed, and if not, which
//! is the first that is another?
//!
//! | file | holds |
//! | --- | --- |
//! | `log/entries` | entries behind their 16-bit lengths ([`crate::bundle`]) |
//! | `log/checkpoint` | the newest signed tree head, a note |
//! | `log/h0` | the hash of every entry, 32 bytes each; not needed, but tells what was altered |

mod compare;

use crate::bundle::Entries;
use crate::checkpoint::{Checkpoint, CheckpointNote, LogKey};
use crate::error::{AuditError, Evidence};
use crate::replay::replay;
use crate::tree::{Frontier, TreeHash, leaf_hash, root};

/// The files of a copy.
#[derive(Debug, Clone, Copy)]
pub struct Files<'a> {
    /// `log/entries`.
    pub entries: &'a [u8],
    /// `log/checkpoint`.
    pub checkpoint: &'a str,
    /// `log/h0`, where the copy has it.
    pub leaf_hashes: Option<&'a [u8]>,
}

/// A copy whose entries are exactly those under its signed checkpoint. Made only by
/// [`Archive::verify`].
#[derive(Debug, Clone)]
pub struct Archive<'a> {
    signed: &'a [u8],
    unsigned_bytes: usize,
    checkpoint: Checkpoint,
}

impl<'a> Archive<'a> {
    /// Checks the checkpoint's signature and that the entries lead to its root.
    ///
    /// Entries behind the signed ones are left out and counted: a broker that was copied while it
    /// ran, or a follower that crashed, has some. Whether the entries keep the rules, [`replay`]
    /// tells.
    ///
    /// # Errors
    /// [`AuditError::Checkpoint`] where the checkpoint is not this log's. Where entries are not the
    /// signed ones, [`AuditError::Altered`] if `log/h0` is the signed one, else
    /// [`AuditError::Torn`], [`AuditError::Missing`] or [`AuditError::Root`], whose suspect is the
    /// first entry that breaks a rule as it stands.
    pub fn verify(files: &Files<'a>, key: &LogKey) -> Result<Self, AuditError> {
        let note: CheckpointNote = files.checkpoint.parse()?;
        let checkpoint = note.verify(key)?;
        let read = Read::up_to(files.entries, checkpoint.size());
        if read.error.is_none() && root(&read.leaves) == *checkpoint.root() {
            let (signed, unsigned) = files
                .entries
                .split_at_checked(read.bytes)
                .unwrap_or((files.entries, &[]));
            return Ok(Self {
                signed,
                unsigned_bytes: unsigned.len(),
                checkpoint,
            });
        }
        if let Some(genuine) = compare::genuine(files.leaf_hashes, &checkpoint)
            && let Some(altered) = compare::altered(files.entries, genuine)
        {
            return Err(altered);
        }
        let size = checkpoint.size();
        Err(read.error.unwrap_or_else(|| AuditError::Root {
            size,
            suspect: replay(signed_entries(files.entries, size)).err(),
        }))
    }

    /// The checkpoint that covers exactly [`Archive::entries`].
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The signed entries, in order.
    pub fn entries(&self) -> impl Iterator<Item = &'a [u8]> + Clone + use<'a> {
        // Reading has gone over these bytes once, so none of them fails.
        Entries::new(self.signed).filter_map(Result::ok)
    }

    /// Length of the signed entries in `log/entries`.
    #[must_use]
    pub const fn signed_bytes(&self) -> usize {
        self.signed.len()
    }

    /// Bytes of `log/entries` behind the signed ones.
    #[must_use]
    pub const fn unsigned_bytes(&self) -> usize {
        self.unsigned_bytes
    }

    /// Does this copy continue the tree of an earlier checkpoint of the same log?
    ///
    /// # Errors
    /// [`AuditError::Rollback`] where it is smaller, [`AuditError::Fork`] where its first entries
    /// are others: the two checkpoints, with this copy, prove it.
    pub fn continues(&self, earlier: &Checkpoint) -> Result<(), AuditError> {
        let evidence = || {
            Box::new(Evidence::of(
                earlier.signed().clone(),
                self.checkpoint.signed().clone(),
            ))
        };
        if earlier.size() > self.checkpoint.size() {
            return Err(AuditError::Rollback(evidence()));
        }
        let mut frontier = Frontier::default();
        for entry in signed_entries(self.signed, earlier.size()) {
            frontier.append(leaf_hash(entry), |_, _| ());
        }
        if frontier.root() == *earlier.root() {
            Ok(())
        } else {
            Err(AuditError::Fork(evidence()))
        }
    }
}

/// Leaf hashes of the first entries of a file, and where reading stopped.
struct Read {
    leaves: Vec<TreeHash>,
    /// Bytes of the entries read.
    bytes: usize,
    error: Option<AuditError>,
}

impl Read {
    fn up_to(file: &[u8], signed: u64) -> Self {
        let mut entries = Entries::new(file);
        let (mut leaves, mut index, mut error) = (Vec::new(), 0_u64, None);
        while index < signed && error.is_none() {
            match entries.next() {
                Some(Ok(entry)) => {
                    leaves.push(leaf_hash(entry));
                    index += 1;
                }
                Some(Err(_)) => {
                    let offset = entries.offset();
                    error = Some(AuditError::Torn {
                        index,
                        offset,
                        signed,
                    });
                }
                None => error = Some(AuditError::Missing { index, signed }),
            }
        }
        Self {
            leaves,
            bytes: entries.offset(),
            error,
        }
    }
}

fn signed_entries(file: &[u8], size: u64) -> impl Iterator<Item = &[u8]> {
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    Entries::new(file).map_while(Result::ok).take(size)
}

#[cfg(test)]
mod tests;
