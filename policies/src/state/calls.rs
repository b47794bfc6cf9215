//! Calls for data as the log has them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::State;
use crate::call::Call;
use crate::id::{CallId, OrgId};

/// A call for data and its entries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallRecord {
    /// Whose.
    pub planner: OrgId,
    /// What is asked.
    pub terms: Call,
    /// When it was published.
    pub time: Timestamp,
    /// Index of the entry that published it.
    pub entry: u64,
    /// Index of the entry that closed it.
    pub closed: Option<u64>,
}

impl State {
    /// A call for data.
    #[must_use]
    pub fn call(&self, id: &CallId) -> Option<&CallRecord> {
        self.calls.get(id)
    }

    /// All calls for data, open and closed.
    pub fn calls(&self) -> impl Iterator<Item = (&CallId, &CallRecord)> {
        self.calls.iter()
    }
}
