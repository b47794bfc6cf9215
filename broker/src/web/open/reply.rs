//! Answers with their validators and digests.

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH,
    REFERRER_POLICY, RETRY_AFTER, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;

use super::about::About;
use super::format::Format;
use super::shelf::Digest;
use crate::error::Error;
use crate::web::register::POLICY;

/// May be kept, and is asked for again before it is used: what is withdrawn is withdrawn at once.
pub(super) const REVALIDATED: &str = "public, no-cache";
const TEXT: &str = "text/plain; charset=utf-8";
/// Of a short text that may stop being public.
const TEXT_HEADERS: [(HeaderName, &str); 2] = [(CONTENT_TYPE, TEXT), (CACHE_CONTROL, REVALIDATED)];
/// RFC 9530.
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// The file, or that the reader has it already.
pub(super) fn bytes(
    headers: &HeaderMap,
    kind: &'static str,
    keep: &'static str,
    digest: &Digest,
    bytes: Bytes,
) -> Response {
    if has(headers, digest) {
        return not_modified(digest, keep);
    }
    let mut answer = Response::new(Body::from(bytes));
    let set = answer.headers_mut();
    set.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    let sha256 = format!("sha-256=:{}:", STANDARD.encode(digest.sha256));
    set.extend(HeaderValue::from_str(&sha256).map(|value| (CONTENT_DIGEST, value)));
    validated(&mut answer, digest, keep);
    answer
}

/// 304, without a body.
pub(super) fn not_modified(digest: &Digest, keep: &'static str) -> Response {
    let mut answer = StatusCode::NOT_MODIFIED.into_response();
    validated(&mut answer, digest, keep);
    answer
}

fn validated(answer: &mut Response, digest: &Digest, keep: &'static str) {
    let set = answer.headers_mut();
    set.insert(CACHE_CONTROL, HeaderValue::from_static(keep));
    set.extend(HeaderValue::from_str(&etag(digest)).map(|value| (ETAG, value)));
}

/// Does the reader say that it has these bytes (RFC 9110 section 13.1.2)?
pub(super) fn has(headers: &HeaderMap, digest: &Digest) -> bool {
    let own = etag(digest);
    let sent = headers.get_all(IF_NONE_MATCH).iter();
    let mut tags = sent
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == own)
}

fn etag(digest: &Digest) -> String {
    format!("\"{}\"", hex::encode(digest.sha256))
}

/// A short text that is small enough to be made each time.
pub(super) fn text(text: String) -> Response {
    (TEXT_HEADERS, text).into_response()
}

/// 410: it was here, and its parties, or its agreement, took it back.
pub(super) fn gone(since: Timestamp, why: &str) -> Response {
    let text = format!("This table was withdrawn on {since:.0}: {why}\n");
    (StatusCode::GONE, TEXT_HEADERS, text).into_response()
}

/// 406, with what there is.
pub(super) fn not_acceptable(about: &About, available: &[Format]) -> Response {
    let line =
        |format: &Format| format!("{} {}.{}\n", format.media(), about.path(), format.suffix());
    let offered: String = available.iter().map(line).collect();
    let text = format!("There is no such format. There are:\n{offered}");
    let headers = [(CONTENT_TYPE, TEXT)];
    (StatusCode::NOT_ACCEPTABLE, headers, text).into_response()
}

/// 500, or 503 where it is worth trying again.
pub(super) fn broken(error: &Error) -> Response {
    tell(error);
    match error {
        Error::Busy | Error::Unavailable { .. } | Error::Untimed { .. } => {
            (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "10")]).into_response()
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// To the operator, with the cause.
pub(super) fn tell(error: &Error) {
    let cause = error.cause().unwrap_or_default();
    match error {
        Error::Busy => tracing::debug!("open data is shed: its readers hold too many bytes"),
        Error::Unavailable { .. } | Error::Untimed { .. } => {
            tracing::warn!(%cause, "open data is not at hand");
        }
        _ => tracing::error!(code = error.code(), %error, %cause, "open data cannot be served"),
    }
}

/// What was answered depends on what the reader accepts.
pub(super) fn varying(mut answer: Response) -> Response {
    answer
        .headers_mut()
        .insert(VARY, HeaderValue::from_static("Accept"));
    answer
}

/// What pages may do: show themselves.
pub(super) fn page(answer: &mut Response) {
    let set = answer.headers_mut();
    set.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    set.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if set.contains_key(CONTENT_TYPE) {
        let kind = HeaderValue::from_static("text/html; charset=utf-8");
        set.insert(CONTENT_TYPE, kind);
    }
}
