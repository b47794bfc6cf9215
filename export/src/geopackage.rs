//! GeoPackage, OGC 12-128r17 (version 1.3): one SQLite file that QGIS opens.
//!
//! The only place that knows SQLite. The database is made in memory and given out as bytes; it has no time of its
//! own, so equal releases give equal files.

mod blob;
mod domain;
mod schema;

use rusqlite::types::ToSql;
use rusqlite::{Connection, Transaction, params};

use crate::column::{Column, Role};
use crate::error::ExportError;
use crate::geojson::{bbox, fits};
use crate::geometry::{Area, Place, Places};
use crate::grid::{Listed, cell};
use crate::rows::Value;
use crate::source::Export;

/// A layer: its table, and what stands in it.
struct Layer {
    table: String,
    title: String,
    geometry: &'static str,
    columns: Vec<Column>,
}

pub(crate) fn bytes(export: &Export, listed: Listed) -> Result<Vec<u8>, ExportError> {
    let places = Places::of(export);
    fits(export, listed, &places)?;
    let mut db = Connection::open_in_memory()?;
    db.execute_batch(schema::SCHEMA)?;
    let all = db.transaction()?;
    let layers = rows(&all, export, listed, &places)?;
    if listed == Listed::Released {
        domain::view(&all, export, &layers)?;
    }
    zones(&all, export, listed, &places)?;
    papers(&all, export, listed)?;
    all.commit()?;
    Ok(db.serialize("main")?.to_vec())
}

/// The released table: zones, or lines and a second layer of points for what stays inside a zone.
fn rows(
    db: &Transaction,
    export: &Export,
    listed: Listed,
    places: &Places,
) -> Result<Vec<Layer>, ExportError> {
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
    for layer in &layers {
        create(db, export, listed, layer)?;
    }
    let inserts = layers.iter().map(|layer| db.prepare(&insert(layer)));
    let mut inserts = inserts.collect::<Result<Vec<_>, _>>()?;
    for page in export.grid().pages(listed) {
        let page = page?;
        for row in 0..page.num_rows() {
            let place = places.place(&page, row);
            let second = matches!(place, Place::Within(_)) && places.are_flows();
            let mut values: Vec<Box<dyn ToSql>> = vec![Box::new(blob::of(place))];
            values.extend((0..columns.len()).map(|c| sql(cell(&page, c, row))));
            if let Some(insert) = inserts.get_mut(usize::from(second)) {
                insert.execute(rusqlite::params_from_iter(values))?;
            }
        }
    }
    drop(inserts);
    Ok(layers)
}

/// All zones of the zoning, whether anything was released of them or not.
fn zones(
    db: &Transaction,
    export: &Export,
    listed: Listed,
    places: &Places,
) -> Result<(), ExportError> {
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
    create(db, export, listed, &layer)?;
    let mut insert = db.prepare(&insert(&layer))?;
    for zone in export.zones().all() {
        let area: Option<&Area> = places.zone(&zone.id);
        let blob = blob::of(area.map_or(Place::Nowhere, Place::Area));
        insert.execute(params![blob, zone.id, zone.name, zone.parent])?;
    }
    Ok(())
}

fn create(
    db: &Transaction,
    export: &Export,
    listed: Listed,
    layer: &Layer,
) -> Result<(), ExportError> {
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
            format!("{} {}", export.sheet().privacy(), export.domain_note(listed)),
            changed(export),
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

/// The last day of what was counted, not when the file was made: of one release there is one file.
fn changed(export: &Export) -> String {
    format!("{}T00:00:00.000Z", export.sheet().period.last())
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
fn papers(db: &Transaction, export: &Export, listed: Listed) -> Result<(), ExportError> {
    let sheet = export.sheet();
    let json = "application/json";
    let facts = [
        (
            "urn:weir:papers",
            json,
            serde_json::to_string(&export.papers(listed))?,
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
            params![changed(export)],
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
