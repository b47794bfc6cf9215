//! The log: keys, checkpoints, proofs, entries.

use audit::bundle::ENTRY_BYTES_MAX;
use audit::checkpoint::{CheckpointNote, LogKey};
use audit::receipt::Receipt;
use audit::tree::TreeHash;

use super::common::{self, hashes, print_hashes};
use super::{ConvertError, at_most, parse, wrong};
use crate::limits::{BUNDLE_MAX, ENTRIES_MAX, NOTICES_MAX};
use crate::v1;

/// Two sizes of the tree, the older first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizePair {
    /// In entries.
    pub old: u64,
    /// In entries, not below `old`.
    pub new: u64,
}

/// Which places of the log to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRange {
    /// The first, from 0.
    pub start: u64,
    /// How many, 1 to [`ENTRIES_MAX`].
    pub limit: u32,
}

/// From which place in the log on to be told what happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchFrom {
    /// The first place.
    pub start: u64,
}

/// Some entries of the log, by their places.
#[derive(Clone, PartialEq, Eq)]
pub struct Bundle {
    /// Place and bytes, rising by place, at most [`BUNDLE_MAX`].
    pub entries: Vec<(u64, Vec<u8>)>,
    /// First place not looked at.
    pub next_start: u64,
}

impl std::fmt::Debug for Bundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Bundle({} entries before {})",
            self.entries.len(),
            self.next_start
        )
    }
}

impl TryFrom<v1::GetLogKeyResponse> for LogKey {
    type Error = ConvertError;

    fn try_from(message: v1::GetLogKeyResponse) -> Result<Self, ConvertError> {
        let v1::GetLogKeyResponse { log_key } = message;
        parse("log_key", &log_key).map(Self::new)
    }
}

impl From<&LogKey> for v1::GetLogKeyResponse {
    fn from(key: &LogKey) -> Self {
        Self {
            log_key: key.verifier_key().to_string(),
        }
    }
}

impl TryFrom<v1::GetCheckpointResponse> for CheckpointNote {
    type Error = ConvertError;

    fn try_from(message: v1::GetCheckpointResponse) -> Result<Self, ConvertError> {
        let v1::GetCheckpointResponse { checkpoint } = message;
        Self::try_from(checkpoint).map_err(|e| wrong("checkpoint", e))
    }
}

impl From<CheckpointNote> for v1::GetCheckpointResponse {
    fn from(checkpoint: CheckpointNote) -> Self {
        Self {
            checkpoint: checkpoint.into(),
        }
    }
}

impl TryFrom<v1::GetConsistencyProofRequest> for SizePair {
    type Error = ConvertError;

    fn try_from(message: v1::GetConsistencyProofRequest) -> Result<Self, ConvertError> {
        let v1::GetConsistencyProofRequest {
            old_size: old,
            new_size: new,
        } = message;
        if new < old {
            let why = format_args!("`{new}` is below old_size `{old}`");
            return Err(wrong("new_size", why));
        }
        Ok(Self { old, new })
    }
}

impl From<SizePair> for v1::GetConsistencyProofRequest {
    fn from(sizes: SizePair) -> Self {
        let SizePair { old, new } = sizes;
        Self {
            old_size: old,
            new_size: new,
        }
    }
}

impl TryFrom<v1::GetConsistencyProofResponse> for Vec<TreeHash> {
    type Error = ConvertError;

    fn try_from(message: v1::GetConsistencyProofResponse) -> Result<Self, ConvertError> {
        let v1::GetConsistencyProofResponse { proof } = message;
        hashes("proof", proof)
    }
}

impl From<&[TreeHash]> for v1::GetConsistencyProofResponse {
    fn from(proof: &[TreeHash]) -> Self {
        Self {
            proof: print_hashes(proof),
        }
    }
}

impl From<v1::GetReceiptRequest> for u64 {
    fn from(message: v1::GetReceiptRequest) -> Self {
        let v1::GetReceiptRequest { index } = message;
        index
    }
}

impl TryFrom<v1::GetReceiptResponse> for Receipt {
    type Error = ConvertError;

    fn try_from(message: v1::GetReceiptResponse) -> Result<Self, ConvertError> {
        let v1::GetReceiptResponse { receipt } = message;
        common::receipt(receipt)
    }
}

impl From<Receipt> for v1::GetReceiptResponse {
    fn from(receipt: Receipt) -> Self {
        Self {
            receipt: Some(receipt.into()),
        }
    }
}

impl TryFrom<v1::GetEntriesRequest> for LogRange {
    type Error = ConvertError;

    fn try_from(message: v1::GetEntriesRequest) -> Result<Self, ConvertError> {
        let v1::GetEntriesRequest { start, limit } = message;
        if limit > ENTRIES_MAX {
            let why = format_args!("is {limit}, at most {ENTRIES_MAX} are allowed");
            return Err(wrong("limit", why));
        }
        let limit = if limit == 0 { ENTRIES_MAX } else { limit };
        Ok(Self { start, limit })
    }
}

impl From<LogRange> for v1::GetEntriesRequest {
    fn from(range: LogRange) -> Self {
        let LogRange { start, limit } = range;
        Self { start, limit }
    }
}

impl TryFrom<v1::WatchAgreementsResponse> for Bundle {
    type Error = ConvertError;

    fn try_from(message: v1::WatchAgreementsResponse) -> Result<Self, ConvertError> {
        let v1::WatchAgreementsResponse {
            entries,
            next_start,
        } = message;
        at_most("entries", "items", entries.len(), NOTICES_MAX)?;
        v1::GetEntriesResponse {
            entries,
            next_start,
        }
        .try_into()
    }
}

impl From<Bundle> for v1::WatchAgreementsResponse {
    fn from(bundle: Bundle) -> Self {
        let v1::GetEntriesResponse {
            entries,
            next_start,
        } = bundle.into();
        Self {
            entries,
            next_start,
        }
    }
}

impl From<WatchFrom> for v1::WatchAgreementsRequest {
    fn from(WatchFrom { start }: WatchFrom) -> Self {
        Self { start }
    }
}

impl From<v1::WatchAgreementsRequest> for WatchFrom {
    fn from(message: v1::WatchAgreementsRequest) -> Self {
        let v1::WatchAgreementsRequest { start } = message;
        Self { start }
    }
}

/// Places MUST rise and stay before `next_start`, so that a client always gets on.
impl TryFrom<v1::GetEntriesResponse> for Bundle {
    type Error = ConvertError;

    fn try_from(message: v1::GetEntriesResponse) -> Result<Self, ConvertError> {
        let v1::GetEntriesResponse {
            entries,
            next_start,
        } = message;
        at_most("entries", "items", entries.len(), BUNDLE_MAX)?;
        let mut least = 0;
        let mut checked = Vec::with_capacity(entries.len());
        for v1::Entry { index, entry } in entries {
            at_most("entries.entry", "bytes", entry.len(), ENTRY_BYTES_MAX)?;
            if index < least || index >= next_start {
                return Err(wrong(
                    "entries.index",
                    format_args!("`{index}` is out of order"),
                ));
            }
            least = index + 1;
            checked.push((index, entry));
        }
        Ok(Self {
            entries: checked,
            next_start,
        })
    }
}

impl From<Bundle> for v1::GetEntriesResponse {
    fn from(bundle: Bundle) -> Self {
        let Bundle {
            entries,
            next_start,
        } = bundle;
        let entry = |(index, entry)| v1::Entry { index, entry };
        Self {
            entries: entries.into_iter().map(entry).collect(),
            next_start,
        }
    }
}
