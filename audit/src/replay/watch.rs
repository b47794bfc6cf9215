//! What an auditor watches beside the rules: times without a sign of life, and charges without an end.

use jiff::{SignedDuration, Timestamp};
use policies::entry::{Body, Entry};
use policies::state::{SNAPSHOT_EVERY, State};
use serde::Serialize;

use super::{CLOCK_AHEAD_MAX, Open, Replayer};

/// How long a reservation may stay open. A draw takes seconds; one under a suspended agreement waits,
/// and an auditor should know.
pub const OPEN_MAX: SignedDuration = SignedDuration::from_hours(24);

/// Gaps that are kept; a log that has more is not looked after.
pub const GAPS_MAX: usize = 4096;

/// A time in which the log said nothing, longer than its own heartbeat allows. Not a break: a full
/// disk makes one, and so does a broker that was stopped. Nothing can have been released in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// Index of the entry that ended it.
    pub entry: u64,
    /// Time of the entry before.
    pub from: Timestamp,
    /// Time of the entry that ended it.
    pub to: Timestamp,
    /// Did it end with a start? Then the broker was off, else it was on and silent.
    pub stopped: bool,
}

/// The gap that `entry` ends, where the log before it promised a heartbeat.
pub(super) fn gap(state: &State, entry: &Entry) -> Option<Gap> {
    let (from, to) = (state.time()?, entry.time);
    (to.duration_since(from) > silence_max(state)?).then(|| Gap {
        entry: state.size(),
        from,
        to,
        stopped: matches!(entry.body, Body::BrokerStarted { .. }),
    })
}

/// The longest silence that the settings in force allow.
fn silence_max(state: &State) -> Option<SignedDuration> {
    let promised = SignedDuration::from_secs(state.config()?.config.heartbeat_s.into());
    Some(promised.saturating_add(CLOCK_AHEAD_MAX))
}

impl Replayer {
    /// Times without a sign of life, oldest first, the first [`GAPS_MAX`] of them.
    #[must_use]
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// Has the log been silent for longer than it promised, at `now`? Since when.
    #[must_use]
    pub fn silent_since(&self, now: Timestamp) -> Option<Timestamp> {
        let last = self.state().time()?;
        (now.duration_since(last) > silence_max(self.state())?).then_some(last)
    }

    /// Releases that were charged more than [`OPEN_MAX`] before the newest entry and have not ended.
    pub fn overdue(&self) -> impl Iterator<Item = Open> {
        let newest = self.state().time();
        self.open().filter(move |open| {
            newest.is_some_and(|newest| newest.duration_since(open.since) > OPEN_MAX)
        })
    }

    /// What the settings in force give away, and what a broker leaves out, one sentence each.
    #[must_use]
    pub fn settings(&self) -> Vec<String> {
        let mut told = Vec::new();
        let config = self.state().config().map(|known| &known.config);
        if config.is_some_and(|config| config.development) {
            told.push(
                "the broker runs in development mode: its certificates prove nothing".to_owned(),
            );
        }
        if config.is_some_and(|config| config.witnesses.is_none()) {
            told.push("no witnesses are configured: a fork can stay unseen".to_owned());
        }
        let most = 2 * SNAPSHOT_EVERY;
        if self.state().snapshot().is_none() && self.size() > most {
            told.push(format!(
                "no snapshot of what the broker believes is among over {most} entries; one is due every {SNAPSHOT_EVERY}"
            ));
        }
        told
    }

    /// Snapshots of another form, which nobody here can recompute.
    #[must_use]
    pub fn snapshots_unchecked(&self) -> u64 {
        self.unchecked
    }
}
