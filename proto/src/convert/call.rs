//! Calls for data.

use jiff::Timestamp;
use policies::call::Call;
use policies::id::{CallId, OrgId};

use super::both_ways::{id_request, logged, page_request, paged};
use super::{ConvertError, Logged, Page, Paged, parse, required, wrong};
use crate::v1;

/// A call as it stands in the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallStatus {
    /// Its id.
    pub id: CallId,
    /// The planner.
    pub planner: OrgId,
    /// What it asks for.
    pub terms: Call,
    /// When it was published.
    pub published: Timestamp,
    /// Can it be answered?
    pub open: bool,
    /// Index of the entry that published it.
    pub entry: u64,
}

impl TryFrom<v1::CallTerms> for Call {
    type Error = ConvertError;

    fn try_from(message: v1::CallTerms) -> Result<Self, ConvertError> {
        let v1::CallTerms {
            title,
            question,
            project,
            purpose,
            kind,
            grain,
            zoning_id,
        } = message;
        let call = Self {
            title,
            question,
            project,
            purpose,
            kind,
            grain: parse("terms.grain", &grain)?,
            zoning: parse("terms.zoning_id", &zoning_id)?,
        };
        call.check().map_err(|e| wrong("terms", e))?;
        Ok(call)
    }
}

impl From<Call> for v1::CallTerms {
    fn from(call: Call) -> Self {
        let Call {
            title,
            question,
            project,
            purpose,
            kind,
            grain,
            zoning,
        } = call;
        Self {
            title,
            question,
            project,
            purpose,
            kind,
            grain: grain.as_str().to_owned(),
            zoning_id: zoning.into(),
        }
    }
}

impl TryFrom<v1::PublishCallRequest> for Call {
    type Error = ConvertError;

    fn try_from(message: v1::PublishCallRequest) -> Result<Self, ConvertError> {
        let v1::PublishCallRequest { terms } = message;
        let call: Self = required("terms", terms)?.try_into()?;
        if !call.is_plain() {
            return Err(wrong(
                "terms",
                "has a character that steers how it is shown",
            ));
        }
        Ok(call)
    }
}

impl From<Call> for v1::PublishCallRequest {
    fn from(call: Call) -> Self {
        Self {
            terms: Some(call.into()),
        }
    }
}

/// The id MUST be the one that follows from planner and terms.
impl TryFrom<v1::Call> for CallStatus {
    type Error = ConvertError;

    fn try_from(message: v1::Call) -> Result<Self, ConvertError> {
        let v1::Call {
            call_id,
            org_id,
            terms,
            published,
            open,
            entry_index,
        } = message;
        let (id, planner): (CallId, OrgId) =
            (parse("call_id", &call_id)?, parse("org_id", &org_id)?);
        let terms: Call = required("terms", terms)?.try_into()?;
        let own = terms.id(&planner).map_err(|e| wrong("terms", e))?;
        if own != id {
            return Err(wrong("call_id", "is not the digest of planner and terms"));
        }
        Ok(Self {
            id,
            planner,
            terms,
            published: parse("published", &published)?,
            open,
            entry: entry_index,
        })
    }
}

impl From<CallStatus> for v1::Call {
    fn from(status: CallStatus) -> Self {
        let CallStatus {
            id,
            planner,
            terms,
            published,
            open,
            entry,
        } = status;
        Self {
            call_id: id.into(),
            org_id: planner.into(),
            terms: Some(terms.into()),
            published: published.to_string(),
            open,
            entry_index: entry,
        }
    }
}

logged! {
    PublishCallResponse { call: CallStatus }
    CloseCallResponse { call: CallStatus }
}
paged! { ListCallsResponse { calls: CallStatus } }
page_request! { ListCallsRequest }
id_request! { CloseCallRequest { call_id: CallId } }
