//! The log's own operation: settings in force, signs of life, and what is folded before it is logged.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use policies::entry::{AuditorRead, Body, Configuration, RefusalsFolded};
use policies::id::{OrgId, Role};
use policies::state::State;

use super::broker::Broker;
use crate::error::Error;
use crate::limits::{
    AUDITOR_READ_EVERY, HEARTBEAT, REFUSALS_BURST, REFUSALS_FOLD_EVERY, REFUSALS_LOGGED_EVERY,
};

impl Broker {
    /// Logs the operator's settings where they are not those in force.
    ///
    /// # Errors
    /// [`Error`] where the log cannot be written.
    pub(crate) async fn configure(&self, config: Configuration) -> Result<(), Error> {
        let changed = move |state: &State, _| {
            let known = state.config().is_some_and(|known| known.config == config);
            let entry = (!known).then(|| Body::ConfigChanged(Box::new(config)));
            Ok((entry.into_iter().collect(), ()))
        };
        self.sequencer.submit("config.changed", changed).await?;
        Ok(())
    }

    /// Logs a sign of life where nothing else was logged for [`HEARTBEAT`].
    ///
    /// # Errors
    /// [`Error`] where the log cannot be written.
    pub async fn beat(&self) -> Result<(), Error> {
        let silent = |state: &State, now: Timestamp| {
            let last = state.time();
            last.is_some_and(|last| now.duration_since(last) >= HEARTBEAT)
        };
        if !silent(&self.sequencer.state(), self.clock.now()) {
            return Ok(());
        }
        let beat = move |state: &State, now: Timestamp| {
            let due = silent(state, now).then_some(Body::Heartbeat {});
            Ok((due.into_iter().collect(), ()))
        };
        self.sequencer.submit("log.heartbeat", beat).await?;
        Ok(())
    }

    /// Notes what an auditor reads; others read what concerns them, and that is nobody's business.
    pub(crate) fn note_read(&self, by: &OrgId, (from, to): (u64, u64)) {
        let role = self.sequencer.state().org(by).map(|org| org.role);
        if role == Some(Role::Auditor) && from < to {
            self.folding.read(by, (from, to), self.clock.now());
        }
    }

    /// Logs what has been folded for long enough, or all of it.
    ///
    /// # Errors
    /// [`Error`] where the log cannot be written; then it stays folded.
    pub async fn log_folded(&self, all: bool) -> Result<(), Error> {
        let (folding, now) = (Arc::clone(&self.folding), self.clock.now());
        if !folding.is_due(now, all) {
            return Ok(());
        }
        let entries = folding.take(now, all);
        let logged = entries.clone();
        let done = self
            .sequencer
            .submit("folded", move |_, _| Ok((logged, ())))
            .await;
        if done.is_err() {
            folding.give_back(entries, now);
        }
        done.map(drop)
    }
}

/// What waits to be logged in few entries. Lost with the process: at most a quarter of an hour of an
/// auditor's reads, and the number of requests above the rate.
#[derive(Debug, Default)]
pub(crate) struct Folding(Mutex<Folded>);

#[derive(Debug, Default)]
struct Folded {
    reads: BTreeMap<OrgId, Reading>,
    refusals: BTreeMap<OrgId, Refusals>,
}

#[derive(Debug)]
struct Reading {
    since: Timestamp,
    from: u64,
    to: u64,
}

/// One organisation's refusals: a bucket that a refusal fills and time empties.
#[derive(Debug)]
struct Refusals {
    /// When the bucket will be empty.
    empty: Timestamp,
    /// When the first that was not logged came, and how many there are.
    folded: Option<(Timestamp, u32)>,
}

impl Folding {
    fn read(&self, by: &OrgId, (from, to): (u64, u64), now: Timestamp) {
        let mut folded = self.folded();
        let reading = folded.reads.entry(by.clone()).or_insert(Reading {
            since: now,
            from,
            to,
        });
        reading.from = reading.from.min(from);
        reading.to = reading.to.max(to);
    }

    /// May one more refusal of this organisation be logged by itself? If not, it is counted, and the
    /// caller MUST turn the request away.
    pub(crate) fn may_log_refusal(&self, by: &OrgId, now: Timestamp) -> bool {
        let mut folded = self.folded();
        let refusals = folded.refusals.entry(by.clone()).or_insert(Refusals {
            empty: now,
            folded: None,
        });
        let empty = refusals.empty.max(now);
        let full = REFUSALS_LOGGED_EVERY * REFUSALS_BURST;
        if empty.duration_since(now) + REFUSALS_LOGGED_EVERY > full {
            let (since, requests) = refusals.folded.unwrap_or((now, 0));
            refusals.folded = Some((since, requests.saturating_add(1)));
            return false;
        }
        refusals.empty = empty
            .saturating_add(REFUSALS_LOGGED_EVERY)
            .unwrap_or(Timestamp::MAX);
        true
    }

    fn is_due(&self, now: Timestamp, all: bool) -> bool {
        let folded = self.folded();
        let reads = folded.reads.values();
        let refusals = folded.refusals.values().filter_map(|r| r.folded);
        reads
            .map(|r| r.since)
            .any(|s| over(s, AUDITOR_READ_EVERY, now, all))
            || refusals
                .map(|(since, _)| since)
                .any(|s| over(s, REFUSALS_FOLD_EVERY, now, all))
    }

    /// The entries that are due; they are folded no more.
    fn take(&self, now: Timestamp, all: bool) -> Vec<Body> {
        let mut folded = self.folded();
        let mut entries = Vec::new();
        folded.reads.retain(|by, reading| {
            let due = over(reading.since, AUDITOR_READ_EVERY, now, all);
            if due {
                entries.push(Body::AuditorRead(AuditorRead {
                    by: by.clone(),
                    from: reading.from,
                    to: reading.to,
                }));
            }
            !due
        });
        for (by, refusals) in &mut folded.refusals {
            let due =
                |(since, _): &mut (Timestamp, u32)| over(*since, REFUSALS_FOLD_EVERY, now, all);
            if let Some((since, requests)) = refusals.folded.take_if(due) {
                entries.push(Body::RefusalsFolded(RefusalsFolded {
                    by: by.clone(),
                    since,
                    requests,
                }));
            }
        }
        entries
    }

    fn give_back(&self, entries: Vec<Body>, now: Timestamp) {
        for entry in entries {
            match entry {
                Body::AuditorRead(read) => self.read(&read.by, (read.from, read.to), now),
                Body::RefusalsFolded(again) => {
                    let mut folded = self.folded();
                    if let Some(refusals) = folded.refusals.get_mut(&again.by) {
                        let more = refusals.folded.map_or(0, |(_, requests)| requests);
                        let requests = more.saturating_add(again.requests);
                        refusals.folded = Some((again.since, requests));
                    }
                }
                _ => {}
            }
        }
    }

    fn folded(&self) -> MutexGuard<'_, Folded> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn over(since: Timestamp, every: SignedDuration, now: Timestamp, all: bool) -> bool {
    all || now.duration_since(since) >= every
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-29T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_flood_of_refusals_is_logged_in_part_and_counted_whole() {
        let folding = Folding::default();
        let [loud, quiet] = ["loud", "quiet"].map(|org| org.parse::<OrgId>().unwrap());
        let flood = |of: u32, at| {
            (0..of)
                .filter(|_| folding.may_log_refusal(&loud, at))
                .count()
        };
        assert_eq!(flood(1000, now()), REFUSALS_BURST as usize);
        assert!(folding.may_log_refusal(&quiet, now()), "a bucket each");
        assert!(folding.take(now(), false).is_empty(), "not yet");
        let later = now() + REFUSALS_FOLD_EVERY;
        let entries = folding.take(later, false);
        let [Body::RefusalsFolded(folded)] = entries.as_slice() else {
            panic!("{entries:?}")
        };
        let turned_away = 1000 - REFUSALS_BURST as u32;
        assert_eq!((folded.requests, folded.since), (turned_away, now()));
        assert!(!folding.is_due(later, true), "told once");
        // The bucket empties at its rate.
        let after = now() + 3 * REFUSALS_LOGGED_EVERY;
        assert_eq!(flood(1000, after), 3);
    }

    #[test]
    fn an_auditor_who_reads_all_day_is_told_of_in_one_entry_each_time() {
        let folding = Folding::default();
        let auditor: OrgId = "ombudsman".parse().unwrap();
        for n in 0..10_000 {
            folding.read(&auditor, (n, n + 256), now());
        }
        assert!(!folding.is_due(now(), false));
        let entries = folding.take(now() + AUDITOR_READ_EVERY, false);
        let by = auditor;
        let (from, to) = (0, 10_255);
        assert_eq!(entries, [Body::AuditorRead(AuditorRead { by, from, to })]);
        assert!(folding.take(now(), true).is_empty());
    }
}
