//! From a signed charge to the noise that keeps it.
//!
//! Of discrete Laplace and discrete Gaussian the one with the smaller expected error serves; its scale is
//! the least whose cost fits the charge, by our integers and by OpenDP's map alike.

use policies::agreement::{Charge, Unit};
use policies::loss::{Delta, Rho};
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
    /// The charge is too small: the noise would drown everything.
    #[error("`{field}` is too small: the noise would need a scale over {}", SCALE_MAX / 16)]
    TooSmall {
        /// The field of the charge.
        field: String,
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
    if unit == Unit::None {
        return Ok(Mechanism::Unprotected);
    }
    let l0 = table.cells_max;
    in_range("cells_max", u64::from(l0), 1, u64::from(L0_MAX))?;
    in_range("per_cell_max", u64::from(table.per_cell_max), 1, LINF_MAX)?;
    in_range("k", u64::from(k), 1, u64::from(u32::MAX))?;
    let selection = select(l0, k, charge.selection, charge.delta)?;
    let measures = charge
        .measures
        .iter()
        .map(|m| {
            let field = format!("measures.{}", m.measure);
            let linf = u64::from(table.per_cell_max);
            let draws = draws(&field, l0, linf, m.rho)?;
            let draw = draws
                .into_iter()
                .min_by_key(variance)
                .ok_or_else(|| too_small(&field))?;
            Ok(MeasureDraw {
                measure: m.measure.clone(),
                draw,
            })
        })
        .collect::<Result<_, CalibrateError>>()?;
    Ok(Mechanism::Thresholded {
        selection,
        measures,
    })
}

/// Of both distributions the one that publishes smaller cells; between equals the quieter one.
fn select(l0: u32, k: u32, rho: Rho, delta: Delta) -> Result<Selection, CalibrateError> {
    if delta == Delta::ZERO {
        let (field, allowed) = ("delta".into(), "above 0".into());
        return Err(CalibrateError::Range { field, allowed });
    }
    let mut best: Option<Selection> = None;
    for draw in draws("selection", l0, 1, rho)? {
        let Some(selection) = least_threshold(draw, k, delta)? else {
            continue;
        };
        let rank = |s: &Selection| (s.published_from(), variance(&s.draw));
        if best.as_ref().is_none_or(|b| rank(&selection) < rank(b)) {
            best = Some(selection);
        }
    }
    best.ok_or_else(|| too_small("delta"))
}

/// Both distributions at their least scale; a distribution that cannot keep ρ is left out.
fn draws(field: &str, l0: u32, linf: u64, rho: Rho) -> Result<Vec<Draw>, CalibrateError> {
    if rho == Rho::ZERO {
        return Err(CalibrateError::Range {
            field: field.into(),
            allowed: "above 0".into(),
        });
    }
    let mut draws = Vec::new();
    for noise in [Noise::DiscreteGaussian, Noise::DiscreteLaplace] {
        draws.extend(least_scale(noise, l0, linf, rho)?);
    }
    if draws.is_empty() {
        Err(too_small(field))
    } else {
        Ok(draws)
    }
}

fn least_scale(noise: Noise, l0: u32, linf: u64, rho: Rho) -> Result<Option<Draw>, CalibrateError> {
    let at = |sixteenths| {
        Scale::from_sixteenths(sixteenths).ok().map(|scale| Draw {
            noise,
            scale,
            l0,
            linf,
        })
    };
    let keeps = |sixteenths: u64| -> Result<bool, CalibrateError> {
        let Some(draw) = at(sixteenths) else {
            return Ok(false);
        };
        let ours = draw.rho().is_ok_and(|cost| cost <= rho);
        Ok(ours && engine::rho(&draw)? <= rho)
    };
    Ok(least(1, SCALE_MAX, keeps)?.and_then(at))
}

fn least_threshold(draw: Draw, k: u32, delta: Delta) -> Result<Option<Selection>, CalibrateError> {
    let at = |threshold| Selection { draw, k, threshold };
    let keeps = |threshold| -> Result<bool, CalibrateError> {
        let selection = at(threshold);
        let ours = selection.delta().is_ok_and(|cost| cost <= delta);
        Ok(ours && engine::delta(&selection)? <= delta)
    };
    // Doubling first: far thresholds are slow to bound and rarely asked for.
    let mut high = 2;
    while high < THRESHOLD_MAX && !keeps(high)? {
        high *= 2;
    }
    Ok(least(2, high, keeps)?.map(at))
}

/// The least number in `low..=high` that a monotone test passes.
fn least(
    mut low: u64,
    mut high: u64,
    passes: impl Fn(u64) -> Result<bool, CalibrateError>,
) -> Result<Option<u64>, CalibrateError> {
    if !passes(high)? {
        return Ok(None);
    }
    while low < high {
        let middle = low + (high - low) / 2;
        if passes(middle)? {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(Some(high))
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
    Err(CalibrateError::Range {
        field: field.into(),
        allowed: format!("{low} to {high}"),
    })
}

fn too_small(field: &str) -> CalibrateError {
    CalibrateError::TooSmall {
        field: field.into(),
    }
}

#[cfg(test)]
mod tests;
