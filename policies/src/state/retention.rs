//! How long contributed cells stay, and what becomes of those who read them.

use std::collections::BTreeSet;

use jiff::{Timestamp, ToSpan};

use super::{ContributionRecord, ReleaseRecord, Slot, Stage, State, Status};
use crate::agreement::{Agreement, CellsOnEnd};
use crate::entry::{Body, Contribution, Deletion, Why};
use crate::id::{AgreementId, BatchId, BlobId, OrgId, ReleaseKey};

/// The stable word for releases that were charged and whose pinned input is deleted before they are drawn.
pub const ABORTED_BY_DELETION: &str = "input.deleted";

/// Where a contribution stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Releases of its period read it.
    Live,
    /// A correction has taken its place; its cells stay until their retention is over.
    Superseded,
    /// Its provider took it back: its cells are deleted.
    Withdrawn,
    /// Its cells are deleted.
    Deleted,
}

impl Standing {
    /// The word for screens.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Superseded => "superseded",
            Self::Withdrawn => "withdrawn",
            Self::Deleted => "deleted",
        }
    }
}

impl Body {
    /// May it come ahead of the deletion of cells that have to go? Nothing else may: a log that goes on past their time is
    /// found by every auditor.
    #[must_use]
    pub fn makes_way(&self) -> bool {
        matches!(
            self,
            Self::RetentionDeleted(_)
                | Self::ReleaseAborted { .. }
                | Self::AgreementExpired { .. }
                | Self::AgreementTerminated(_)
                | Self::ContributionWithdrawn(_)
        )
    }
}

impl State {
    /// The entries that stored cells ask for at this time: what has been kept as long as agreed is deleted, and the
    /// releases that were charged and still wait to read it are aborted, each once. Cells that go with the end of
    /// their agreement wait for releases that were charged in time, but never past their retention.
    #[must_use]
    pub fn overdue(&self, time: Timestamp) -> Vec<Body> {
        let due = self.due.iter().take_while(|(at, ..)| *at <= time);
        let due = due.filter_map(|(_, provider, batch)| self.batch(provider, batch));
        let (mut entries, mut aborted) = (Vec::new(), BTreeSet::new());
        for record in due {
            let Some((_, why)) = self.goes(record) else {
                continue;
            };
            let readers: Vec<_> = self
                .unfinished_reading(&record.contribution.blob)
                .cloned()
                .collect();
            let waits = why == Why::End && self.retention(record).is_none_or(|over| time < over);
            if waits && readers.iter().any(|key| !aborted.contains(key)) {
                continue;
            }
            entries.extend(
                readers
                    .into_iter()
                    .filter(|key| aborted.insert(key.clone()))
                    .map(aborted_by_deletion),
            );
            entries.push(Body::RetentionDeleted(deletion(&record.contribution, why)));
        }
        entries
    }

    /// The entries by which a contribution is taken back: `withdrawn`, with the aborts ahead of it and the deletion
    /// behind it.
    #[must_use]
    pub fn withdrawing(&self, record: &ContributionRecord, withdrawn: Body) -> Vec<Body> {
        let readers = self.unfinished_reading(&record.contribution.blob);
        let mut entries: Vec<_> = readers.cloned().map(aborted_by_deletion).collect();
        entries.push(withdrawn);
        let deleted = deletion(&record.contribution, Why::Withdrawn);
        entries.push(Body::RetentionDeleted(deleted));
        entries
    }

    /// Every payload that is deleted from entry `first` on, by the entry that says so.
    pub fn deleted_since(&self, first: u64) -> impl Iterator<Item = (u64, &BlobId)> {
        self.deleted
            .range(first..)
            .map(|(entry, blob)| (*entry, blob))
    }

    /// Every payload that an entry names and none deletes: cells, zonings, released tables. What else is stored was
    /// left by a crash.
    #[must_use]
    pub fn blobs(&self) -> BTreeSet<&BlobId> {
        let cells = self.batches.values();
        let cells = cells.filter(|record| record.deleted.is_none());
        let cells = cells.map(|record| &record.contribution.blob);
        let zonings = self.zonings.values().map(|zoning| &zoning.blob);
        let tables = self
            .releases
            .values()
            .filter_map(|release| match &release.stage {
                Stage::Published { blob, .. } => Some(blob),
                Stage::Reserved | Stage::Aborted { .. } => None,
            });
        cells.chain(zonings).chain(tables).collect()
    }

    /// Why the newest cells of a slot are there no more; `None` where they are, or never were.
    #[must_use]
    pub fn gone(&self, slot: &Slot) -> Option<Why> {
        self.gone.get(slot).map(|(_, why)| *why)
    }

    /// Where a contribution stands.
    #[must_use]
    pub fn standing(&self, record: &ContributionRecord) -> Standing {
        let live = self.live(&record.contribution.slot());
        match (record.withdrawn, record.deleted) {
            (Some(_), _) => Standing::Withdrawn,
            (None, Some(_)) => Standing::Deleted,
            (None, None) if live.is_some_and(|live| live.entry == record.entry) => Standing::Live,
            (None, None) => Standing::Superseded,
        }
    }

    /// The published releases that read a contribution, in no order.
    pub fn released_from(
        &self,
        contribution: &Contribution,
    ) -> impl Iterator<Item = (&ReleaseKey, &ReleaseRecord)> {
        let blob = contribution.blob.clone();
        let published = |release: &ReleaseRecord| matches!(release.stage, Stage::Published { .. });
        self.releases
            .iter()
            .filter(move |(_, release)| published(release) && reads(release, &blob))
    }

    /// The releases that were charged, have not ended, and read a payload.
    pub(super) fn unfinished_reading(&self, blob: &BlobId) -> impl Iterator<Item = &ReleaseKey> {
        let read = move |key: &&ReleaseKey| {
            self.releases
                .get(*key)
                .is_some_and(|release| reads(release, blob))
        };
        self.unfinished.iter().filter(read)
    }

    /// When the cells of a contribution go, and why then; `None` where they are gone, or the calendar ends first.
    pub(super) fn goes(&self, record: &ContributionRecord) -> Option<(Timestamp, Why)> {
        if record.deleted.is_some() {
            return None;
        }
        if let Some((_, at)) = record.withdrawn {
            return Some((at, Why::Withdrawn));
        }
        let retention = self.retention(record).map(|at| (at, Why::Retention));
        let end = self.end_of_cells(&record.contribution.agreement);
        let end = end.map(|at| (at, Why::End));
        [retention, end].into_iter().flatten().min()
    }

    /// The same as it stands in the set of all.
    pub(super) fn due_of(
        &self,
        record: &ContributionRecord,
    ) -> Option<(Timestamp, OrgId, BatchId)> {
        let Contribution {
            provider, batch, ..
        } = &record.contribution;
        let (at, _) = self.goes(record)?;
        Some((at, provider.clone(), batch.clone()))
    }

    /// All contributions under an agreement and under those that it amends: they end together.
    pub(super) fn under<'a>(
        &'a self,
        id: &'a AgreementId,
    ) -> impl Iterator<Item = &'a ContributionRecord> {
        let line =
            std::iter::successors(Some(id), |id| self.agreement(id)?.terms.supersedes.as_ref());
        let line: BTreeSet<_> = line.collect();
        let all = self.batches.values();
        all.filter(move |record| line.contains(&record.contribution.agreement))
    }

    /// Remembers what is deleted, for those who erase it and those who miss it.
    pub(super) fn note_deleted(&mut self, record: &ContributionRecord) {
        let Some((entry, why)) = record.deleted else {
            return;
        };
        self.deleted.insert(entry, record.contribution.blob.clone());
        let slot = record.contribution.slot();
        if self.live.contains_key(&slot) {
            return;
        }
        let newest = self
            .gone
            .get(&slot)
            .is_none_or(|(of, _)| *of < record.entry);
        if newest {
            self.gone.insert(slot, (record.entry, why));
        }
    }

    fn retention(&self, record: &ContributionRecord) -> Option<Timestamp> {
        let terms = &self.agreement(&record.contribution.agreement)?.terms;
        kept_until(terms, record.time)
    }

    /// When an agreement ended whose cells go with it. Of an amended one that is the end of its newest amendment, which says
    /// what becomes of all their cells.
    fn end_of_cells(&self, id: &AgreementId) -> Option<Timestamp> {
        let record = self.newest(id)?;
        let over = matches!(record.status, Status::Expired | Status::Terminated);
        let deleted = record.terms.on_end?.cells == CellsOnEnd::Deleted;
        let last = record.life.history.last().filter(|_| over && deleted);
        last.map(|change| change.time)
    }
}

/// Until when cells are kept that were accepted at this time: `retention_days` of 24 hours. `None` past the calendar.
#[must_use]
pub fn kept_until(terms: &Agreement, accepted: Timestamp) -> Option<Timestamp> {
    let hours = i64::from(terms.retention_days).checked_mul(24)?;
    accepted.checked_add(hours.hours()).ok()
}

fn reads(release: &ReleaseRecord, blob: &BlobId) -> bool {
    let reservation = &release.reservation;
    let joint = reservation.joint.iter().flat_map(|joint| &joint.parts);
    reservation.manifest.contains(blob) || joint.into_iter().any(|p| p.manifest.contains(blob))
}

fn aborted_by_deletion(key: ReleaseKey) -> Body {
    let reason = ABORTED_BY_DELETION.to_owned();
    Body::ReleaseAborted { key, reason }
}

fn deletion(contribution: &Contribution, why: Why) -> Deletion {
    Deletion {
        agreement: contribution.agreement.clone(),
        table: contribution.table.clone(),
        period: contribution.period,
        provider: contribution.provider.clone(),
        batch: contribution.batch.clone(),
        blob: contribution.blob.clone(),
        why,
    }
}
