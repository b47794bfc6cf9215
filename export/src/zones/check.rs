//! What no map would show right, refused before it is a zoning for ever.

use std::collections::BTreeSet;

use geo::{BoundingRect, Coord, CoordsIter, Geometry, InteriorPoint, LineString};
use geo::{GeoNum, Kernel, MultiPolygon, Orientation, Polygon};
use geojson::FeatureCollection;
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

use super::{Zones, collection};
use crate::geometry::polygons;
use crate::limits::{CROSSINGS_LOOKED_AT_MAX, ZONING_VERTICES_MAX};

/// Why a zoning is not taken.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ZoningProblem {
    /// No feature collection with a `zone_id` each.
    #[error("{why}")]
    Shape {
        /// The parser's words.
        why: String,
    },
    /// Another reference system than RFC 7946 allows.
    #[error(
        "its member `crs` names `{crs}`: reproject it to EPSG:4326, longitude first, and leave `crs` out"
    )]
    Crs {
        /// What it names.
        crs: String,
    },
    /// Beyond the poles or the date line.
    #[error(
        "zone `{zone}` has a latitude beyond 90° or a longitude beyond 180°: write longitude first, in \
         degrees (EPSG:4326)"
    )]
    NotDegrees {
        /// The first such zone.
        zone: String,
    },
    /// More vertices than maps and checks can bear.
    #[error("its outlines have {vertices} vertices, over {ZONING_VERTICES_MAX}: simplify them")]
    Vertices {
        /// How many.
        vertices: usize,
    },
    /// A ring that encloses nothing.
    #[error(
        "zone `{zone}` has a ring of fewer than three corners, or with all of them in one line: repair or remove it"
    )]
    Ring {
        /// The first such zone.
        zone: String,
    },
    /// What lies in two parts of a zone would be drawn as a hole.
    #[error(
        "zone `{zone}` has one part inside another near {lon:.6}, {lat:.6}: make them one (`Dissolve` in QGIS, \
         `ST_Union`)"
    )]
    Overlaps {
        /// The first such zone.
        zone: String,
        /// Longitude of a point in both.
        lon: f64,
        /// Its latitude.
        lat: f64,
    },
    /// What is inside of it depends on who draws it.
    #[error(
        "zone `{zone}` crosses itself near {lon:.6}, {lat:.6}: repair it (`Fix geometries` in QGIS, \
         `ST_MakeValid`)"
    )]
    Crosses {
        /// The first such zone.
        zone: String,
        /// Longitude of one end of a side that crosses another.
        lon: f64,
        /// Its latitude.
        lat: f64,
    },
    /// Too many sides lie across each other's boxes to look at all of them.
    #[error("zone `{zone}` is too intricate to be checked: simplify it")]
    Intricate {
        /// The first such zone.
        zone: String,
    },
}

/// Where the zones lie: west, south, east, north, in degrees.
pub type Bounds = [f64; 4];

/// The number of a side, that of the part it is of, and its ends.
type Side = GeomWithData<Rectangle<[f64; 2]>, (usize, usize, [Coord; 2])>;

impl Zones {
    /// May a file become a zoning? Where it lies, so that a person sees swapped axes that are degrees all the same;
    /// `None` where no zone has a shape. Rings and the parts of a zone may touch; they may not cross or overlap.
    ///
    /// # Errors
    /// [`ZoningProblem`], the first one found.
    pub fn check(geojson: &[u8]) -> Result<Option<Bounds>, ZoningProblem> {
        let collection = collection(geojson).map_err(|why| ZoningProblem::Shape { why })?;
        if let Some(crs) = foreign_crs(&collection) {
            return Err(ZoningProblem::Crs { crs });
        }
        let zones = Self::of(&collection);
        let zones = zones.map_err(|e| ZoningProblem::Shape { why: e.to_string() })?;
        let shapes = || {
            zones
                .zones
                .iter()
                .filter_map(|zone| Some((zone, zone.shape.as_ref()?)))
        };
        let vertices = shapes().map(|(_, shape)| shape.coords_count()).sum();
        if vertices > ZONING_VERTICES_MAX {
            return Err(ZoningProblem::Vertices { vertices });
        }
        let mut looked_at = 0;
        for (zone, shape) in shapes() {
            in_degrees(&zone.id, shape)?;
            let parts = polygons(shape);
            for part in &parts {
                rings(&zone.id, part)?;
            }
            let sides = sides(&parts);
            crossings(&zone.id, &sides, &mut looked_at)?;
            overlaps(&zone.id, &parts, &sides, &mut looked_at)?;
        }
        Ok(zones.bounds())
    }

    /// The least box that holds all zones; `None` where none has a shape.
    #[must_use]
    pub fn bounds(&self) -> Option<Bounds> {
        bounds(self.zones.iter().filter_map(|zone| zone.shape.as_ref()))
    }
}

/// What the member `crs` names, where that is not ours.
fn foreign_crs(collection: &FeatureCollection) -> Option<String> {
    let members = collection.foreign_members.as_ref()?;
    let crs = members.get("crs").filter(|crs| !crs.is_null())?;
    let name = crs
        .pointer("/properties/name")
        .and_then(|name| name.as_str());
    let name = name.unwrap_or("something else");
    let ours = ["CRS84", "EPSG::4326", "EPSG:4326"];
    (!ours.iter().any(|end| name.ends_with(end))).then(|| name.chars().take(60).collect())
}

/// The least box that holds all of them.
pub(crate) fn bounds<'a>(shapes: impl Iterator<Item = &'a Geometry>) -> Option<Bounds> {
    let rects = shapes.filter_map(BoundingRect::bounding_rect);
    rects.fold(None, |all: Option<Bounds>, rect| {
        let [west, south, east, north] = all.unwrap_or([f64::MAX, f64::MAX, f64::MIN, f64::MIN]);
        let (low, high) = (rect.min(), rect.max());
        Some([
            west.min(low.x),
            south.min(low.y),
            east.max(high.x),
            north.max(high.y),
        ])
    })
}

fn in_degrees(zone: &str, shape: &Geometry) -> Result<(), ZoningProblem> {
    let outside = |at: Coord| at.x.abs() > 180.0 || at.y.abs() > 90.0;
    if shape.coords_iter().any(outside) {
        return Err(ZoningProblem::NotDegrees {
            zone: zone.to_owned(),
        });
    }
    Ok(())
}

fn rings(zone: &str, polygon: &Polygon) -> Result<(), ZoningProblem> {
    let mut all = std::iter::once(polygon.exterior()).chain(polygon.interiors());
    if !all.all(encloses) {
        return Err(ZoningProblem::Ring {
            zone: zone.to_owned(),
        });
    }
    Ok(())
}

/// Are there three corners that are not in one line?
fn encloses(ring: &LineString) -> bool {
    let mut corners = ring.0.iter();
    let first = corners.next();
    let second = corners.find(|corner| Some(*corner) != first);
    let Some((first, second)) = first.zip(second) else {
        return false;
    };
    corners.any(|corner| turn(*first, *second, *corner) != Orientation::Collinear)
}

/// All sides of all rings, by where they are.
fn sides(parts: &MultiPolygon) -> RTree<Side> {
    let lines = parts.iter().enumerate().flat_map(|(part, polygon)| {
        let rings = std::iter::once(polygon.exterior()).chain(polygon.interiors());
        let lines = rings.flat_map(LineString::lines);
        lines.map(move |line| (part, line))
    });
    let sides = lines.enumerate().map(|(n, (part, line))| {
        let (a, b) = (line.start, line.end);
        let rectangle = Rectangle::from_corners([a.x, a.y], [b.x, b.y]);
        Side::new(rectangle, (n, part, [a, b]))
    });
    RTree::bulk_load(sides.collect())
}

/// Looks at one more pair, as many as the bound allows.
fn look(zone: &str, looked_at: &mut usize) -> Result<(), ZoningProblem> {
    *looked_at += 1;
    if *looked_at > CROSSINGS_LOOKED_AT_MAX {
        return Err(ZoningProblem::Intricate {
            zone: zone.to_owned(),
        });
    }
    Ok(())
}

/// Every side against those whose boxes meet its own.
fn crossings(zone: &str, sides: &RTree<Side>, looked_at: &mut usize) -> Result<(), ZoningProblem> {
    for side in sides {
        let (n, _, [a, b]) = side.data;
        let corners = AABB::from_corners([a.x, a.y], [b.x, b.y]);
        for other in sides.locate_in_envelope_intersecting(&corners) {
            look(zone, looked_at)?;
            let (m, _, [c, d]) = other.data;
            if m > n && cross(a, b, c, d) {
                return Err(ZoningProblem::Crosses {
                    zone: zone.to_owned(),
                    lon: a.x,
                    lat: a.y,
                });
            }
        }
    }
    Ok(())
}

/// A point inside of each part against all others: since no sides cross, it tells of the whole part. It is inside of
/// those whose sides a line to the east of it meets an odd number of times.
fn overlaps(
    zone: &str,
    parts: &MultiPolygon,
    sides: &RTree<Side>,
    looked_at: &mut usize,
) -> Result<(), ZoningProblem> {
    if parts.0.len() < 2 {
        return Ok(());
    }
    for (n, part) in parts.iter().enumerate() {
        let Some(at) = part.interior_point().map(Coord::from) else {
            continue;
        };
        let mut inside_of = BTreeSet::new();
        let east = AABB::from_corners([at.x, at.y], [180.0, at.y]);
        for side in sides.locate_in_envelope_intersecting(&east) {
            look(zone, looked_at)?;
            let (_, other, [a, b]) = side.data;
            let (low, high) = if a.y < b.y { (a, b) } else { (b, a) };
            let meets = low.y <= at.y
                && at.y < high.y
                && turn(low, high, at) == Orientation::CounterClockwise;
            if other != n && meets && !inside_of.remove(&other) {
                inside_of.insert(other);
            }
        }
        if !inside_of.is_empty() {
            return Err(ZoningProblem::Overlaps {
                zone: zone.to_owned(),
                lon: at.x,
                lat: at.y,
            });
        }
    }
    Ok(())
}

/// Which way is it from one corner over the next to a third? Exact (Shewchuk 1997).
fn turn(p: Coord, q: Coord, r: Coord) -> Orientation {
    <f64 as GeoNum>::Ker::orient2d(p, q, r)
}

/// Does each side have the other's ends on both of its sides?
fn cross(a: Coord, b: Coord, c: Coord, d: Coord) -> bool {
    let apart = |one, other| {
        let both = [one, other];
        both.contains(&Orientation::Clockwise) && both.contains(&Orientation::CounterClockwise)
    };
    apart(turn(a, b, c), turn(a, b, d)) && apart(turn(c, d, a), turn(c, d, b))
}

#[cfg(test)]
mod tests;
