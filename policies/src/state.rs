//! What the log implies: a pure reducer over entries.
//!
//! `apply` checks every invariant that later entries rely on; broker, index and auditor run this
//! same code. Signatures, noise and due times of a reservation are for the auditor to check besides.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::agreement::{Agreement, Protection};
use crate::coarse::Merge;
use crate::entry::{Contribution, Floors, Reservation, Why};
use crate::id::{
    AgreementId, BatchId, BlobId, CallId, Fingerprint, OrgId, ReleaseKey, RequestId, Role,
    TableName, ZoningId,
};
use crate::joint::With;
use crate::ledger::{Account, Ledger};
use crate::life::Life;
use crate::mutants;
use crate::period::Period;
use crate::refusal::ReasonId;
use crate::sign::{PartySignature, PublicKey};

mod access;
mod apply;
mod calls;
mod concerned;
mod error;
mod life;
mod listing;
mod opening;
mod operation;
mod protection;
mod records;
mod retention;

pub use access::PoliciesInForce;
pub use apply::{ROTATIONS_MAX, Touched};
pub use calls::CallRecord;
pub use error::ApplyError;
pub use opening::{Barred, OpenStage, Openness};
pub use operation::{ConfigInForce, SNAPSHOT_EVERY};
pub use records::{Record, RecordError};
pub use retention::{ABORTED_BY_DELETION, Standing, kept_until};

pub use crate::life::Status;

/// An organisation as admitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Org {
    /// Its one role.
    pub role: Role,
    /// Its SPIFFE id.
    pub spiffe: String,
    /// The key it signs with.
    pub key: PublicKey,
    /// Keys before it, oldest first: what they signed in their time stays signed.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub former: Vec<PublicKey>,
    /// Index of the entry of its last change.
    pub entry: u64,
}

/// A zoning as added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zoning {
    /// SHA-256 over its GeoJSON bytes.
    pub sha256: Fingerprint,
    /// How many zones it has.
    pub zones: u32,
    /// How many parents they have between them, where the file names parents.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parents: Option<u32>,
    /// Its blob.
    pub blob: BlobId,
    /// Index of its entry.
    pub entry: u64,
}

/// An agreement and its signatures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgreementRecord {
    /// The terms.
    pub terms: Agreement,
    /// Where it is in its life.
    pub status: Status,
    /// Who has signed, in order.
    pub signatures: Vec<(OrgId, PartySignature)>,
    /// What has become of it.
    pub life: Life,
    /// Index of the entry of its last change.
    pub entry: u64,
}

/// Where a contribution belongs: at most one is live in each slot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// Under which agreement.
    pub agreement: AgreementId,
    /// Which table.
    pub table: TableName,
    /// Which period.
    pub period: Period,
}

/// A contribution and its entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContributionRecord {
    /// What was accepted.
    pub contribution: Contribution,
    /// When: its retention counts from here.
    pub time: Timestamp,
    /// Index of its entry.
    pub entry: u64,
    /// The provider took it back: index and time of that entry.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub withdrawn: Option<(u64, Timestamp)>,
    /// Its cells are deleted: index of that entry, and why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub deleted: Option<(u64, Why)>,
}

/// How a release stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "lowercase", deny_unknown_fields)]
pub enum Stage {
    /// Charged; not yet drawn, or drawn and not yet durable.
    Reserved,
    /// Final.
    Published {
        /// Its table.
        blob: BlobId,
        /// Index of the `release.published` entry.
        entry: u64,
    },
    /// Ended without a table.
    Aborted {
        /// A stable word.
        reason: String,
    },
}

/// A release, its reservation and its stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRecord {
    /// What was decided and charged.
    pub reservation: Reservation,
    /// Index of the `release.reserved` entry.
    pub entry: u64,
    /// How it stands.
    pub stage: Stage,
    /// Its way to everybody; absent where nobody proposed it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub open: Option<Openness>,
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "lowercase", deny_unknown_fields)]
pub enum Outcome {
    /// It was reserved.
    Reserved {
        /// Which release.
        key: ReleaseKey,
    },
    /// It was refused.
    Refused {
        /// Under which agreement, for which table and period.
        slot: Slot,
        /// The further agreements of the request.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        with: Vec<With>,
        /// What should have been merged.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        merge: Option<Merge>,
        /// Every reason.
        reasons: Vec<ReasonId>,
        /// Index of its entry.
        entry: u64,
    },
}

/// Everything the entries up to `size` imply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    pub(crate) size: u64,
    pub(crate) time: Option<Timestamp>,
    pub(crate) floors: Option<Floors>,
    pub(crate) policies: Option<PoliciesInForce>,
    pub(crate) config: Option<ConfigInForce>,
    pub(crate) snapshot: Option<u64>,
    pub(crate) orgs: BTreeMap<OrgId, Org>,
    pub(crate) zonings: BTreeMap<ZoningId, Zoning>,
    pub(crate) calls: BTreeMap<CallId, CallRecord>,
    pub(crate) agreements: BTreeMap<AgreementId, AgreementRecord>,
    /// The agreements that name an organisation.
    pub(crate) naming: BTreeMap<OrgId, BTreeSet<AgreementId>>,
    pub(crate) live: BTreeMap<Slot, ContributionRecord>,
    pub(crate) batches: BTreeMap<(OrgId, BatchId), ContributionRecord>,
    pub(crate) requests: BTreeMap<(OrgId, RequestId), Outcome>,
    pub(crate) releases: BTreeMap<ReleaseKey, ReleaseRecord>,
    /// Those that were charged and have not ended.
    pub(crate) unfinished: BTreeSet<ReleaseKey>,
    pub(crate) editions: BTreeMap<Slot, Vec<ReleaseKey>>,
    pub(crate) merges: BTreeMap<Slot, Vec<ReleaseKey>>,
    pub(crate) reads: BTreeMap<(Account, Period), Protection>,
    /// When which stored cells go, soonest first.
    pub(crate) due: BTreeSet<(Timestamp, OrgId, BatchId)>,
    /// Slots whose newest cells are deleted: the entry that accepted those, and why they are.
    pub(crate) gone: BTreeMap<Slot, (u64, Why)>,
    /// Slots whose period was told to be missing, and the entry that did.
    pub(crate) missed: BTreeMap<Slot, u64>,
    /// What is deleted, by the entry that says so.
    pub(crate) deleted: BTreeMap<u64, BlobId>,
    pub(crate) ledger: Ledger,
}

impl State {
    /// The state before the first entry.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many entries it has taken.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Time of the last entry.
    #[must_use]
    pub fn time(&self) -> Option<Timestamp> {
        self.time
    }

    /// The time a decision is made at: the clock's, but never before the last entry's.
    #[must_use]
    pub fn decision_time(&self, clock: Timestamp) -> Timestamp {
        self.time.map_or(clock, |last| last.max(clock))
    }

    /// The floors in force; `None` before the first start.
    #[must_use]
    pub fn floors(&self) -> Option<Floors> {
        self.floors
    }

    /// The access policies in force; `None` in logs from before they were logged.
    #[must_use]
    pub fn policies(&self) -> Option<&PoliciesInForce> {
        self.policies.as_ref()
    }

    /// An organisation.
    #[must_use]
    pub fn org(&self, id: &OrgId) -> Option<&Org> {
        self.orgs.get(id)
    }

    /// All organisations.
    pub fn orgs(&self) -> impl Iterator<Item = (&OrgId, &Org)> {
        self.orgs.iter()
    }

    /// A zoning.
    #[must_use]
    pub fn zoning(&self, id: &ZoningId) -> Option<&Zoning> {
        self.zonings.get(id)
    }

    /// All zonings.
    pub fn zonings(&self) -> impl Iterator<Item = (&ZoningId, &Zoning)> {
        self.zonings.iter()
    }

    /// An agreement.
    #[must_use]
    pub fn agreement(&self, id: &AgreementId) -> Option<&AgreementRecord> {
        self.agreements.get(id)
    }

    /// All agreements.
    pub fn agreements(&self) -> impl Iterator<Item = (&AgreementId, &AgreementRecord)> {
        self.agreements.iter()
    }

    /// The entry that told that the period of a slot is missing.
    #[must_use]
    pub fn missed(&self, slot: &Slot) -> Option<u64> {
        self.missed.get(slot).copied()
    }

    /// The live contribution of a slot.
    #[must_use]
    pub fn live(&self, slot: &Slot) -> Option<&ContributionRecord> {
        self.live.get(slot)
    }

    /// The periods of a slot's table that have a live contribution, as [`before`] gives them.
    pub(crate) fn live_before(&self, slot: &Slot, oldest: Period) -> impl Iterator<Item = Period> {
        before(&self.live, slot, oldest).map(|(period, _)| period)
    }

    /// Those whose newest cells are there no more, and why.
    pub(crate) fn gone_before(
        &self,
        slot: &Slot,
        oldest: Period,
    ) -> impl Iterator<Item = (Period, Why)> {
        before(&self.gone, slot, oldest).map(|(period, (_, why))| (period, *why))
    }

    /// All live contributions.
    pub fn live_contributions(&self) -> impl Iterator<Item = &ContributionRecord> {
        self.live.values()
    }

    /// A contribution by the provider's batch id, live or superseded.
    #[must_use]
    pub fn batch(&self, provider: &OrgId, batch: &BatchId) -> Option<&ContributionRecord> {
        self.batches.get(&(provider.clone(), batch.clone()))
    }

    /// What became of a request.
    #[must_use]
    pub fn outcome(&self, org: &OrgId, request: &RequestId) -> Option<&Outcome> {
        self.requests.get(&(org.clone(), request.clone()))
    }

    /// A release.
    #[must_use]
    pub fn release(&self, key: &ReleaseKey) -> Option<&ReleaseRecord> {
        self.releases.get(key)
    }

    /// All releases.
    pub fn releases(&self) -> impl Iterator<Item = (&ReleaseKey, &ReleaseRecord)> {
        self.releases.iter()
    }

    /// The editions made of a slot, also under the agreements that its own amends, oldest first.
    #[must_use]
    pub fn editions(&self, slot: &Slot) -> &[ReleaseKey] {
        let made = self.editions.get(&self.first_slot(slot));
        made.map(Vec::as_slice).unwrap_or_default()
    }

    /// The ad-hoc merges that have read a slot, likewise, oldest first.
    #[must_use]
    pub fn merges(&self, slot: &Slot) -> &[ReleaseKey] {
        let made = self.merges.get(&self.first_slot(slot));
        made.map(Vec::as_slice).unwrap_or_default()
    }

    /// All balances.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The account that an agreement's releases are charged to.
    #[must_use]
    pub fn account_of(agreement: &Agreement) -> Account {
        Account {
            provider: agreement.provider.org.clone(),
            population: mutants::population(agreement),
        }
    }
}

/// What is known of a slot's table, from `oldest` up to the slot's own period, which is left out; rising.
fn before<'a, T>(
    known: &'a BTreeMap<Slot, T>,
    slot: &Slot,
    oldest: Period,
) -> impl Iterator<Item = (Period, &'a T)> + use<'a, T> {
    let from = Slot {
        period: oldest,
        ..slot.clone()
    };
    // An empty range where `oldest` is no earlier, which would panic.
    let until = slot.clone().max(from.clone());
    let found = known.range(from..until);
    found.map(|(slot, what)| (slot.period, what))
}

#[cfg(test)]
mod tests;
