//! GeoPackage, OGC 12-128r17 (version 1.3): one SQLite file that QGIS opens.
//!
//! The only place that knows SQLite. The database is made in memory and given out as bytes; it has no time of its
//! own, so equal releases give equal files.

mod blob;
mod schema;

use rusqlite::types::ToSql;
use rusqlite::{Connection, Transaction, params};

use crate::column::{Column, Role};
use crate::error::ExportError;
use crate::geojson::{bbox, fits};
use crate::geometry::{Area, Place, Places};
use crate::rows::Value;
use crate::source::Export;

/// A layer: its table, and what stands in it.
struct Layer {
    table: String,
    title: String,
    geometry: &'static str,
    columns: Vec<Column>,
}

pub(crate) fn bytes(export: &Export) -> Result<Vec<u8>, ExportError> {
    let places = Places::of(export);
    fits(export, &places)?;
    let mut db = Connection::open_in_memory()?;
    db.execute_batch(schema::SCHEMA)?;
    let all = db.transaction()?;
    rows(&all, export, &places)?;
    zones(&all, export, &places)?;
    papers(&all, export)?;
    all.commit()?;
    Ok(db.serialize("main")?.to_vec())
}

/// The released table: zones, or lines and a second layer of points for what stays inside a zone.
fn rows(db: &Transaction, export: &Export, places: &Places) -> Result<(), ExportError> {
    let table = export.sheet().table.name.to_string();
    let columns = export.grid().columns().to_vec();
    let layer = |end: &str, title: &str, geometry| Layer {
        table: format!("{table}{end}"),
        title: format!("{}{title}", export.title()),
        geometry,
        columns: columns.clone(),
    };
    let layers = if places.are_flows() {
        vec![
            layer("", "", "LINESTRING"),
            layer("_within", ": inside one zone", "POINT"),
        ]
    } else {
        vec![layer("", "", "GEOMETRY")]
    };
    for (n, layer) in layers.iter().enumerate() {
        create(db, export, layer)?;
        let mut insert = db.prepare(&insert(layer))?;
        for row in 0..export.grid().count() {
            let place = places.place(row);
            let second = matches!(place, Place::Within(_));
            if layers.len() > 1 && second != (n == 1) {
                continue;
            }
            let mut values: Vec<Box<dyn ToSql>> = vec![Box::new(blob::of(place))];
            values.extend((0..columns.len()).map(|c| sql(export.grid().value(c, row))));
            insert.execute(rusqlite::params_from_iter(values))?;
        }
    }
    Ok(())
}

/// All zones of the zoning, whether anything was released of them or not.
fn zones(db: &Transaction, export: &Export, places: &Places) -> Result<(), ExportError> {
    let text = |name: &str| Column {
        name: name.to_owned(),
        title: name.to_owned(),
        unit: None,
        role: Role::Text,
        optional: true,
    };
    let mut table = "zones".to_owned();
    if export.sheet().table.name.as_str() == table {
        table = "all_zones".to_owned();
    }
    let layer = Layer {
        table,
        title: format!("zoning {}", export.sheet().table.zoning),
        geometry: "GEOMETRY",
        columns: ["zone_id", "name", "parent"].map(text).into(),
    };
    create(db, export, &layer)?;
    let mut insert = db.prepare(&insert(&layer))?;
    for zone in export.zones().all() {
        let area: Option<&Area> = places.zone(&zone.id);
        let blob = blob::of(area.map_or(Place::Nowhere, Place::Area));
        insert.execute(params![blob, zone.id, zone.name, zone.parent])?;
    }
    Ok(())
}

fn create(db: &Transaction, export: &Export, layer: &Layer) -> Result<(), ExportError> {
    let columns = layer.columns.iter().map(|column| {
        let kind = match column.role {
            Role::Key(_) | Role::Text => "TEXT",
            Role::Number => "INTEGER",
            Role::Flag => "BOOLEAN",
        };
        format!(", {} {kind}", quoted(&column.name))
    });
    let columns: String = columns.collect();
    let table = quoted(&layer.table);
    db.execute_batch(&format!(
        "CREATE TABLE {table} (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, geom {}{columns})",
        layer.geometry
    ))?;
    let bounds = bbox(export);
    let bound = |n: usize| bounds.and_then(|bounds| bounds.get(n).copied());
    db.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, last_change, min_x, min_y, \
         max_x, max_y, srs_id) VALUES (?1, 'features', ?2, ?3, ?4, ?5, ?6, ?7, ?8, 4326)",
        params![
            layer.table,
            layer.title,
            format!("{} {}", export.sheet().privacy(), export.domain_note()),
            // Not when the file was made: of one release there is one file.
            format!("{}T00:00:00.000Z", export.sheet().period.last()),
            bound(0),
            bound(1),
            bound(2),
            bound(3),
        ],
    )?;
    db.execute(
        "INSERT INTO gpkg_geometry_columns VALUES (?1, 'geom', ?2, 4326, 0, 0)",
        params![layer.table, layer.geometry],
    )?;
    Ok(())
}

fn insert(layer: &Layer) -> String {
    let names: Vec<String> = layer.columns.iter().map(|c| quoted(&c.name)).collect();
    let places = vec!["?"; names.len() + 1].join(", ");
    let table = quoted(&layer.table);
    format!(
        "INSERT INTO {table} (geom, {}) VALUES ({places})",
        names.join(", ")
    )
}

/// The papers as metadata of the whole file.
fn papers(db: &Transaction, export: &Export) -> Result<(), ExportError> {
    let sheet = export.sheet();
    let json = "application/json";
    let facts = [
        (
            "urn:weir:papers",
            json,
            serde_json::to_string(&export.papers())?,
        ),
        (
            "urn:weir:quality",
            json,
            serde_json::to_string(export.sheet_json())?,
        ),
        (
            "urn:weir:receipt",
            "text/plain",
            export.receipt().to_owned(),
        ),
        ("urn:weir:privacy", "text/plain", sheet.privacy()),
    ];
    for (uri, mime, text) in facts {
        db.execute(
            "INSERT INTO gpkg_metadata (md_scope, md_standard_uri, mime_type, metadata) VALUES ('dataset', ?1, ?2, \
             ?3)",
            params![uri, mime, text],
        )?;
        db.execute(
            "INSERT INTO gpkg_metadata_reference (reference_scope, timestamp, md_file_id) VALUES ('geopackage', \
             ?1, last_insert_rowid())",
            params![format!("{}T00:00:00.000Z", sheet.period.last())],
        )?;
    }
    Ok(())
}

fn sql(value: Value) -> Box<dyn ToSql> {
    match value {
        Value::Text(text) => Box::new(text.into_owned()),
        Value::Number(number) => Box::new(number),
        Value::Flag(flag) => Box::new(flag),
        Value::Missing => Box::new(rusqlite::types::Null),
    }
}

/// A name in SQL.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests;
