//! Several providers in one table (DESIGN section 7 rule 6): what is asked, what is reserved, and
//! when tables of several agreements are one.
//!
//! Each provider's part is selected by its own k, T and noise, and charged to its own account. The
//! sum of the selected parts gets one draw per measure, whose scale is the largest that any part
//! needs, so every part's own mechanism has that scale with its own sensitivity.

use serde::{Deserialize, Serialize};

use crate::agreement::{Agreement, Protection};
use crate::entry::Reservation;
use crate::id::{AgreementId, BlobId, OrgId, TableName};
use crate::loss::Loss;
use crate::mechanism::{Mechanism, Noise};
use crate::period::Period;
use crate::table::Table;

/// Most agreements in one table.
pub const PARTS_MAX: usize = 8;
/// Least `min_providers`: of two, each would find the other by subtracting itself.
pub const MIN_PROVIDERS_LEAST: u32 = 3;
/// The range of `dominance_percent`: below, not even [`PARTS_MAX`] equal shares would fit.
pub const DOMINANCE_PERCENT: std::ops::RangeInclusive<u32> = 13..=99;

/// A further agreement of a request, and its table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct With {
    /// The agreement.
    pub agreement: AgreementId,
    /// Its table.
    pub table: TableName,
}

/// What an agreement asks of a table in which its data stands. It protects the provider beside its
/// people, and is decided on noisy contributors that are paid for already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JointRule {
    /// A row is published only where at least so many providers' parts of it are:
    /// [`MIN_PROVIDERS_LEAST`] to [`PARTS_MAX`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub min_providers: Option<u32>,
    /// A row is withheld where one provider has more than this percentage of its noisy contributors:
    /// the (1, p) dominance rule (Hundepool et al. 2012, section 4.2.2), p in
    /// [`DOMINANCE_PERCENT`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub dominance_percent: Option<u32>,
}

impl JointRule {
    /// Does it ask for nothing?
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// The strictest of both, field by field.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            min_providers: self.min_providers.max(other.min_providers),
            dominance_percent: match (self.dominance_percent, other.dominance_percent) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            },
        }
    }

    /// The fewest providers with which a row can pass.
    #[must_use]
    pub fn fewest(&self) -> u32 {
        let shares = self
            .dominance_percent
            .map_or(1, |p| 100_u32.div_ceil(p.max(1)));
        self.min_providers.unwrap_or(1).max(shares)
    }
}

/// The further parts of a reservation, which itself is the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Joint {
    /// The strictest of all agreements' rules.
    #[serde(skip_serializing_if = "JointRule::is_none", default)]
    pub rule: JointRule,
    /// One per further agreement, in the order of the request; at least one.
    pub parts: Vec<Part>,
}

/// One further provider's part: all that differs from the reservation it stands in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Under which agreement.
    pub agreement: AgreementId,
    /// Whose data.
    pub provider: OrgId,
    /// The table's terms.
    pub table: Table,
    /// 1 for the first edition of the period under this agreement.
    pub edition: u32,
    /// The blobs it reads: the pinned input.
    pub manifest: Vec<BlobId>,
    /// Was the contribution late?
    pub late: bool,
    /// Periods of the agreement without a contribution, as in a reservation.
    pub missing: Vec<Period>,
    /// All noise, pinned; measures have the same noise and scale in every part.
    pub mechanism: Mechanism,
    /// What every unit-period of the period is charged on this provider's account.
    pub charge: Loss,
}

impl Reservation {
    /// Every part as if it were alone, the first included: what one agreement's rules are asked
    /// about.
    #[must_use]
    pub fn parts(&self) -> Vec<Self> {
        let mut first = self.clone();
        let further = first.joint.take().map(|joint| joint.parts);
        let further = further.unwrap_or_default();
        let alone = |part: Part| {
            let Part {
                agreement,
                provider: _, // stands in the agreement
                table,
                edition,
                manifest,
                late,
                missing,
                mechanism,
                charge,
            } = part;
            Self {
                agreement,
                table,
                edition,
                manifest,
                late,
                missing,
                mechanism,
                charge,
                ..first.clone()
            }
        };
        let further: Vec<Self> = further.into_iter().map(alone).collect();
        std::iter::once(first).chain(further).collect()
    }

    /// Agreement and table of every part, sorted: what makes two requests the same wish.
    #[must_use]
    pub fn asked(&self) -> Vec<With> {
        let first = With {
            agreement: self.agreement.clone(),
            table: self.table.name.clone(),
        };
        let joint = self.joint.iter().flat_map(|joint| &joint.parts);
        let further = joint.map(|part| With {
            agreement: part.agreement.clone(),
            table: part.table.name.clone(),
        });
        let mut asked: Vec<With> = std::iter::once(first).chain(further).collect();
        asked.sort();
        asked
    }
}

/// Why tables of several agreements are not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JointError {
    /// Too many.
    #[error("one table is made of at most {PARTS_MAX} agreements")]
    Parts,
    /// Two agreements of one provider.
    #[error("`{provider}` provides twice: a table counts each provider once")]
    ProviderTwice {
        /// Which provider.
        provider: OrgId,
    },
    /// Data without a unit.
    #[error("data without a unit is not joined: nothing would protect it")]
    NoUnit,
    /// A k-only table.
    #[error("k-only tables are not joined: `{provider}`'s stands alone")]
    KOnly {
        /// Whose.
        provider: OrgId,
    },
    /// A dense table.
    #[error("dense tables are not joined: `{provider}`'s stands alone")]
    Dense {
        /// Whose.
        provider: OrgId,
    },
    /// Something has to be equal and is not.
    #[error("the {what} of `{provider}` is not that of `{first}`")]
    Differs {
        /// What differs.
        what: &'static str,
        /// The provider that differs.
        provider: OrgId,
        /// The first provider.
        first: OrgId,
    },
    /// A measure whose noise is not one draw.
    #[error("a measure of several parts has one draw: one noise and one scale")]
    Noise,
}

/// Are these tables the same count at the same grain, so that their rows can be added? Bounds, k and
/// charges may differ.
///
/// # Errors
/// [`JointError`] for the first thing that is not equal.
pub fn check_tables(parts: &[(&Agreement, &Table)]) -> Result<(), JointError> {
    let Some(((first, table), further)) = parts.split_first() else {
        return Ok(());
    };
    if parts.len() > PARTS_MAX {
        return Err(JointError::Parts);
    }
    if !further.is_empty() && first.population.unit.grain().is_none() {
        return Err(JointError::NoUnit);
    }
    let k_only = |part: &&(&Agreement, &Table)| part.0.population.protection == Protection::KOnly;
    if let Some((terms, _)) = parts.iter().find(k_only).filter(|_| !further.is_empty()) {
        let provider = terms.provider.org.clone();
        return Err(JointError::KOnly { provider });
    }
    let dense = |part: &&(&Agreement, &Table)| part.0.is_dense(&part.1.name);
    if let Some((terms, _)) = parts.iter().find(dense).filter(|_| !further.is_empty()) {
        let provider = terms.provider.org.clone();
        return Err(JointError::Dense { provider });
    }
    for (n, (other, its)) in further.iter().enumerate() {
        let earlier = parts.iter().take(n + 1);
        let provider = &other.provider.org;
        if earlier
            .into_iter()
            .any(|(a, _)| a.provider.org == *provider)
        {
            return Err(JointError::ProviderTwice {
                provider: provider.clone(),
            });
        }
        if let Some(what) = difference(first, table, other, its) {
            return Err(JointError::Differs {
                what,
                provider: provider.clone(),
                first: first.provider.org.clone(),
            });
        }
        // Every measure has one draw in all parts; a part that names no noise takes either.
        let clash = |(a, table): &&(&Agreement, &Table)| {
            let noises = named_noise(a, table).zip(named_noise(other, its));
            noises.is_some_and(|(a, b)| a != b)
        };
        if let Some((earlier, _)) = parts.iter().take(n + 1).find(clash) {
            return Err(JointError::Differs {
                what: "noise",
                provider: provider.clone(),
                first: earlier.provider.org.clone(),
            });
        }
    }
    Ok(())
}

/// The one distribution that a plan wants for its measures, where it has some.
fn named_noise(terms: &Agreement, table: &Table) -> Option<Noise> {
    let charge = terms.plan_item(&table.name)?.charge.as_ref()?;
    charge.noise.filter(|_| !charge.measures.is_empty())
}

/// What is not equal, in words.
fn difference(a: &Agreement, table: &Table, b: &Agreement, its: &Table) -> Option<&'static str> {
    let zoning = |terms: &Agreement, table: &Table| terms.zoning(&table.zoning).cloned();
    // Whatever a table holds beside its name and bounds has to be equal.
    let like_first = Table {
        name: table.name.clone(),
        cells_max: table.cells_max,
        per_cell_max: table.per_cell_max,
        ..its.clone()
    };
    let measures = |terms: &Agreement, table: &Table| {
        let charge = terms.plan_item(&table.name)?.charge.as_ref();
        let names = charge?.measures.iter().map(|m| m.measure.clone());
        Some(names.collect::<Vec<_>>())
    };
    let equal = [
        (a.population.unit == b.population.unit, "unit"),
        (a.time_zone == b.time_zone, "time zone"),
        (zoning(a, table) == zoning(b, its), "zoning"),
        (table.kind == its.kind, "kind of table"),
        (table.period == its.period, "period"),
        (table.bins == its.bins, "day bins"),
        (table.categories == its.categories, "categories"),
        (*table == like_first, "clamps or other terms of the table"),
        (measures(a, table) == measures(b, its), "list of measures"),
    ];
    let broken = equal.into_iter().find(|(equal, _)| !equal);
    broken.map(|(_, what)| what)
}

/// Have the parts one draw per measure?
///
/// # Errors
/// [`JointError::Noise`] where measures, noise or scale of a part are not those of the first.
pub fn check_noise<'a>(
    mechanisms: impl IntoIterator<Item = &'a Mechanism>,
) -> Result<(), JointError> {
    let mut first = None;
    for mechanism in mechanisms {
        let Mechanism::Thresholded { measures, .. } = mechanism else {
            return Err(JointError::NoUnit);
        };
        let draws: Vec<_> = measures
            .iter()
            .map(|m| (&m.measure, m.draw.noise, m.draw.scale))
            .collect();
        if *first.get_or_insert_with(|| draws.clone()) != draws {
            return Err(JointError::Noise);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
