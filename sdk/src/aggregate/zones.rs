//! A zoning in memory: ids as text, and which zone holds a point.

use std::fmt;

use geo::{BoundingRect, CoordinatePosition, MultiPolygon, Polygon, coordinate_position::CoordPos};
use geojson::{FeatureCollection, GeoJson, GeometryValue};
use policies::agreement::{Agreement, ZoningRef};
use policies::id::{Fingerprint, ZoningId, sha256_hex};
use policies::period::Place;
use rstar::RTree;
use rstar::primitives::{GeomWithData, Rectangle};

use super::error::ZoningError;

/// Longest zone id, in bytes.
pub const ZONE_ID_BYTES_MAX: usize = 64;

/// The zones of one GeoJSON file, sorted by id.
pub struct Zoning {
    sha256: String,
    ids: Vec<String>,
    areas: Vec<Area>,
    tree: RTree<GeomWithData<Rectangle<[f64; 2]>, usize>>,
}

/// One polygon of a zone; a zone may have many, or none.
struct Area {
    zone: u32,
    shape: Polygon,
}

impl fmt::Debug for Zoning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zoning({} zones, {})", self.ids.len(), self.sha256)
    }
}

impl Zoning {
    /// Reads a GeoJSON feature collection whose features carry `zone_id`, a text or a whole number.
    /// Features without an area (streets, points, no geometry) are zones that hold no point.
    ///
    /// # Errors
    /// [`ZoningError`] for shape, ids and coordinates; a repeated id is refused by name.
    pub fn parse(bytes: &[u8]) -> Result<Self, ZoningError> {
        let mut zones = Vec::new();
        for (index, feature) in collection(bytes)?.features.into_iter().enumerate() {
            let id = feature.property("zone_id").and_then(zone_id);
            let id = id.ok_or(ZoningError::NoId { number: index + 1 })?;
            let shapes = match feature.geometry {
                Some(geometry) => polygons(&geometry.value)?,
                None => Vec::new(),
            };
            zones.push((id, shapes));
        }
        zones.sort_by(|a, b| a.0.cmp(&b.0));
        if let Some(pair) = zones.windows(2).find(|pair| same_id(pair)) {
            let zone = pair.first().map(|zone| zone.0.clone()).unwrap_or_default();
            return Err(ZoningError::RepeatedId { zone });
        }
        Self::index(sha256_hex(bytes), zones)
    }

    fn index(sha256: String, zones: Vec<(String, Vec<Polygon>)>) -> Result<Self, ZoningError> {
        let mut ids = Vec::with_capacity(zones.len());
        let (mut areas, mut boxes) = (Vec::new(), Vec::new());
        for (number, (id, shapes)) in (0_u32..).zip(zones) {
            for shape in shapes {
                let Some(rect) = shape.bounding_rect() else {
                    continue; // an empty polygon holds nothing
                };
                let (low, high) = (rect.min(), rect.max());
                if low.x < -180.0 || high.x > 180.0 || low.y < -90.0 || high.y > 90.0 {
                    return Err(ZoningError::NotDegrees { zone: id });
                }
                let rect = Rectangle::from_corners([low.x, low.y], [high.x, high.y]);
                boxes.push(GeomWithData::new(rect, areas.len()));
                areas.push(Area {
                    zone: number,
                    shape,
                });
            }
            ids.push(id);
        }
        Ok(Self {
            sha256,
            ids,
            areas,
            tree: RTree::bulk_load(boxes),
        })
    }

    /// SHA-256 over the file's bytes, in hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Its zone ids, sorted, each once. Leading zeros are kept: ids are text.
    #[must_use]
    pub fn ids(&self) -> &[String] {
        &self.ids
    }

    /// The middle of the box around all of its areas; `None` where it has none.
    fn middle(&self) -> Option<Place> {
        let box_of_all = self.tree.root().envelope();
        let ([west, south], [east, north]) = (box_of_all.lower(), box_of_all.upper());
        (!self.areas.is_empty()).then(|| Place::middle([west, south, east, north]))
    }

    /// The position of an id in [`Self::ids`].
    #[must_use]
    pub fn index_of(&self, id: &str) -> Option<u32> {
        let found = self.ids.binary_search_by(|have| have.as_str().cmp(id));
        found.ok().and_then(|index| u32::try_from(index).ok())
    }

    /// The zone that holds a point, as a position in [`Self::ids`]. A point on a border belongs to
    /// the first of the zones that touch there; one that lies in several overlapping zones, too.
    #[must_use]
    pub fn zone_at(&self, lon: f64, lat: f64) -> Option<u32> {
        if !(lon.is_finite() && lat.is_finite()) {
            return None;
        }
        let candidates = self.tree.locate_all_at_point(&[lon, lat]);
        candidates
            .filter_map(|candidate| self.areas.get(candidate.data))
            .filter(|area| {
                area.shape
                    .coordinate_position(&geo::coord! { x: lon, y: lat })
                    != CoordPos::Outside
            })
            .map(|area| area.zone)
            .min()
    }
}

/// The zoning that an agreement means by `id`, by content.
///
/// # Errors
/// [`ZoningError::NotGiven`] where none has the signed digest, [`ZoningError::Count`] where the
/// agreement counts other zones, [`ZoningError::Swapped`] where latitude stands first in it.
pub(crate) fn signed<'a>(
    agreement: &Agreement,
    id: &ZoningId,
    given: &'a [Zoning],
) -> Result<&'a Zoning, ZoningError> {
    let reference: Option<&ZoningRef> = agreement.zoning(id);
    let digest = reference.map_or("", |zoning| Fingerprint::as_str(&zoning.sha256));
    let found = given.iter().find(|zoning| zoning.sha256 == digest);
    let (Some(reference), Some(zoning)) = (reference, found) else {
        return Err(ZoningError::NotGiven {
            id: id.to_string(),
            sha256: digest.to_owned(),
        });
    };
    if usize::try_from(reference.zones).is_ok_and(|zones| zones != zoning.ids.len()) {
        return Err(ZoningError::Count {
            id: id.to_string(),
            found: zoning.ids.len(),
            signed: reference.zones,
        });
    }
    let Some(middle) = zoning.middle() else {
        return Ok(zoning);
    };
    let axes = agreement.time_zone.check_axes(middle);
    let swapped = |cause| ZoningError::Swapped {
        id: id.to_string(),
        cause,
    };
    axes.map(|()| zoning).map_err(swapped)
}

fn collection(bytes: &[u8]) -> Result<FeatureCollection, ZoningError> {
    let fail = |message: String| ZoningError::Shape { message };
    let json = GeoJson::from_reader(bytes).map_err(|e| fail(e.to_string()))?;
    FeatureCollection::try_from(json).map_err(|e| fail(e.to_string()))
}

/// A zone's or a district's id as text.
pub(crate) fn zone_id(value: &serde_json::Value) -> Option<String> {
    let id = match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Number(number) if number.is_u64() || number.is_i64() => {
            number.to_string()
        }
        _ => return None,
    };
    let fits = !id.is_empty() && id.len() <= ZONE_ID_BYTES_MAX && !id.chars().any(char::is_control);
    fits.then_some(id)
}

fn same_id(pair: &[(String, Vec<Polygon>)]) -> bool {
    matches!(pair, [a, b] if a.0 == b.0)
}

fn polygons(geometry: &GeometryValue) -> Result<Vec<Polygon>, ZoningError> {
    let fail = |e: geojson::Error| ZoningError::Shape {
        message: e.to_string(),
    };
    match geometry {
        GeometryValue::Polygon { .. } => {
            Ok(vec![Polygon::<f64>::try_from(geometry).map_err(fail)?])
        }
        GeometryValue::MultiPolygon { .. } => {
            Ok(MultiPolygon::<f64>::try_from(geometry).map_err(fail)?.0)
        }
        GeometryValue::GeometryCollection { geometries } => {
            let parts: Result<Vec<_>, _> = geometries.iter().map(|g| polygons(&g.value)).collect();
            Ok(parts?.into_iter().flatten().collect())
        }
        _ => Ok(Vec::new()),
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]
mod tests {
    use super::*;
    use crate::aggregate::tests::world::{agreement, collection, od, square};

    fn zoning(features: &[String]) -> Result<Zoning, ZoningError> {
        Zoning::parse(collection(features).as_bytes())
    }

    #[test]
    fn ids_are_text_and_keep_leading_zeros() {
        let zones = [square("100", 25.0, 60.0), square(r#""00100""#, 24.0, 60.0)];
        let zoning = zoning(&zones).unwrap();
        assert_eq!(zoning.ids(), ["00100", "100"]);
        assert_eq!(zoning.zone_at(24.5, 60.5), Some(0));
        assert_eq!(zoning.zone_at(25.5, 60.5), Some(1));
        assert_eq!(zoning.index_of("0100"), None);
        for outside in [(60.5, 24.5), (24.5, 61.5), (f64::NAN, 60.5)] {
            assert_eq!(zoning.zone_at(outside.0, outside.1), None);
        }
        assert_eq!(
            zoning.zone_at(25.0, 60.5),
            Some(0),
            "a border belongs to the first zone"
        );
    }

    #[test]
    fn bad_zonings_are_refused_by_name() {
        let twice = [square(r#""56""#, 0.0, 0.0), square("56", 5.0, 5.0)];
        match zoning(&twice) {
            Err(ZoningError::RepeatedId { zone }) => assert_eq!(zone, "56"),
            other => panic!("{other:?}"),
        }
        let metres = [square("1", 385_000.0, 6_672_000.0)];
        assert!(matches!(
            zoning(&metres),
            Err(ZoningError::NotDegrees { .. })
        ));
        for id in ["null", "1.5", r#""""#, r#""a\nb""#] {
            let one = [square(id, 0.0, 0.0)];
            assert!(
                matches!(zoning(&one), Err(ZoningError::NoId { number: 1 })),
                "{id}"
            );
        }
        assert!(matches!(
            Zoning::parse(b"[]"),
            Err(ZoningError::Shape { .. })
        ));
        assert!(matches!(
            Zoning::parse(b"{"),
            Err(ZoningError::Shape { .. })
        ));
    }

    /// Degrees all the same: what tells is where the agreement's clock runs.
    #[test]
    fn a_zoning_with_latitude_first_is_refused_beside_its_agreement() {
        let mut terms = agreement("none", &[od("od", "day", 1, 1)]);
        let mut check = |lon, lat| {
            let given = [zoning(&[square("1", lon, lat)]).unwrap()];
            terms.zonings[0].sha256 = Fingerprint::new(given[0].sha256().to_owned()).unwrap();
            terms.zonings[0].zones = 1;
            signed(&terms, &terms.zonings[0].id, &given).map(|_| ())
        };
        check(24.0, 60.0).unwrap();
        let swapped = check(60.0, 24.0).unwrap_err();
        let said = swapped.to_string();
        assert!(
            said.contains("`grid`") && said.contains("longitude first"),
            "{said}"
        );
    }

    #[test]
    fn a_zone_without_area_holds_no_point() {
        let street = r#"{"type": "Feature", "properties": {"zone_id": "main-street"}, "geometry":
            {"type": "LineString", "coordinates": [[0, 0], [1, 1]]}}"#;
        let nowhere = r#"{"type": "Feature", "properties": {"zone_id": "x"}, "geometry": null}"#;
        let zoning = zoning(&[street.to_owned(), nowhere.to_owned()]).unwrap();
        assert_eq!(zoning.ids(), ["main-street", "x"]);
        assert_eq!(zoning.zone_at(0.5, 0.5), None);
    }
}
