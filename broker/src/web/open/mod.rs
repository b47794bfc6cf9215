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
//! | `serve` | what each address answers |
//! | `about` | what a release is about, from the log and its agreements |
//! | `format` | the formats, and content negotiation |
//! | `make`, `shelf` | the files, made once and kept within bounds |
//! | `ahead` | what the catalogue needs, made before anybody asks |
//! | `catalogue`, `place` | the catalogue, and where its data are |
//! | `html` | pages for people |
//! | `mail` | what is an address of mail |
//! | `reply` | validators, digests and what is answered where nothing is |
//!
//! Whether a release is open is asked of the log for every answer, before it is made and again before it goes out, so a
//! withdrawal, and the end of an agreement that says so, take effect at once. What is not public is not there, whether it
//! exists or not.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::routing::get;
use policies::id::ReleaseKey;
use tokio::sync::Semaphore;

use self::shelf::Shelf;
use crate::flow::Broker;
use crate::limits::OPEN_MADE_AT_ONCE;

mod about;
mod ahead;
mod catalogue;
mod format;
mod html;
mod mail;
mod make;
mod place;
mod reply;
mod serve;
mod shelf;

pub(crate) use mail::is_mail;

/// The formats that an open table can be had in, by name. An agreement without a `publication` has none of them.
pub fn open_formats() -> impl Iterator<Item = &'static str> {
    let titles = format::Format::NEGOTIATED
        .into_iter()
        .map(format::Format::title);
    titles.map(|title| title.split(':').next().unwrap_or(title))
}

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
#[expect(missing_debug_implementations, reason = "it holds the broker")]
pub struct Open {
    broker: Arc<Broker>,
    presented: Presented,
    shelf: Arc<Shelf>,
    /// Places for work that takes time and memory.
    making: Arc<Semaphore>,
    /// What is or was open, by the entry that opened it, oldest first; how many entries that is after, and when.
    listed: Mutex<Option<(Instant, u64, Listed)>>,
}

type Listed = Arc<Vec<(u64, ReleaseKey)>>;

impl Open {
    /// The open data of a broker, of whose files nothing is known yet.
    #[must_use]
    pub fn new(broker: &Arc<Broker>, presented: Presented) -> Arc<Self> {
        Arc::new(Self {
            broker: Arc::clone(broker),
            presented,
            shelf: Arc::default(),
            making: Arc::new(Semaphore::new(OPEN_MADE_AT_ONCE)),
            listed: Mutex::default(),
        })
    }
}

pub(super) fn routes(open: Arc<Open>) -> Router<Arc<Broker>> {
    Router::new()
        .route("/open", get(serve::list))
        .route("/open.jsonld", get(serve::list_jsonld))
        .route("/open/{name}", get(serve::one))
        .with_state(open)
}
