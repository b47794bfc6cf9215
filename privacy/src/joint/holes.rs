//! Joint tables with a hole, for the attacks to find; built with the feature `mutants` only.

use policies::mechanism::{MeasureDraw, Scale};
use policies::mutants::{Mutant, active};

use super::{Part, Row, Selected};
use crate::protect::Gate;

/// What the parts selected, unless this process has a mutant of that.
pub(super) fn selected(parts: &[Part<'_>], mut selected: Vec<Selected>) -> Vec<Selected> {
    if active(Mutant::PartWithoutNoise)
        && let (Some(last), Some(part)) = (selected.last_mut(), parts.last())
    {
        last.noised.clone_from(&part.counts.contributors);
    }
    if active(Mutant::JointK) {
        for (part, selected) in std::iter::zip(parts, &mut selected) {
            let gate = Gate::of(part.selection);
            let opens = |(row, noisy): (usize, &i64)| {
                let units = parts.iter().filter_map(|p| p.counts.contributors.get(row));
                i64::from(gate.opens(units.sum(), *noisy))
            };
            selected.chosen = selected.noised.iter().enumerate().map(opens).collect();
        }
    }
    selected
}

/// The draws of all parts, or what the part that a unit changes least would need.
pub(super) fn draws(parts: &[Part<'_>], draws: &[MeasureDraw]) -> Vec<MeasureDraw> {
    let mut draws = draws.to_vec();
    if active(Mutant::SmallestPartHidden) {
        for (n, measure) in draws.iter_mut().enumerate() {
            let changes = parts.iter().filter_map(|part| part.measures.get(n));
            let changes = changes.map(|m| m.draw.linf * u64::from(m.draw.l0).isqrt());
            let (least, most) = (changes.clone().min(), changes.max());
            let scale = measure.draw.scale.sixteenths() * least.unwrap_or(1) / most.unwrap_or(1);
            measure.draw.scale = Scale::from_sixteenths(scale).unwrap_or(measure.draw.scale);
        }
    }
    draws
}

/// The row, or one that counts every provider with k true units.
pub(super) fn row(parts: &[Part<'_>], n: usize, row: Row) -> Row {
    if !active(Mutant::ProvidersByTruth) {
        return row;
    }
    let there = |part: &&Part<'_>| {
        let units = part.counts.contributors.get(n).copied();
        units >= Some(i64::from(part.selection.k))
    };
    Row {
        providers: parts.iter().filter(there).count(),
        ..row
    }
}
