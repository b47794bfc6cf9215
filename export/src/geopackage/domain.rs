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
    let names: Vec<String> = grid.columns().iter().map(|c| quoted(&c.name)).collect();
    let (keys, _) = names.split_at(grid.key_columns());
    let (mut shown, mut axes) = (Vec::new(), Vec::new());
    for (axis, column) in grid.keys().axes().iter().zip(grid.columns()) {
        let name = quoted(&format!("{table}_values_of_{}", column.name));
        values(db, &name, axis.labels())?;
        shown.push(format!("{name}.value"));
        axes.push(name);
    }
    let key = format!("({})", shown.join(", "));
    let behind = grid.columns().iter().skip(keys.len());
    shown.extend(behind.map(|column| of_withheld(&column.name)));
    let name = format!("{table}_domain");
    // The released rows come first: their columns have types, which the view takes on.
    db.execute_batch(&format!(
        "CREATE VIEW {} AS {} UNION ALL SELECT {} FROM {} WHERE {key} NOT IN ({})",
        quoted(&name),
        finest(export, layers, &names),
        shown.join(", "),
        axes.join(" CROSS JOIN "),
        finest(export, layers, keys),
    ))?;
    db.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change) VALUES (?1, \
         'attributes', ?2, 'Every key of the public domain: released, or withheld and without values.', ?3)",
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

/// Columns of the released rows of the table's own grain.
fn finest(export: &Export, layers: &[Layer], columns: &[String]) -> String {
    let own = |name: &str, is: &str| {
        export
            .grid()
            .place(name)
            .map(|_| format!(" AND {name} = {is}"))
    };
    let own = [own(RUNG, "0"), own(MARGIN, "''")].map(Option::unwrap_or_default);
    let of = |layer: &Layer| {
        let (columns, table) = (columns.join(", "), quoted(&layer.table));
        format!("SELECT {columns} FROM {table} WHERE true{}", own.concat())
    };
    layers
        .iter()
        .map(of)
        .collect::<Vec<_>>()
        .join(" UNION ALL ")
}

/// What stands in a column of a withheld key.
fn of_withheld(name: &str) -> String {
    match name {
        WITHHELD => "1".to_owned(),
        RUNG => "0".to_owned(),
        MARGIN => "''".to_owned(),
        PROTECTION => format!("'{}'", K_ONLY.replace('\'', "''")),
        _ => "NULL".to_owned(),
    }
}
