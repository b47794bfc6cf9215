//! The life of an agreement: signed acts, where it stands, what has become of it.

use jiff::Timestamp;
use policies::id::{AgreementId, OrgId};
use policies::life::{Cause, Change, HISTORY_MAX, Status};
use policies::sign::PartySignature;

use super::both_ways::logged;
use super::common;
use super::{
    ConvertError, Logged, SignedAgreement, at_most, parse, parse_optional, print_optional,
    required, wrong,
};
use crate::v1;

/// Most organisations that can hold a suspension in one message: two parties and the stewards.
const SUSPENDERS_MAX: usize = 64;

/// What has become of an agreement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lived {
    /// Index of the entry of its last change.
    pub last_change: u64,
    /// Who has suspended it and not resumed since.
    pub suspended_by: Vec<OrgId>,
    /// When a termination with notice takes effect.
    pub ends: Option<Timestamp>,
    /// The amendment in its place.
    pub superseded_by: Option<AgreementId>,
    /// Its newest changes, oldest first.
    pub history: Vec<Change>,
}

/// A signed act as it is sent: who acts, the connection says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acting {
    /// To which agreement.
    pub agreement: AgreementId,
    /// Its last change, as the actor has seen it.
    pub after: u64,
    /// When a termination takes effect; at once where absent.
    pub takes_effect: Option<Timestamp>,
    /// Why.
    pub reason: Cause,
    /// Not verified yet.
    pub signature: PartySignature,
}

impl TryFrom<v1::AgreementAct> for Acting {
    type Error = ConvertError;

    fn try_from(message: v1::AgreementAct) -> Result<Self, ConvertError> {
        let v1::AgreementAct {
            agreement_id,
            after,
            takes_effect,
            reason,
            signature,
        } = message;
        Ok(Self {
            agreement: parse("act.agreement_id", &agreement_id)?,
            after,
            takes_effect: parse_optional("act.takes_effect", &takes_effect)?,
            reason: parse("act.reason", &reason)?,
            signature: common::signature("act.signature", signature)?,
        })
    }
}

impl From<Acting> for v1::AgreementAct {
    fn from(act: Acting) -> Self {
        let Acting {
            agreement,
            after,
            takes_effect,
            reason,
            signature,
        } = act;
        Self {
            agreement_id: agreement.into(),
            after,
            takes_effect: print_optional(takes_effect.as_ref()),
            reason: reason.into(),
            signature: Some(signature.into()),
        }
    }
}

/// Both directions of a request that is one act.
macro_rules! acting {
    ($($message:ident)*) => { $(
        impl TryFrom<v1::$message> for Acting {
            type Error = ConvertError;

            fn try_from(message: v1::$message) -> Result<Self, ConvertError> {
                let v1::$message { act } = message;
                required("act", act)?.try_into()
            }
        }

        impl From<Acting> for v1::$message {
            fn from(act: Acting) -> Self {
                Self {
                    act: Some(act.into()),
                }
            }
        }
    )* };
}

acting! {
    WithdrawAgreementRequest SuspendAgreementRequest ResumeAgreementRequest TerminateAgreementRequest
}
logged! {
    WithdrawAgreementResponse { agreement: SignedAgreement }
    SuspendAgreementResponse { agreement: SignedAgreement }
    ResumeAgreementResponse { agreement: SignedAgreement }
    TerminateAgreementResponse { agreement: SignedAgreement }
}

impl TryFrom<v1::AgreementChange> for Change {
    type Error = ConvertError;

    fn try_from(message: v1::AgreementChange) -> Result<Self, ConvertError> {
        let v1::AgreementChange {
            state,
            time,
            org_id,
            reason,
            index,
        } = message;
        Ok(Self {
            status: status(state)?,
            time: parse("history.time", &time)?,
            by: parse_optional("history.org_id", &org_id)?,
            reason: match reason.as_str() {
                "" => None,
                // As the log holds it, which may be older than what a reason may be now.
                _ => Some(Cause::try_from(reason).map_err(|e| wrong("history.reason", e))?),
            },
            entry: index,
        })
    }
}

impl From<Change> for v1::AgreementChange {
    fn from(change: Change) -> Self {
        let Change {
            status,
            time,
            by,
            reason,
            entry,
        } = change;
        Self {
            state: v1::AgreementState::from(status).into(),
            time: time.to_string(),
            org_id: by.map_or_else(String::new, Into::into),
            reason: reason.map_or_else(String::new, Into::into),
            index: entry,
        }
    }
}

pub(super) fn parse_lived(
    last_change: u64,
    suspended_by: Vec<String>,
    (ends, superseded_by): (String, String),
    history: Vec<v1::AgreementChange>,
) -> Result<Lived, ConvertError> {
    at_most(
        "suspended_by_org_ids",
        "items",
        suspended_by.len(),
        SUSPENDERS_MAX,
    )?;
    at_most("history", "items", history.len(), HISTORY_MAX)?;
    let org = |org: &String| parse("suspended_by_org_ids", org);
    Ok(Lived {
        last_change,
        suspended_by: suspended_by.iter().map(org).collect::<Result<_, _>>()?,
        ends: parse_optional("ends", &ends)?,
        superseded_by: parse_optional("superseded_by", &superseded_by)?,
        history: history
            .into_iter()
            .map(TryInto::try_into)
            .collect::<Result<_, _>>()?,
    })
}

pub(super) fn status(state: i32) -> Result<Status, ConvertError> {
    match v1::AgreementState::try_from(state) {
        Ok(v1::AgreementState::Unspecified) => Err(wrong("state", "missing")),
        Ok(v1::AgreementState::Offered) => Ok(Status::Offered),
        Ok(v1::AgreementState::Agreed) => Ok(Status::Agreed),
        Ok(v1::AgreementState::Active) => Ok(Status::Active),
        Ok(v1::AgreementState::Suspended) => Ok(Status::Suspended),
        Ok(v1::AgreementState::Withdrawn) => Ok(Status::Withdrawn),
        Ok(v1::AgreementState::Countered) => Ok(Status::Countered),
        Ok(v1::AgreementState::Superseded) => Ok(Status::Superseded),
        Ok(v1::AgreementState::Expired) => Ok(Status::Expired),
        Ok(v1::AgreementState::Terminated) => Ok(Status::Terminated),
        Err(_) => Err(wrong("state", format_args!("`{state}` is not known here"))),
    }
}

impl From<Status> for v1::AgreementState {
    fn from(status: Status) -> Self {
        match status {
            Status::Offered => Self::Offered,
            Status::Agreed => Self::Agreed,
            Status::Active => Self::Active,
            Status::Suspended => Self::Suspended,
            Status::Withdrawn => Self::Withdrawn,
            Status::Countered => Self::Countered,
            Status::Superseded => Self::Superseded,
            Status::Expired => Self::Expired,
            Status::Terminated => Self::Terminated,
        }
    }
}
