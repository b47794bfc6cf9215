//! The name of a release, made of what it is.

use serde::Serialize;

use super::DecideError;
use crate::agreement::{Agreement, Charge, PlanItem, Population, Rung, ZoningRef};
use crate::coarse::Merge;
use crate::id::{BlobId, OrgId, ReleaseKey, sha256_hex};
use crate::joint::JointRule;
use crate::period::Period;
use crate::table::Table;

/// What one provider's part of a release is made of.
#[derive(Serialize)]
struct Canonical<'a> {
    provider: &'a OrgId,
    population: &'a Population,
    k: u32,
    zonings: &'a [ZoningRef],
    table: &'a Table,
    charge: Option<&'a Charge>,
    #[serde(skip_serializing_if = "<[Rung]>::is_empty")]
    rungs: &'a [Rung],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dense: bool,
    period: Period,
    #[serde(skip_serializing_if = "Option::is_none")]
    merge: Option<&'a Merge>,
    manifest: &'a [BlobId],
}

/// H(canonical table request, pinned manifest), DESIGN section 4: one draw per request and input.
/// SHA-256 in hexadecimal over the RFC 8785 form of provider, population, k, zonings, table,
/// charge, rungs, whether it is dense, period and manifest. Who asks, when and for which purpose is no part of it, so every
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
    let priced = priced(item);
    hashed(&canonical(terms, table, priced, (period, None), manifest))
}

/// As [`release_key`], for an ad-hoc merge at this charge: all its periods and its coarsening are in
/// it.
///
/// # Errors
/// [`DecideError::Form`] where the terms cannot be written as JSON.
pub fn merge_key(
    terms: &Agreement,
    table: &Table,
    charge: &Charge,
    merge: &Merge,
    manifest: &[BlobId],
) -> Result<ReleaseKey, DecideError> {
    let read = (merge.first(), Some(merge));
    hashed(&canonical(
        terms,
        table,
        (Some(charge), &[], false),
        read,
        manifest,
    ))
}

/// The same over all parts and the strictest of their rules. Parts are sorted by provider, of which each has one:
/// the order of the agreements in a request is no part of the key.
///
/// # Errors
/// As [`release_key`].
pub(super) fn joint_key(
    parts: &[(&Agreement, &Table, &PlanItem, &[BlobId])],
    period: Period,
    rule: JointRule,
) -> Result<ReleaseKey, DecideError> {
    #[derive(Serialize)]
    struct Together<'a> {
        rule: JointRule,
        parts: Vec<Canonical<'a>>,
    }
    let parts = parts.iter().map(|(terms, table, item, manifest)| {
        canonical(terms, table, priced(item), (period, None), manifest)
    });
    let mut parts: Vec<_> = parts.collect();
    parts.sort_by_key(|part| part.provider);
    hashed(&Together { rule, parts })
}

/// What the plan's line releases and pays for: charge, rungs, and whether every key.
type Priced<'a> = (Option<&'a Charge>, &'a [Rung], bool);

fn priced(item: &PlanItem) -> Priced<'_> {
    (item.charge.as_ref(), &item.rungs, item.dense)
}

fn canonical<'a>(
    terms: &'a Agreement,
    table: &'a Table,
    (charge, rungs, dense): Priced<'a>,
    (period, merge): (Period, Option<&'a Merge>),
    manifest: &'a [BlobId],
) -> Canonical<'a> {
    Canonical {
        provider: &terms.provider.org,
        population: &terms.population,
        k: terms.k,
        zonings: &terms.zonings,
        table,
        charge,
        rungs,
        dense,
        period,
        merge,
        manifest,
    }
}

fn hashed(canonical: &impl Serialize) -> Result<ReleaseKey, DecideError> {
    let bytes = serde_json_canonicalizer::to_vec(canonical).map_err(|_| DecideError::Form)?;
    ReleaseKey::new(sha256_hex(&bytes)).map_err(|_| DecideError::Form)
}
