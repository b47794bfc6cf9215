//! What the end of an agreement means.

use serde::{Deserialize, Serialize};

/// Longest notice, in days.
pub const NOTICE_DAYS_MAX: u32 = 365;

/// What follows when the agreement expires or is terminated. An amendment is no end: the terms of the amended
/// agreement hold on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnEnd {
    /// What becomes of the tables released under it.
    pub tables: TablesOnEnd,
    /// Days of 24 hours between a termination and its effect, 0 to [`NOTICE_DAYS_MAX`]. Whoever cannot wait
    /// suspends, which takes no notice.
    pub notice_days: u32,
    /// What becomes of the contributed cells.
    #[serde(skip_serializing_if = "CellsOnEnd::are_kept", default)]
    pub cells: CellsOnEnd,
}

/// What becomes of released tables at the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TablesOnEnd {
    /// They stay available to those who were entitled.
    #[default]
    Served,
    /// The broker gives them to nobody any more; copies already fetched are out of its reach.
    Closed,
}

impl TablesOnEnd {
    /// As it stands in the agreement.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Closed => "closed",
        }
    }
}

/// What becomes of contributed cells at the end. Nothing reads them any more in either case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CellsOnEnd {
    /// They stay until their retention is over.
    #[default]
    Kept,
    /// They are deleted at the end, as soon as no release that was charged before still reads them.
    Deleted,
}

impl CellsOnEnd {
    /// As it stands in the agreement.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Deleted => "deleted",
        }
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
    fn are_kept(&self) -> bool {
        *self == Self::Kept
    }
}
