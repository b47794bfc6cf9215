//! The name of a release, made of what it is.

use serde::Serialize;

use super::DecideError;
use crate::agreement::{Agreement, Charge, PlanItem, Population, ZoningRef};
use crate::id::{BlobId, OrgId, ReleaseKey, sha256_hex};
use crate::period::Period;
use crate::table::Table;

/// H(canonical table request, pinned manifest), DESIGN section 4: one draw per request and input.
/// SHA-256 in hexadecimal over the RFC 8785 form of provider, population, k, zonings, table,
/// charge, period and manifest. Who asks, when and for which purpose is no part of it, so every
/// entitled party gets the same bytes.
///
/// # Errors
/// [`DecideError::Form`] where the terms cannot be written as JSON.
pub fn release_key(
    terms: &Agreement,
    table: &Table,
    item: &PlanItem,
    period: Period,
    manifest: &[BlobId],
) -> Result<ReleaseKey, DecideError> {
    #[derive(Serialize)]
    struct Canonical<'a> {
        provider: &'a OrgId,
        population: &'a Population,
        k: u32,
        zonings: &'a [ZoningRef],
        table: &'a Table,
        charge: &'a Option<Charge>,
        period: Period,
        manifest: &'a [BlobId],
    }
    let canonical = Canonical {
        provider: &terms.provider.org,
        population: &terms.population,
        k: terms.k,
        zonings: &terms.zonings,
        table,
        charge: &item.charge,
        period,
        manifest,
    };
    let bytes = serde_json_canonicalizer::to_vec(&canonical).map_err(|_| DecideError::Form)?;
    ReleaseKey::new(sha256_hex(&bytes)).map_err(|_| DecideError::Form)
}
