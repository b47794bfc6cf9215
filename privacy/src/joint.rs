//! Several providers in one table (DESIGN section 7 rule 6): one mechanism per part, one draw per sum.
//!
//! Part i selects a row by its own n_i, k_i, T_i and noise Z_i, as alone. Where it does, its noisy contributors
//! ñ_i = n_i + Z_i and its measures count. The row shows Σ ñ_i, and Σ x_i + W with one draw W of the largest scale
//! that any part needs.
//!
//! *Each part's claim holds as if it were alone.* Fix the data and the noise of all others. What is published
//! is then a function of which rows part i selected, of ñ_i there, and of x_i + W: the output of i's own mechanism
//! with noise on x_i at least as large as its charge asks for. That holds for whoever knows the others' parts,
//! a company that subtracts its own included: W and Z_i stay between it and n_i.
//!
//! *Which rows are shown* (`min_providers`, dominance) is decided on selections and ñ_i alone, which are paid for:
//! post-processing, at no cost.

use policies::agreement::{Charge, Unit};
use policies::entry::Reservation;
use policies::joint::JointRule;
use policies::mechanism::{MeasureDraw, Mechanism, Selection};
use policies::table::Table;

use crate::add_noise;
use crate::calibrate::{CalibrateError, calibrate as calibrate_alone, common_draws};
use crate::interval::ratio::Ends;
use crate::protect::{
    Counts, Exact, Gate, Measure, Noisy, ProtectError, Protected, Release, Shown, check_maps,
    columns, half_width, measures,
};
use crate::spend::Spend;

#[cfg(feature = "mutants")]
mod holes;
mod width;

pub use width::contributors_half_widths;
use width::half_widths;

/// One agreement's part of a joint table: the table's terms, k and charge.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// Its bounds are the part's.
    pub table: &'a Table,
    /// Least units behind a row of this part.
    pub k: u32,
    /// What the part pays.
    pub charge: &'a Charge,
}

/// One mechanism per part: each selects as it would alone; a measure has one distribution and one scale, the least
/// that keeps the charge of every part.
///
/// # Errors
/// [`CalibrateError`] where some part's charge cannot be kept, or measures are not the same in all parts.
pub fn calibrate(unit: Unit, parts: &[Terms<'_>]) -> Result<Vec<Mechanism>, CalibrateError> {
    let alone = parts
        .iter()
        .map(|part| calibrate_alone(part.table, unit, part.k, part.charge));
    let mut all = alone.collect::<Result<Vec<_>, _>>()?;
    let measures = parts.first().map_or(&[][..], |part| &part.charge.measures);
    for (n, first) in measures.iter().enumerate() {
        let needs = parts.iter().map(|part| {
            let paid = part.charge.measures.get(n);
            let paid = paid.filter(|m| m.measure == first.measure);
            paid.map(|m| (part.table, m.rho, part.charge.noise))
                .ok_or_else(|| CalibrateError::Range {
                    field: format!("measures.{}", first.measure),
                    allowed: "paid for in every part, in the same order".into(),
                })
        });
        let draws = common_draws(&first.measure, &needs.collect::<Result<Vec<_>, _>>()?)?;
        for (mechanism, draw) in all.iter_mut().zip(draws) {
            if let Mechanism::Thresholded { measures, .. } = mechanism
                && let Some(measure) = measures.get_mut(n)
            {
                measure.draw = draw;
            }
        }
    }
    Ok(all)
}

/// Draws the pinned noise of all parts and selects rows. `parts` are in the order of [`Reservation::parts`], each
/// with one number per row of all parts' keys together: 0 where the part has no such cell.
///
/// # Errors
/// [`ProtectError`]; then nothing was released, and the charges stay. All checks come before the first draw.
pub fn protect(spend: Spend, parts: Vec<Exact>) -> Result<Release, ProtectError> {
    let reservation = spend.into_reservation();
    let rule = reservation.joint.as_ref().map(|joint| joint.rule);
    let rule = rule.ok_or_else(|| columns("one part alone"))?;
    let reserved = reservation.parts();
    if reserved.len() != parts.len() {
        return Err(columns("other parts"));
    }
    let parts =
        std::iter::zip(&reserved, parts).map(|(reserved, exact)| Part::checked(reserved, exact));
    let parts = parts.collect::<Result<Vec<_>, _>>()?;
    let rows = parts
        .first()
        .map_or(0, |part| part.counts.contributors.len());
    if parts
        .iter()
        .any(|part| part.counts.contributors.len() != rows)
    {
        return Err(columns("parts of different lengths"));
    }
    let protected = noisy(&reservation.table, &parts, rule, rows)?;
    Ok(Release::made(reservation, protected))
}

/// True numbers of one part, and the noise that is reserved for it.
struct Part<'a> {
    selection: &'a Selection,
    measures: &'a [MeasureDraw],
    counts: Counts,
}

impl<'a> Part<'a> {
    fn checked(reserved: &'a Reservation, exact: Exact) -> Result<Self, ProtectError> {
        let Mechanism::Thresholded {
            selection,
            measures,
        } = &reserved.mechanism
        else {
            return Err(columns("a part without a unit"));
        };
        check_maps(reserved)?;
        Ok(Self {
            selection,
            measures,
            counts: Counts::of_cells(reserved, exact)?,
        })
    }

    /// ñ of every row, and 1 where the part selects it, else 0.
    fn select(&self) -> Result<Selected, ProtectError> {
        let noised = add_noise(&self.selection.draw, &self.counts.contributors)?;
        let gate = Gate::of(self.selection);
        let chosen = std::iter::zip(&self.counts.contributors, &noised)
            .map(|(n, noisy)| i64::from(gate.opens(*n, *noisy)))
            .collect();
        Ok(Selected {
            noised,
            chosen,
            near: gate.from.saturating_add(half_width(&self.selection.draw)?),
        })
    }
}

struct Selected {
    noised: Vec<i64>,
    chosen: Vec<i64>,
    /// Up to this ñ, noise may have decided.
    near: i64,
}

/// One row of all parts: what the selections, paid for already, say about it.
#[derive(Clone, Copy, Default)]
struct Row {
    providers: usize,
    sum: i64,
    largest: i64,
    near: bool,
}

impl Row {
    fn of(parts: &[Selected], row: usize) -> Self {
        let mut all = Self::default();
        for part in parts {
            let at = |values: &[i64]| values.get(row).copied().unwrap_or_default();
            let chosen = at(&part.chosen);
            let noisy = chosen.saturating_mul(at(&part.noised));
            all.providers += usize::from(chosen == 1);
            all.sum = all.sum.saturating_add(noisy);
            all.largest = all.largest.max(noisy);
            all.near |= (chosen == 1) & (noisy <= part.near);
        }
        all
    }

    /// May it be shown under this rule?
    fn passes(&self, rule: JointRule) -> bool {
        let least = rule.min_providers.unwrap_or(1).max(1);
        let enough = u32::try_from(self.providers).is_ok_and(|n| n >= least);
        let share = rule.dominance_percent.unwrap_or(100);
        let dominated = i128::from(self.largest) * 100 > i128::from(self.sum) * i128::from(share);
        enough & !dominated
    }
}

fn noisy(
    table: &Table,
    parts: &[Part<'_>],
    rule: JointRule,
    rows: usize,
) -> Result<Protected, ProtectError> {
    let selections: Vec<Selection> = parts.iter().map(|part| *part.selection).collect();
    let halves = half_widths(&selections)?;
    let draws = parts.first().map_or(&[][..], |part| part.measures);

    // Every draw before any row is looked at: withheld rows cost the same work.
    let selected = parts.iter().map(Part::select);
    let selected = selected.collect::<Result<Vec<_>, _>>()?;
    #[cfg(feature = "mutants")]
    let (selected, draws) = (
        holes::selected(parts, selected),
        &holes::draws(parts, draws)[..],
    );
    let drawn = parts.first().map_or(0, |part| part.counts.measures.len());
    let exact = (0..drawn).map(|column| sums(parts, &selected, column, rows));
    let exact = exact.collect::<Result<Vec<_>, ProtectError>>()?;
    // The same draws in every part: one hides each. A centred sum of parts is the sum of their centred sums.
    let measures = measures(table, draws, exact)?.into_iter();
    let measures = measures
        .map(Measure::with_noise)
        .collect::<Result<Vec<_>, _>>()?;

    let all = (0..rows).map(|row| Row::of(&selected, row));
    #[cfg(feature = "mutants")]
    let all = all.enumerate().map(|(n, row)| holes::row(parts, n, row));
    let (kept, shown): (Vec<usize>, Vec<Row>) =
        all.enumerate().filter(|(_, row)| row.passes(rule)).unzip();
    // Twice as far as 95 of 100: that misses in fewer than 2.5, of whichever noise.
    let twice: Vec<i64> = halves.iter().map(|half| half.saturating_mul(2)).collect();
    let counted = || contributors(&shown, &selections, &twice).rows().collect();
    let counted: &dyn Fn() -> Vec<Ends> = &counted;
    let measures = Shown {
        table,
        kept: &kept,
        counted,
    }
    .columns(&measures)?;
    Ok(Protected::Noisy {
        contributors: contributors(&shown, &selections, &halves),
        near_threshold: shown.iter().map(|row| row.near).collect(),
        providers: Some(shown.iter().map(|row| whole(row.providers)).collect()),
        measures,
        kept,
    })
}

/// The true sums of one column over the parts that selected the row.
fn sums(
    parts: &[Part<'_>],
    selected: &[Selected],
    column: usize,
    rows: usize,
) -> Result<Vec<i64>, ProtectError> {
    let mut sums = vec![0_i64; rows];
    for (part, selected) in std::iter::zip(parts, selected) {
        let values = part.counts.measures.get(column);
        let values = values.ok_or_else(|| columns("other measures"))?;
        for ((sum, value), chosen) in sums.iter_mut().zip(values).zip(&selected.chosen) {
            let more = value.checked_mul(*chosen);
            *sum = more
                .and_then(|more| sum.checked_add(more))
                .ok_or(ProtectError::Count)?;
        }
    }
    Ok(sums)
}

/// Σ ñ of each shown row. How wide its interval is depends on how many providers it counts, never on which: the width
/// is that of the loudest. Where a selection was near, noise has pushed the sum up, and nothing but the sum of the
/// least k is sure from below.
fn contributors(rows: &[Row], selections: &[Selection], halves: &[i64]) -> Noisy {
    let mut ks: Vec<i64> = selections.iter().map(|s| i64::from(s.k.max(1))).collect();
    ks.sort_unstable();
    let half = |row: &Row| {
        let half = row.providers.checked_sub(1).and_then(|n| halves.get(n));
        half.copied().unwrap_or(i64::MAX)
    };
    let low = |row: &Row| {
        let surely: i64 = ks.iter().take(row.providers).sum();
        let reached = match row.near {
            true => surely,
            false => row.sum.saturating_sub(half(row)).max(surely),
        };
        reached.min(row.sum)
    };
    Noisy {
        values: rows.iter().map(|row| row.sum).collect(),
        low: rows.iter().map(low).collect(),
        high: rows
            .iter()
            .map(|row| row.sum.saturating_add(half(row)))
            .collect(),
    }
}

fn whole(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
