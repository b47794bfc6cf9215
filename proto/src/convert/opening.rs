//! Open data: proposed, approved, withdrawn. Who does it, the connection says.

use policies::id::ReleaseKey;
use policies::life::Cause;
use policies::sign::PartySignature;

use super::both_ways::logged;
use super::common;
use super::{ConvertError, Logged, ReleaseSummary, parse};
use crate::v1;

/// A release that is proposed as open data, or approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opens {
    /// Which one.
    pub key: ReleaseKey,
    /// Not verified yet.
    pub signature: PartySignature,
}

/// Open data that is withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recalls {
    /// Which release.
    pub key: ReleaseKey,
    /// Why.
    pub reason: Cause,
    /// Not verified yet.
    pub signature: PartySignature,
}

/// Both directions of a step that is nothing but a signature.
macro_rules! opens {
    ($($message:ident)*) => { $(
        impl TryFrom<v1::$message> for Opens {
            type Error = ConvertError;

            fn try_from(message: v1::$message) -> Result<Self, ConvertError> {
                let v1::$message { release_key, signature } = message;
                Ok(Self {
                    key: parse("release_key", &release_key)?,
                    signature: common::signature("signature", signature)?,
                })
            }
        }

        impl From<Opens> for v1::$message {
            fn from(Opens { key, signature }: Opens) -> Self {
                Self {
                    release_key: key.into(),
                    signature: Some(signature.into()),
                }
            }
        }
    )* };
}

opens! { ProposeOpenDataRequest ApproveOpenDataRequest }

impl TryFrom<v1::WithdrawOpenDataRequest> for Recalls {
    type Error = ConvertError;

    fn try_from(message: v1::WithdrawOpenDataRequest) -> Result<Self, ConvertError> {
        let v1::WithdrawOpenDataRequest {
            release_key,
            reason,
            signature,
        } = message;
        Ok(Self {
            key: parse("release_key", &release_key)?,
            reason: parse("reason", &reason)?,
            signature: common::signature("signature", signature)?,
        })
    }
}

impl From<Recalls> for v1::WithdrawOpenDataRequest {
    fn from(recalls: Recalls) -> Self {
        let Recalls {
            key,
            reason,
            signature,
        } = recalls;
        Self {
            release_key: key.into(),
            reason: reason.into(),
            signature: Some(signature.into()),
        }
    }
}

logged! {
    ProposeOpenDataResponse { release: ReleaseSummary }
    ApproveOpenDataResponse { release: ReleaseSummary }
    WithdrawOpenDataResponse { release: ReleaseSummary }
}
