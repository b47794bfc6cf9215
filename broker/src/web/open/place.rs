//! Where data are: the smallest box around a zoning.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use export::{Bounds, Zones};
use policies::id::ZoningId;

use super::Open;
use super::make::{apart, blocking};
use crate::error::Error;

/// Boxes that were computed: a zoning never changes.
#[derive(Debug, Default)]
pub(super) struct Places(Mutex<HashMap<ZoningId, Option<Bounds>>>);

impl Places {
    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<ZoningId, Option<Bounds>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// The box of a zoning; `None` where no zone has a shape, or its file is no zoning by today's rules.
    pub(super) async fn bounds(self: &Arc<Self>, id: &ZoningId) -> Result<Option<Bounds>, Error> {
        if let Some(known) = self.places.known().get(id) {
            return Ok(*known);
        }
        let (open, id) = (Arc::clone(self), id.clone());
        apart(&self.making, async move {
            let file = open.broker.zoning_file(&id).await?;
            let zones = blocking(move || Zones::parse(&file).map_err(Error::internal)).await;
            let bounds = zones.map(|zones| zones.bounds()).unwrap_or_else(|error| {
                super::reply::tell(&error);
                None
            });
            open.places.known().insert(id, bounds);
            Ok(bounds)
        })
        .await
    }
}
