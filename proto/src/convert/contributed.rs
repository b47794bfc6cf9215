//! What became of a contribution, and taking one back.

use policies::id::{AgreementId, BatchId, TableName};
use policies::life::Cause;
use policies::period::Period;
use policies::sign::PartySignature;
use policies::state::Standing;

use super::both_ways::{logged, paged};
use super::common;
use super::{
    ConvertError, Logged, Paged, ReleaseSummary, at_most, parse, parse_optional, print_optional,
    wrong,
};
use crate::limits::RELEASED_FROM_MAX;
use crate::v1;

/// A contribution's status; not its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContributionStatus {
    /// Under which agreement.
    pub agreement: AgreementId,
    /// Which table.
    pub table: TableName,
    /// Which period.
    pub period: Period,
    /// The provider's id of the push.
    pub batch: BatchId,
    /// The batch it corrected.
    pub supersedes: Option<BatchId>,
    /// Came after due time and grace.
    pub late: bool,
    /// Where it stands.
    pub standing: Standing,
    /// Index of the entry that accepted it.
    pub entry: u64,
    /// What was published from it, in the order of the log, at most [`RELEASED_FROM_MAX`]; none in lists.
    pub releases: Vec<ReleaseSummary>,
}

/// A contribution that its provider takes back: who that is, the connection says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawing {
    /// Under which agreement it was made.
    pub agreement: AgreementId,
    /// The provider's id of the push.
    pub batch: BatchId,
    /// Why.
    pub reason: Cause,
    /// Not verified yet.
    pub signature: PartySignature,
}

impl TryFrom<v1::Contribution> for ContributionStatus {
    type Error = ConvertError;

    fn try_from(message: v1::Contribution) -> Result<Self, ConvertError> {
        let v1::Contribution {
            agreement_id,
            table,
            period,
            batch_id,
            supersedes_batch_id,
            late,
            state,
            entry_index,
            releases,
        } = message;
        let standing = match v1::ContributionState::try_from(state) {
            Ok(v1::ContributionState::Live) => Standing::Live,
            Ok(v1::ContributionState::Superseded) => Standing::Superseded,
            Ok(v1::ContributionState::Withdrawn) => Standing::Withdrawn,
            Ok(v1::ContributionState::Deleted) => Standing::Deleted,
            Ok(v1::ContributionState::Unspecified) => return Err(wrong("state", "missing")),
            Err(_) => return Err(wrong("state", format_args!("`{state}` is not known here"))),
        };
        at_most("releases", "items", releases.len(), RELEASED_FROM_MAX)?;
        Ok(Self {
            agreement: parse("agreement_id", &agreement_id)?,
            table: parse("table", &table)?,
            period: parse("period", &period)?,
            batch: parse("batch_id", &batch_id)?,
            supersedes: parse_optional("supersedes_batch_id", &supersedes_batch_id)?,
            late,
            standing,
            entry: entry_index,
            releases: releases
                .into_iter()
                .map(TryInto::try_into)
                .collect::<Result<_, _>>()?,
        })
    }
}

impl From<ContributionStatus> for v1::Contribution {
    fn from(status: ContributionStatus) -> Self {
        let ContributionStatus {
            agreement,
            table,
            period,
            batch,
            supersedes,
            late,
            standing,
            entry,
            releases,
        } = status;
        let state = match standing {
            Standing::Live => v1::ContributionState::Live,
            Standing::Superseded => v1::ContributionState::Superseded,
            Standing::Withdrawn => v1::ContributionState::Withdrawn,
            Standing::Deleted => v1::ContributionState::Deleted,
        };
        Self {
            agreement_id: agreement.into(),
            table: table.into(),
            period: period.into(),
            batch_id: batch.into(),
            supersedes_batch_id: print_optional(supersedes.as_ref()),
            late,
            state: state.into(),
            entry_index: entry,
            releases: releases.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<v1::WithdrawContributionRequest> for Withdrawing {
    type Error = ConvertError;

    fn try_from(message: v1::WithdrawContributionRequest) -> Result<Self, ConvertError> {
        let v1::WithdrawContributionRequest {
            agreement_id,
            batch_id,
            reason,
            signature,
        } = message;
        Ok(Self {
            agreement: parse("agreement_id", &agreement_id)?,
            batch: parse("batch_id", &batch_id)?,
            reason: parse("reason", &reason)?,
            signature: common::signature("signature", signature)?,
        })
    }
}

impl From<Withdrawing> for v1::WithdrawContributionRequest {
    fn from(withdrawing: Withdrawing) -> Self {
        let Withdrawing {
            agreement,
            batch,
            reason,
            signature,
        } = withdrawing;
        Self {
            agreement_id: agreement.into(),
            batch_id: batch.into(),
            reason: reason.into(),
            signature: Some(signature.into()),
        }
    }
}

logged! {
    GetContributionResponse { contribution: ContributionStatus }
    WithdrawContributionResponse { contribution: ContributionStatus }
}
paged! { ListContributionsResponse { contributions: ContributionStatus } }
