//! The quality sheet: what a reader of a released table has to know, in numbers and in plain words.

use policies::agreement::Unit;
use policies::coarse::{AT_LEAST, Coarsening, Merge};
use policies::entry::Reservation;
use policies::id::{AgreementId, Category, OrgId, PopulationId, ReleaseKey};
use policies::loss::Loss;
use policies::mechanism::Mechanism;
use policies::period::Period;
use policies::table::Table;
use serde::{Deserialize, Serialize};

use crate::convert::{LossStatement, statements};
use crate::engine::OpenDpError;
use crate::preview::preview;
use crate::protect::{Protected, Release};

mod columns;
mod parts;

pub use columns::{Bias, ColumnNote, Interval};
pub use parts::{JointSheet, PartSheet};

/// Every interval in a table holds with at least so many in a hundred.
pub const COVERAGE_PERCENT: u32 = 95;

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
    /// The period it covers; the first one of a merge.
    pub period: Period,
    /// All periods that were read together and what became of their cells, where it is an ad-hoc merge.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub merge: Option<Merge>,
    /// 1 for the first edition of the period.
    pub edition: u32,
    /// The published edition that it takes the place of: after a correction.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub replaces: Option<ReleaseKey>,
    /// Did the contribution come after due time and grace?
    pub late: bool,
    /// Earlier periods of the agreement that nothing was contributed for.
    pub missing_periods: Vec<Period>,
    /// All noise: distribution, scales (in sixteenths), k, T, sensitivities.
    pub mechanism: Mechanism,
    /// What every unit-period it read was charged: the plan's charge, which the ledger books.
    pub charge: Loss,
    /// What the mechanism costs, at most the charge.
    pub cost: Loss,
    /// What is lost through this table in one unit-period, in 30 days, in a year, where each is released once
    /// at this charge. Other tables and editions add to it, up to the cap. Empty where there is no unit, and of
    /// a k-only table, of which no loss can be stated.
    pub losses: Vec<LossStatement>,
    /// Half width of the 95 % interval per published number; of merged rows, contributors are the noisy lower
    /// bound `contributors_at_least` ([`crate::merge`]).
    pub half_widths: Vec<HalfWidth>,
    /// Of a hundred intervals as many hold, at least: [`COVERAGE_PERCENT`]. Absent where nothing has noise, and of
    /// sheets before 2026-11-29, whose intervals are the same.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub coverage_percent: Option<u32>,
    /// How each published column is made, and in which ways it can be off beside its noise. Empty where nothing
    /// has noise, and of some sheets before 2026-11-25 that had noisy counts alone.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub columns: Vec<ColumnNote>,
    /// Keys of the table's public domain; of a merge, of its rows.
    pub domain_keys: u64,
    /// Rows published, of all rungs; of a k-only table with its margins.
    pub published_keys: u64,
    /// Coarser rungs, finer ones first: which rows of them stand beside the table's own.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub rungs: Vec<RungSheet>,
    /// Keys of the table's own public domain that are not published as such: withheld and absent look the
    /// same, and a coarser row that covers some does not show which.
    pub withheld_keys: u64,
    /// Declared by the provider about its own aggregation, where the agreement says that they are shown
    /// ([`policies::agreement::Agreement::rates_shown`]): exact, and outside the promise.
    pub declared: Vec<DeclaredRate>,
    /// All parts, where the table is made of several providers'; what stands above is then the first one's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub joint: Option<JointSheet>,
    /// What is and is not promised, in plain words.
    pub claim: String,
}

/// One coarser rung of a ladder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RungSheet {
    /// Which cells fall into one of its rows: those that no finer row published.
    pub coarsening: Coarsening,
    /// Its noise.
    pub mechanism: Mechanism,
    /// Half width of the 95 % interval per number of its rows.
    pub half_widths: Vec<HalfWidth>,
    /// Its rows, a part of all that are published.
    pub published_keys: u64,
}

/// The interval of one published number. Near the threshold that of `contributors` reaches further down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HalfWidth {
    /// `contributors`, a count or a sum; the name of a histogram's charge stands for each of its bins.
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
    /// Their parents, where the zoning names any.
    pub parents: Option<u32>,
    /// Declared by the provider.
    pub declared: Vec<DeclaredRate>,
}

/// Why there is no sheet, and so no release.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SheetError {
    /// The sheet has no JSON form.
    #[error("the sheet cannot be written as JSON")]
    Form,
    /// More rows than the public domain has keys, or a domain beyond all size.
    #[error("the table's public domain does not hold its rows: is it the right zoning?")]
    Domain,
    /// A part without a context, or one too many.
    #[error("every part of the table has one context")]
    Parts,
    /// A number could not be stated.
    #[error(transparent)]
    OpenDp(#[from] OpenDpError),
}

impl QualitySheet {
    /// The sheet of a release whose input had `rows` rows (used only where nothing is protected).
    ///
    /// # Errors
    /// [`SheetError`] where a loss or an accuracy cannot be stated, or the domain is not that of the release.
    pub fn of(release: &Release, context: Context, rows: usize) -> Result<Self, SheetError> {
        Self::of_parts(release, vec![context], rows)
    }

    /// The same with one context per part, in the order of [`Reservation::parts`].
    ///
    /// [`Reservation::parts`]: policies::entry::Reservation::parts
    ///
    /// # Errors
    /// As [`Self::of`], and [`SheetError::Parts`] where a part has no context.
    pub fn of_parts(
        release: &Release,
        contexts: Vec<Context>,
        rows: usize,
    ) -> Result<Self, SheetError> {
        let r = release.reservation();
        if contexts.len() != r.asked().len() {
            return Err(SheetError::Parts);
        }
        let joint = JointSheet::of(r, &contexts)?;
        let rates = contexts.iter().any(|context| !context.declared.is_empty());
        let context = contexts.into_iter().next().ok_or(SheetError::Parts)?;
        let doing = "price a mechanism";
        let cost = r.cost().map_err(|_| OpenDpError { doing })?;
        let (finest, coarser) = match release.protected() {
            Protected::Noisy { kept, .. } => (kept.len() as u64, Vec::new()),
            Protected::Plain { .. } => (rows as u64, Vec::new()),
            Protected::KOnly { finest, .. } => (*finest as u64, Vec::new()),
            Protected::Ladder(rungs) => {
                let mut rows = rungs.iter().map(|rung| rung.kept.len() as u64);
                (rows.next().unwrap_or(0), rows.collect())
            }
        };
        let published_keys = match release.protected() {
            Protected::KOnly { cells, .. } => cells.len() as u64,
            _ => finest + coarser.iter().sum::<u64>(),
        };
        let domain_keys = domain(r, &context)
            .filter(|size| *size >= finest && (!r.mechanism.is_dense() || *size == finest))
            .ok_or(SheetError::Domain)?;
        let bounded = r.is_bounded();
        let mut columns = columns::notes(&r.table, r.unit, &r.mechanism);
        if let Some(note) = columns.first_mut().filter(|_| bounded) {
            AT_LEAST.clone_into(&mut note.column);
        }
        let mut half_widths = half_widths(&r.table, &r.mechanism, bounded)?;
        let mut claim = claim(r.unit, &r.table, &r.mechanism) + if bounded { BOUNDED } else { "" };
        if let Some(joint) = &joint {
            joint.widen(&mut half_widths);
            claim += &joint.claim();
        }
        if rates && r.unit != Unit::None {
            claim += RATES;
        }
        Ok(Self {
            release: r.key.clone(),
            agreement: r.agreement.clone(),
            provider: context.provider,
            population: context.population,
            unit: r.unit,
            table: r.table.clone(),
            period: r.period,
            merge: r.merge.clone(),
            edition: r.edition,
            replaces: r.replaces.clone(),
            late: r.late,
            missing_periods: r.missing.clone(),
            mechanism: r.mechanism.clone(),
            charge: r.charge,
            cost,
            losses: match r.mechanism {
                // Nothing is charged, and nothing bounds what is lost.
                Mechanism::KOnly { .. } => Vec::new(),
                _ => statements(r.unit, r.charge)?,
            },
            half_widths,
            coverage_percent: (!columns.is_empty()).then_some(COVERAGE_PERCENT),
            columns,
            domain_keys,
            published_keys,
            rungs: rungs(r, &coarser)?,
            withheld_keys: domain_keys - finest,
            declared: context.declared,
            joint,
            claim,
        })
    }

    /// Its RFC 8785 JSON: equal sheets have equal bytes.
    ///
    /// # Errors
    /// [`SheetError::Form`] where it cannot be written.
    pub fn canonical(&self) -> Result<String, SheetError> {
        serde_json_canonicalizer::to_string(self).map_err(|_| SheetError::Form)
    }
}

/// Size of the public domain of what is published: of a ladder, of its finest rung.
fn domain(r: &Reservation, context: &Context) -> Option<u64> {
    let coarsening = r.merge.as_ref().map(Merge::coarsening);
    coarsening.unwrap_or(&Coarsening::default()).domain_size(
        &r.table,
        context.zones,
        context.parents,
    )
}

fn rungs(r: &Reservation, published: &[u64]) -> Result<Vec<RungSheet>, OpenDpError> {
    let rungs = r.rungs.iter().zip(published);
    rungs
        .map(|(rung, rows)| {
            Ok(RungSheet {
                coarsening: rung.coarsening.clone(),
                mechanism: rung.mechanism.clone(),
                half_widths: half_widths(&r.table, &rung.mechanism, r.is_bounded())?,
                published_keys: *rows,
            })
        })
        .collect()
}

fn half_widths(
    table: &Table,
    mechanism: &Mechanism,
    bounded: bool,
) -> Result<Vec<HalfWidth>, OpenDpError> {
    let widths = preview(table, mechanism)?.map(|p| p.half_widths);
    let mut widths = widths.unwrap_or_default();
    if let Some((number, ..)) = widths.first_mut().filter(|_| bounded) {
        AT_LEAST.clone_into(number);
    }
    let width = |(number, _, half_width)| HalfWidth { number, half_width };
    Ok(widths.into_iter().map(width).collect())
}

const BOUNDED: &str = " Cells were merged, and the same people may be in several: `contributors_at_least` is \
                       a noisy lower bound of the units in a row, not an estimate of them.";

const RATES: &str = " Declared rates are exact numbers about the raw data, shown because the agreement says so: they are \
                     outside this promise.";

fn claim(unit: Unit, table: &Table, mechanism: &Mechanism) -> String {
    let k = match mechanism {
        Mechanism::Thresholded { selection, .. } => Some(selection.k),
        Mechanism::Dense { .. } => None,
        Mechanism::KOnly { k } => return k_only(*k, &counted(unit, table)),
        Mechanism::Unprotected => {
            return "The source has no unit of privacy: this table carries no k-anonymity and no \
                    differential privacy claim."
                .into();
        }
    };
    let protected = match unit {
        Unit::Trip => {
            "one trip, not everything that one person does (the source has no person ids)"
        }
        Unit::PersonDay => "everything one person does in a day",
        Unit::PersonWeek => "everything one person does in a week",
        Unit::PersonMonth => "everything one person does in a month",
        Unit::None => "nothing",
    };
    let counted = counted(unit, table);
    let Some(k) = k else {
        return format!(
            "Given the provider's bounds, differential privacy protects {protected}. DP only: every key of the \
             public domain is here, zeros included, and NO k is promised: a row may count a single one or \
             nobody. Contributors are {counted}. Numbers are noisy and published as drawn, also below 0: right \
             on average, while those of a single row clamped at 0 would be too high. Losses add up over \
             unit-periods, tables and providers."
        );
    };
    format!(
        "Given the provider's bounds, differential privacy protects {protected}, and every row counts at \
         least {k} {counted} in this provider's data. Numbers are noisy; a key that is not here was withheld \
         or absent, which look the same. Losses add up over unit-periods, tables and providers."
    )
}

/// What a row counts.
fn counted(unit: Unit, table: &Table) -> String {
    match unit.counted(table.period) {
        word @ ("trips" | "people") => word.to_owned(),
        word => format!("{word}, which may be fewer people"),
    }
}

fn k_only(k: u32, counted: &str) -> String {
    format!(
        "k-only: this table is NOT differentially private. Numbers are exact. Given the provider's bounds, \
         every row counts at least {k} {counted} in this provider's data, and further cells are hidden so \
         that the rows and their margins alone do not bound a smaller number between 0 and {k}. It does not \
         help against who knows some of the people, other figures about them, or another population of \
         theirs. Rows with a `margin` are sums, in which a unit counts once per cell. A key that is not here \
         was withheld or absent, which look the same."
    )
}

#[cfg(test)]
mod tests;
