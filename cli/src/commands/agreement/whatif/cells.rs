//! Cells by district: our own, as `weir aggregate` wrote them.

use std::collections::HashMap;
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type, UInt64Type};
use policies::agreement::{Agreement, Unit};
use policies::id::TableName;
use policies::kind::DimensionKind;
use policies::period::Period;
use policies::table::Table;
use proto::columns::{CONTRIBUTORS, cells_schema};
use sdk::aggregate::read_cells;
use serde_json::Value;

use super::super::super::session::read_agreement;
use super::super::super::zoning::ZoningFile;
use crate::errors::{CliError, OrFail};

/// The one district of a table without zones.
const EVERYWHERE: &str = "everywhere";

/// The cells of one table and period.
pub struct Cells {
    pub table: TableName,
    /// None of an invented city.
    pub period: Option<Period>,
    /// Names of the measures, in the order of [`Cell::values`].
    pub measures: Vec<String>,
    pub cells: Vec<Cell>,
}

/// One cell.
pub struct Cell {
    pub district: String,
    pub contributors: u64,
    pub values: Vec<u64>,
}

/// What a zone's district is called, by zoning and zone: its parent where a file names one, else itself.
#[derive(Default)]
pub struct Districts(HashMap<(String, String), String>);

impl Districts {
    /// Out of the zonings' own files, which MUST be the agreement's.
    pub fn read(terms: &Agreement, files: &[ZoningFile]) -> Result<Self, CliError> {
        let mut all = HashMap::new();
        for file in files {
            let signed = terms.zoning(&file.id);
            let signed = signed.ok_or_else(|| {
                CliError::new(format!("the agreement has no zoning `{}`", file.id))
            })?;
            let bytes =
                std::fs::read(&file.path).map_err(|e| CliError::file("read", &file.path, e))?;
            if policies::id::sha256_hex(&bytes) != signed.sha256.as_str() {
                return Err(CliError::file(
                    "use",
                    &file.path,
                    "it is not the file that the agreement names by its hash",
                ));
            }
            let geo: Value = serde_json::from_slice(&bytes).or_fail()?;
            let features = geo.get("features").and_then(Value::as_array);
            for feature in features.into_iter().flatten() {
                let property = |name| feature.get("properties")?.get(name)?.as_str();
                if let (Some(zone), Some(parent)) = (property("zone_id"), property("parent")) {
                    all.insert((file.id.to_string(), zone.to_owned()), parent.to_owned());
                }
            }
        }
        Ok(Self(all))
    }

    /// The district of a zone.
    pub fn of(&self, table: &Table, zone: &str) -> String {
        let parent = self.0.get(&(table.zoning.to_string(), zone.to_owned()));
        parent.cloned().unwrap_or_else(|| zone.to_owned())
    }
}

/// Where the zone that districts are made of stands among the dimensions: the first one.
pub fn zone_dimension(table: &Table) -> Option<usize> {
    let dimensions = &table.kind()?.dimensions;
    dimensions
        .iter()
        .position(|d| d.kind == DimensionKind::Zone)
}

/// The name for a table without zones.
pub fn everywhere() -> String {
    EVERYWHERE.to_owned()
}

/// The cells of a folder, of the tables that the agreement plans.
pub fn read(
    folder: &Path,
    terms: &Agreement,
    under: Option<&Path>,
    districts: &Districts,
) -> Result<Vec<Cells>, CliError> {
    let counted = match under {
        Some(path) => read_agreement(path)?,
        None => terms.clone(),
    };
    let id = counted.id().or_fail()?;
    let mut all = Vec::new();
    for (agreement, aggregated) in read_cells(folder).or_fail()? {
        if agreement != id {
            let why = format!(
                "the cells in `{}` were counted under agreement {agreement}",
                folder.display()
            );
            return Err(CliError::new(why).or_try("--counted-under FILE with that document"));
        }
        let (Some(table), Some(before)) = (
            terms.table(&aggregated.table),
            counted.table(&aggregated.table),
        ) else {
            continue;
        };
        let same = table == before && terms.population.unit == counted.population.unit;
        if !same || terms.zoning(&table.zoning) != counted.zoning(&table.zoning) {
            let why = format!(
                "table `{}` has other bounds, bins or zones than its cells were counted with",
                table.name
            );
            return Err(CliError::new(why).or_try("weir aggregate again, under this draft"));
        }
        all.push(Cells {
            table: table.name.clone(),
            period: Some(aggregated.period),
            measures: measures(table),
            cells: cells(&aggregated.cells, table, terms.population.unit, districts)?,
        });
    }
    Ok(all)
}

/// Counts and sums, in the table's order.
pub fn measures(table: &Table) -> Vec<String> {
    table
        .columns()
        .map(|column| column.name.to_owned())
        .collect()
}

fn cells(
    batch: &RecordBatch,
    table: &Table,
    unit: Unit,
    districts: &Districts,
) -> Result<Vec<Cell>, CliError> {
    let other = || {
        CliError::new(format!(
            "the cells of `{}` have other columns than the table",
            table.name
        ))
    };
    if batch.schema().fields() != cells_schema(table, unit).fields() {
        return Err(other());
    }
    let zones = zone_dimension(table).map(|at| {
        let zones = batch
            .column(at)
            .as_dictionary_opt::<Int32Type>()
            .ok_or_else(other)?;
        Ok::<_, CliError>((
            zones,
            zones.values().as_string_opt::<i32>().ok_or_else(other)?,
        ))
    });
    let zones = zones.transpose()?;
    let columns: Vec<_> = measures(table)
        .iter()
        .filter_map(|name| batch.column_by_name(name))
        .collect();
    let contributors = batch.column_by_name(CONTRIBUTORS);
    let at = |column: &dyn Array, row: usize| match column.as_primitive_opt::<UInt64Type>() {
        Some(counts) => counts.value(row),
        None => {
            let sums = column.as_primitive_opt::<Int64Type>();
            sums.map_or(0, |sums| u64::try_from(sums.value(row)).unwrap_or_default())
        }
    };
    let cell = |row: usize| Cell {
        district: match zones {
            Some((zones, names)) => {
                let key = zones.keys().value(row);
                districts.of(table, names.value(usize::try_from(key).unwrap_or_default()))
            }
            None => everywhere(),
        },
        contributors: contributors.map_or(0, |column| at(column, row)),
        values: columns.iter().map(|column| at(column, row)).collect(),
    };
    Ok((0..batch.num_rows()).map(cell).collect())
}
