//! Entries about the log's own operation: nothing is decided by them, auditors read them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{Fingerprint, OrgId};

/// The form of records that [`Snapshot::root`] is over. Whoever changes what a record of an older log
/// looks like (a test knows: `the_root_of_an_old_log_is_what_it_was`) MUST raise it: auditors recompute
/// the roots of their own form and count the others as not checked.
pub const SNAPSHOT_FORM: u32 = 3;

/// What the operator has set and others feel: the same for all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// Does it accept the certificates and keys of a development PKI?
    pub development: bool,
    /// Releases appear on multiples of this, in milliseconds.
    pub publish_tick_ms: u64,
    /// Longest time without an entry while the broker runs, in seconds: then a `log.heartbeat` follows.
    pub heartbeat_s: u32,
    /// SHA-256 over the policy of witnesses; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub witnesses: Option<Fingerprint>,
    /// Bounds that callers meet, by name.
    pub limits: BTreeMap<String, u64>,
}

/// A digest of the state after all entries before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// [`SNAPSHOT_FORM`] of the software that wrote it.
    pub form: u32,
    /// [`crate::state::State::root`].
    pub root: Fingerprint,
}

/// What an auditor has read since its last such entry, folded into one range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditorRead {
    /// The auditor.
    pub by: OrgId,
    /// Index of the first entry that it read.
    pub from: u64,
    /// One more than the index of the last.
    pub to: u64,
}

/// Requests that were refused and not logged one by one, because there were too many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RefusalsFolded {
    /// Who asked.
    pub by: OrgId,
    /// When the first of them came.
    pub since: Timestamp,
    /// How many requests they were: a number of calls, and of nothing that was contributed.
    pub requests: u32,
}
