//! What no map would show right, refused before it is a zoning for ever.

use geo::{BoundingRect, Coord, CoordsIter, Geometry, LineString, Polygon};
use geo::{GeoNum, Kernel, Orientation};
use geojson::{FeatureCollection, GeoJson};
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};

use super::Zones;
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
    #[error("zone `{zone}` has a ring of fewer than three corners: repair or remove it")]
    Ring {
        /// The first such zone.
        zone: String,
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

type Side = GeomWithData<Rectangle<[f64; 2]>, (usize, [Coord; 2])>;

impl Zones {
    /// May a file become a zoning? Where it lies, so that a person sees swapped axes that are degrees all the same;
    /// `None` where no zone has a shape. Rings may touch themselves; they may not cross.
    ///
    /// # Errors
    /// [`ZoningProblem`], the first one found.
    pub fn check(geojson: &[u8]) -> Result<Option<Bounds>, ZoningProblem> {
        if let Some(crs) = foreign_crs(geojson)? {
            return Err(ZoningProblem::Crs { crs });
        }
        let zones = Self::parse(geojson);
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
            for polygon in &polygons(shape) {
                rings(&zone.id, polygon)?;
                crossings(&zone.id, polygon, &mut looked_at)?;
            }
        }
        Ok(bounds(shapes().map(|(_, shape)| shape)))
    }
}

fn shape(error: &dyn std::fmt::Display) -> ZoningProblem {
    ZoningProblem::Shape {
        why: error.to_string(),
    }
}

fn foreign_crs(geojson: &[u8]) -> Result<Option<String>, ZoningProblem> {
    let json = GeoJson::from_reader(geojson).map_err(|e| shape(&e))?;
    let collection = FeatureCollection::try_from(json).map_err(|e| shape(&e))?;
    let members = collection.foreign_members.unwrap_or_default();
    let Some(crs) = members.get("crs").filter(|crs| !crs.is_null()) else {
        return Ok(None);
    };
    let name = crs
        .pointer("/properties/name")
        .and_then(|name| name.as_str());
    let name = name.unwrap_or("something else");
    let ours = ["CRS84", "EPSG::4326", "EPSG:4326"];
    Ok((!ours.iter().any(|end| name.ends_with(end))).then(|| name.chars().take(60).collect()))
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

/// A closed ring with three corners has four positions.
fn rings(zone: &str, polygon: &Polygon) -> Result<(), ZoningProblem> {
    let mut all = std::iter::once(polygon.exterior()).chain(polygon.interiors());
    if all.any(|ring| ring.0.len() < 4) {
        return Err(ZoningProblem::Ring {
            zone: zone.to_owned(),
        });
    }
    Ok(())
}

/// Every side of every ring against those whose boxes meet its own, as many as the bound allows.
fn crossings(zone: &str, polygon: &Polygon, looked_at: &mut usize) -> Result<(), ZoningProblem> {
    let rings = std::iter::once(polygon.exterior()).chain(polygon.interiors());
    let sides = rings.flat_map(LineString::lines).enumerate();
    let sides: Vec<Side> = sides
        .map(|(n, line)| {
            let (a, b) = (line.start, line.end);
            let rectangle = Rectangle::from_corners([a.x, a.y], [b.x, b.y]);
            Side::new(rectangle, (n, [a, b]))
        })
        .collect();
    let tree = RTree::bulk_load(sides);
    for side in &tree {
        let (n, [a, b]) = side.data;
        let corners = AABB::from_corners([a.x, a.y], [b.x, b.y]);
        for other in tree.locate_in_envelope_intersecting(&corners) {
            let (m, [c, d]) = other.data;
            *looked_at += 1;
            if *looked_at > CROSSINGS_LOOKED_AT_MAX {
                return Err(ZoningProblem::Intricate {
                    zone: zone.to_owned(),
                });
            }
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

/// Does each side have the other's ends on both of its sides? Exact (Shewchuk 1997).
fn cross(a: Coord, b: Coord, c: Coord, d: Coord) -> bool {
    let turn = |p, q, r| <f64 as GeoNum>::Ker::orient2d(p, q, r);
    let apart = |one, other| {
        let both = [one, other];
        both.contains(&Orientation::Clockwise) && both.contains(&Orientation::CounterClockwise)
    };
    apart(turn(a, b, c), turn(a, b, d)) && apart(turn(c, d, a), turn(c, d, b))
}

#[cfg(test)]
mod tests;
