//! The log as static resources (c2sp.org/tlog-tiles): `/checkpoint` and `/tile/<level>/<index>`.

use std::sync::Arc;

use audit::tile::Tile;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::answer::answer;
use crate::flow::Broker;

/// A checkpoint is old after a few seconds.
const BRIEF: &str = "public, max-age=1";
/// A tile, partial or full, is for ever what it is.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

pub(super) fn routes() -> Router<Arc<Broker>> {
    Router::new()
        .route("/checkpoint", get(checkpoint))
        .route("/tile/{*name}", get(tile))
}

async fn checkpoint(State(broker): State<Arc<Broker>>) -> Response {
    let read = move || Ok(Some(broker.heads.public().to_string()));
    let kind = "text/plain; charset=utf-8";
    answer(read, [(CONTENT_TYPE, kind), (CACHE_CONTROL, BRIEF)]).await
}

async fn tile(State(broker): State<Arc<Broker>>, Path(name): Path<String>) -> Response {
    let Ok(tile) = name.parse::<Tile>() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let read = move || broker.sequencer().log().tile(&tile);
    let kind = "application/octet-stream";
    answer(read, [(CONTENT_TYPE, kind), (CACHE_CONTROL, FOR_EVER)]).await
}
