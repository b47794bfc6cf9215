//! A zoning: zones with their parents, names and shapes.

pub(crate) mod check;

use geo::Geometry;
use geojson::{Feature, FeatureCollection, GeoJson};
use serde_json::Value;

use crate::error::ExportError;
use crate::limits::TEXT_CHARS_MAX;

/// The zones of one GeoJSON file, sorted by id, each once.
#[derive(Debug, Clone, PartialEq)]
pub struct Zones {
    zones: Vec<Zone>,
    attribution: Option<String>,
    licence: Option<String>,
}

/// One zone.
#[derive(Debug, Clone, PartialEq)]
pub struct Zone {
    /// `zone_id`, as text.
    pub id: String,
    /// `parent`, where it names one.
    pub parent: Option<String>,
    /// `name`, where it has one.
    pub name: Option<String>,
    /// Longitude and latitude in degrees; a polygon, a street, or nothing.
    pub shape: Option<Geometry<f64>>,
}

impl Zones {
    /// Reads a zoning that the broker took: a feature collection whose features carry `zone_id`.
    ///
    /// # Errors
    /// [`ExportError::Zoning`] for another shape, a missing id or one that is there twice.
    pub fn parse(geojson: &[u8]) -> Result<Self, ExportError> {
        let collection = collection(geojson);
        Self::of(&collection.map_err(|why| ExportError::Zoning { why })?)
    }

    fn of(collection: &FeatureCollection) -> Result<Self, ExportError> {
        let wrong = |why: String| ExportError::Zoning { why };
        let zones = collection.features.iter().enumerate().map(|(n, feature)| {
            let id = id(feature, "zone_id");
            let id = id.ok_or_else(|| wrong(format!("features[{n}] has no `zone_id`")))?;
            let shape = feature.geometry.as_ref();
            let shape = shape.map(|shape| Geometry::<f64>::try_from(&shape.value));
            Ok(Zone {
                id,
                parent: self::id(feature, "parent"),
                name: feature.property("name").and_then(text),
                shape: shape.transpose().map_err(|e| wrong(e.to_string()))?,
            })
        });
        let mut zones = zones.collect::<Result<Vec<_>, ExportError>>()?;
        zones.sort_by(|a, b| a.id.cmp(&b.id));
        if zones
            .windows(2)
            .any(|pair| matches!(pair, [a, b] if a.id == b.id))
        {
            return Err(wrong("a zone is there twice".into()));
        }
        let member = |name| collection.foreign_members.as_ref()?.get(name);
        Ok(Self {
            zones,
            attribution: member("attribution").and_then(text),
            licence: member("licence").or(member("license")).and_then(text),
        })
    }

    /// All of them, sorted by id.
    #[must_use]
    pub fn all(&self) -> &[Zone] {
        &self.zones
    }

    /// The parents' ids, sorted, each once; none where a zone has no parent.
    #[must_use]
    pub fn parents(&self) -> Vec<&str> {
        let parents: Option<Vec<&str>> = self.zones.iter().map(|z| z.parent.as_deref()).collect();
        let mut parents = parents.unwrap_or_default();
        parents.sort_unstable();
        parents.dedup();
        parents
    }

    /// Who drew them and under which licence: the file's own top-level texts `attribution` and `licence`.
    #[must_use]
    pub fn attribution(&self) -> Option<String> {
        let texts: Vec<&str> = [&self.attribution, &self.licence]
            .into_iter()
            .filter_map(Option::as_deref)
            .collect();
        (!texts.is_empty()).then(|| texts.join(", "))
    }
}

/// A file as features; else the parser's words.
fn collection(geojson: &[u8]) -> Result<FeatureCollection, String> {
    let json = GeoJson::from_reader(geojson).map_err(|e| e.to_string())?;
    FeatureCollection::try_from(json).map_err(|e| e.to_string())
}

fn id(feature: &Feature, name: &str) -> Option<String> {
    match feature.property(name)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A text in one line, as long as a line may be.
fn text(value: &Value) -> Option<String> {
    let text = value.as_str()?.chars();
    let text: String = text
        .filter(|c| !c.is_control())
        .take(TEXT_CHARS_MAX)
        .collect();
    (!text.trim().is_empty()).then_some(text)
}
