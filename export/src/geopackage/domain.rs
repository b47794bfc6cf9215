//! A view with a row for every key of the public domain, where the layers have released rows alone.
//!
//! The values of each dimension are a table of their own; the view pairs them all and looks for the released row. So
//! it takes no room, whatever the domain, and QGIS and SQL see `withheld` of each key.

use policies::column::{K_ONLY, MARGIN, PROTECTION, RUNG};
use rusqlite::{Transaction, params};

use super::{Layer, changed, quoted};
use crate::column::WITHHELD;
use crate::error::ExportError;
use crate::source::Export;

pub(super) fn view(db: &Transaction, export: &Export, layers: &[Layer]) -> Result<(), ExportError> {
    let table = export.sheet().table.name.as_str();
    let grid = export.grid();
    let (keys, behind) = grid.columns().split_at(grid.key_columns());
    let (mut shown, mut axes, mut same) = (Vec::new(), Vec::new(), Vec::new());
    for (axis, column) in grid.keys().axes().iter().zip(keys) {
        let name = quoted(&format!("{table}_values_of_{}", column.name));
        let key = quoted(&column.name);
        values(db, &name, axis.labels())?;
        shown.push(format!("{name}.value AS {key}"));
        same.push(format!("released.{key} = {name}.value"));
        axes.push(name);
    }
    shown.extend(behind.iter().map(|column| or_withheld(&column.name)));
    let name = format!("{table}_domain");
    db.execute_batch(&format!(
        "CREATE VIEW {} AS SELECT {} FROM {} LEFT JOIN ({}) AS released ON {}",
        quoted(&name),
        shown.join(", "),
        axes.join(" CROSS JOIN "),
        finest(export, layers),
        same.join(" AND "),
    ))?;
    db.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change) VALUES (?1, \
         'attributes', ?2, 'Every key of the public domain: released, or withheld = 1 and no values.', ?3)",
        params![name, format!("{}: every key", export.title()), changed(export)],
    )?;
    Ok(())
}

fn values<'a>(
    db: &Transaction,
    table: &str,
    values: impl Iterator<Item = &'a str>,
) -> Result<(), ExportError> {
    db.execute_batch(&format!(
        "CREATE TABLE {table} (place INTEGER PRIMARY KEY NOT NULL, value TEXT NOT NULL)"
    ))?;
    let mut insert = db.prepare(&format!("INSERT INTO {table} (value) VALUES (?1)"))?;
    for value in values {
        insert.execute([value])?;
    }
    Ok(())
}

/// The released rows of the table's own grain.
fn finest(export: &Export, layers: &[Layer]) -> String {
    let grid = export.grid();
    let names: Vec<String> = grid.columns().iter().map(|c| quoted(&c.name)).collect();
    let own = |name: &str, is: &str| grid.place(name).map(|_| format!(" AND {name} = {is}"));
    let own = [own(RUNG, "0"), own(MARGIN, "''")].map(Option::unwrap_or_default);
    let of = |layer: &Layer| {
        let (names, table) = (names.join(", "), quoted(&layer.table));
        format!("SELECT {names} FROM {table} WHERE true{}", own.concat())
    };
    layers
        .iter()
        .map(of)
        .collect::<Vec<_>>()
        .join(" UNION ALL ")
}

/// A column of the released row, or what stands there of a withheld key.
fn or_withheld(name: &str) -> String {
    let column = quoted(name);
    let withheld = match name {
        WITHHELD => "1".to_owned(),
        RUNG => "0".to_owned(),
        MARGIN => "''".to_owned(),
        PROTECTION => format!("'{}'", K_ONLY.replace('\'', "''")),
        _ => return format!("released.{column}"),
    };
    format!("coalesce(released.{column}, {withheld}) AS {column}")
}
