//! What of the cells would be shown.

use std::collections::BTreeMap;

use policies::id::TableName;
use policies::mechanism::Mechanism;
use policies::period::Period;
use privacy::outlook::{CERTAIN, Outlook};
use privacy::plan::ItemPrice;
use serde::Serialize;

use super::cells::{Cell, Cells};

/// One table and period.
#[derive(Serialize)]
pub struct Replay {
    pub table: TableName,
    pub period: Option<Period>,
    /// Which cells are shown, in words.
    pub rule: String,
    /// What is published, and how far it may be off, 95 times in 100.
    pub errors_95: Vec<(String, u64)>,
    pub districts: Vec<District>,
    pub all: District,
}

/// The cells of one district. Percentages are whole, against the reader: shown rounded down, errors up.
#[derive(Serialize)]
pub struct District {
    pub name: String,
    /// Of the cells with anybody in them.
    pub cells_shown_percent: u64,
    /// Of all contributors, those in shown cells.
    pub covered_percent: u64,
    /// Of [`Replay::errors_95`], as a part of the mean shown number; none where nothing is shown.
    pub errors_percent: Vec<Option<u64>>,
    /// True cells and contributors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<(u64, u64)>,
}

impl Replay {
    /// The cells under a line of the plan.
    pub fn of(item: &ItemPrice, cells: &Cells) -> Self {
        let outlook = Outlook::of(&item.mechanism);
        let preview = item.preview.as_ref();
        // The error of a histogram or a mean depends on the row; a count's and a sum's does not.
        let place = |name: &str| cells.measures.iter().position(|measure| measure == name);
        let errors = preview.into_iter().flat_map(|preview| &preview.half_widths);
        let errors: Vec<_> = errors
            .enumerate()
            .filter_map(|(n, (name, _, half))| {
                let place = if n == 0 { None } else { Some(place(name)?) };
                Some((name.clone(), *half, place))
            })
            .collect();
        let mut districts: BTreeMap<&str, Sums> = BTreeMap::new();
        let mut all = Sums::default();
        for cell in &cells.cells {
            let chance = u128::from(outlook.chance(cell.contributors));
            districts
                .entry(&cell.district)
                .or_default()
                .add(cell, chance);
            all.add(cell, chance);
        }
        let district = |name: &str, sums: &Sums| sums.district(name, &errors);
        Self {
            table: cells.table.clone(),
            period: cells.period,
            rule: rule(&item.mechanism),
            districts: districts
                .iter()
                .map(|(name, sums)| district(name, sums))
                .collect(),
            all: district("all", &all),
            errors_95: errors
                .iter()
                .map(|(name, half, _)| (name.clone(), *half))
                .collect(),
        }
    }
}

fn rule(mechanism: &Mechanism) -> String {
    match mechanism {
        Mechanism::Thresholded { selection, .. } => {
            let from = selection.published_from();
            format!("a cell of {from} is shown every other time, a smaller one more rarely")
        }
        Mechanism::KOnly { k } => format!("no cell below {k} is shown"),
        Mechanism::Dense { .. } | Mechanism::Unprotected => "every cell is shown".to_owned(),
    }
}

/// Sums over cells; those of what is shown in parts of [`CERTAIN`].
#[derive(Default)]
struct Sums {
    cells: u64,
    contributors: u64,
    shown: u128,
    contributors_shown: u128,
    values_shown: Vec<u128>,
}

impl Sums {
    fn add(&mut self, cell: &Cell, chance: u128) {
        self.cells += 1;
        self.contributors += cell.contributors;
        self.shown += chance;
        self.contributors_shown += chance * u128::from(cell.contributors);
        self.values_shown.resize(cell.values.len(), 0);
        for (sum, value) in self.values_shown.iter_mut().zip(&cell.values) {
            *sum += chance * u128::from(*value);
        }
    }

    fn district(&self, name: &str, errors: &[(String, u64, Option<usize>)]) -> District {
        let percent = |part: u128, whole: u64| {
            let whole = u128::from(whole) * u128::from(CERTAIN);
            // Without a unit nothing is counted, and nothing is left out.
            (part * 100).checked_div(whole).map_or(100, small)
        };
        let error = |(_, half, place): &(String, u64, Option<usize>)| {
            let sum = match place {
                None => Some(&self.contributors_shown),
                Some(place) => self.values_shown.get(*place),
            };
            // half / (sum / shown)
            let sum = sum.copied().filter(|sum| *sum > 0)?;
            Some(small((u128::from(*half) * 100 * self.shown).div_ceil(sum)))
        };
        District {
            name: name.to_owned(),
            cells_shown_percent: percent(self.shown, self.cells),
            covered_percent: percent(self.contributors_shown, self.contributors),
            errors_percent: errors.iter().map(error).collect(),
            counts: Some((self.cells, self.contributors)),
        }
    }
}

fn small(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
