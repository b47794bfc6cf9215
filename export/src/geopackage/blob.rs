//! Geometries as a GeoPackage stores them: a header of its own, then well-known binary, little endian.

use geo::{BoundingRect, Coord, Geometry, LineString, Polygon};

use crate::geometry::Place;

const POINT: u32 = 1;
const LINE: u32 = 2;
const POLYGON: u32 = 3;
const MULTI_POINT: u32 = 4;
const MULTI_LINE: u32 = 5;
const MULTI_POLYGON: u32 = 6;
const COLLECTION: u32 = 7;

/// The blob of a place; `None` for one that is not on a map.
pub(super) fn of(place: Place) -> Option<Vec<u8>> {
    match place {
        Place::Nowhere => None,
        Place::Area(area) => blob(&area.shape),
        Place::Within(at) => blob(&geo::Point::from(at).into()),
        Place::Line(a, b) => blob(&LineString::from(vec![a, b]).into()),
    }
}

fn blob(shape: &Geometry) -> Option<Vec<u8>> {
    let rect = shape.bounding_rect()?;
    let mut out = Vec::new();
    // Magic, version 0, little endian with an envelope of x and y.
    out.extend_from_slice(&[b'G', b'P', 0, 0b0000_0011]);
    out.extend_from_slice(&4326_i32.to_le_bytes());
    for bound in [rect.min().x, rect.max().x, rect.min().y, rect.max().y] {
        out.extend_from_slice(&bound.to_le_bytes());
    }
    wkb(&mut out, shape);
    Some(out)
}

fn head(out: &mut Vec<u8>, kind: u32) {
    out.push(1);
    out.extend_from_slice(&kind.to_le_bytes());
}

fn count(out: &mut Vec<u8>, count: usize) {
    // A zoning is far below 2³² of anything.
    out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

fn coord(out: &mut Vec<u8>, at: Coord) {
    out.extend_from_slice(&at.x.to_le_bytes());
    out.extend_from_slice(&at.y.to_le_bytes());
}

fn line(out: &mut Vec<u8>, line: &LineString) {
    count(out, line.0.len());
    line.0.iter().for_each(|at| coord(out, *at));
}

fn polygon(out: &mut Vec<u8>, polygon: &Polygon) {
    head(out, POLYGON);
    count(out, polygon.interiors().len() + 1);
    line(out, polygon.exterior());
    polygon.interiors().iter().for_each(|ring| line(out, ring));
}

fn wkb(out: &mut Vec<u8>, shape: &Geometry) {
    match shape {
        Geometry::Point(point) => {
            head(out, POINT);
            coord(out, point.0);
        }
        Geometry::Line(ends) => {
            head(out, LINE);
            line(out, &LineString::from(vec![ends.start, ends.end]));
        }
        Geometry::LineString(one) => {
            head(out, LINE);
            line(out, one);
        }
        Geometry::Polygon(one) => polygon(out, one),
        Geometry::MultiPoint(many) => {
            head(out, MULTI_POINT);
            count(out, many.0.len());
            for point in &many.0 {
                wkb(out, &(*point).into());
            }
        }
        Geometry::MultiLineString(many) => {
            head(out, MULTI_LINE);
            count(out, many.0.len());
            for one in &many.0 {
                head(out, LINE);
                line(out, one);
            }
        }
        Geometry::MultiPolygon(many) => {
            head(out, MULTI_POLYGON);
            count(out, many.0.len());
            many.0.iter().for_each(|one| polygon(out, one));
        }
        Geometry::GeometryCollection(all) => {
            head(out, COLLECTION);
            count(out, all.0.len());
            all.0.iter().for_each(|one| wkb(out, one));
        }
        Geometry::Rect(rect) => polygon(out, &rect.to_polygon()),
        Geometry::Triangle(triangle) => polygon(out, &triangle.to_polygon()),
    }
}
