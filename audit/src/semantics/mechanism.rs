//! Noise: made for the table's bounds and the agreement's k, and costing at most what the plan
//! charges, part by part, and what the entry charges, in sum.

use policies::agreement::{Charge, Unit};
use policies::decide::Permit;
use policies::loss::{Loss, Rho};
use policies::mechanism::{Draw, MeasureDraw, Mechanism, MechanismError, Selection};
use policies::table::Table;

use super::{Breach, same};

/// Is the pinned mechanism one that the plan's line pays for, and `charged` what it costs or more?
pub(super) fn check(permit: &Permit, mechanism: &Mechanism, charged: Loss) -> Result<(), Breach> {
    let bare = permit.unit() == Unit::None;
    match (mechanism, permit.charge()) {
        (Mechanism::Unprotected, None) if bare => Ok(()),
        (
            Mechanism::Thresholded {
                selection,
                measures,
            },
            Some(charge),
        ) if !bare => {
            let cost = selected(permit, charge, selection)?;
            let cost = measured(permit.table(), charge, measures, cost)?;
            if cost.fits_in(charged) {
                return Ok(());
            }
            Err(Breach::Charge {
                cost,
                charge: charged,
            })
        }
        _ => {
            let name = |bare| if bare { "unprotected" } else { "thresholded" };
            Err(Breach::Protection {
                unit: permit.unit().word(),
                expected: name(bare),
                found: name(matches!(mechanism, Mechanism::Unprotected)),
            })
        }
    }
}

/// What selection costs.
fn selected(permit: &Permit, charge: &Charge, selection: &Selection) -> Result<Loss, Breach> {
    sensitivity("contributors", permit.table(), 1, &selection.draw)?;
    if selection.k != permit.k() {
        return Err(Breach::K {
            expected: permit.k(),
            found: selection.k,
        });
    }
    let rho = paid("contributors", &selection.draw, charge.selection)?;
    let delta = selection.delta()?;
    if delta > charge.delta {
        return Err(Breach::Cost {
            part: "δ of selection".to_owned(),
            cost: delta.to_string(),
            charge: charge.delta.to_string(),
        });
    }
    Ok(Loss { rho, delta })
}

/// What selection and the measures cost together.
fn measured(
    table: &Table,
    charge: &Charge,
    measures: &[MeasureDraw],
    selection: Loss,
) -> Result<Loss, Breach> {
    let planned: Vec<_> = charge.measures.iter().map(|m| &m.measure).collect();
    let drawn: Vec<_> = measures.iter().map(|m| &m.measure).collect();
    same("mechanism.measures", &planned, &drawn)?;
    let mut cost = selection;
    for (drawn, planned) in measures.iter().zip(&charge.measures) {
        let linf = u64::from(table.per_cell_max);
        sensitivity(&drawn.measure, table, linf, &drawn.draw)?;
        let rho = paid(&drawn.measure, &drawn.draw, planned.rho)?;
        let sum = cost.rho.checked_add(rho);
        cost.rho = sum.ok_or(MechanismError::Overflow)?;
    }
    Ok(cost)
}

fn sensitivity(part: &str, table: &Table, linf: u64, draw: &Draw) -> Result<(), Breach> {
    if draw.l0 == table.cells_max && draw.linf == linf {
        return Ok(());
    }
    let bounds = |l0: u32, linf: u64| format!("{l0} cells, {linf} per cell");
    Err(Breach::Sensitivity {
        part: part.to_owned(),
        expected: bounds(table.cells_max, linf),
        found: bounds(draw.l0, draw.linf),
    })
}

/// ρ of a draw, at most what the plan charges for it.
fn paid(part: &str, draw: &Draw, charge: Rho) -> Result<Rho, Breach> {
    let rho = draw.rho()?;
    if rho <= charge {
        return Ok(rho);
    }
    Err(Breach::Cost {
        part: format!("ρ of {part}"),
        cost: rho.to_string(),
        charge: charge.to_string(),
    })
}
