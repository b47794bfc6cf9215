//! Entries of the log: what has been decided, in full, with a version and a kind.
//!
//! An entry carries effects (charges, terms in force), so that [`crate::state::State`] needs
//! nothing else. It holds no personal data and no count of anything contributed. Its bytes are RFC
//! 8785 JSON; a kind or version this build does not know is an error, never a guess.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::agreement::{Agreement, Unit};
use crate::call::Call;
use crate::coarse::{Coarsening, Merge};
use crate::id::{
    AgreementId, BlobId, CallId, Fingerprint, OrgId, ReleaseKey, RequestId, Role, TableName,
    ZoningId,
};
use crate::joint::{Joint, With};
use crate::life::Act;
use crate::loss::Loss;
use crate::mechanism::Mechanism;
use crate::period::Period;
use crate::refusal::ReasonId;
use crate::sign::{PartySignature, PublicKey};
use crate::table::Table;

mod contribution;
mod floors;
mod form;
mod opening;
mod operation;
mod reservation;
mod salt;

pub use contribution::{Contribution, Deletion, Missing, Why, Withdrawal, withdrawal_payload};
pub use floors::Floors;
pub use form::EntryError;
pub use opening::{Opening, Recall, Step, User, opening_payload};
pub use operation::{AuditorRead, Configuration, RefusalsFolded, SNAPSHOT_FORM, Snapshot};
pub use salt::EntrySalt;

/// The version this build writes.
pub const VERSION: u32 = 1;
/// Largest entry, in bytes (C2SP tlog-tiles: a length of 16 bits).
pub const ENTRY_BYTES_MAX: usize = 65_535;

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// [`VERSION`] at the time of writing.
    pub v: u32,
    /// When it was decided; never before the entry ahead of it.
    pub time: Timestamp,
    /// See [`EntrySalt`].
    pub salt: EntrySalt,
    /// What happened.
    pub body: Body,
}

/// What happened. The text of each kind is the word used in code, metrics and docs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", deny_unknown_fields)]
pub enum Body {
    /// The broker started with these floors in force.
    #[serde(rename = "broker.started")]
    BrokerStarted {
        /// Version of the software.
        software: String,
        /// The steward's floors.
        floors: Floors,
        /// SHA-256 of the binary that started; absent in logs from before it was logged.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        binary: Option<Fingerprint>,
    },
    /// The operator's settings that bear on others are these from here on.
    #[serde(rename = "config.changed")]
    ConfigChanged(Box<Configuration>),
    /// Nothing else was logged for a while: the log is alive.
    #[serde(rename = "log.heartbeat")]
    Heartbeat {},
    /// What all entries before this one imply, as a digest.
    #[serde(rename = "state.snapshot")]
    StateSnapshot(Snapshot),
    /// An auditor read entries.
    #[serde(rename = "auditor.read")]
    AuditorRead(AuditorRead),
    /// Refused requests above the rate that is logged one by one.
    #[serde(rename = "refusals.folded")]
    RefusalsFolded(RefusalsFolded),
    /// Other access policies are in force from here on.
    #[serde(rename = "policy.changed")]
    PolicyChanged {
        /// SHA-256 over the list of all documents with their own SHA-256 (`docs/ACCESS.md`).
        sha256: Fingerprint,
        /// The serial number of the operator's directory; absent for the policies of the software.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        serial: Option<u32>,
    },
    /// An organisation was admitted with a key it proved to hold.
    #[serde(rename = "org.admitted")]
    OrgAdmitted {
        /// Its name.
        org: OrgId,
        /// Its one role.
        role: Role,
        /// Its SPIFFE id.
        spiffe: String,
        /// The key it signs with.
        key: PublicKey,
        /// Signature over [`crate::sign::possession_payload`].
        possession: PartySignature,
        /// The steward's organisation; absent for the first steward, who comes from the config.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        by: Option<OrgId>,
    },
    /// An organisation signs with another key from here on; what the old one signed stays signed.
    #[serde(rename = "org.key_rotated")]
    OrgKeyRotated {
        /// Which organisation.
        org: OrgId,
        /// The key it signed with so far.
        from: Fingerprint,
        /// The key it signs with now.
        key: PublicKey,
        /// Over [`crate::sign::rotation_payload`], with the old key.
        by_old: PartySignature,
        /// Over the same, with the new key.
        by_new: PartySignature,
    },
    /// A zoning became available.
    #[serde(rename = "zoning.added")]
    ZoningAdded {
        /// Name and version.
        zoning: ZoningId,
        /// SHA-256 over its GeoJSON bytes.
        sha256: Fingerprint,
        /// How many zones it has.
        zones: u32,
        /// How many parents they have between them, where the file names parents.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        parents: Option<u32>,
        /// Its blob.
        blob: BlobId,
        /// Who added it.
        by: OrgId,
    },
    /// A planner says what it needs to know.
    #[serde(rename = "call.published")]
    CallPublished {
        /// Its id ([`Call::id`]).
        call: CallId,
        /// The planner.
        by: OrgId,
        /// What is asked.
        terms: Call,
    },
    /// The planner needs it no more: it is answered no longer.
    #[serde(rename = "call.closed")]
    CallClosed {
        /// Which call.
        call: CallId,
        /// The planner.
        by: OrgId,
    },
    /// A party offered an agreement it signed.
    #[serde(rename = "agreement.offered")]
    AgreementOffered {
        /// The terms; their canonical bytes are what is signed.
        agreement: Box<Agreement>,
        /// Provider or planner.
        by: OrgId,
        /// Over the canonical bytes.
        signature: PartySignature,
    },
    /// The other party signed too.
    #[serde(rename = "agreement.signed")]
    AgreementSigned {
        /// Which agreement.
        agreement: AgreementId,
        /// The other party.
        by: OrgId,
        /// Over the canonical bytes.
        signature: PartySignature,
    },
    /// Both have signed and the allotment fits the cap: requests may be decided.
    #[serde(rename = "agreement.activated")]
    AgreementActivated {
        /// Which agreement.
        agreement: AgreementId,
        /// What it may cost each unit-period.
        allotment: Loss,
    },
    /// The offerer took its offer back.
    #[serde(rename = "agreement.withdrawn")]
    AgreementWithdrawn(Act),
    /// A party or a steward stopped an agreement for now.
    #[serde(rename = "agreement.suspended")]
    AgreementSuspended(Act),
    /// Whoever suspended it lifts that; it is active again when nobody's suspension is left.
    #[serde(rename = "agreement.resumed")]
    AgreementResumed(Act),
    /// A party ended it, at once or from a stated time on.
    #[serde(rename = "agreement.terminated")]
    AgreementTerminated(Act),
    /// Its last day, or its notice, is over: its allotment is free.
    #[serde(rename = "agreement.expired")]
    AgreementExpired {
        /// Which agreement.
        agreement: AgreementId,
    },
    /// Cells of one table and period were checked and stored.
    #[serde(rename = "contribution.accepted")]
    ContributionAccepted(Contribution),
    /// Periods whose due time and grace have passed without a contribution.
    #[serde(rename = "contribution.missing")]
    ContributionMissing(Missing),
    /// Its provider took a contribution back.
    #[serde(rename = "contribution.withdrawn")]
    ContributionWithdrawn(Withdrawal),
    /// The cells of a contribution are there no more.
    #[serde(rename = "retention.deleted")]
    RetentionDeleted(Deletion),
    /// A release was decided and charged; noise may now be drawn, once.
    #[serde(rename = "release.reserved")]
    ReleaseReserved(Box<Reservation>),
    /// The released table is final.
    #[serde(rename = "release.published")]
    ReleasePublished {
        /// Which release.
        key: ReleaseKey,
        /// Its table.
        blob: BlobId,
    },
    /// The release ended without a table; the charge stays.
    #[serde(rename = "release.aborted")]
    ReleaseAborted {
        /// Which release.
        key: ReleaseKey,
        /// A stable word, for example `input.lost`.
        reason: String,
    },
    /// A first person proposed that the table becomes open data.
    #[serde(rename = "release.proposed")]
    ReleaseProposed(Opening),
    /// A second person approved that: everybody may have the table.
    #[serde(rename = "release.opened")]
    ReleaseOpened(Opening),
    /// A party took it back.
    #[serde(rename = "release.withdrawn")]
    ReleaseWithdrawn(Recall),
    /// A request was refused.
    #[serde(rename = "release.refused")]
    ReleaseRefused {
        /// The request.
        request: RequestId,
        /// Who asked.
        by: OrgId,
        /// Under which agreement.
        agreement: AgreementId,
        /// For which table.
        table: TableName,
        /// For which period; the first one of a merge.
        period: Period,
        /// The further agreements of the request.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        with: Vec<With>,
        /// What should have been merged.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        merge: Option<Merge>,
        /// Every reason.
        reasons: Vec<ReasonId>,
    },
}

impl Body {
    /// The kind, as it stands in the entry.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::BrokerStarted { .. } => "broker.started",
            Self::ConfigChanged(_) => "config.changed",
            Self::Heartbeat {} => "log.heartbeat",
            Self::StateSnapshot(_) => "state.snapshot",
            Self::AuditorRead(_) => "auditor.read",
            Self::RefusalsFolded(_) => "refusals.folded",
            Self::PolicyChanged { .. } => "policy.changed",
            Self::OrgAdmitted { .. } => "org.admitted",
            Self::OrgKeyRotated { .. } => "org.key_rotated",
            Self::ZoningAdded { .. } => "zoning.added",
            Self::CallPublished { .. } => "call.published",
            Self::CallClosed { .. } => "call.closed",
            Self::AgreementOffered { .. } => "agreement.offered",
            Self::AgreementSigned { .. } => "agreement.signed",
            Self::AgreementActivated { .. } => "agreement.activated",
            Self::AgreementWithdrawn(_) => "agreement.withdrawn",
            Self::AgreementSuspended(_) => "agreement.suspended",
            Self::AgreementResumed(_) => "agreement.resumed",
            Self::AgreementTerminated(_) => "agreement.terminated",
            Self::AgreementExpired { .. } => "agreement.expired",
            Self::ContributionAccepted(_) => "contribution.accepted",
            Self::ContributionMissing(_) => "contribution.missing",
            Self::ContributionWithdrawn(_) => "contribution.withdrawn",
            Self::RetentionDeleted(_) => "retention.deleted",
            Self::ReleaseReserved(_) => "release.reserved",
            Self::ReleasePublished { .. } => "release.published",
            Self::ReleaseAborted { .. } => "release.aborted",
            Self::ReleaseProposed(_) => "release.proposed",
            Self::ReleaseOpened(_) => "release.opened",
            Self::ReleaseWithdrawn(_) => "release.withdrawn",
            Self::ReleaseRefused { .. } => "release.refused",
        }
    }
}

/// A decided and charged release; everything needed to recompute the charge, and to draw exactly
/// once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reservation {
    /// H(canonical table request, pinned manifest).
    pub key: ReleaseKey,
    /// The request that caused it.
    pub request: RequestId,
    /// Who asked.
    pub by: OrgId,
    /// Under which agreement.
    pub agreement: AgreementId,
    /// For which purpose.
    pub purpose: String,
    /// The table's terms.
    pub table: Table,
    /// The period it reads; the first one of a merge.
    pub period: Period,
    /// All periods it reads and what becomes of their cells, where it is an ad-hoc merge.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub merge: Option<Merge>,
    /// What is protected.
    pub unit: Unit,
    /// 1 for the first edition of a period. Of a merge: 1 more than the merges that have read any of
    /// its periods.
    pub edition: u32,
    /// The published edition of the same table and period that this one takes the place of: after a correction.
    /// Absent for the first, for a merge, and in logs from before it was named.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub replaces: Option<ReleaseKey>,
    /// The blobs it reads, one per period: the pinned input.
    pub manifest: Vec<BlobId>,
    /// Was the contribution late?
    pub late: bool,
    /// Periods of the agreement without a contribution among the 366 before this one, the newest 60
    /// at most, oldest first.
    pub missing: Vec<Period>,
    /// All noise, pinned.
    pub mechanism: Mechanism,
    /// Coarser rungs, finer ones first: what they merge and their noise, pinned.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub rungs: Vec<RungNoise>,
    /// What every unit-period it reads is charged: the plan's charge with all rungs, or that of the
    /// ad-hoc line.
    pub charge: Loss,
    /// Further providers' parts of the table, each charged to its own account.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub joint: Option<Joint>,
}

/// One coarser rung of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RungNoise {
    /// Which cells fall into one of its rows.
    pub coarsening: Coarsening,
    /// Its noise.
    pub mechanism: Mechanism,
}

#[cfg(test)]
mod tests;
