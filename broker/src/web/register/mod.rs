//! The public register: every agreement that both parties have signed, in plain words.
//!
//! | module | holds |
//! | --- | --- |
//! | `digest` | what a page needs to know about the whole log, looked up now and then |
//! | `view` | what a page says: the JSON, and what the HTML is made of |
//! | `html`, `plan`, `page` | the same as HTML, with everything anybody wrote escaped |
//!
//! Shown is what the parties signed for the public, how the agreement stands, what was released when and what that
//! has cost. Not shown: offers, which are between two organisations until both have signed; why somebody suspended or
//! ended an agreement; who asked; refusals; what was contributed.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use self::digest::Register;
use super::answer::answer;
use crate::flow::Broker;
use crate::store::log::LogError;

mod digest;
mod html;
mod page;
mod plan;
mod view;

pub(super) use digest::page as page_of;
pub(super) use page::Page;

/// A page is old after some seconds.
pub(super) const BRIEF: &str = "public, max-age=10";
/// Nothing but our own style: no script, no frame, no form, no picture, nothing from elsewhere.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const STYLE: &str = include_str!("style.css");

pub(super) fn routes(broker: &Arc<Broker>) -> Router<Arc<Broker>> {
    Router::new()
        .route("/register", get(list_html))
        .route("/register.json", get(list_json))
        .route("/register/style.css", get(style))
        .route("/register/{name}", get(one))
        .with_state(Arc::new(Register::new(Arc::clone(broker))))
}

async fn style() -> Response {
    let headers = [
        (CONTENT_TYPE, "text/css; charset=utf-8"),
        (CACHE_CONTROL, BRIEF),
    ];
    (headers, STYLE).into_response()
}

async fn list_html(State(register): State<Arc<Register>>, RawQuery(query): RawQuery) -> Response {
    list(register, query, HTML, |page| Some(html::list(page))).await
}

async fn list_json(State(register): State<Arc<Register>>, RawQuery(query): RawQuery) -> Response {
    let json = |page: &view::List| serde_json::to_string_pretty(page).ok();
    list(register, query, JSON, json).await
}

async fn list(
    register: Arc<Register>,
    query: Option<String>,
    kind: &'static str,
    write: impl FnOnce(&view::List) -> Option<String> + Send + 'static,
) -> Response {
    let Some(before) = before(query.as_deref()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let read = move || Ok(write(&register.list(before)));
    answer(read, headers(kind)).await
}

/// `/register/<id>`, and `/register/<id>.json`.
async fn one(
    State(register): State<Arc<Register>>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let (id, json) = match name.strip_suffix(".json") {
        Some(id) => (id, true),
        None => (name.as_str(), false),
    };
    let (Ok(id), Some(before)) = (id.parse(), before(query.as_deref())) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let read = move || -> Result<Option<String>, LogError> {
        let page = register.one(&id, before)?;
        Ok(page.and_then(|page| match json {
            true => serde_json::to_string_pretty(&page).ok(),
            false => Some(html::one(&page)),
        }))
    };
    answer(read, headers(if json { JSON } else { HTML })).await
}

/// The page that a query asks for: `before=<entry>`, none for the first. `None` for any other query.
pub(super) fn before(query: Option<&str>) -> Option<Option<u64>> {
    match query {
        None | Some("") => Some(None),
        Some(query) => {
            let digits = query.strip_prefix("before=")?;
            digits.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
            digits.parse().ok().map(Some)
        }
    }
}

fn headers(kind: &'static str) -> [(HeaderName, &'static str); 4] {
    [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, BRIEF),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
    ]
}
