//! The quality sheet: what a reader of a released table has to know, in numbers and in plain words.

use policies::agreement::Unit;
use policies::id::{AgreementId, Category, OrgId, PopulationId, ReleaseKey};
use policies::loss::Loss;
use policies::mechanism::Mechanism;
use policies::period::{Grain, Period};
use policies::table::Table;
use serde::{Deserialize, Serialize};

use crate::convert::{LossStatement, statement};
use crate::engine::OpenDpError;
use crate::preview::preview;
use crate::protect::{Protected, Release};

/// What every released table carries. JSON; unknown fields are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QualitySheet {
    /// The release.
    pub release: ReleaseKey,
    /// Under which agreement.
    pub agreement: AgreementId,
    /// Whose data.
    pub provider: OrgId,
    /// Which people.
    pub population: PopulationId,
    /// What is protected.
    pub unit: Unit,
    /// The table's terms: dimensions, bins, bounds.
    pub table: Table,
    /// The period it covers.
    pub period: Period,
    /// 1 for the first edition of the period.
    pub edition: u32,
    /// Did the contribution come after due time and grace?
    pub late: bool,
    /// Earlier periods of the agreement that nothing was contributed for.
    pub missing_periods: Vec<Period>,
    /// All noise: distribution, scales (in sixteenths), k, T, sensitivities.
    pub mechanism: Mechanism,
    /// What every unit-period it read was charged.
    pub charge: Loss,
    /// What somebody loses in one unit-period, in 30 days, in a year, if all are released like this one.
    pub losses: Vec<LossStatement>,
    /// Half width of the 95 % interval per published number.
    pub half_widths: Vec<HalfWidth>,
    /// Keys of the table's public domain.
    pub domain_keys: u64,
    /// Rows published.
    pub published_keys: u64,
    /// Keys of the public domain that are not published: withheld and absent look the same.
    pub withheld_keys: u64,
    /// Declared by the provider about its own aggregation.
    pub declared: Vec<DeclaredRate>,
    /// What is and is not promised, in plain words.
    pub claim: String,
}

/// The interval of one published number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HalfWidth {
    /// `contributors` or a measure.
    pub number: String,
    /// Half the width of its 95 % interval.
    pub half_width: u64,
}

/// A rate that the provider declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredRate {
    /// For example `truncated`.
    pub name: Category,
    /// In parts per million.
    pub ppm: u32,
}

/// What a sheet says beside the release itself.
#[derive(Debug, Clone)]
pub struct Context {
    /// Whose data.
    pub provider: OrgId,
    /// Which people.
    pub population: PopulationId,
    /// Zones in the table's zoning.
    pub zones: u32,
    /// Declared by the provider.
    pub declared: Vec<DeclaredRate>,
}

impl QualitySheet {
    /// The sheet of a release whose input had `rows` rows (used only where nothing is protected).
    ///
    /// # Errors
    /// [`OpenDpError`] where a loss or an accuracy cannot be stated.
    pub fn of(release: &Release, context: Context, rows: usize) -> Result<Self, OpenDpError> {
        let r = release.reservation();
        let domain_keys = r.table.domain_size(context.zones).unwrap_or(u64::MAX);
        let published_keys = match release.protected() {
            Protected::Noisy { kept, .. } => kept.len() as u64,
            Protected::Plain { .. } => rows as u64,
        };
        let half_widths = preview(&r.mechanism)?
            .map(|p| p.half_widths)
            .unwrap_or_default();
        Ok(Self {
            release: r.key.clone(),
            agreement: r.agreement.clone(),
            provider: context.provider,
            population: context.population,
            unit: r.unit,
            table: r.table.clone(),
            period: r.period,
            edition: r.edition,
            late: r.late,
            missing_periods: r.missing.clone(),
            mechanism: r.mechanism.clone(),
            charge: r.charge,
            losses: losses(r.unit, r.charge)?,
            half_widths: half_widths
                .into_iter()
                .map(|(number, _, half_width)| HalfWidth { number, half_width })
                .collect(),
            domain_keys,
            published_keys,
            withheld_keys: domain_keys.saturating_sub(published_keys),
            declared: context.declared,
            claim: claim(r.unit, &r.mechanism),
        })
    }
}

/// One unit-period, then those of 30 days and of a year. A trip happens once: there is nothing to add up.
fn losses(unit: Unit, charge: Loss) -> Result<Vec<LossStatement>, OpenDpError> {
    let periods: &[u32] = match (unit, unit.grain()) {
        (Unit::None, _) | (_, None) => &[],
        (Unit::Trip, _) => &[1],
        (_, Some(Grain::Day)) => &[1, 30, 365],
        (_, Some(Grain::Week)) => &[1, 5, 53],
        (_, Some(Grain::Month)) => &[1, 2, 12],
    };
    periods.iter().map(|n| statement(charge, *n)).collect()
}

fn claim(unit: Unit, mechanism: &Mechanism) -> String {
    let Mechanism::Thresholded { selection, .. } = mechanism else {
        return "The source has no unit of privacy: this table carries no k-anonymity and no \
                differential privacy claim."
            .into();
    };
    let (protected, counted) = match unit {
        Unit::Trip => (
            "one trip (not one person: the source has no person ids)",
            "trips",
        ),
        Unit::PersonDay => ("everything one person did in a day", "people"),
        Unit::PersonWeek => ("everything one person did in a week", "people"),
        Unit::PersonMonth => ("everything one person did in a month", "people"),
        Unit::None => ("nothing", "records"),
    };
    format!(
        "Given the provider's bounds, differential privacy protects {protected}, and every row counts at \
         least {} {counted} in the provider's data. Numbers are noisy; a key that is not here was withheld \
         or absent, which look the same.",
        selection.k
    )
}
