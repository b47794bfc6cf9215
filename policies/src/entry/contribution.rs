//! Contributions: accepted, taken back, deleted.

use serde::{Deserialize, Serialize};

use crate::id::{AgreementId, BatchId, BlobId, OrgId, TableName};
use crate::life::Cause;
use crate::period::Period;
use crate::sign::PartySignature;
use crate::state::Slot;

/// One accepted contribution.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contribution {
    /// Under which agreement.
    pub agreement: AgreementId,
    /// Which table.
    pub table: TableName,
    /// Which period.
    pub period: Period,
    /// Who contributed.
    pub provider: OrgId,
    /// The provider's id of the push.
    pub batch: BatchId,
    /// The stored cells.
    pub blob: BlobId,
    /// The batch that this one replaces.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub supersedes: Option<BatchId>,
    /// Did it arrive after due time and grace?
    pub late: bool,
}

impl Contribution {
    /// Where it belongs.
    #[must_use]
    pub fn slot(&self) -> Slot {
        Slot {
            agreement: self.agreement.clone(),
            table: self.table.clone(),
            period: self.period,
        }
    }
}

/// Periods of one table that were due, with the plan's grace, and not contributed. Each is told once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Missing {
    /// Under which agreement.
    pub agreement: AgreementId,
    /// Which table.
    pub table: TableName,
    /// Which periods, rising, at most [`MISSING_PERIODS_MAX`](crate::schedule::MISSING_PERIODS_MAX).
    pub periods: Vec<Period>,
}

/// A contribution that its provider took back: from here on nothing reads it. Its cells are deleted by the next
/// [`Deletion`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Withdrawal {
    /// Under which agreement it was made.
    pub agreement: AgreementId,
    /// Which table.
    pub table: TableName,
    /// Which period.
    pub period: Period,
    /// Whose it is.
    pub provider: OrgId,
    /// The provider's id of the push.
    pub batch: BatchId,
    /// Why, in the provider's words.
    pub reason: Cause,
    /// Over [`withdrawal_payload`].
    pub signature: PartySignature,
}

/// What a provider signs to take a contribution back. A batch id is used once, so no such signature acts twice.
#[must_use]
pub fn withdrawal_payload(
    agreement: &AgreementId,
    (provider, batch): (&OrgId, &BatchId),
    reason: &Cause,
) -> Vec<u8> {
    format!(
        "weir contribution withdrawal\nagreement {agreement}\nprovider {provider}\nbatch {batch}\nreason \
         {reason}\n"
    )
    .into_bytes()
}

impl Withdrawal {
    /// What its signature covers.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        withdrawal_payload(&self.agreement, (&self.provider, &self.batch), &self.reason)
    }
}

/// Cells that are there no more: blob and salt. The entry is the truth and comes first, the files follow; a
/// start looks after every one again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deletion {
    /// Under which agreement they were contributed.
    pub agreement: AgreementId,
    /// Which table.
    pub table: TableName,
    /// Which period.
    pub period: Period,
    /// Whose they were.
    pub provider: OrgId,
    /// The provider's id of the push.
    pub batch: BatchId,
    /// What was stored.
    pub blob: BlobId,
    /// Why.
    pub why: Why,
}

/// Why cells are deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// Their provider took them back.
    Withdrawn,
    /// They were kept as long as their agreement says.
    Retention,
    /// Their agreement has ended, and says so (`on_end.cells`).
    End,
}

impl Why {
    /// As it stands in the entry.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Withdrawn => "withdrawn",
            Self::Retention => "retention",
            Self::End => "end",
        }
    }
}
