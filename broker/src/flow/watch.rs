//! Telling an organisation what happens to its agreements. The log is the queue: whoever comes back with the
//! place it had reached has missed nothing.

use std::collections::HashMap;
use std::sync::Arc;

use policies::entry::{Body, Entry};
use policies::id::OrgId;
use proto::convert::Bundle;
use proto::limits::NOTICES_MAX;

use super::broker::{Broker, Place};
use crate::access::method::WATCH_AGREEMENTS;
use crate::access::{Object, Who};
use crate::error::Error;
use crate::limits::WATCH_IDLE;

/// One organisation's place in the log.
#[derive(Debug)]
pub struct Watch {
    broker: Arc<Broker>,
    org: OrgId,
    next: u64,
    caught_up: bool,
    size: tokio::sync::watch::Receiver<u64>,
    _place: Place,
}

impl Broker {
    /// Begins to tell what happens from `start` on.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a place that the log does not have, [`Error::Busy`] over the bounds of watches.
    pub fn watch(self: &Arc<Self>, org: &OrgId, start: u64) -> Result<Watch, Error> {
        let size = self.sequencer.size();
        if start > *size.borrow() {
            return Err(Error::invalid("start", "is past the end of the log"));
        }
        Ok(Watch {
            broker: Arc::clone(self),
            org: org.clone(),
            next: start,
            caught_up: false,
            size,
            _place: self.watching.enter(org)?,
        })
    }

    /// The entries of a range that an organisation may read by this method; an auditor's reading is noted.
    ///
    /// # Errors
    /// [`Error::Internal`] where the log cannot be read.
    pub fn visible(
        &self,
        method: &str,
        range: (u64, u64),
        org: &OrgId,
    ) -> Result<Vec<(u64, Vec<u8>)>, Error> {
        self.noted(method, range, org, |_| true)
    }

    /// Those of [`Self::visible`] that are wanted.
    fn noted(
        &self,
        method: &str,
        range: (u64, u64),
        org: &OrgId,
        wants: fn(&Body) -> bool,
    ) -> Result<Vec<(u64, Vec<u8>)>, Error> {
        let entries = self.concerning(method, range, org, wants)?;
        if let (Some((first, ..)), Some((last, ..))) = (entries.first(), entries.last()) {
            self.note_read(org, (*first, last.saturating_add(1)));
        }
        Ok(entries)
    }

    fn concerning(
        &self,
        method: &str,
        (start, end): (u64, u64),
        org: &OrgId,
        wants: fn(&Body) -> bool,
    ) -> Result<Vec<(u64, Vec<u8>)>, Error> {
        let (state, policies) = (self.sequencer.state(), self.policies());
        let who = Who::of(&state, org).ok_or(Error::Denied)?;
        let end = end.min(state.size());
        let bytes = self.sequencer.log().entries(start..end);
        let bytes = bytes.map_err(Error::internal)?;
        let mut visible = Vec::new();
        // Many entries concern the same organisations: nothing else is asked about them.
        let mut answers = HashMap::new();
        for (index, bytes) in (start..end).zip(bytes) {
            let entry = Entry::from_bytes(&bytes).map_err(Error::internal)?;
            let concerned = state.concerned(&entry);
            let allowed = match answers.get(&concerned) {
                Some(allowed) => *allowed,
                None => policies.allows(who, method, &Object::Entry(index, &concerned), None),
            };
            answers.insert(concerned, allowed);
            if allowed && wants(&entry.body) {
                visible.push((index, bytes));
            }
        }
        Ok(visible)
    }
}

impl Watch {
    /// The next notices, as soon as there are any; none where nothing concerned the organisation up to the log's
    /// end, or for a while.
    ///
    /// # Errors
    /// [`Error::Internal`] where the log cannot be read, [`Error::Unavailable`] where the broker has stopped.
    pub async fn next(&mut self) -> Result<Bundle, Error> {
        loop {
            let size = *self.size.borrow_and_update();
            while self.next < size {
                let until = size.min(self.next.saturating_add(NOTICES_MAX as u64));
                let (range, about) = ((self.next, until), is_about_agreements);
                let found = self
                    .broker
                    .noted(WATCH_AGREEMENTS, range, &self.org, about)?;
                self.next = until;
                if !found.is_empty() {
                    return Ok(self.bundle(found));
                }
                // A long log is read in turns with other calls.
                tokio::task::yield_now().await;
            }
            if !std::mem::replace(&mut self.caught_up, true) {
                return Ok(self.bundle(Vec::new()));
            }
            match tokio::time::timeout(WATCH_IDLE, self.size.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => {
                    let cause = "the sequencer has stopped".into();
                    return Err(Error::Unavailable { cause });
                }
                Err(_) => return Ok(self.bundle(Vec::new())),
            }
        }
    }

    fn bundle(&self, entries: Vec<(u64, Vec<u8>)>) -> Bundle {
        Bundle {
            entries,
            next_start: self.next,
        }
    }
}

/// Members, zonings, access policies, starts and the log's own operation concern everybody, and no agreement. Calls for data
/// are told: an agreement may come of one.
fn is_about_agreements(body: &Body) -> bool {
    !matches!(
        body,
        Body::BrokerStarted { .. }
            | Body::ConfigChanged(_)
            | Body::Heartbeat {}
            | Body::StateSnapshot(_)
            | Body::AuditorRead(_)
            | Body::RefusalsFolded(_)
            | Body::PolicyChanged { .. }
            | Body::OrgAdmitted { .. }
            | Body::ZoningAdded { .. }
    )
}
