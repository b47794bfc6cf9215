//! What the state says about open data.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AgreementRecord, ReleaseRecord, Stage, State, Status};
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
        /// Index and time of the entry that opened it; absent where it never was public.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        opened: Option<(u64, Timestamp)>,
    },
}

impl Openness {
    /// Index and time of the entry that opened it; `None` where it never was public.
    #[must_use]
    pub fn opened(&self) -> Option<(u64, Timestamp)> {
        match self {
            Self::Proposed { .. } => None,
            Self::Opened { entry, time, .. } => Some((*entry, *time)),
            Self::Withdrawn { opened, .. } => *opened,
        }
    }
}

/// Why a release may not become open data now, whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barred {
    /// It is no final table.
    Unfinished,
    /// An agreement of it allows no open data.
    NotAllowed,
    /// Its agreements name several licences: nobody could say under which one it is.
    Licences,
    /// An agreement of it is not active.
    Inactive,
}

impl Barred {
    /// The rule, as a replay says it.
    #[must_use]
    pub fn rule(self) -> &'static str {
        match self {
            Self::Unfinished => "open data is a release that is published",
            Self::NotAllowed => "open data is allowed by every agreement of the release",
            Self::Licences => "open data is under one licence, the same in every agreement",
            Self::Inactive => "open data is made of active agreements",
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
    /// does an amendment that allows no open data, without an entry of their own, and for good.
    #[must_use]
    pub fn open_stage(&self, release: &ReleaseRecord, time: Timestamp) -> OpenStage {
        match &release.open {
            None => OpenStage::Closed,
            Some(Openness::Proposed { .. }) => OpenStage::Proposed,
            Some(Openness::Withdrawn { opened: None, .. }) => OpenStage::Closed,
            Some(_) if self.withdrawn_since(release, time).is_some() => OpenStage::Withdrawn,
            Some(_) => OpenStage::Public,
        }
    }

    /// Since when a release that was public is public no more at a time; `None` where it is, or never was.
    #[must_use]
    pub fn withdrawn_since(&self, release: &ReleaseRecord, time: Timestamp) -> Option<Timestamp> {
        match release.open.as_ref()? {
            Openness::Proposed { .. } => None,
            Openness::Withdrawn { time, opened, .. } => opened.map(|_| *time),
            Openness::Opened { entry, .. } => {
                let asked = release.reservation.asked();
                let lapses = asked
                    .iter()
                    .filter_map(|asked| self.lapse(&asked.agreement, *entry));
                lapses.min().filter(|since| *since <= time)
            }
        }
    }

    /// May a release become open data at a time, as far as it depends on the release and its agreements?
    ///
    /// # Errors
    /// [`Barred`], the first rule that is broken.
    pub fn may_open(&self, release: &ReleaseRecord, time: Timestamp) -> Result<(), Barred> {
        let publications = match (&release.stage, self.publications(release)) {
            (Stage::Published { .. }, Some(publications)) => publications,
            (Stage::Published { .. }, None) => return Err(Barred::NotAllowed),
            _ => return Err(Barred::Unfinished),
        };
        let mut pairs = publications.windows(2);
        if !pairs.all(|pair| matches!(pair, [a, b] if a.licence == b.licence)) {
            return Err(Barred::Licences);
        }
        let asked = release.reservation.asked();
        let mut active = asked.iter().map(|asked| {
            let record = self.newest(&asked.agreement);
            record.is_some_and(|r| r.standing(time) == Status::Active && !r.has_run_out(time))
        });
        if active.all(|active| active) {
            return Ok(());
        }
        Err(Barred::Inactive)
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

    /// Every release that is, or was, public, and the index of the entry that opened it.
    pub fn opened(&self) -> impl Iterator<Item = (u64, &ReleaseKey)> {
        self.releases.iter().filter_map(|(key, release)| {
            let (entry, _) = release.open.as_ref()?.opened()?;
            Some((entry, key))
        })
    }

    /// The newest amendment of an agreement's line, itself where it was never amended.
    #[must_use]
    pub fn newest(&self, id: &AgreementId) -> Option<&AgreementRecord> {
        self.line_from(id).last()
    }

    /// An agreement and the amendments that took its place, oldest first.
    fn line_from(&self, id: &AgreementId) -> impl Iterator<Item = &AgreementRecord> {
        std::iter::successors(self.agreement(id), |record| {
            self.agreement(record.life.superseded_by.as_ref()?)
        })
    }

    /// When the first of those in a line that were in force since an entry takes back what was opened there; in the
    /// future where its time is not over. What follows in the line gives nothing back.
    fn lapse(&self, id: &AgreementId, opened: u64) -> Option<Timestamp> {
        let mut begun = None;
        for record in self.line_from(id) {
            // Its place was taken by its last change.
            let superseded = record.life.superseded_by.as_ref();
            let superseded = superseded.and(record.life.history.last());
            if superseded.is_none_or(|change| change.entry > opened) {
                let Some(publication) = &record.terms.publication else {
                    return Some(begun.unwrap_or_default());
                };
                let over = record.over_at();
                let over = over.filter(|at| superseded.is_none_or(|change| *at <= change.time));
                if publication.on_end == OpenOnEnd::Withdrawn && over.is_some() {
                    return over;
                }
            }
            begun = superseded.map(|change| change.time);
        }
        None
    }
}
