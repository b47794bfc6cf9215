//! A request for a release, as it comes in.

use policies::coarse::Merge;
use policies::decide::Request;
use policies::id::{AgreementId, OrgId, RequestId, TableName};
use policies::joint::{PARTS_MAX, With};
use policies::period::Period;

use super::super::{ConvertError, at_most, not_empty, parse, wrong};
use crate::limits::PURPOSE_BYTES_MAX;
use crate::v1;

/// A wish for a release; nothing is decided yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The caller's id of the wish.
    pub request: RequestId,
    /// Under which agreement.
    pub agreement: AgreementId,
    /// Which table.
    pub table: TableName,
    /// Which period; the first one of a merge.
    pub period: Period,
    /// What to merge; none for the plan's table.
    pub merge: Option<Merge>,
    /// For which purpose; 1 to [`PURPOSE_BYTES_MAX`] bytes of visible ASCII.
    pub purpose: String,
    /// Further agreements whose parts are to stand in the same table; fewer than [`PARTS_MAX`].
    pub with: Vec<With>,
}

impl Wish {
    /// The request that `by`, the organisation of the caller's certificate, makes with it.
    #[must_use]
    pub fn by(self, by: OrgId) -> Request {
        let Self {
            request: id,
            agreement,
            table,
            period,
            merge,
            purpose,
            with,
        } = self;
        Request {
            id,
            by,
            agreement,
            table,
            period,
            merge,
            purpose,
            with,
        }
    }
}

impl TryFrom<v1::RequestReleaseRequest> for Wish {
    type Error = ConvertError;

    fn try_from(message: v1::RequestReleaseRequest) -> Result<Self, ConvertError> {
        let v1::RequestReleaseRequest {
            request_id,
            agreement_id,
            table,
            period,
            purpose,
            merge,
            with,
        } = message;
        not_empty("purpose", purpose.as_bytes())?;
        at_most("purpose", "bytes", purpose.len(), PURPOSE_BYTES_MAX)?;
        if !purpose.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(wrong(
                "purpose",
                "is not a DPV term like `dpv:PublicPolicyMaking`",
            ));
        }
        let period: Period = parse("period", &period)?;
        let merge: Option<Merge> = merge.map(TryInto::try_into).transpose()?;
        if merge.as_ref().is_some_and(|merge| merge.first() != period) {
            return Err(wrong("merge.periods", "does not begin with `period`"));
        }
        Ok(Self {
            request: parse("request_id", &request_id)?,
            agreement: parse("agreement_id", &agreement_id)?,
            with: further(with, &table)?,
            table: parse("table", &table)?,
            period,
            merge,
            purpose,
        })
    }
}

impl From<Wish> for v1::RequestReleaseRequest {
    fn from(wish: Wish) -> Self {
        let Wish {
            request,
            agreement,
            table,
            period,
            merge,
            purpose,
            with,
        } = wish;
        Self {
            request_id: request.into(),
            agreement_id: agreement.into(),
            table: table.into(),
            period: period.into(),
            purpose,
            merge: merge.map(Into::into),
            with: with.into_iter().map(Into::into).collect(),
        }
    }
}

/// The further agreements of a request for `table`, whose name theirs have where they give none.
pub(super) fn further(
    with: Vec<v1::WithAgreement>,
    table: &str,
) -> Result<Vec<With>, ConvertError> {
    at_most("with", "items", with.len(), PARTS_MAX - 1)?;
    let parts = with.into_iter().map(|part| {
        let v1::WithAgreement {
            agreement_id,
            table: its,
        } = part;
        let its = if its.is_empty() { table } else { &its };
        Ok(With {
            agreement: parse("with.agreement_id", &agreement_id)?,
            table: parse("with.table", its)?,
        })
    });
    parts.collect()
}

impl From<With> for v1::WithAgreement {
    fn from(With { agreement, table }: With) -> Self {
        Self {
            agreement_id: agreement.into(),
            table: table.into(),
        }
    }
}
