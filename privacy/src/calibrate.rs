//! From a signed charge to the noise that keeps it.
//!
//! Of discrete Laplace and discrete Gaussian the one with the smaller expected error serves; its scale is
//! the least whose cost fits the charge, by our integers and by OpenDP's map alike.
//!
//! The ledger counts ρ, in which Laplace of scale b = √L0·σ costs as much as Gaussian of σ, with 2·L0 times
//! the variance and a heavier tail. So Gaussian serves nearly everywhere; Laplace wins where scales are
//! below 1 and OpenDP's bound of the Gaussian tail is loose.

use policies::agreement::{Charge, Unit};
use policies::loss::{Delta, Rho, UNITS_PER_ONE};
use policies::mechanism::{
    Draw, L0_MAX, LINF_MAX, MeasureDraw, Mechanism, Noise, SCALE_MAX, Scale, Selection,
};
use policies::table::Table;

use crate::engine::{self, OpenDpError};

/// Largest T: a table that needs more people in a cell than this counts something else.
const THRESHOLD_MAX: u64 = 1 << 32;

/// Why no mechanism keeps the charge.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalibrateError {
    /// A field is outside what any mechanism can do.
    #[error("`{field}` has to be {allowed}")]
    Range {
        /// The field of charge or table.
        field: String,
        /// What is allowed.
        allowed: String,
    },
    /// OpenDP refused parameters that were in range.
    #[error(transparent)]
    OpenDp(#[from] OpenDpError),
}

/// The mechanism for every release of `table`; sensitivities come from the table's bounds alone.
///
/// ```
/// # use policies::{agreement::{Charge, Unit}, table::Table, mechanism::Mechanism};
/// let table: Table = serde_json::from_str(r#"{"name": "od", "kind": "od_trips", "zoning": "post",
///     "period": "day", "bins": [0], "categories": [{"dimension": "mode", "values": ["bike"]}],
///     "cells_max": 1, "per_cell_max": 1, "clamps": []}"#).unwrap();
/// let charge: Charge =
///     serde_json::from_str(r#"{"selection": "0.125", "delta": "0.00000001", "measures": []}"#).unwrap();
/// let mechanism = privacy::calibrate::calibrate(&table, Unit::Trip, 10, &charge).unwrap();
/// assert!(mechanism.cost().unwrap().fits_in(charge.total().unwrap()));
/// let Mechanism::Thresholded { selection, .. } = mechanism else { panic!() };
/// assert_eq!(selection.draw.scale.sixteenths(), 32); // σ = 2
/// ```
///
/// # Errors
/// [`CalibrateError`] names the field and what is allowed.
pub fn calibrate(
    table: &Table,
    unit: Unit,
    k: u32,
    charge: &Charge,
) -> Result<Mechanism, CalibrateError> {
    calibrate_merged(table, unit, k, charge, 1)
}

/// The mechanism for rows into each of which up to `merged` cells of one unit fall (r,
/// [`policies::coarse::Coarsening::merged`]). Measures get noise for it; contributors do not: the bound
/// that stands for them changes by 1 per row.
///
/// # Errors
/// As [`calibrate`].
pub fn calibrate_merged(
    table: &Table,
    unit: Unit,
    k: u32,
    charge: &Charge,
    merged: u32,
) -> Result<Mechanism, CalibrateError> {
    if unit == Unit::None {
        return Ok(Mechanism::Unprotected);
    }
    let l0 = table.cells_max;
    bounds(table)?;
    in_range("k", u64::from(k), 1, u64::from(u32::MAX))?;
    in_range("merged", u64::from(merged), 1, u64::from(l0))?;
    if charge.delta == Delta::ZERO || charge.delta.units() >= UNITS_PER_ONE {
        return Err(out_of_range("delta", "above 0 and below 1".into()));
    }
    let selection = select(l0, k, charge)?;
    let measures = measures(table, charge, merged)?;
    Ok(Mechanism::Thresholded {
        selection,
        measures,
    })
}

/// The mechanism for every release of a dense table: every key is published, so there is no k, no threshold
/// and no δ. `charge.delta` has to be 0.
///
/// # Errors
/// As [`calibrate`]; and [`CalibrateError::Range`] without a unit, for whose sake there would be noise.
pub fn calibrate_dense(
    table: &Table,
    unit: Unit,
    charge: &Charge,
) -> Result<Mechanism, CalibrateError> {
    if unit == Unit::None {
        return Err(out_of_range("unit", "known where a table is dense".into()));
    }
    bounds(table)?;
    if charge.delta != Delta::ZERO {
        return Err(out_of_range("delta", "0 where a table is dense".into()));
    }
    let change = Change {
        l0: table.cells_max,
        linf: 1,
        merged: 1,
    };
    let contributors = quietest("selection", change, charge.selection, charge.noise)?;
    let measures = measures(table, charge, 1)?;
    Ok(Mechanism::Dense {
        contributors,
        measures,
    })
}

fn bounds(table: &Table) -> Result<(), CalibrateError> {
    let (l0, linf) = (u64::from(table.cells_max), u64::from(table.per_cell_max));
    in_range("cells_max", l0, 1, u64::from(L0_MAX))?;
    in_range("per_cell_max", linf, 1, LINF_MAX)
}

/// Of both distributions the quieter one at its least scale.
fn quietest(
    field: &str,
    change: Change,
    rho: Rho,
    noise: Option<Noise>,
) -> Result<Draw, CalibrateError> {
    let draws = draws(field, change, rho, noise)?;
    let quietest = draws.into_iter().min_by_key(variance);
    quietest.ok_or_else(|| out_of_range(field, "above 0".into()))
}

fn measures(
    table: &Table,
    charge: &Charge,
    merged: u32,
) -> Result<Vec<MeasureDraw>, CalibrateError> {
    let l0 = table.cells_max;
    charge
        .measures
        .iter()
        .map(|m| {
            let field = format!("measures.{}", m.measure);
            let linf = table.sensitivity(&m.measure).ok_or_else(|| {
                out_of_range(
                    &field,
                    "a count, a clamped sum or a histogram of the table".into(),
                )
            })?;
            in_range(
                &format!("{field}: the most that one unit can change"),
                linf,
                1,
                LINF_MAX,
            )?;
            let change = Change { l0, linf, merged };
            Ok(MeasureDraw {
                measure: m.measure.clone(),
                draw: quietest(&field, change, m.rho, charge.noise)?,
            })
        })
        .collect()
}

/// One draw for the sum of several parts' `measure`: of both distributions at the largest scale that any part
/// needs, the quieter one; with the sensitivity of each part, in the order of `parts`.
pub(crate) fn common_draws(
    measure: &str,
    parts: &[(&Table, Rho, Option<Noise>)],
) -> Result<Vec<Draw>, CalibrateError> {
    let field = format!("measures.{measure}");
    let mut needs = Vec::with_capacity(parts.len());
    for (table, rho, named) in parts {
        let linf = table.sensitivity(measure);
        let linf = linf.ok_or_else(|| out_of_range(&field, "a measure of every table".into()))?;
        let change = Change {
            l0: table.cells_max,
            linf,
            merged: 1,
        };
        needs.push((change, draws(&field, change, *rho, *named)?));
    }
    let noises = [Noise::DiscreteGaussian, Noise::DiscreteLaplace];
    let common = noises.into_iter().filter_map(|noise| {
        let of = |(change, draws): &(Change, Vec<Draw>)| {
            let least = draws.iter().find(|draw| draw.noise == noise)?;
            Some((*change, least.scale.sixteenths()))
        };
        let least: Vec<_> = needs.iter().map(of).collect::<Option<_>>()?;
        let largest = least.iter().map(|(_, scale)| *scale).max()?;
        let each = least.into_iter();
        each.map(|(change, _)| draw_at(noise, change, largest))
            .collect::<Option<Vec<Draw>>>()
    });
    let quietest = common.min_by_key(|draws| draws.first().map(variance));
    quietest.ok_or_else(|| out_of_range(&field, "kept by one distribution in every part".into()))
}

/// Of both distributions the one that publishes smaller cells; between equals the quieter one.
fn select(l0: u32, k: u32, charge: &Charge) -> Result<Selection, CalibrateError> {
    let mut best: Option<Selection> = None;
    let change = Change {
        l0,
        linf: 1,
        merged: 1,
    };
    for draw in draws("selection", change, charge.selection, charge.noise)? {
        let Some(selection) = least_threshold(draw, k, charge.delta)? else {
            continue;
        };
        let rank = |s: &Selection| (s.published_from(), variance(&s.draw));
        if best.as_ref().is_none_or(|b| rank(&selection) < rank(b)) {
            best = Some(selection);
        }
    }
    best.ok_or_else(|| {
        let allowed =
            format!("more with {l0} cells_max: no threshold up to {THRESHOLD_MAX} keeps it");
        out_of_range("delta", allowed)
    })
}

/// Both distributions, or the one that the charge names, at their least scale; a distribution that cannot
/// keep ρ is left out.
fn draws(
    field: &str,
    change: Change,
    rho: Rho,
    named: Option<Noise>,
) -> Result<Vec<Draw>, CalibrateError> {
    let mut draws = Vec::new();
    let both = [Noise::DiscreteGaussian, Noise::DiscreteLaplace];
    for noise in both
        .into_iter()
        .filter(|noise| named.is_none_or(|n| n == *noise))
    {
        draws.extend(least_scale(noise, change, rho)?);
    }
    if rho > Rho::ZERO && !draws.is_empty() {
        return Ok(draws);
    }
    // At equal scales Gaussian costs least, so its cost at the largest scale is the end of the range.
    let draw = draw_at(Noise::DiscreteGaussian, change, SCALE_MAX);
    let Change { l0, linf, .. } = change;
    let least = draw.and_then(|draw| draw.rho().ok()).map_or_else(
        || "above 0".to_owned(),
        |least| format!("at least {least} with {l0} cells_max and a change of {linf} per cell"),
    );
    Err(out_of_range(field, least))
}

/// What one unit can change, as in [`Draw`].
#[derive(Debug, Clone, Copy)]
struct Change {
    l0: u32,
    linf: u64,
    merged: u32,
}

fn draw_at(noise: Noise, change: Change, sixteenths: u64) -> Option<Draw> {
    let scale = Scale::from_sixteenths(sixteenths).ok()?;
    let Change { l0, linf, merged } = change;
    Some(Draw {
        noise,
        scale,
        l0,
        linf,
        merged,
    })
}

fn least_scale(noise: Noise, change: Change, rho: Rho) -> Result<Option<Draw>, CalibrateError> {
    let at = |sixteenths| draw_at(noise, change, sixteenths);
    let keeps = |sixteenths: u64| -> Result<bool, CalibrateError> {
        let Some(draw) = at(sixteenths) else {
            return Ok(false);
        };
        let ours = draw.rho().is_ok_and(|cost| cost <= rho);
        Ok(ours && engine::rho(&draw)? <= rho)
    };
    Ok(least(1, SCALE_MAX, keeps)?.and_then(at))
}

/// The least T that OpenDP's bound keeps, raised to the least that ours keeps too. In this order because
/// OpenDP's is a closed form, while ours adds up the Gaussian tail and is rarely the larger one.
fn least_threshold(draw: Draw, k: u32, delta: Delta) -> Result<Option<Selection>, CalibrateError> {
    let at = |threshold| Selection { draw, k, threshold };
    let theirs = |threshold| Ok(engine::delta(&at(threshold))? <= delta);
    let ours = |threshold| Ok(at(threshold).delta().is_ok_and(|cost| cost <= delta));
    let Some(from) = least(2, THRESHOLD_MAX, theirs)? else {
        return Ok(None);
    };
    Ok(least(from, THRESHOLD_MAX, ours)?.map(at))
}

/// The least number in `low..=high` that passes a test which all greater ones pass. Tests few numbers far
/// above it, since those are slow.
fn least(
    low: u64,
    high: u64,
    passes: impl Fn(u64) -> Result<bool, CalibrateError>,
) -> Result<Option<u64>, CalibrateError> {
    let (mut failed, mut step, mut passed) = (None, 1_u64, low);
    while !passes(passed)? {
        if passed >= high {
            return Ok(None);
        }
        failed = Some(passed);
        passed = passed.saturating_add(step).min(high);
        step = step.saturating_mul(2);
    }
    let Some(mut failed) = failed else {
        return Ok(Some(low));
    };
    while passed - failed > 1 {
        let middle = failed + (passed - failed) / 2;
        if passes(middle)? {
            passed = middle;
        } else {
            failed = middle;
        }
    }
    Ok(Some(passed))
}

/// σ² or 2b², in 1/256: what the two distributions are compared by.
fn variance(draw: &Draw) -> u128 {
    let squared = u128::from(draw.scale.sixteenths()).pow(2);
    match draw.noise {
        Noise::DiscreteGaussian => squared,
        Noise::DiscreteLaplace => 2 * squared,
    }
}

fn in_range(field: &str, value: u64, low: u64, high: u64) -> Result<(), CalibrateError> {
    if (low..=high).contains(&value) {
        return Ok(());
    }
    Err(out_of_range(field, format!("{low} to {high}")))
}

fn out_of_range(field: &str, allowed: String) -> CalibrateError {
    CalibrateError::Range {
        field: field.into(),
        allowed,
    }
}

#[cfg(test)]
mod tests;
