//! From true numbers to the bytes of a released table.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use bytes::Bytes;
use cells::read::ExactCells;
use cells::release::{self as columns, ReleaseError, ReleasedTable};
use privacy::joint;
use privacy::konly::{Domain, protect_k_only};
use privacy::merge::Merged;
use privacy::protect::{
    Exact, Falls, Noisy, Protected, Release, Rows, protect, protect_ladder, protect_merged,
};
use privacy::quality::{Context, QualitySheet};
use privacy::spend::Spend;
use proto::columns::{K_ONLY, QUALITY, bounded};

use super::Failure;
use crate::flow::k_only;

/// True numbers and their keys.
pub(super) enum Input {
    /// Of the plan's table.
    Cells(ExactCells),
    /// Of several providers, over the same keys.
    Parts(Vec<ExactCells>),
    /// The same, with the keys of each rung's rows and which cells fall into them.
    Ladder {
        cells: ExactCells,
        rungs: Vec<(RecordBatch, Falls)>,
    },
    /// Of a k-only table.
    KOnly { cells: ExactCells, domain: Domain },
    /// Of an ad-hoc merge.
    Merged { keys: RecordBatch, rows: Merged },
}

/// True numbers on their way to protection.
pub(in crate::flow) fn exact(cells: ExactCells) -> (RecordBatch, Exact) {
    let ExactCells {
        keys,
        contributors,
        measures,
    } = cells;
    let measures = measures.into_iter().map(|m| (m.name, m.values)).collect();
    let exact = Exact {
        contributors,
        measures,
    };
    (keys, exact)
}

/// Cells → the bytes of the released table. The true numbers end in [`protect`].
pub(super) fn table(spend: Spend, input: Input, contexts: Vec<Context>) -> Result<Bytes, Failure> {
    let mut domain_of_k_only = None;
    let (keys, release) = match input {
        Input::Cells(cells) => {
            let (keys, exact) = exact(cells);
            (vec![keys], protect(spend, exact))
        }
        Input::Merged { keys, rows } => (vec![keys], protect_merged(spend, rows)),
        Input::KOnly { cells, domain } => {
            let (keys, exact) = exact(cells);
            let release = protect_k_only(spend, exact, &domain, &k_only::keys_of(&domain, &keys)?);
            domain_of_k_only = Some(domain);
            (vec![keys], release)
        }
        Input::Ladder { cells, rungs } => {
            let (keys, exact) = exact(cells);
            let (coarser, falls): (Vec<_>, Vec<_>) = rungs.into_iter().unzip();
            let keys = std::iter::once(keys).chain(coarser).collect();
            (keys, protect_ladder(spend, exact, &falls))
        }
        Input::Parts(parts) => {
            let (mut keys, exact): (Vec<_>, Vec<_>) = parts.into_iter().map(exact).unzip();
            let keys = keys.pop().ok_or(NO_KEYS)?;
            (vec![keys], joint::protect(spend, exact))
        }
    };
    let release = release?;
    let all = keys.first().map_or(0, RecordBatch::num_rows);
    let sheet = QualitySheet::of_parts(&release, contexts, all);
    let sheet = sheet?;
    let sheet = sheet.canonical()?;
    let r = release.reservation();
    let rows = match (release.protected(), &domain_of_k_only) {
        (Protected::KOnly { cells, .. }, Some(domain)) => k_only::rows(&r.table, domain, cells),
        _ => rows(&release, &keys),
    };
    let rows = rows?;
    let mut facts = BTreeMap::from([
        ("weir.release".to_owned(), r.key.to_string()),
        ("weir.agreement".to_owned(), r.agreement.to_string()),
        (QUALITY.to_owned(), sheet),
    ]);
    if r.mechanism.is_k_only() {
        facts.insert("weir.protection".to_owned(), K_ONLY.to_owned());
    }
    Ok(Bytes::from(ReleasedTable { rows, facts }.encode()?))
}

/// The published rows: of a ladder those of the table, then those of each rung.
fn rows(release: &Release, keys: &[RecordBatch]) -> Result<RecordBatch, ReleaseError> {
    let r = release.reservation();
    let first = keys.first().ok_or(NO_KEYS)?;
    let noisy = |keys: &RecordBatch, rows: Rows| {
        let shown = rows.measures.into_iter();
        let shown = shown.map(|(name, noisy)| (name, column(noisy))).collect();
        let contributors = column(rows.contributors);
        let near = rows.near_threshold;
        let (table, unit, kept) = (&r.table, r.unit, &rows.kept);
        columns::protected(table, unit, keys, kept, contributors, shown, near)
    };
    let rows = match release.protected().clone() {
        Protected::Noisy {
            kept,
            contributors,
            near_threshold,
            providers,
            measures,
        } => {
            let rows = noisy(
                first,
                Rows {
                    kept,
                    contributors,
                    near_threshold,
                    measures,
                },
            )?;
            match providers {
                Some(providers) => columns::with_providers(&rows, providers),
                None => Ok(rows),
            }
        }
        Protected::Ladder(rungs) => {
            let rungs = rungs.into_iter().zip(keys);
            let rungs = rungs.map(|(rows, keys)| noisy(keys, rows));
            columns::ladder(&rungs.collect::<Result<Vec<_>, _>>()?)
        }
        Protected::Plain { measures } => columns::plain(&r.table, first, measures),
        Protected::KOnly { .. } => Err(NO_KEYS),
    }?;
    if !r.is_bounded() {
        return Ok(rows);
    }
    let schema = bounded(rows.schema_ref());
    Ok(RecordBatch::try_new(schema, rows.columns().to_vec())?)
}

const NO_KEYS: ReleaseError = ReleaseError::Parts {
    what: "rows without keys",
};

fn column(noisy: Noisy) -> columns::Noisy {
    let Noisy { values, low, high } = noisy;
    columns::Noisy { values, low, high }
}
