use std::sync::Arc;

use axum::Router;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::Response;

use super::open::{self, Open};
use super::{log, register};
use crate::flow::Broker;

/// Everything that is public, GET and HEAD only.
pub fn routes(broker: Arc<Broker>, open: Arc<Open>) -> Router {
    Router::new()
        .merge(log::routes())
        .merge(register::routes(&broker))
        .merge(open::routes(open))
        .fallback(|| async { StatusCode::NOT_FOUND })
        .with_state(broker)
        .layer(map_response(finish))
}

/// What every answer carries: no sniffing, readable by any page, and no caching where the handler
/// did not allow it. An absent tile may exist a second later.
pub(super) async fn finish(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}
