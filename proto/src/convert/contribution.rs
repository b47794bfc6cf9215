//! Contributions: the header of a push, and what became of it.

use std::fmt;

use audit::receipt::Receipt;
use policies::id::{AgreementId, BatchId, TableName};
use policies::period::Period;
use policies::refusal::ReasonId;
use prost::Message;

use super::common;
use super::{ConvertError, Page, Rate, at_most, parse, parse_optional, print_optional, wrong};
use crate::limits::{HEADER_BYTES_MAX, UNITS_MAX};
use crate::v1;

/// What one Flight DoPut contributes.
#[derive(Clone, PartialEq, Eq)]
pub struct Push {
    /// Under which agreement.
    pub agreement: AgreementId,
    /// Which table.
    pub table: TableName,
    /// Which period.
    pub period: Period,
    /// The provider's id of the push.
    pub batch: BatchId,
    /// The live batch it corrects; none for the first of its period.
    pub supersedes: Option<BatchId>,
    /// Declared rates, each name once.
    pub rates: Vec<Rate>,
    /// Units active in the period, summed over its unit-periods, 1 to [`UNITS_MAX`].
    pub active_units: Option<u64>,
}

/// Which contribution is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContributionQuery {
    /// Under which agreement.
    pub agreement: AgreementId,
    /// The provider's id of the push.
    pub batch: BatchId,
}

/// Which part of an agreement's contributions or releases is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableFilter {
    /// Which agreement.
    pub agreement: AgreementId,
    /// Only this table.
    pub table: Option<TableName>,
    /// Which page.
    pub page: Page,
}

impl Push {
    /// Reads the descriptor's bytes of a Flight DoPut.
    ///
    /// # Errors
    /// [`ConvertError`]; field `cmd` where the bytes are no `ContributionHeader` at all.
    pub fn from_cmd(cmd: &[u8]) -> Result<Self, ConvertError> {
        at_most("cmd", "bytes", cmd.len(), HEADER_BYTES_MAX)?;
        let header = v1::ContributionHeader::decode(cmd);
        header
            .map_err(|_| wrong("cmd", "is not a weir.v1.ContributionHeader"))?
            .try_into()
    }

    /// The descriptor's bytes of a Flight DoPut.
    #[must_use]
    pub fn to_cmd(self) -> Vec<u8> {
        v1::ContributionHeader::from(self).encode_to_vec()
    }
}

/// Without the number of people.
impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            agreement,
            table,
            period,
            batch,
            supersedes,
            rates: _,
            active_units: _,
        } = self;
        write!(f, "Push({agreement}, {table}, {period}, batch {batch}")?;
        match supersedes {
            Some(old) => write!(f, " superseding {old})"),
            None => f.write_str(")"),
        }
    }
}

impl TryFrom<v1::ContributionHeader> for Push {
    type Error = ConvertError;

    fn try_from(message: v1::ContributionHeader) -> Result<Self, ConvertError> {
        let v1::ContributionHeader {
            agreement_id,
            table,
            period,
            batch_id,
            supersedes_batch_id,
            rates,
            active_units,
        } = message;
        let push = Self {
            agreement: parse("agreement_id", &agreement_id)?,
            table: parse("table", &table)?,
            period: parse("period", &period)?,
            batch: parse("batch_id", &batch_id)?,
            supersedes: parse_optional("supersedes_batch_id", &supersedes_batch_id)?,
            rates: common::rates(rates)?,
            active_units,
        };
        if push.supersedes.as_ref() == Some(&push.batch) {
            return Err(wrong("supersedes_batch_id", "is the batch itself"));
        }
        // The number itself is not repeated: it counts people.
        if push
            .active_units
            .is_some_and(|units| !(1..=UNITS_MAX).contains(&units))
        {
            return Err(wrong(
                "active_units",
                "is outside 1 to 2^40: leave it out if not known",
            ));
        }
        Ok(push)
    }
}

impl From<Push> for v1::ContributionHeader {
    fn from(push: Push) -> Self {
        let Push {
            agreement,
            table,
            period,
            batch,
            supersedes,
            rates,
            active_units,
        } = push;
        Self {
            agreement_id: agreement.into(),
            table: table.into(),
            period: period.into(),
            batch_id: batch.into(),
            supersedes_batch_id: print_optional(supersedes.as_ref()),
            rates: rates.into_iter().map(Into::into).collect(),
            active_units,
        }
    }
}

/// A push that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Proof of its entry.
    pub receipt: Receipt,
    /// The rule that refuses every further release of its period, where there is one.
    pub never_released: Option<ReasonId>,
}

impl TryFrom<v1::ContributionReceipt> for Accepted {
    type Error = ConvertError;

    fn try_from(message: v1::ContributionReceipt) -> Result<Self, ConvertError> {
        let v1::ContributionReceipt {
            receipt,
            never_released,
        } = message;
        let rule = |text: &str| {
            let found = ReasonId::ALL.iter().find(|id| id.as_str() == text);
            found.ok_or_else(|| wrong("never_released", "is not known here: update weir"))
        };
        let never_released = Some(never_released.as_str()).filter(|text| !text.is_empty());
        Ok(Self {
            receipt: common::receipt(receipt)?,
            never_released: never_released.map(rule).transpose()?.copied(),
        })
    }
}

impl From<Accepted> for v1::ContributionReceipt {
    fn from(accepted: Accepted) -> Self {
        let Accepted {
            receipt,
            never_released,
        } = accepted;
        Self {
            receipt: Some(receipt.into()),
            never_released: never_released
                .map(ReasonId::as_str)
                .unwrap_or_default()
                .into(),
        }
    }
}

impl TryFrom<v1::GetContributionRequest> for ContributionQuery {
    type Error = ConvertError;

    fn try_from(message: v1::GetContributionRequest) -> Result<Self, ConvertError> {
        let v1::GetContributionRequest {
            agreement_id,
            batch_id,
        } = message;
        Ok(Self {
            agreement: parse("agreement_id", &agreement_id)?,
            batch: parse("batch_id", &batch_id)?,
        })
    }
}

impl From<ContributionQuery> for v1::GetContributionRequest {
    fn from(query: ContributionQuery) -> Self {
        let ContributionQuery { agreement, batch } = query;
        Self {
            agreement_id: agreement.into(),
            batch_id: batch.into(),
        }
    }
}

/// Both directions of a list request under one agreement.
macro_rules! table_filter {
    ($($message:ident)*) => { $(
        impl TryFrom<v1::$message> for TableFilter {
            type Error = ConvertError;

            fn try_from(message: v1::$message) -> Result<Self, ConvertError> {
                let v1::$message { agreement_id, table, page_size, page_token } = message;
                Ok(Self {
                    agreement: parse("agreement_id", &agreement_id)?,
                    table: parse_optional("table", &table)?,
                    page: Page::parse(page_size, page_token)?,
                })
            }
        }

        impl From<TableFilter> for v1::$message {
            fn from(TableFilter { agreement, table, page }: TableFilter) -> Self {
                let (page_size, page_token) = page.print();
                Self {
                    agreement_id: agreement.into(),
                    table: print_optional(table.as_ref()),
                    page_size,
                    page_token,
                }
            }
        }
    )* };
}

table_filter! { ListContributionsRequest ListReleasesRequest }
