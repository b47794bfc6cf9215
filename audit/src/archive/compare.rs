//! Entries against the leaf hashes that were signed: where does a copy begin to differ, and how?

use crate::bundle::Entries;
use crate::checkpoint::Checkpoint;
use crate::error::{AuditError, Change};
use crate::tree::{TreeHash, leaf_hash, root};

/// The stored leaf hashes, if they are those of the signed tree; others tell nothing.
pub(super) fn genuine(stored: Option<&[u8]>, checkpoint: &Checkpoint) -> Option<Vec<TreeHash>> {
    let (hashes, _) = stored?.as_chunks::<{ TreeHash::BYTES }>();
    let size = usize::try_from(checkpoint.size()).ok()?;
    let hashes: Vec<_> = hashes
        .get(..size)?
        .iter()
        .copied()
        .map(TreeHash::new)
        .collect();
    (root(&hashes) == *checkpoint.root()).then_some(hashes)
}

/// What the first difference is; nothing where every signed entry stands in its place.
pub(super) fn altered(file: &[u8], signed: Vec<TreeHash>) -> Option<AuditError> {
    let found = Found::read(file);
    let same = signed.iter().zip(&found.leaves);
    let at = same.take_while(|(signed, found)| signed == found).count();
    if at >= signed.len() {
        return None;
    }
    let offset = found.offsets.get(at).copied().unwrap_or(found.end);
    let (wanted, there) = (signed.get(at..)?, found.leaves.get(at..)?);
    if there.is_empty() {
        let (index, signed) = (at as u64, signed.len() as u64);
        return Some(if found.end < file.len() {
            AuditError::Torn {
                index,
                offset,
                signed,
            }
        } else {
            AuditError::Missing { index, signed }
        });
    }
    Some(AuditError::Altered {
        index: at as u64,
        offset,
        change: change(wanted, there, at as u64),
    })
}

/// `wanted` and `there` differ at their first hash, which stands at `at` in the log.
fn change(wanted: &[TreeHash], there: &[TreeHash], at: u64) -> Change {
    let first = |of: &[TreeHash]| of.first().copied();
    // Cut out: what stands here now was signed further on, and goes on as signed from there.
    if let Some(count) = place(wanted, first(there))
        && wanted
            .get(count..)
            .is_some_and(|rest| there.starts_with(rest))
    {
        return Change::Removed {
            count: count as u64,
        };
    }
    if let Some(count) = place(there, first(wanted)) {
        // Put in: what belongs here stands further on, and goes on as signed from there.
        if there
            .get(count..)
            .is_some_and(|rest| rest.starts_with(wanted))
        {
            return Change::Inserted {
                count: count as u64,
            };
        }
        return Change::Reordered {
            found_at: at.saturating_add(count as u64),
        };
    }
    Change::Rewritten
}

fn place(hashes: &[TreeHash], of: Option<TreeHash>) -> Option<usize> {
    hashes.iter().position(|hash| Some(*hash) == of)
}

/// Leaf hashes of all whole entries in a file.
struct Found {
    leaves: Vec<TreeHash>,
    offsets: Vec<usize>,
    /// Where the whole entries end.
    end: usize,
}

impl Found {
    fn read(file: &[u8]) -> Self {
        let mut entries = Entries::new(file);
        let (mut leaves, mut offsets, mut end) = (Vec::new(), Vec::new(), 0);
        while let Some(Ok(entry)) = entries.next() {
            leaves.push(leaf_hash(entry));
            offsets.push(end);
            end = entries.offset();
        }
        Self {
            leaves,
            offsets,
            end,
        }
    }
}
