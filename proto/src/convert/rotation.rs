//! A change of an organisation's signing key.

use policies::sign::{PartySignature, PublicKey};

use super::common;
use super::{ConvertError, wrong};
use crate::v1;

/// A wish to sign with another key; the signatures are not verified yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// The key from now on.
    pub key: PublicKey,
    /// Over [`policies::sign::rotation_payload`], with the key in force.
    pub by_old: PartySignature,
    /// Over the same, with the new key.
    pub by_new: PartySignature,
}

impl TryFrom<v1::RotateKeyRequest> for Rotation {
    type Error = ConvertError;

    fn try_from(message: v1::RotateKeyRequest) -> Result<Self, ConvertError> {
        let v1::RotateKeyRequest {
            signing_key_spki,
            by_old,
            by_new,
        } = message;
        let key = PublicKey::from_spki(&signing_key_spki);
        Ok(Self {
            key: key.map_err(|e| wrong("signing_key_spki", e))?,
            by_old: common::signature("by_old", by_old)?,
            by_new: common::signature("by_new", by_new)?,
        })
    }
}

impl From<Rotation> for v1::RotateKeyRequest {
    fn from(rotation: Rotation) -> Self {
        let Rotation {
            key,
            by_old,
            by_new,
        } = rotation;
        Self {
            signing_key_spki: key.spki().to_vec(),
            by_old: Some(by_old.into()),
            by_new: Some(by_new.into()),
        }
    }
}
