//! GeoJSON, RFC 7946: longitude first, outer rings against the clock, no CRS but WGS 84.

use std::collections::HashMap;
use std::io::{BufWriter, Write};

use ::geojson::GeometryValue;
use arrow::array::RecordBatch;
use serde_json::json;

use crate::error::ExportError;
use crate::geometry::{Area, Place, Places};
use crate::grid::{Listed, cell};
use crate::limits::VERTICES_MAX;
use crate::rows::Value;
use crate::source::Export;
use crate::zones::check::{Bounds, bounds};

pub(crate) fn write(export: &Export, listed: Listed, out: impl Write) -> Result<(), ExportError> {
    let places = Places::of(export);
    fits(export, listed, &places)?;
    let mut out = BufWriter::new(out);
    let name = serde_json::to_string(export.sheet().table.name.as_str())?;
    write!(out, "{{\"type\":\"FeatureCollection\",\"name\":{name}")?;
    if let Some(bbox) = bbox(export) {
        write!(out, ",\"bbox\":{}", serde_json::to_string(&bbox)?)?;
    }
    write!(
        out,
        ",\"weir\":{}",
        serde_json::to_string(&export.papers(listed))?
    )?;
    out.write_all(b",\"features\":[")?;
    let mut outlines = HashMap::new();
    let mut before: &[u8] = b"\n";
    for page in export.grid().pages(listed) {
        let page = page?;
        for row in 0..page.num_rows() {
            out.write_all(std::mem::replace(&mut before, b",\n"))?;
            out.write_all(b"{\"type\":\"Feature\",\"geometry\":")?;
            geometry(&mut out, places.place(&page, row), &mut outlines)?;
            out.write_all(b",\"properties\":{")?;
            properties(&mut out, export, &page, row)?;
            out.write_all(b"}}")?;
        }
    }
    out.write_all(b"\n]}\n")?;
    Ok(out.flush()?)
}

fn properties(
    out: &mut impl Write,
    export: &Export,
    page: &RecordBatch,
    row: usize,
) -> Result<(), ExportError> {
    for (n, column) in export.grid().columns().iter().enumerate() {
        if n > 0 {
            out.write_all(b",")?;
        }
        serde_json::to_writer(&mut *out, &column.name)?;
        out.write_all(b":")?;
        match cell(page, n, row) {
            Value::Text(text) => serde_json::to_writer(&mut *out, &text)?,
            Value::Number(number) => write!(out, "{number}")?,
            Value::Flag(flag) => write!(out, "{flag}")?,
            Value::Missing => out.write_all(b"null")?,
        }
    }
    Ok(())
}

/// An outline is written once as text, then copied.
fn geometry<'a>(
    out: &mut impl Write,
    place: Place<'a>,
    outlines: &mut HashMap<*const Area, String>,
) -> Result<(), ExportError> {
    let json = match place {
        Place::Area(area) => {
            let text = match outlines.entry(std::ptr::from_ref::<Area>(area)) {
                std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::hash_map::Entry::Vacant(new) => {
                    let value = GeometryValue::from(&area.shape);
                    new.insert(serde_json::to_string(&::geojson::Geometry::new(value))?)
                }
            };
            return Ok(out.write_all(text.as_bytes())?);
        }
        Place::Line(a, b) => json!({
            "type": "LineString", "coordinates": [[a.x, a.y], [b.x, b.y]],
        }),
        Place::Within(at) => json!({ "type": "Point", "coordinates": [at.x, at.y] }),
        Place::Nowhere => serde_json::Value::Null,
    };
    Ok(serde_json::to_writer(out, &json)?)
}

/// Where all zones lie.
pub(crate) fn bbox(export: &Export) -> Option<Bounds> {
    bounds(
        export
            .zones()
            .all()
            .iter()
            .filter_map(|zone| zone.shape.as_ref()),
    )
}

/// Refuses before the first byte what no tool would open.
pub(crate) fn fits(export: &Export, listed: Listed, places: &Places) -> Result<(), ExportError> {
    let grid = export.grid();
    let (domain, rows) = match listed {
        // Too many to go through each.
        Listed::Every => (places.vertices_of_domain(), grid.beside()),
        Listed::Released => (0, 0..grid.count()),
    };
    let rows = rows.map(|row| match places.place(grid.batch(), row) {
        Place::Area(area) => area.vertices,
        Place::Line(..) => 2,
        Place::Within(_) => 1,
        Place::Nowhere => 0,
    });
    let vertices = rows.fold(domain, u64::saturating_add);
    match vertices > VERTICES_MAX {
        true => Err(ExportError::Vertices { vertices }),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests;
