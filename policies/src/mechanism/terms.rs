//! Is this the noise that was agreed?

use super::{Draw, MeasureDraw, Mechanism, MechanismError, Selection};
use crate::agreement::Charge;
use crate::loss::{Delta, Rho};
use crate::table::Table;

/// Why a mechanism is not the one a plan pays for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    /// Protected where no unit is known, or unprotected where one is.
    #[error("noise and a charge go together: only data without a unit is released unprotected")]
    Protection,
    /// Rows are selected by another k.
    #[error("rows are selected with k {k}, the agreement asks for {agreed}")]
    K {
        /// The selection's k.
        k: u32,
        /// The agreement's.
        agreed: u32,
    },
    /// Noise for other bounds than the table's.
    #[error("the noise on `{measure}` is made for other bounds than the table's")]
    Bounds {
        /// The measure.
        measure: String,
    },
    /// Measures that nobody pays for, or fewer or in another order.
    #[error("the measures are not those of the plan's charge")]
    Measures,
    /// It costs more than the plan pays for it.
    #[error("the noise on `{measure}` costs (ρ {rho}), over the plan's charge (ρ {paid})")]
    Rho {
        /// The measure.
        measure: String,
        /// Its cost.
        rho: Rho,
        /// What is paid.
        paid: Rho,
    },
    /// Another distribution than the one that was agreed.
    #[error("the noise on `{measure}` has another distribution than the plan's charge names")]
    Noise {
        /// The measure.
        measure: String,
    },
    /// The threshold is too low.
    #[error("the selection costs (δ {delta}), over the plan's charge (δ {paid})")]
    Delta {
        /// Its cost.
        delta: Delta,
        /// What is paid.
        paid: Delta,
    },
    /// It has no cost.
    #[error(transparent)]
    Mechanism(#[from] MechanismError),
}

impl Mechanism {
    /// Is this noise made for the table's bounds, does it select with `k`, and does the charge pay
    /// for every part of it? `charge` is `None` where the population has no unit; `merged` is r
    /// ([`crate::coarse::Coarsening::merged`]), 1 where nothing merges.
    ///
    /// # Errors
    /// [`TermsError`] for the first part that is not as agreed.
    pub fn check_terms(
        &self,
        table: &Table,
        k: u32,
        charge: Option<&Charge>,
        merged: u32,
    ) -> Result<(), TermsError> {
        match (self, charge) {
            (Self::Unprotected, None) => Ok(()),
            (Self::KOnly { k: own }, None) if *own == k => Ok(()),
            (Self::KOnly { k: own }, None) => Err(TermsError::K { k: *own, agreed: k }),
            (
                Self::Thresholded {
                    selection,
                    measures,
                },
                Some(charge),
            ) => {
                select(selection, table, k, charge)?;
                measure(measures, table, charge, merged)?;
                pinned(&selection.draw, measures, charge)
            }
            (
                Self::Dense {
                    contributors,
                    measures,
                },
                Some(charge),
            ) => {
                let bounds = (table.cells_max, 1, 1);
                draw("contributors", contributors, bounds, charge.selection)?;
                measure(measures, table, charge, merged)?;
                pinned(contributors, measures, charge)
            }
            _ => Err(TermsError::Protection),
        }
    }
}

fn pinned(
    contributors: &Draw,
    measures: &[MeasureDraw],
    charge: &Charge,
) -> Result<(), TermsError> {
    let selecting = std::iter::once(("contributors", contributors));
    let measures = measures.iter().map(|m| (m.measure.as_str(), &m.draw));
    for (measure, draw) in selecting.chain(measures) {
        if charge.noise.is_some_and(|agreed| agreed != draw.noise) {
            let measure = measure.to_owned();
            return Err(TermsError::Noise { measure });
        }
    }
    Ok(())
}

fn select(
    selection: &Selection,
    table: &Table,
    agreed: u32,
    charge: &Charge,
) -> Result<(), TermsError> {
    let k = selection.k;
    if k != agreed {
        return Err(TermsError::K { k, agreed });
    }
    draw(
        "contributors",
        &selection.draw,
        (table.cells_max, 1, 1),
        charge.selection,
    )?;
    let (delta, paid) = (selection.delta()?, charge.delta);
    if delta > paid {
        return Err(TermsError::Delta { delta, paid });
    }
    Ok(())
}

fn measure(
    measures: &[MeasureDraw],
    table: &Table,
    charge: &Charge,
    merged: u32,
) -> Result<(), TermsError> {
    let drawn = measures.iter().map(|m| &m.measure);
    if !drawn.eq(charge.measures.iter().map(|m| &m.measure)) {
        return Err(TermsError::Measures);
    }
    measures
        .iter()
        .zip(&charge.measures)
        .try_for_each(|(drawn, paid)| {
            let linf = table.sensitivity(&drawn.measure);
            let bounds = (table.cells_max, linf.ok_or(TermsError::Measures)?, merged);
            draw(&drawn.measure, &drawn.draw, bounds, paid.rho)
        })
}

fn draw(name: &str, draw: &Draw, bounds: (u32, u64, u32), paid: Rho) -> Result<(), TermsError> {
    let measure = || name.to_owned();
    if (draw.l0, draw.linf, draw.merged) != bounds {
        return Err(TermsError::Bounds { measure: measure() });
    }
    let rho = draw.rho()?;
    if rho > paid {
        return Err(TermsError::Rho {
            measure: measure(),
            rho,
            paid,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
