//! What a release would cost and could show.

use policies::agreement::Unit;
use policies::coarse::Coarsening;
use policies::id::ReleaseKey;
use policies::loss::{Delta, Loss, Rho};
use policies::mechanism::{Noise, Scale};
use policies::period::Period;
use policies::refusal::Refusal;

use super::super::{ConvertError, at_most, parse, parse_optional, print_optional, required, wrong};
use crate::limits::PERIODS_MAX;
use crate::v1;

mod joint;
mod query;

pub use joint::{JointPreview, PartPreview};
pub use query::PreviewQuery;

/// What releases would cost, from public state only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// None where the population has no unit, for a k-only table, and where several agreements are asked for.
    pub protection: Option<Protection>,
    /// In the order asked.
    pub periods: Vec<PeriodPreview>,
    /// Keys of the public domain.
    pub domain_keys: u64,
    /// The rule that applies, in one sentence.
    pub rule: String,
    /// Coarser rungs, finer ones first.
    pub rungs: Vec<RungPreview>,
    /// A table of several agreements; none where one was asked for, and where theirs do not fit into one.
    pub joint: Option<JointPreview>,
}

/// A coarser rung of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RungPreview {
    /// Which cells fall into one of its rows.
    pub coarsening: Coarsening,
    /// How its rows are protected, at its own charge.
    pub protection: Protection,
}

/// How a table is protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protection {
    /// Of one edition of one period.
    pub charge: Loss,
    /// ε at `epsilon_delta`, a decimal; for display only.
    pub epsilon: String,
    /// The δ at which ε holds.
    pub epsilon_delta: Delta,
    /// What is protected; never [`Unit::None`].
    pub unit: Unit,
    /// Every published row counts at least this many units.
    pub k: u32,
    /// T.
    pub threshold: u64,
    /// T + k − 1.
    pub published_from: u64,
    /// Contributors for publication with 95 %.
    pub contributors_needed: u64,
    /// `contributors` first.
    pub measures: Vec<MeasurePreview>,
}

/// The expected quality of one published column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeasurePreview {
    /// Column name.
    pub measure: String,
    /// Its noise.
    pub noise: Noise,
    /// The noise's scale.
    pub scale: Scale,
    /// Its ρ.
    pub rho: Rho,
    /// Half width of the 95 % interval.
    pub error_95: u64,
}

/// What stands for or against one period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeriodPreview {
    /// The period.
    pub period: Period,
    /// None where a request made now would be granted.
    pub refused: Option<Refusal>,
    /// The least that is left of the cap; none where there is no unit.
    pub left: Option<Loss>,
    /// A release that a request would get for free.
    pub release: Option<ReleaseKey>,
    /// The published edition that a request would replace by a new, charged one.
    pub replaces: Option<ReleaseKey>,
}

impl TryFrom<v1::PreviewResponse> for Preview {
    type Error = ConvertError;

    fn try_from(message: v1::PreviewResponse) -> Result<Self, ConvertError> {
        let v1::PreviewResponse {
            protection,
            periods,
            domain_keys,
            rule,
            rungs,
            joint,
        } = message;
        at_most("rungs", "items", rungs.len(), RUNGS_MAX)?;
        let rungs = rungs.into_iter().map(TryInto::try_into);
        at_most("periods", "items", periods.len(), PERIODS_MAX)?;
        let periods = periods.into_iter().map(TryInto::try_into);
        Ok(Self {
            protection: protection.map(TryInto::try_into).transpose()?,
            periods: periods.collect::<Result<_, _>>()?,
            domain_keys,
            rule,
            rungs: rungs.collect::<Result<_, _>>()?,
            joint: joint.map(TryInto::try_into).transpose()?,
        })
    }
}

impl From<Preview> for v1::PreviewResponse {
    fn from(preview: Preview) -> Self {
        let Preview {
            protection,
            periods,
            domain_keys,
            rule,
            rungs,
            joint,
        } = preview;
        Self {
            protection: protection.map(Into::into),
            periods: periods.into_iter().map(Into::into).collect(),
            domain_keys,
            rule,
            rungs: rungs.into_iter().map(Into::into).collect(),
            joint: joint.map(Into::into),
        }
    }
}

/// Most rungs that a message may tell of.
const RUNGS_MAX: usize = 64;

impl TryFrom<v1::RungPreview> for RungPreview {
    type Error = ConvertError;

    fn try_from(message: v1::RungPreview) -> Result<Self, ConvertError> {
        let v1::RungPreview {
            coarsening,
            protection,
        } = message;
        Ok(Self {
            coarsening: required("coarsening", coarsening)?.try_into()?,
            protection: required("protection", protection)?.try_into()?,
        })
    }
}

impl From<RungPreview> for v1::RungPreview {
    fn from(preview: RungPreview) -> Self {
        let RungPreview {
            coarsening,
            protection,
        } = preview;
        Self {
            coarsening: Some(coarsening.into()),
            protection: Some(protection.into()),
        }
    }
}

impl TryFrom<v1::Protection> for Protection {
    type Error = ConvertError;

    fn try_from(message: v1::Protection) -> Result<Self, ConvertError> {
        let v1::Protection {
            charge,
            epsilon,
            epsilon_delta,
            unit,
            k,
            threshold,
            published_from,
            contributors_needed,
            measures,
        } = message;
        let measures = measures.into_iter().map(TryInto::try_into);
        Ok(Self {
            charge: required("charge", charge)?.try_into()?,
            epsilon,
            epsilon_delta: parse("epsilon_delta", &epsilon_delta)?,
            unit: protected_unit(&unit)?,
            k,
            threshold,
            published_from,
            contributors_needed,
            measures: measures.collect::<Result<_, _>>()?,
        })
    }
}

impl From<Protection> for v1::Protection {
    fn from(protection: Protection) -> Self {
        let Protection {
            charge,
            epsilon,
            epsilon_delta,
            unit,
            k,
            threshold,
            published_from,
            contributors_needed,
            measures,
        } = protection;
        Self {
            charge: Some(charge.into()),
            epsilon,
            epsilon_delta: epsilon_delta.to_string(),
            unit: unit.word().to_owned(),
            k,
            threshold,
            published_from,
            contributors_needed,
            measures: measures.into_iter().map(Into::into).collect(),
        }
    }
}

fn protected_unit(word: &str) -> Result<Unit, ConvertError> {
    [
        Unit::PersonDay,
        Unit::PersonWeek,
        Unit::PersonMonth,
        Unit::Trip,
    ]
    .into_iter()
    .find(|unit| unit.word() == word)
    .ok_or_else(|| wrong("unit", format_args!("`{word}` is not known here")))
}

impl TryFrom<v1::MeasurePreview> for MeasurePreview {
    type Error = ConvertError;

    fn try_from(message: v1::MeasurePreview) -> Result<Self, ConvertError> {
        let v1::MeasurePreview {
            measure,
            noise,
            scale_sixteenths,
            rho,
            error_95,
        } = message;
        let noise = match v1::Noise::try_from(noise) {
            Ok(v1::Noise::DiscreteLaplace) => Noise::DiscreteLaplace,
            Ok(v1::Noise::DiscreteGaussian) => Noise::DiscreteGaussian,
            Ok(v1::Noise::Unspecified) => return Err(wrong("noise", "missing")),
            Err(_) => return Err(wrong("noise", format_args!("`{noise}` is not known here"))),
        };
        let scale = Scale::from_sixteenths(scale_sixteenths);
        Ok(Self {
            measure,
            noise,
            scale: scale.map_err(|e| wrong("scale_sixteenths", e))?,
            rho: parse("rho", &rho)?,
            error_95,
        })
    }
}

impl From<MeasurePreview> for v1::MeasurePreview {
    fn from(preview: MeasurePreview) -> Self {
        let MeasurePreview {
            measure,
            noise,
            scale,
            rho,
            error_95,
        } = preview;
        let noise = match noise {
            Noise::DiscreteLaplace => v1::Noise::DiscreteLaplace,
            Noise::DiscreteGaussian => v1::Noise::DiscreteGaussian,
        };
        Self {
            measure,
            noise: noise.into(),
            scale_sixteenths: scale.sixteenths(),
            rho: rho.to_string(),
            error_95,
        }
    }
}

impl TryFrom<v1::PeriodPreview> for PeriodPreview {
    type Error = ConvertError;

    fn try_from(message: v1::PeriodPreview) -> Result<Self, ConvertError> {
        let v1::PeriodPreview {
            period,
            refused,
            left,
            release_key,
            replaces_release_key,
        } = message;
        Ok(Self {
            period: parse("period", &period)?,
            refused: refused.map(TryInto::try_into).transpose()?,
            left: left.map(TryInto::try_into).transpose()?,
            release: parse_optional("release_key", &release_key)?,
            replaces: parse_optional("replaces_release_key", &replaces_release_key)?,
        })
    }
}

impl From<PeriodPreview> for v1::PeriodPreview {
    fn from(preview: PeriodPreview) -> Self {
        let PeriodPreview {
            period,
            refused,
            left,
            release,
            replaces,
        } = preview;
        Self {
            period: period.into(),
            refused: refused.map(Into::into),
            left: left.map(Into::into),
            release_key: print_optional(release.as_ref()),
            replaces_release_key: print_optional(replaces.as_ref()),
        }
    }
}
