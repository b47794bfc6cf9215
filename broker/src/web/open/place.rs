//! Where data are: the smallest box around a zoning.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use policies::id::ZoningId;
use serde_json::Value;

use crate::error::Error;
use crate::flow::Broker;

/// West, south, east and north, in degrees (WGS 84).
pub(super) type Bounds = [f64; 4];

/// Boxes that were computed: a zoning never changes.
#[derive(Debug, Default)]
pub(super) struct Places(Mutex<HashMap<ZoningId, Option<Bounds>>>);

impl Places {
    /// The box of a zoning; `None` where its file has no coordinates.
    pub(super) async fn bounds(
        &self,
        broker: &Broker,
        id: &ZoningId,
    ) -> Result<Option<Bounds>, Error> {
        if let Some(known) = self.known().get(id) {
            return Ok(*known);
        }
        let file = broker.zoning_file(id).await?;
        let bounds = tokio::task::spawn_blocking(move || around(&file)).await;
        let bounds = bounds.map_err(Error::internal)?;
        self.known().insert(id.clone(), bounds);
        Ok(bounds)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<ZoningId, Option<Bounds>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The box around all coordinates of a GeoJSON file.
fn around(geojson: &[u8]) -> Option<Bounds> {
    let file: Value = serde_json::from_slice(geojson).ok()?;
    let mut bounds = None;
    for feature in file.get("features")?.as_array()? {
        if let Some(coordinates) = feature.pointer("/geometry/coordinates") {
            widen(&mut bounds, coordinates);
        }
    }
    bounds
}

fn widen(bounds: &mut Option<Bounds>, coordinates: &Value) {
    let Some(items) = coordinates.as_array() else {
        return;
    };
    if let [Value::Number(x), Value::Number(y), ..] = items.as_slice() {
        if let (Some(x), Some(y)) = (x.as_f64(), y.as_f64()) {
            let [west, south, east, north] = bounds.unwrap_or([x, y, x, y]);
            *bounds = Some([west.min(x), south.min(y), east.max(x), north.max(y)]);
        }
        return;
    }
    for item in items {
        widen(bounds, item);
    }
}

#[cfg(test)]
mod tests {
    use super::around;

    #[test]
    fn a_box_is_around_every_vertex() {
        let file = r#"{"features": [
            {"geometry": {"type": "Polygon", "coordinates": [[[24.9, 60.0], [25.1, 60.2, 7.0], [24.8, 60.1]]]}},
            {"geometry": {"type": "MultiPolygon", "coordinates": [[[[-1.5, 59.0]]]]}},
            {"geometry": null}
        ]}"#;
        assert_eq!(around(file.as_bytes()), Some([-1.5, 59.0, 25.1, 60.2]));
        assert_eq!(around(b"{\"features\": []}"), None);
        assert_eq!(around(b"no JSON"), None);
    }
}
