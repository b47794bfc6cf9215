//! Where a row lies: a zone, a line between two, or nowhere.

use std::collections::{BTreeMap, HashMap};

use arrow::array::RecordBatch;
use geo::orient::{Direction, Orient};
use geo::{
    Coord, CoordsIter, Geometry, InteriorPoint, MapCoords, MultiPolygon, Polygon, unary_union,
};
use policies::coarse::{ALL, Merge, Zones as Become};
use policies::column::{MARGIN, PARENT, RUNG};
use policies::kind::DimensionKind;

use crate::column::Role;
use crate::grid::{Grid, cell};
use crate::rows::{Value, text};
use crate::sheet::Sheet;
use crate::source::Export;
use crate::zones::Zones;

/// A zone or a parent.
#[derive(Debug, Clone)]
pub(crate) struct Area {
    /// Its outline, outer rings against the clock; parents without the borders inside.
    pub(crate) shape: Geometry<f64>,
    /// A point inside it.
    pub(crate) inside: Option<Coord>,
    /// Vertices of its outline.
    pub(crate) vertices: u64,
}

/// Where a row lies.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'a> {
    /// In one zone.
    Area(&'a Area),
    /// From inside one zone to inside another.
    Line(Coord, Coord),
    /// From a zone to itself: inside it.
    Within(Coord),
    /// Not on a map: a sum over all zones, or a zone without a shape.
    Nowhere,
}

/// The areas that rows can lie in.
pub(crate) struct Places<'a> {
    grid: &'a Grid,
    sheet: &'a Sheet,
    zones: HashMap<&'a str, Area>,
    parents: HashMap<&'a str, Area>,
    /// The columns with zones.
    columns: Vec<usize>,
}

impl<'a> Places<'a> {
    pub(crate) fn of(export: &'a Export) -> Self {
        let (grid, sheet) = (export.grid(), export.sheet());
        let zone = |column: &crate::column::Column| column.role == Role::Key(DimensionKind::Zone);
        let columns = grid.columns().iter().enumerate();
        let columns = columns.filter(|(_, column)| zone(column)).map(|(n, _)| n);
        let zones = export.zones().all().iter();
        let zones = zones.filter_map(|z| Some((z.id.as_str(), Area::of(z.shape.as_ref()?))));
        Self {
            grid,
            sheet,
            zones: zones.collect(),
            parents: if has_parents(grid, sheet) {
                parents(export.zones())
            } else {
                HashMap::new()
            },
            columns: columns.collect(),
        }
    }

    /// Every parent with the vertices of its outline, those of straight borders left out.
    #[cfg(test)]
    pub(crate) fn outlines(&self) -> Vec<String> {
        use geo::RemoveRepeatedPoints;
        let mut texts: Vec<String> = self
            .parents
            .iter()
            .map(|(id, area)| {
                let polygons = polygons(&area.shape).remove_repeated_points();
                format!(
                    "{id}: {}",
                    geo::Simplify::simplify(&polygons, 1e-9).coords_count()
                )
            })
            .collect();
        texts.sort();
        texts
    }

    /// The areas that a picture is made of: zones, or parents where a merge made rows of them; sorted by id.
    pub(crate) fn areas(&self) -> Vec<(&str, &Area)> {
        let merged = self.sheet.merge.as_ref().map(Merge::coarsening);
        let areas = match merged.map(|merge| merge.zones) {
            None | Some(Become::Same) => &self.zones,
            Some(Become::Parent) => &self.parents,
            Some(Become::All) => return Vec::new(),
        };
        let mut areas: Vec<(&str, &Area)> = areas.iter().map(|(id, area)| (*id, area)).collect();
        areas.sort_unstable_by_key(|(id, _)| *id);
        areas
    }

    /// Vertices of a row for each key of the public domain; a line has two, also where it stays in its zone, and a row
    /// without a shape counts as one.
    pub(crate) fn vertices_of_domain(&self) -> u64 {
        let axes = self.grid.keys().axes();
        let keys = self.grid.keys().count().unwrap_or(u64::MAX);
        let [zone] = self.columns.as_slice() else {
            return keys.saturating_mul(self.columns.len().max(1) as u64);
        };
        let others = axes.iter().enumerate().filter(|(n, _)| n != zone);
        let others = others.fold(1, |all: u64, (_, axis)| all.saturating_mul(axis.size()));
        let outlines: u64 = self.areas().iter().map(|(_, area)| area.vertices).sum();
        outlines.saturating_mul(others).max(keys)
    }

    /// Does a row go from one zone to another?
    pub(crate) fn are_flows(&self) -> bool {
        self.columns.len() == 2
    }

    /// A zone of the zoning; `None` for one without a shape.
    pub(crate) fn zone(&self, id: &str) -> Option<&Area> {
        self.zones.get(id)
    }

    /// Where a row of a page lies.
    pub(crate) fn place(&self, page: &RecordBatch, row: usize) -> Place<'_> {
        match self.columns.as_slice() {
            [zone] => self
                .area(page, *zone, row)
                .map_or(Place::Nowhere, Place::Area),
            [from, to] => {
                let (a, b) = (self.area(page, *from, row), self.area(page, *to, row));
                let ends = a.and_then(|a| a.inside).zip(b.and_then(|b| b.inside));
                match ends {
                    Some((a, _)) if cell(page, *from, row) == cell(page, *to, row) => {
                        Place::Within(a)
                    }
                    Some((a, b)) => Place::Line(a, b),
                    None => Place::Nowhere,
                }
            }
            _ => Place::Nowhere,
        }
    }

    fn area(&self, page: &RecordBatch, column: usize, row: usize) -> Option<&Area> {
        let Value::Text(id) = cell(page, column, row) else {
            return None;
        };
        match self.level(page, column, row) {
            Become::Same => self.zones.get(id.as_ref()),
            Become::Parent => self.parents.get(id.as_ref()),
            Become::All => None,
        }
    }

    /// Is it a zone of the table's own, a parent, or all as one?
    fn level(&self, page: &RecordBatch, column: usize, row: usize) -> Become {
        if let Some(merge) = &self.sheet.merge {
            return merge.coarsening().zones;
        }
        if let Some(rung) = self.grid.place(RUNG) {
            let Value::Number(rung) = cell(page, rung, row) else {
                return Become::Same;
            };
            let rung = usize::try_from(rung).ok().and_then(|n| n.checked_sub(1));
            let rung = rung.and_then(|n| self.sheet.rungs.get(n));
            return rung.map_or(Become::Same, |rung| rung.coarsening.zones);
        }
        let margin = page.column_by_name(MARGIN);
        let margin = margin
            .and_then(|column| text(column.as_ref(), row))
            .unwrap_or("");
        let name = self.grid.columns().get(column).map(|c| c.name.as_str());
        let mut sums = margin.split(';').filter_map(|sum| sum.split_once('='));
        match sums.find(|(dimension, _)| Some(*dimension) == name) {
            Some((_, PARENT)) => Become::Parent,
            Some((_, ALL)) => Become::All,
            _ => Become::Same,
        }
    }
}

fn has_parents(grid: &Grid, sheet: &Sheet) -> bool {
    let merged = sheet.merge.as_ref().map(Merge::coarsening);
    let mut coarser = merged
        .into_iter()
        .chain(sheet.rungs.iter().map(|r| &r.coarsening));
    coarser.any(|c| c.zones == Become::Parent) || grid.place(MARGIN).is_some()
}

/// The outline of every parent: its zones' polygons as one.
fn parents(zones: &Zones) -> HashMap<&str, Area> {
    let mut parts: BTreeMap<&str, Vec<MultiPolygon>> = BTreeMap::new();
    for zone in zones.all() {
        if let (Some(parent), Some(shape)) = (&zone.parent, &zone.shape) {
            let polygons = polygons(shape);
            parts
                .entry(parent)
                .or_default()
                .push(polygons.orient(Direction::Default));
        }
    }
    let areas = parts.into_iter().map(|(parent, parts)| {
        let whole = unary_union(&parts).map_coords(|at| Coord {
            x: rounded(at.x),
            y: rounded(at.y),
        });
        (parent, Area::of(&Geometry::MultiPolygon(whole)))
    });
    areas.collect()
}

/// The polygons of a geometry.
pub(crate) fn polygons(shape: &Geometry) -> MultiPolygon {
    fn collect(shape: &Geometry, into: &mut Vec<Polygon>) {
        match shape {
            Geometry::Polygon(polygon) => into.push(polygon.clone()),
            Geometry::MultiPolygon(many) => into.extend(many.0.iter().cloned()),
            Geometry::GeometryCollection(all) => all.iter().for_each(|one| collect(one, into)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(shape, &mut found);
    MultiPolygon(found)
}

impl Area {
    fn of(shape: &Geometry) -> Self {
        let shape = match shape {
            Geometry::Polygon(polygon) => polygon.orient(Direction::Default).into(),
            Geometry::MultiPolygon(many) => many.orient(Direction::Default).into(),
            other => other.clone(),
        };
        let inside = shape.interior_point().map(|point| Coord {
            x: rounded(point.x()),
            y: rounded(point.y()),
        });
        Self {
            inside,
            vertices: shape.coords_count() as u64,
            shape,
        }
    }
}

/// Seven decimals of a degree are a centimetre (RFC 7946 section 11.2).
pub(crate) fn rounded(degrees: f64) -> f64 {
    (degrees * 1e7).round() / 1e7
}
