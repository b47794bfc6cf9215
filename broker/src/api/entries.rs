//! Entries over HTTPS, on the organisations' port and behind the same gates as every call: certificate, token, policy.
//!
//! - `GET /tile/entries/<index>[.p/<width>]`: a bundle as c2sp.org/tlog-tiles says, so that readers of tiles that nobody
//!   here wrote can follow the log. Only for those whom every entry of it concerns: auditors, or a party alone.
//! - `GET /entry/<index>`: the bytes of one entry, for those whom it concerns.
//!
//! Both ask for `TransparencyService/GetEntries`. What a caller may not see looks like what is not there.

use std::sync::Arc;

use audit::bundle;
use audit::tile::Tile;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use policies::id::OrgId;

use crate::access::method::{BUNDLES, ENTRY, GET_ENTRIES};
use crate::error::Error;
use crate::flow::Broker;
use crate::identity::caller::Caller;

/// The two routes beside those of gRPC.
pub fn routes(broker: Arc<Broker>) -> axum::Router {
    axum::Router::new()
        .route(&format!("{BUNDLES}{{*name}}"), get(entries))
        .route(&format!("{ENTRY}{{index}}"), get(entry))
        .with_state(broker)
}

async fn entries(
    State(broker): State<Arc<Broker>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Response {
    // A bundle is named as the tile of its leaves is, and is there at the same sizes.
    let Ok(tile) = format!("0/{name}").parse::<Tile>() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    read(move || whole(&broker, caller.org(), &tile)).await
}

async fn entry(
    State(broker): State<Arc<Broker>>,
    Extension(caller): Extension<Caller>,
    Path(index): Path<u64>,
) -> Response {
    read(move || {
        let range = (index, index.saturating_add(1));
        let mut visible = broker.visible(GET_ENTRIES, range, caller.org())?;
        Ok(visible.pop().map(|(_, bytes)| bytes))
    })
    .await
}

/// All entries of a bundle, each behind its length; `None` where one of them is not for this organisation.
fn whole(broker: &Broker, org: &OrgId, tile: &Tile) -> Result<Option<Vec<u8>>, Error> {
    // Let go of the log before `visible` takes hold of it again: a second hold waits for a writer, which waits for
    // the first.
    let there = broker.sequencer().log().tile(tile);
    if there.map_err(Error::internal)?.is_none() {
        return Ok(None);
    }
    let leaves = tile.leaves();
    let visible = broker.visible(GET_ENTRIES, (leaves.start, leaves.end), org)?;
    if visible.len() as u64 != leaves.end - leaves.start {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    for (_, entry) in visible {
        bundle::append(&mut bytes, &entry).map_err(Error::internal)?;
    }
    Ok(Some(bytes))
}

/// Reads beside the async threads: the disk may be slow.
async fn read(read: impl FnOnce() -> Result<Option<Vec<u8>>, Error> + Send + 'static) -> Response {
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(Some(bytes))) => {
            // Who may see it may change.
            let headers = [
                (CONTENT_TYPE, "application/octet-stream"),
                (CACHE_CONTROL, "no-store"),
            ];
            (headers, bytes).into_response()
        }
        Ok(Ok(None)) => StatusCode::NOT_FOUND.into_response(),
        Ok(Err(Error::Denied)) => StatusCode::FORBIDDEN.into_response(),
        Ok(Err(error)) => {
            tracing::error!(
                code = error.code(),
                cause = error.cause(),
                "entries cannot be read"
            );
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
