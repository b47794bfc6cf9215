//! The signed sharing agreement: the program that the SDK compiles into aggregation, the broker
//! into releases and the auditor into checks.
//!
//! One JSON document in RFC 8785 canonical form; its id is the SHA-256 of those bytes. Numbers that
//! could leave 2⁵³ are decimal strings; unknown and duplicate fields are refused.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::id::{
    AgreementId, CallId, Fingerprint, OrgId, PopulationId, TableName, ZoningId, sha256_hex,
};
use crate::loss::Loss;
use crate::period::{Period, Zone};
use crate::table::Table;

mod ad_hoc;
mod canvas;
mod on_end;
mod plan;
mod publication;
mod unit;
mod units;

pub use ad_hoc::{AdHoc, Allowed};
pub use canvas::Canvas;
pub use on_end::{CellsOnEnd, NOTICE_DAYS_MAX, OnEnd, TablesOnEnd};
pub use plan::{Charge, MeasureCharge, PlanItem, Rung};
pub use publication::{LICENCE_BYTES_MAX, OpenOnEnd, Publication};
pub use unit::Unit;
pub use units::{UNITS_MAX, delta_beside};

/// Largest agreement, in bytes: it travels inside one log entry of at most 65,535.
pub const AGREEMENT_BYTES_MAX: usize = 40_000;

/// The form of document this build reads.
pub const FORM: &str = "weir/agreement/1";

/// An agreement's terms. Parsing checks the shape; [`crate::validate`] checks the sense.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// Always [`FORM`].
    pub form: String,
    /// One line for lists.
    pub title: String,
    /// What it is about in plain words, for the public register.
    pub public_summary: String,
    /// Who contributes.
    pub provider: Party,
    /// Who plans, and signs for the city's side.
    pub planner: Party,
    /// Who may receive releases; the planner has to be named to be one.
    pub recipients: Vec<OrgId>,
    /// What releases may be used for, as DPV terms, for example `dpv:PublicPolicyMaking`.
    pub purposes: Vec<String>,
    /// Days on which it can be active, both included.
    pub valid: Days,
    /// Days the contributed data may be about, both included.
    pub covers: Days,
    /// How long contributed cells are kept after acceptance, in days.
    pub retention_days: u32,
    /// Whose privacy is protected.
    pub population: Population,
    /// The zone that bins and periods are cut in.
    pub time_zone: Zone,
    /// The zonings its tables use.
    pub zonings: Vec<ZoningRef>,
    /// Every published row counts at least this many units; 0 where the population has no unit.
    pub k: u32,
    /// What is counted.
    pub tables: Vec<Table>,
    /// What is released, when, at which charge.
    pub plan: Vec<PlanItem>,
    /// What may be merged on request, beside the plan.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub ad_hoc: Vec<AdHoc>,
    /// The call for data that this document answers.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub call: Option<CallId>,
    /// The offer that this document answers: offering this one closes that one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub counters: Option<AgreementId>,
    /// The agreement that this document amends: when this one becomes active, that one ends. What has been
    /// spent stays spent, editions made count on, and a suspension stays.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub supersedes: Option<AgreementId>,
    /// May every sheet show the rates that the provider declares with its cells (`truncated`, `clamped_<measure>`)? They are
    /// exact numbers about the raw data: no noise hides a unit in them, and no charge pays for them. Without it they stay
    /// with the broker, but for data without a unit, which is shown as it is.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub rates_shown: bool,
    /// What its end means; without it, [`OnEnd::default`].
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub on_end: Option<OnEnd>,
    /// Its Data Ethics Canvas, for the public register.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub canvas: Option<Canvas>,
    /// May released tables become open data, and on which terms? Without it none may.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub publication: Option<Publication>,
}

/// A party and the signing key the other side has confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// The organisation.
    pub org: OrgId,
    /// Fingerprint of the key it signs with.
    pub key: Fingerprint,
}

/// A range of days, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Days {
    /// First day.
    pub from: Date,
    /// Last day.
    pub until: Date,
}

impl Days {
    /// Is the whole period inside?
    #[must_use]
    pub fn hold(&self, period: Period) -> bool {
        period.first() >= self.from && period.last() <= self.until
    }
}

/// The people behind the data, and what they may lose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Population {
    /// Shared by all datasets made from the same people.
    pub id: PopulationId,
    /// Who they are, in plain words.
    pub description: String,
    /// What is protected.
    pub unit: Unit,
    /// How; absent for differential privacy.
    #[serde(skip_serializing_if = "Protection::is_differential", default)]
    pub protection: Protection,
    /// What one unit-period may lose, over all agreements; absent where there is no unit. Of a k-only
    /// agreement, which costs nothing: that of the population's other agreements, absent where it has none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cap: Option<Loss>,
    /// The most units that one of its unit-periods has, 1 to [`UNITS_MAX`], where the parties know such a bound:
    /// every δ of the plan is below 1 over it, and a contribution of more units is refused.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub units_max: Option<u64>,
}

/// How a population is protected in the periods that an agreement covers (DESIGN section 7 rule 9). The first
/// release that reads a unit-period chooses for it, for ever.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protection {
    /// Noise with a charge, beside k. Without a unit nothing is protected.
    #[default]
    Differential,
    /// **Not differential privacy**: exact counts of cells with k units or more, of which so many are hidden
    /// that no smaller one can be computed. One table, one edition, no charge.
    KOnly,
}

impl Protection {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
    fn is_differential(&self) -> bool {
        *self == Self::Differential
    }
}

/// A zoning by content, so that no zone can move under a signed agreement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZoningRef {
    /// Name and version.
    pub id: ZoningId,
    /// SHA-256 over the GeoJSON file's bytes.
    pub sha256: Fingerprint,
    /// How many zones it has.
    pub zones: u32,
    /// How many parents its zones have between them; absent where its file names none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parents: Option<u32>,
}

/// Why bytes are not an agreement.
#[derive(Debug, thiserror::Error)]
pub enum AgreementError {
    /// Over [`AGREEMENT_BYTES_MAX`].
    #[error("the agreement has over {AGREEMENT_BYTES_MAX} bytes")]
    TooLarge,
    /// Not the shape of an agreement: a field is unknown, missing, doubled or of another type.
    #[error("not an agreement: {message}")]
    Shape {
        /// The parser's words, with line and column.
        message: String,
    },
    /// Parsed, but the bytes are not the canonical ones, so signatures would not hold.
    #[error(
        "the agreement is not in RFC 8785 canonical form: run `weir agreement new --from FILE`"
    )]
    NotCanonical,
}

impl Agreement {
    /// Reads an agreement in any JSON spelling, as an editor leaves it.
    ///
    /// # Errors
    /// [`AgreementError`] for shape and size.
    pub fn parse(json: &[u8]) -> Result<Self, AgreementError> {
        if json.len() > AGREEMENT_BYTES_MAX {
            return Err(AgreementError::TooLarge);
        }
        let shape = |message| AgreementError::Shape { message };
        let mut reader = serde_json::Deserializer::from_slice(json);
        let agreement = serde_path_to_error::deserialize(&mut reader);
        // The path names the field, as `plan[0].charge.delta`; of a fault in the whole it is `.`.
        let agreement = agreement.map_err(|e| shape(e.to_string()))?;
        reader.end().map_err(|e| shape(e.to_string()))?;
        Ok(agreement)
    }

    /// Reads an agreement that MUST be in canonical form: what was signed.
    ///
    /// # Errors
    /// [`AgreementError`] for shape, size and spelling.
    pub fn parse_canonical(bytes: &[u8]) -> Result<Self, AgreementError> {
        let agreement = Self::parse(bytes)?;
        if agreement.canonical()? == bytes {
            Ok(agreement)
        } else {
            Err(AgreementError::NotCanonical)
        }
    }

    /// Its RFC 8785 bytes: what is signed.
    ///
    /// # Errors
    /// [`AgreementError::Shape`] where a text cannot be written as JSON.
    pub fn canonical(&self) -> Result<Vec<u8>, AgreementError> {
        serde_json_canonicalizer::to_vec(self).map_err(|e| AgreementError::Shape {
            message: e.to_string(),
        })
    }

    /// SHA-256 over the canonical bytes.
    ///
    /// # Errors
    /// As [`Self::canonical`].
    pub fn id(&self) -> Result<AgreementId, AgreementError> {
        AgreementId::new(sha256_hex(&self.canonical()?)).map_err(|e| AgreementError::Shape {
            message: e.to_string(),
        })
    }

    /// The table of this name.
    #[must_use]
    pub fn table(&self, name: &TableName) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == *name)
    }

    /// The plan's line for a table; a table without one is never released.
    #[must_use]
    pub fn plan_item(&self, name: &TableName) -> Option<&PlanItem> {
        self.plan.iter().find(|item| item.table == *name)
    }

    /// Is every key of the table published, zeros included ([`PlanItem::dense`])?
    #[must_use]
    pub fn is_dense(&self, name: &TableName) -> bool {
        self.plan_item(name).is_some_and(|item| item.dense)
    }

    /// What may be merged of a table; without a line nothing.
    #[must_use]
    pub fn ad_hoc(&self, name: &TableName) -> Option<&AdHoc> {
        self.ad_hoc.iter().find(|line| line.table == *name)
    }

    /// The zoning a table uses.
    #[must_use]
    pub fn zoning(&self, id: &ZoningId) -> Option<&ZoningRef> {
        self.zonings.iter().find(|zoning| zoning.id == *id)
    }

    /// Can it be active at `now`, by its own days and zone of time?
    #[must_use]
    pub fn valid_at(&self, now: jiff::Timestamp) -> bool {
        let today = now.to_zoned_datetime(self.time_zone.tz().clone()).date();
        today >= self.valid.from && today <= self.valid.until
    }

    /// Is the organisation one of the two that sign?
    #[must_use]
    pub fn is_party(&self, org: &OrgId) -> bool {
        self.provider.org == *org || self.planner.org == *org
    }

    /// The most one unit-period can lose through this agreement: every edition of every plan table with
    /// all its rungs,
    /// and every ad-hoc request that may read it. `None` where the sum leaves the type.
    #[must_use]
    pub fn allotment(&self) -> Option<Loss> {
        let plan = self.plan.iter().map(|item| (item.total(), item.editions));
        let ad_hoc = self.ad_hoc.iter();
        let ad_hoc = ad_hoc.map(|line| (line.charge.total(), line.requests));
        plan.chain(ad_hoc)
            .try_fold(Loss::ZERO, |sum, (charge, times)| {
                sum.checked_add(charge?.checked_mul(u64::from(times))?)
            })
    }
}

#[cfg(test)]
mod tests;
