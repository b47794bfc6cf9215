//! An invented city, for a provider that has nothing counted yet: zones and categories of falling size (1, 1/2, 1/3, …),
//! every unit in as many cells as it may be. Nothing in it is random: the same draft gives the same answer.

use policies::agreement::Agreement;
use policies::kind::DimensionKind;
use policies::table::Table;

use super::cells::{Cell, Cells, Districts, everywhere, measures, zone_dimension};
use crate::errors::CliError;

/// Keys that are looked through; a larger table is not invented.
const KEYS_MAX: u64 = 20_000_000;

/// One period of every planned table, with so many units in it.
pub fn city(terms: &Agreement, units: u32, districts: &Districts) -> Result<Vec<Cells>, CliError> {
    let planned = terms
        .plan
        .iter()
        .filter_map(|item| terms.table(&item.table));
    planned
        .map(|table| invented(terms, table, units, districts))
        .collect()
}

fn invented(
    terms: &Agreement,
    table: &Table,
    units: u32,
    districts: &Districts,
) -> Result<Cells, CliError> {
    let zones = terms.zoning(&table.zoning).map_or(0, |zoning| zoning.zones);
    let keys = table.domain_size(zones).filter(|keys| *keys <= KEYS_MAX);
    if keys.is_none() {
        let why = format!(
            "`{}` has more than {KEYS_MAX} keys: too many to invent",
            table.name
        );
        return Err(CliError::new(why).or_try("--cells with cells of your own"));
    }
    let weights = weights(table, zones);
    let all: f64 = weights.iter().map(|of| of.iter().sum::<f64>()).product();
    let filled = f64::from(units) * f64::from(table.cells_max);
    let zone = zone_dimension(table);
    let mut cells = Vec::new();
    let mut key = vec![0_usize; weights.len()];
    loop {
        let weight: f64 = weights
            .iter()
            .zip(&key)
            .filter_map(|(of, at)| of.get(*at))
            .product();
        let contributors = whole(filled * weight / all).min(u64::from(units));
        if contributors > 0 {
            let named = zone
                .and_then(|zone| key.get(zone))
                .map(|at| format!("zone {}", at + 1));
            let values = table.columns().map(|column| match column.clamp {
                None => contributors,
                Some(clamp) => contributors * (u64::from(clamp.min) + u64::from(clamp.max)) / 2,
            });
            cells.push(Cell {
                district: named.map_or_else(everywhere, |zone| districts.of(table, &zone)),
                contributors,
                values: values.collect(),
            });
        }
        if !next(&mut key, &weights) {
            break;
        }
    }
    Ok(Cells {
        table: table.name.clone(),
        period: None,
        measures: measures(table),
        cells,
    })
}

/// How likely each value of each dimension is, up to a factor.
fn weights(table: &Table, zones: u32) -> Vec<Vec<f64>> {
    let falling = |count: usize| {
        (1..=count)
            .map(|rank| 1.0 / rank as f64)
            .collect::<Vec<_>>()
    };
    let dimensions = table
        .kind()
        .map(|kind| kind.dimensions.as_slice())
        .unwrap_or_default();
    let of = dimensions.iter().map(|dimension| match dimension.kind {
        DimensionKind::Zone => falling(usize::try_from(zones).unwrap_or_default()),
        DimensionKind::Category => falling(
            table
                .axis(&dimension.name)
                .map_or(0, |axis| axis.values.len()),
        ),
        DimensionKind::DayBin => {
            let starts = table.bins.starts();
            let ends = starts.iter().skip(1).chain([&24]);
            starts
                .iter()
                .zip(ends)
                .map(|(from, to)| f64::from(to.saturating_sub(*from)))
                .collect()
        }
    });
    of.collect()
}

/// The next key, the last dimension first; false after the last one.
fn next(key: &mut [usize], weights: &[Vec<f64>]) -> bool {
    for (at, of) in key.iter_mut().zip(weights).rev() {
        *at += 1;
        if *at < of.len() {
            return true;
        }
        *at = 0;
    }
    false
}

fn whole(number: f64) -> u64 {
    number.round() as u64
}
