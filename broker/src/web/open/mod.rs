//! Open data: released tables that two persons of their parties made public.
//!
//! | address | is |
//! | --- | --- |
//! | `/open` | all of them: a page, or the catalogue, as `Accept` says |
//! | `/open.jsonld` | the catalogue: DCAT-AP 3 and mobilityDCAT-AP, JSON-LD |
//! | `/open/<key>` | one, in the format that `Accept` prefers |
//! | `/open/<key>.<suffix>` | one, in that format |
//! | `/open/<key>.tlog-proof`, `.salt` | the receipt of its publication, and what opens the commitment in it |
//!
//! | module | holds |
//! | --- | --- |
//! | `about` | what a release is about, from the log and its agreements |
//! | `format` | the formats, and content negotiation |
//! | `make`, `shelf` | the files, made once and kept within bounds |
//! | `catalogue`, `place` | the catalogue, and where its data are |
//! | `html` | pages for people |
//! | `reply` | validators, digests and what is answered where nothing is |
//!
//! Whether a release is open is asked of the log for every answer, so a withdrawal, and the end of an agreement that
//! says so, take effect with the next one. What is not public is not there, whether it exists or not.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use policies::id::ReleaseKey;
use tokio::sync::Semaphore;

use self::about::About;
use self::format::Format;
use self::place::Places;
use self::shelf::{Digest, Shelf};
use super::answer::answer;
use super::register::{before, page_of};
use crate::error::Error;
use crate::flow::Broker;
use crate::limits::{OPEN_MADE_AT_ONCE, OPEN_ON_A_PAGE, REGISTER_EVERY};
use crate::store::blobs::Blob;

mod about;
mod catalogue;
mod format;
mod html;
mod make;
mod place;
mod reply;
mod shelf;

/// How the operator presents the public side.
#[derive(Debug, Clone, Default)]
pub struct Presented {
    /// Where the world reaches it, for example `https://data.city.example`; without it addresses are relative.
    pub url: Option<String>,
    /// Who publishes the catalogue; without it the broker's log.
    pub publisher: Option<String>,
    /// Mail address of an office, for the catalogue.
    pub contact: Option<String>,
}

/// The broker, and what is kept of its open data.
struct Open {
    broker: Arc<Broker>,
    presented: Presented,
    shelf: Shelf,
    places: Places,
    making: Semaphore,
    /// What is or was open, by the entry that opened it, oldest first; how many entries that is after, and when.
    listed: Mutex<Option<(Instant, u64, Listed)>>,
}

type Listed = Arc<Vec<(u64, ReleaseKey)>>;

pub(super) fn routes(broker: &Arc<Broker>, presented: Presented) -> Router<Arc<Broker>> {
    let open = Open {
        broker: Arc::clone(broker),
        presented,
        shelf: Shelf::default(),
        places: Places::default(),
        making: Semaphore::new(OPEN_MADE_AT_ONCE),
        listed: Mutex::default(),
    };
    Router::new()
        .route("/open", get(list))
        .route("/open.jsonld", get(list_jsonld))
        .route("/open/{name}", get(one))
        .with_state(Arc::new(open))
}

async fn list(
    State(open): State<Arc<Open>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    // A browser asks for a page; everybody else gets the catalogue.
    let html = accept(&headers).is_some_and(|accept| accept.contains("text/html"));
    reply::varying(open.listing(query.as_deref(), html, &headers).await)
}

async fn list_jsonld(
    State(open): State<Arc<Open>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    open.listing(query.as_deref(), false, &headers).await
}

/// `/open/<key>`, and `/open/<key>.<suffix>`.
async fn one(
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
    match suffix {
        Some("tlog-proof") => open.proof(&about).await,
        Some("salt") => open.salt(&about).await,
        Some(suffix) => match Format::of_suffix(suffix) {
            Some(format) => open.table(&about, format, &headers).await,
            None => StatusCode::NOT_FOUND.into_response(),
        },
        None => match Format::accepted(accept(&headers).as_deref()) {
            Some(format) => reply::varying(open.table(&about, format, &headers).await),
            None => reply::varying(reply::not_acceptable(&about)),
        },
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
    fn look(&self, key: &ReleaseKey) -> Option<About> {
        let state = self.broker.sequencer().state();
        let now = state.decision_time(self.broker.clock.now());
        About::of(&state, key, state.release(key)?, now)
    }

    async fn table(&self, about: &About, format: Format, headers: &HeaderMap) -> Response {
        let made = match format {
            Format::Page => self.known(about).await.map(|known| {
                let page = html::one(about, &known, self.size()).into_bytes();
                Some((Digest::of(&page), page.into()))
            }),
            // A reader that has it already needs no file made.
            format => match self.known(about).await.map(|known| known.file(format)) {
                Ok(Some(digest)) if reply::has(headers, &digest) => {
                    return reply::not_modified(&digest, reply::REVALIDATED);
                }
                Ok(_) => self.file(about, format).await,
                Err(error) => Err(error),
            },
        };
        match made {
            Ok(Some((digest, bytes))) => {
                let mut answer =
                    reply::bytes(headers, format.media(), reply::REVALIDATED, &digest, bytes);
                if format == Format::Page {
                    reply::page(&mut answer);
                }
                answer
            }
            Ok(None) => StatusCode::NOT_FOUND.into_response(),
            Err(error) => broken(&error),
        }
    }

    async fn proof(&self, about: &About) -> Response {
        let (broker, entry) = (Arc::clone(&self.broker), about.published);
        let read = move || {
            let receipt = broker.heads.public_receipt(entry);
            let receipt = receipt.inspect_err(|error| tracing::error!(%error, "no receipt"));
            Ok(receipt.ok().map(|receipt| receipt.to_string()))
        };
        answer(read, reply::TEXT_HEADERS).await
    }

    async fn salt(&self, about: &About) -> Response {
        match self.stored(about).await {
            Ok(stored) => reply::text(format!("{}\n", hex::encode(stored.salt.as_bytes()))),
            Err(error) => broken(&error),
        }
    }

    /// Table and salt; whole tables are read a few at a time.
    async fn stored(&self, about: &About) -> Result<Blob, Error> {
        let _place = self.making.acquire().await.map_err(Error::internal)?;
        let stored = self.broker.blobs.get(&about.blob).await;
        stored.map_err(Error::internal)
    }

    /// The catalogue or the page of what is open, newest first.
    async fn listing(&self, query: Option<&str>, html: bool, headers: &HeaderMap) -> Response {
        let Some(before) = before(query) else {
            return StatusCode::NOT_FOUND.into_response();
        };
        let (items, next) = page_of(&self.listed(), before, OPEN_ON_A_PAGE);
        let abouts = items.iter().filter_map(|(_, key)| self.look(key));
        let abouts: Vec<_> = abouts.collect();
        let (kind, body) = if html {
            let page = html::list(&abouts, next, self.size());
            ("text/html; charset=utf-8", page)
        } else {
            let mut described = Vec::with_capacity(abouts.len());
            for about in abouts {
                match self.described(about).await {
                    Ok(one) => described.push(one),
                    Err(error) => return broken(&error),
                }
            }
            let catalogue = catalogue::of(&self.presented, &described, (before, next));
            match serde_json::to_string_pretty(&catalogue) {
                Ok(json) => ("application/ld+json", json),
                Err(error) => return broken(&Error::internal(error)),
            }
        };
        let body = body.into_bytes();
        let digest = Digest::of(&body);
        let mut answer = reply::bytes(headers, kind, reply::BRIEF, &digest, body.into());
        if html {
            reply::page(&mut answer);
        }
        answer
    }

    async fn described(&self, about: About) -> Result<catalogue::Described, Error> {
        let known = match about.withdrawn {
            None => Some(self.known(&about).await?),
            Some(_) => None,
        };
        let bounds = self.places.bounds(&self.broker, &about.zoning).await?;
        Ok(catalogue::Described {
            about,
            known,
            bounds,
        })
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
        let now = state.decision_time(self.broker.clock.now());
        let all = state.opened(now).filter_map(|(key, release, _)| {
            let about = About::of(&state, key, release, now)?;
            Some((about.entry, about.key))
        });
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

fn broken(error: &Error) -> Response {
    tracing::error!(code = error.code(), %error, "open data cannot be served");
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}
