//! What the state says about open data.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AgreementRecord, ReleaseRecord, State};
use crate::agreement::{OpenOnEnd, Publication};
use crate::entry::{Opening, Recall};
use crate::id::{AgreementId, OrgId, ReleaseKey};

/// A release on its way to everybody, as the log has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "lowercase", deny_unknown_fields)]
pub enum Openness {
    /// A first person has proposed it.
    Proposed {
        /// Who.
        by: Opening,
        /// Index of the entry.
        entry: u64,
    },
    /// A second person has approved it.
    Opened {
        /// Who.
        by: Opening,
        /// Index of the entry.
        entry: u64,
        /// When.
        time: Timestamp,
    },
    /// A party has taken it back.
    Withdrawn {
        /// Who, and why.
        by: Recall,
        /// Index of the entry.
        entry: u64,
        /// When.
        time: Timestamp,
        /// When it was opened; absent where it never was public.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        opened: Option<Timestamp>,
    },
}

impl Openness {
    /// Index of the entry that made it so.
    #[must_use]
    pub fn entry(&self) -> u64 {
        match self {
            Self::Proposed { entry, .. }
            | Self::Opened { entry, .. }
            | Self::Withdrawn { entry, .. } => *entry,
        }
    }
}

/// Who may see a release at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenStage {
    /// Those who are entitled by its agreements, and nobody else.
    Closed,
    /// The same; somebody has proposed it as open data.
    Proposed,
    /// Everybody.
    Public,
    /// It was public: its place says so, and the table is there no more.
    Withdrawn,
}

impl OpenStage {
    /// The word for screens.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Proposed => "proposed",
            Self::Public => "public",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl State {
    /// Where a release stands at a time. The end of an agreement that says so withdraws what is public at once, and so
    /// does an amendment that allows no open data, without an entry of their own.
    #[must_use]
    pub fn open_stage(&self, release: &ReleaseRecord, time: Timestamp) -> OpenStage {
        match &release.open {
            None => OpenStage::Closed,
            Some(Openness::Proposed { .. }) => OpenStage::Proposed,
            Some(Openness::Withdrawn { opened: None, .. }) => OpenStage::Closed,
            Some(Openness::Withdrawn { .. }) => OpenStage::Withdrawn,
            Some(Openness::Opened { .. }) if self.stays_open(release, time) => OpenStage::Public,
            Some(Openness::Opened { .. }) => OpenStage::Withdrawn,
        }
    }

    /// The terms on which a release is open data, or may become it: those of the newest amendment of the line of each
    /// of its agreements. `None` where any of them allows none.
    #[must_use]
    pub fn publications(&self, release: &ReleaseRecord) -> Option<Vec<&Publication>> {
        let asked = release.reservation.asked();
        let terms = asked
            .iter()
            .map(|asked| self.newest(&asked.agreement)?.terms.publication.as_ref());
        terms.collect()
    }

    /// Is the organisation provider or planner of one of a release's agreements?
    #[must_use]
    pub fn is_party_to(&self, release: &ReleaseRecord, org: &OrgId) -> bool {
        let party = |id: &AgreementId| self.agreement(id).is_some_and(|r| r.terms.is_party(org));
        let asked = release.reservation.asked();
        asked.iter().any(|asked| party(&asked.agreement))
    }

    /// Every release that is, or was, public at a time, with its stage.
    pub fn opened(
        &self,
        time: Timestamp,
    ) -> impl Iterator<Item = (&ReleaseKey, &ReleaseRecord, OpenStage)> {
        self.releases.iter().filter_map(move |(key, release)| {
            let stage = self.open_stage(release, time);
            let seen = matches!(stage, OpenStage::Public | OpenStage::Withdrawn);
            seen.then_some((key, release, stage))
        })
    }

    /// The newest amendment of an agreement's line, itself where it was never amended.
    #[must_use]
    pub fn newest(&self, id: &AgreementId) -> Option<&AgreementRecord> {
        let heirs = std::iter::successors(self.agreement(id), |record| {
            self.agreement(record.life.superseded_by.as_ref()?)
        });
        heirs.last()
    }

    fn stays_open(&self, release: &ReleaseRecord, time: Timestamp) -> bool {
        let asked = release.reservation.asked();
        let mut records = asked.iter().map(|asked| self.newest(&asked.agreement));
        records.all(|record| {
            record.is_some_and(|record| {
                let ended = record.status.is_end() || record.has_run_out(time);
                let allowed = record.terms.publication.as_ref();
                allowed.is_some_and(|p| p.on_end == OpenOnEnd::Kept || !ended)
            })
        })
    }
}
