//! A k-only table: its public domain, the keys of its cells, and its rows with their margins.

use std::fmt::Write;

use arrow::array::{Array, AsArray, DictionaryArray, RecordBatch};
use arrow::datatypes::{Int32Type, UInt8Type};
use cells::release::{KeyColumn, ReleaseError, k_only};
use policies::agreement::{Agreement, Protection};
use policies::coarse::ALL;
use policies::entry::Reservation;
use policies::table::Table;
use privacy::konly::{Domain, Key, Node, Place, rows_max};
use proto::columns::PARENT;

use super::broker::Broker;
use super::draw::Failure;
use crate::error::Error;
use crate::limits::{CONTRIBUTION_ROWS_MAX, K_ONLY_ROWS_MAX};

/// The most rows of one contribution to a table: of a k-only one so many that their suppression ends.
pub(super) fn contribution_rows_max(terms: &Agreement, table: &Table) -> u64 {
    match terms.population.protection {
        Protection::Differential => CONTRIBUTION_ROWS_MAX,
        Protection::KOnly => {
            let zoning = terms.zoning(&table.zoning);
            let zones = zoning.map_or(0, |zoning| zoning.zones);
            let parents = zoning.and_then(|zoning| zoning.parents);
            K_ONLY_ROWS_MAX.min(rows_max(table, zones, parents))
        }
    }
}

impl Broker {
    /// Every value of every dimension; zones have their parents where the agreement counts them.
    pub(super) async fn k_only_domain(&self, reservation: &Reservation) -> Result<Domain, Failure> {
        let table = &reservation.table;
        let has_parents = {
            let state = self.sequencer.state();
            let record = state.agreement(&reservation.agreement);
            let record = record.ok_or_else(|| Error::internal("a release without agreement"))?;
            let zoning = record.terms.zoning(&table.zoning);
            zoning.is_some_and(|zoning| zoning.parents.is_some())
        };
        let zones = self.zones(&table.zoning).await?;
        let parents = match has_parents {
            true => Some(self.parents(&table.zoning).await?),
            false => None,
        };
        Domain::new(table, &zones, parents.as_ref()).map_err(Failure::for_ever)
    }
}

/// The key of every row of key columns.
pub(super) fn keys_of(domain: &Domain, keys: &RecordBatch) -> Result<Vec<Key>, Failure> {
    let lost = || Failure::for_ever("a cell outside its table's domain");
    let mut columns: Vec<Vec<Node>> = Vec::with_capacity(keys.num_columns());
    for (n, column) in keys.columns().iter().enumerate() {
        let nodes: Option<Vec<Node>> = match column.as_primitive_opt::<UInt8Type>() {
            Some(bins) => bins.values().iter().map(|b| domain.bin(n, *b)).collect(),
            None => texts(column.as_ref())
                .and_then(|column| nodes_of(column, |text| domain.text(n, text))),
        };
        columns.push(nodes.ok_or_else(lost)?);
    }
    let key = |row| {
        let nodes = columns
            .iter()
            .filter_map(|column: &Vec<Node>| column.get(row));
        domain.key(&nodes.copied().collect::<Vec<_>>())
    };
    Ok((0..keys.num_rows()).map(key).collect())
}

fn texts(column: &dyn Array) -> Option<&DictionaryArray<Int32Type>> {
    column.as_any().downcast_ref()
}

/// Looks every text of the dictionary up once.
fn nodes_of(
    column: &DictionaryArray<Int32Type>,
    node: impl Fn(&str) -> Option<Node>,
) -> Option<Vec<Node>> {
    let texts = column.values().as_string_opt::<i32>()?;
    let of_text: Vec<_> = texts.iter().map(|text| node(text?)).collect();
    let codes = column.keys().values().iter();
    codes
        .map(|code| *of_text.get(usize::try_from(*code).ok()?)?)
        .collect()
}

/// What is shown, as columns.
pub(super) fn rows(
    table: &Table,
    domain: &Domain,
    cells: &[(Key, i64)],
) -> Result<RecordBatch, ReleaseError> {
    let column = |n| match domain.is_bins(n) {
        true => KeyColumn::Bins(Vec::with_capacity(cells.len())),
        false => KeyColumn::Texts(Vec::with_capacity(cells.len())),
    };
    let mut columns: Vec<_> = (0..domain.width()).map(column).collect();
    let mut margins = Vec::with_capacity(cells.len());
    for (key, _) in cells {
        let mut margin = String::new();
        for (column, (dimension, place)) in columns.iter_mut().zip(domain.places(*key)) {
            let (text, bin, level) = match place {
                Place::Text(text) => (text, 0, None),
                Place::Bin(bin) => ("", bin, None),
                Place::Parent(parent) => (parent, 0, Some(PARENT)),
                Place::All => (ALL, 0, Some(ALL)),
            };
            match column {
                KeyColumn::Texts(texts) => texts.push(text.to_owned()),
                KeyColumn::Bins(bins) => bins.push(bin),
            }
            if let Some(level) = level {
                let semicolon = if margin.is_empty() { "" } else { ";" };
                // Writing to a String does not fail.
                let _ = write!(margin, "{semicolon}{dimension}={level}");
            }
        }
        margins.push(margin);
    }
    let contributors = cells.iter().map(|(_, count)| *count).collect();
    k_only(table, columns, &margins, contributors)
}
