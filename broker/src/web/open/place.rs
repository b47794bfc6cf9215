//! Where data are: the smallest box around a zoning.

use std::sync::Arc;

use export::Bounds;
use policies::id::ZoningId;

use super::Open;
use super::make::apart;
use crate::error::Error;

impl Open {
    /// The box of a zoning; `None` where no zone has a shape, or its file is no zoning by today's rules.
    pub(super) async fn bounds(self: &Arc<Self>, id: &ZoningId) -> Result<Option<Bounds>, Error> {
        if let Some(known) = self.broker.known_bounds(id) {
            return Ok(known);
        }
        let (open, id) = (Arc::clone(self), id.clone());
        apart(
            &self.making,
            async move { open.broker.zoning_bounds(&id).await },
        )
        .await
    }
}
