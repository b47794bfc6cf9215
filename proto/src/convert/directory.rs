//! Organisations and zonings.

use policies::id::{Fingerprint, OrgId, Role, ZoningId, sha256_hex};
use policies::sign::{PartySignature, PublicKey};
use policies::state::ROTATIONS_MAX;
use prost::bytes::Bytes;

use super::both_ways::{id_request, logged, page_request, paged};
use super::common;
use super::{ConvertError, Logged, Page, Paged, at_most, not_empty, parse, required, wrong};
use crate::limits::{GEOJSON_BYTES_MAX, SPIFFE_BYTES_MAX};
use crate::v1;

/// A wish to admit an organisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admission {
    /// Who; the proof of possession is not verified yet.
    pub organisation: Organisation,
    /// Over [`policies::sign::possession_payload`].
    pub possession: PartySignature,
}

/// A legal person that takes part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// Its id.
    pub org: OrgId,
    /// Its role.
    pub role: Role,
    /// `spiffe://<trust domain>/org/<org>`; ends with its id, at most [`SPIFFE_BYTES_MAX`] bytes.
    pub spiffe: String,
    /// The key it signs with.
    pub key: PublicKey,
    /// The keys before it, oldest first, at most [`ROTATIONS_MAX`].
    pub former: Vec<PublicKey>,
}

/// A version of a set of zones, by content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zoning {
    /// Name and version.
    pub id: ZoningId,
    /// SHA-256 over the GeoJSON bytes.
    pub sha256: Fingerprint,
    /// How many zones it has.
    pub zones: u32,
    /// How many parents they have between them; none where the file names no parents.
    pub parents: Option<u32>,
}

/// A zoning's bytes under its name; not parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoningBytes {
    /// Name and version.
    pub id: ZoningId,
    /// GeoJSON, 1 byte to [`GEOJSON_BYTES_MAX`].
    pub geojson: Bytes,
}

impl TryFrom<v1::AdmitOrganisationRequest> for Admission {
    type Error = ConvertError;

    fn try_from(message: v1::AdmitOrganisationRequest) -> Result<Self, ConvertError> {
        let v1::AdmitOrganisationRequest {
            org_id,
            role,
            spiffe_id,
            signing_key_spki,
            possession,
        } = message;
        Ok(Self {
            organisation: organisation(&org_id, role, spiffe_id, &signing_key_spki)?,
            possession: common::signature("possession", possession)?,
        })
    }
}

impl From<Admission> for v1::AdmitOrganisationRequest {
    fn from(admission: Admission) -> Self {
        let Admission {
            organisation:
                Organisation {
                    org,
                    role,
                    spiffe,
                    key,
                    former: _, // who is admitted has none
                },
            possession,
        } = admission;
        Self {
            org_id: org.into(),
            role: v1::Role::from(role).into(),
            spiffe_id: spiffe,
            signing_key_spki: key.spki().to_vec(),
            possession: Some(possession.into()),
        }
    }
}

impl TryFrom<v1::Organisation> for Organisation {
    type Error = ConvertError;

    fn try_from(message: v1::Organisation) -> Result<Self, ConvertError> {
        let v1::Organisation {
            org_id,
            role,
            spiffe_id,
            signing_key_spki,
            key_fingerprint,
            former_keys_spki,
        } = message;
        let mut organisation = organisation(&org_id, role, spiffe_id, &signing_key_spki)?;
        let former = &former_keys_spki;
        at_most("former_keys_spki", "items", former.len(), ROTATIONS_MAX)?;
        let read = |spki: &Vec<u8>| PublicKey::from_spki(spki);
        organisation.former = former
            .iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map_err(|e| wrong("former_keys_spki", e))?;
        if organisation.key.fingerprint().as_str() != key_fingerprint {
            return Err(wrong("key_fingerprint", "is not that of the key beside it"));
        }
        Ok(organisation)
    }
}

impl From<Organisation> for v1::Organisation {
    fn from(organisation: Organisation) -> Self {
        let Organisation {
            org,
            role,
            spiffe,
            key,
            former,
        } = organisation;
        Self {
            org_id: org.into(),
            role: v1::Role::from(role).into(),
            spiffe_id: spiffe,
            signing_key_spki: key.spki().to_vec(),
            key_fingerprint: key.fingerprint().to_string(),
            former_keys_spki: former.iter().map(|key| key.spki().to_vec()).collect(),
        }
    }
}

fn organisation(
    org: &str,
    role: i32,
    spiffe: String,
    spki: &[u8],
) -> Result<Organisation, ConvertError> {
    let org: OrgId = parse("org_id", org)?;
    at_most("spiffe_id", "bytes", spiffe.len(), SPIFFE_BYTES_MAX)?;
    let path = format!("/org/{org}");
    let domain = spiffe
        .strip_prefix("spiffe://")
        .and_then(|rest| rest.strip_suffix(&path));
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b);
    if !domain.is_some_and(|name| !name.is_empty() && name.bytes().all(plain)) {
        let why = format_args!("has to be spiffe://<trust domain>{path}");
        return Err(wrong("spiffe_id", why));
    }
    Ok(Organisation {
        org,
        role: common::role("role", role)?,
        spiffe,
        key: PublicKey::from_spki(spki).map_err(|e| wrong("signing_key_spki", e))?,
        former: Vec::new(),
    })
}

impl TryFrom<v1::Zoning> for Zoning {
    type Error = ConvertError;

    fn try_from(message: v1::Zoning) -> Result<Self, ConvertError> {
        let v1::Zoning {
            zoning_id,
            sha256,
            zones,
            parents,
        } = message;
        Ok(Self {
            id: parse("zoning_id", &zoning_id)?,
            sha256: parse("sha256", &sha256)?,
            zones,
            parents,
        })
    }
}

impl From<Zoning> for v1::Zoning {
    fn from(zoning: Zoning) -> Self {
        let Zoning {
            id,
            sha256,
            zones,
            parents,
        } = zoning;
        Self {
            zoning_id: id.into(),
            sha256: sha256.into(),
            zones,
            parents,
        }
    }
}

impl TryFrom<v1::AddZoningRequest> for ZoningBytes {
    type Error = ConvertError;

    fn try_from(message: v1::AddZoningRequest) -> Result<Self, ConvertError> {
        let v1::AddZoningRequest { zoning_id, geojson } = message;
        at_most("geojson", "bytes", geojson.len(), GEOJSON_BYTES_MAX)?;
        not_empty("geojson", &geojson)?;
        Ok(Self {
            id: parse("zoning_id", &zoning_id)?,
            geojson,
        })
    }
}

impl From<ZoningBytes> for v1::AddZoningRequest {
    fn from(zoning: ZoningBytes) -> Self {
        let ZoningBytes { id, geojson } = zoning;
        Self {
            zoning_id: id.into(),
            geojson,
        }
    }
}

/// The bytes MUST have the digest that the broker states.
impl TryFrom<v1::GetZoningResponse> for (Zoning, Bytes) {
    type Error = ConvertError;

    fn try_from(message: v1::GetZoningResponse) -> Result<Self, ConvertError> {
        let v1::GetZoningResponse { zoning, geojson } = message;
        let zoning: Zoning = required("zoning", zoning)?.try_into()?;
        at_most("geojson", "bytes", geojson.len(), GEOJSON_BYTES_MAX)?;
        if sha256_hex(&geojson) != zoning.sha256.as_str() {
            return Err(wrong(
                "geojson",
                "does not have the SHA-256 stated beside it",
            ));
        }
        Ok((zoning, geojson))
    }
}

impl From<(Zoning, Bytes)> for v1::GetZoningResponse {
    fn from((zoning, geojson): (Zoning, Bytes)) -> Self {
        Self {
            zoning: Some(zoning.into()),
            geojson,
        }
    }
}

logged! {
    AdmitOrganisationResponse { organisation: Organisation }
    RotateKeyResponse { organisation: Organisation }
    AddZoningResponse { zoning: Zoning }
}
paged! {
    ListOrganisationsResponse { organisations: Organisation }
    ListZoningsResponse { zonings: Zoning }
}
page_request! { ListOrganisationsRequest ListZoningsRequest }
id_request! { GetZoningRequest { zoning_id: ZoningId } }
