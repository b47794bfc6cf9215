//! The steps of a release around its noise, as the broker takes them, and the file that it reads.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use cells::check::{Checker, Limits};
use cells::read::ExactCells;
use cells::release::{Noisy, ReleasedTable};
use cells::write::Writer;
use policies::agreement::Agreement;
use privacy::protect::{Exact, Protected, Release};

use crate::grid;
use crate::run::Failed;

/// Cells of one day as the broker stores them.
///
/// # Errors
/// Where they are not the agreement's, or the file cannot be written.
pub fn write(
    path: &Path,
    terms: &Agreement,
    zones: usize,
    cells: &[RecordBatch],
) -> Result<(), Failed> {
    let limits = Limits {
        rows_max: u64::MAX,
        bytes_max: u64::MAX,
        dictionary_max: zones.max(grid::MODES.len()),
    };
    let ids: Arc<[String]> = grid::zone_ids(zones).into();
    let mut checker = Checker::new(grid::table(terms)?, terms.population.unit, &ids, limits)?;
    let mut writer = Writer::new(File::create(path)?, &checker, &[])?;
    for batch in cells {
        writer.write(&checker.check(batch)?)?;
    }
    writer.finish(checker.finish()?)?;
    Ok(())
}

/// True numbers on their way to protection, and their keys.
#[must_use]
pub fn exact(cells: ExactCells) -> (RecordBatch, Exact) {
    let measures = cells.measures.into_iter().map(|m| (m.name, m.values));
    let exact = Exact {
        contributors: cells.contributors,
        measures: measures.collect(),
    };
    (cells.keys, exact)
}

/// The bytes of the released table; gives the number of published rows.
///
/// # Errors
/// Where the release has no noise.
pub fn encode(release: &Release, keys: &RecordBatch) -> Result<usize, Failed> {
    let Protected::Noisy {
        kept,
        contributors,
        near_threshold,
        providers: _,
        measures,
    } = release.protected().clone()
    else {
        return Err("a release without noise".into());
    };
    let r = release.reservation();
    let measures = measures.into_iter().map(|(name, n)| (name, column(n)));
    let measures = measures.collect();
    let contributors = column(contributors);
    let (table, unit) = (&r.table, r.unit);
    let rows = cells::release::protected(
        table,
        unit,
        keys,
        &kept,
        contributors,
        measures,
        near_threshold,
    )?;
    let facts = BTreeMap::new();
    std::hint::black_box(ReleasedTable { rows, facts }.encode()?);
    Ok(kept.len())
}

fn column(noisy: privacy::protect::Noisy) -> Noisy {
    let privacy::protect::Noisy { values, low, high } = noisy;
    Noisy { values, low, high }
}
