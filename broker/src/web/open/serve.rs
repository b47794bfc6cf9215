//! What each address answers.

use std::sync::{Arc, PoisonError};
use std::time::Instant;

use axum::extract::{Path, RawQuery, State};
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use policies::id::ReleaseKey;

use super::about::About;
use super::catalogue::{self, Described};
use super::format::{CATALOGUE, Format, prefers_page};
use super::reply::{self, broken, tell};
use super::shelf::Digest;
use super::{Listed, Open, html};
use crate::error::Error;
use crate::limits::{OPEN_ON_A_PAGE, REGISTER_EVERY};
use crate::web::answer::beside;
use crate::web::register::{BRIEF, before, page_of};

/// A browser gets a page; everybody else the catalogue.
pub(super) async fn list(
    State(open): State<Arc<Open>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let html = prefers_page(accept(&headers).as_deref());
    reply::varying(open.listing(query.as_deref(), html, &headers).await)
}

pub(super) async fn list_jsonld(
    State(open): State<Arc<Open>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    open.listing(query.as_deref(), false, &headers).await
}

/// `/open/<key>`, and `/open/<key>.<suffix>`.
pub(super) async fn one(
    State(open): State<Arc<Open>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let (key, suffix) = match name.split_once('.') {
        Some((key, suffix)) => (key, Some(suffix)),
        None => (name.as_str(), None),
    };
    let found = key.parse().ok().and_then(|key| open.look(&key));
    let Some(about) = found else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if let Some((since, why)) = &about.withdrawn {
        return reply::gone(*since, why);
    }
    let answer = open.answer(&about, suffix, &headers).await;
    // That may have taken a while: what was withdrawn meanwhile does not go out.
    match open.look(&about.key).and_then(|about| about.withdrawn) {
        Some((since, why)) => reply::gone(since, &why),
        None => answer.unwrap_or_else(|error| broken(&error)),
    }
}

/// All `Accept` headers as one.
fn accept(headers: &HeaderMap) -> Option<String> {
    let all: Vec<_> = headers.get_all(ACCEPT).iter().collect();
    let all: Vec<_> = all.into_iter().filter_map(|h| h.to_str().ok()).collect();
    (!all.is_empty()).then(|| all.join(","))
}

impl Open {
    /// A release that is, or was, public now; `None` for all others.
    pub(super) fn look(&self, key: &ReleaseKey) -> Option<About> {
        let state = self.broker.sequencer().state();
        let now = state.decision_time(self.broker.clock.now());
        About::of(&state, key, state.release(key)?, now)
    }

    async fn answer(
        self: &Arc<Self>,
        about: &About,
        suffix: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<Response, Error> {
        let Some(suffix) = suffix else {
            let available = self.known(about).await?.formats();
            let answer = match Format::accepted(accept(headers).as_deref(), &available) {
                Some(format) => self.table(about, format, headers).await?,
                None => reply::not_acceptable(about, &available),
            };
            return Ok(reply::varying(answer));
        };
        match (suffix, Format::of_suffix(suffix)) {
            ("tlog-proof", _) => self.proof(about).await,
            ("salt", _) => {
                let salt = self.broker.blobs.salt_of(&about.blob).await;
                let salt = salt.map_err(Error::internal)?;
                Ok(reply::text(format!("{}\n", hex::encode(salt.as_bytes()))))
            }
            (_, Some(format)) => self.table(about, format, headers).await,
            (_, None) => Ok(StatusCode::NOT_FOUND.into_response()),
        }
    }

    async fn table(
        self: &Arc<Self>,
        about: &About,
        format: Format,
        headers: &HeaderMap,
    ) -> Result<Response, Error> {
        if format == Format::Page {
            let known = self.known(about).await?;
            let page = html::one(about, &known, self.size()).into_bytes();
            return Ok(page_of_html(headers, page, reply::REVALIDATED));
        }
        // The released bytes and their sheet are there even where nothing can be made of them.
        let known = match format.is_made() {
            true => Some(self.known(about).await?),
            false => self.shelf.known(&about.files()),
        };
        if let Some(known) = known {
            match known.file(format) {
                // A reader that has it already needs no file made.
                Some(digest) if reply::has(headers, &digest) => {
                    return Ok(reply::not_modified(&digest, reply::REVALIDATED));
                }
                Some(_) => {}
                None if known.whole => return Ok(StatusCode::NOT_FOUND.into_response()),
                None => {
                    return Err(Error::internal(
                        "a part of what files are made of is missing",
                    ));
                }
            }
        }
        let Some(file) = self.file(about, format).await? else {
            return Ok(StatusCode::NOT_FOUND.into_response());
        };
        let (kind, keep) = (format.media(), reply::REVALIDATED);
        Ok(reply::bytes(headers, kind, keep, &file.digest, file.bytes))
    }

    async fn proof(&self, about: &About) -> Result<Response, Error> {
        let (broker, entry) = (Arc::clone(&self.broker), about.published);
        match beside(move || broker.heads.public_receipt(entry)).await {
            Ok(receipt) => Ok(reply::text(receipt?.to_string())),
            Err(status) => Ok(status.into_response()),
        }
    }

    /// The catalogue or the page of what is open, newest first.
    async fn listing(
        self: &Arc<Self>,
        query: Option<&str>,
        html: bool,
        headers: &HeaderMap,
    ) -> Response {
        let Some(before) = before(query) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let open = Arc::clone(self);
        let read = move || {
            let (items, next) = page_of(&open.listed(), before, OPEN_ON_A_PAGE);
            let abouts = items.iter().filter_map(|(_, key)| open.look(key));
            (abouts.collect::<Vec<_>>(), next, open.size())
        };
        let (abouts, next, size) = match beside(read).await {
            Ok(read) => read,
            Err(status) => return status.into_response(),
        };
        if html {
            let page = html::list(&abouts, next, size).into_bytes();
            return page_of_html(headers, page, BRIEF);
        }
        let mut all = Vec::with_capacity(abouts.len());
        for about in abouts {
            all.push(self.described(about).await);
        }
        let open = Arc::clone(self);
        let all = match beside(move || open.still(all)).await {
            Ok(all) => all,
            Err(status) => return status.into_response(),
        };
        let catalogue = catalogue::of(&self.presented, &all, (before, next));
        match serde_json::to_vec_pretty(&catalogue) {
            Ok(json) => {
                let digest = Digest::of(&json);
                reply::bytes(headers, CATALOGUE, BRIEF, &digest, json.into())
            }
            Err(error) => broken(&Error::internal(error)),
        }
    }

    /// As far as it can be: one that is damaged is no reason to hide the others.
    async fn described(self: &Arc<Self>, about: About) -> Described {
        let known = match about.withdrawn {
            None => self.known(&about).await.inspect_err(tell).ok(),
            Some(_) => None,
        };
        let bounds = self.bounds(&about.zoning).await;
        let bounds = bounds.inspect_err(tell).ok().flatten();
        Described {
            about,
            known,
            bounds,
        }
    }

    /// To describe them may have taken a while: of what was withdrawn meanwhile no files are named.
    fn still(&self, mut all: Vec<Described>) -> Vec<Described> {
        for one in &mut all {
            let now = self.look(&one.about.key);
            if let Some(now) = now.filter(|now| now.withdrawn.is_some()) {
                (one.about, one.known) = (now, None);
            }
        }
        all
    }

    /// What is or was open. Nothing ever leaves the list, so an old one lacks what is new, and no more.
    fn listed(&self) -> Listed {
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        let state = self.broker.sequencer().state();
        if let Some((at, size, known)) = listed.as_ref()
            && (at.elapsed() < REGISTER_EVERY || *size == state.size())
        {
            return Arc::clone(known);
        }
        let all = state.opened().map(|(entry, key)| (entry, key.clone()));
        let mut all: Vec<_> = all.collect();
        all.sort();
        let all = Arc::new(all);
        *listed = Some((Instant::now(), state.size(), Arc::clone(&all)));
        all
    }

    fn size(&self) -> u64 {
        self.broker.sequencer().state().size()
    }
}

fn page_of_html(headers: &HeaderMap, page: Vec<u8>, keep: &'static str) -> Response {
    let (kind, digest) = ("text/html; charset=utf-8", Digest::of(&page));
    let mut answer = reply::bytes(headers, kind, keep, &digest, page.into());
    reply::page(&mut answer);
    answer
}
